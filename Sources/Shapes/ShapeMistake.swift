import Support

/// Why shapes are not what a rule asks for: found before anything runs where it can be told, else before the
/// operation does. Operands are numbered as the parameters of the signature are; sizes are given as text.
package enum ShapeMistake: Error, Equatable, Sendable {
  // The axes of a signature
  case rank(operand: Int, wanted: Int, orMore: Bool, found: Int)
  case fixedSize(operand: Int, axis: Int, wanted: Int, found: String)
  case size(
    name: String, operand: Int, axis: Int, found: String, bound: String, otherOperand: Int, otherAxis: Int)
  case leadingAxes(operand: Int, axes: String, otherOperand: Int, otherAxes: String)
  // The same in index notation
  case notATensor(operand: Int)
  case leadingAxesLost(operand: Int, axes: String)
  case mergedSize(operand: Int, axis: Int, size: String, parts: [String], product: String)
  case mergedNotDivided(operand: Int, axis: Int, size: String, by: String)
  // Numbers that are sizes
  case negativeSize(String, parameter: Int)
  case negativeCount(String, parameter: Int)
  // An axis that is named by its number
  case axisOutOfRange(Int, operand: Int, rank: Int, parameter: Int)
  case newAxisOutOfRange(Int, rank: Int, parameter: Int)
  case axisTwice(parameter: Int)
  case severalAxes(Int, parameter: Int)
  case noAxis(operand: Int)
  case emptyAxis(Int, operand: Int, isLargest: Bool)
  case noElements(operand: Int)
  // Operands that meet
  case notCombined([String], [String], operands: [Int])
  case maskNotTrailing(operand: Int, mask: Int)
  // Products
  case scalarProduct(operand: Int)
  case innerSizes([String], [String], operands: [Int])
  case productLeadingAxes([String], [String], operands: [Int])
  // The same elements under other axes
  case elementsDiffer(operand: Int, count: String, sizes: String, held: String, parameter: Int)
  case elementsNotDivided(operand: Int, count: String, by: String, parameter: Int)
  case openSizes(Int, parameter: Int)
  case noAxesToSwap(operand: Int, rank: Int)
  case notAPermutation([Int], rank: Int, operand: Int, parameter: Int)
  case notOne(axis: Int, size: String, operand: Int, parameter: Int)
  case fewerAxes(operand: Int, sizes: String, parameter: Int)
  case notBroadcast(
    axis: Int, size: String, otherAxis: Int, otherSize: String, sizes: String, operand: Int, parameter: Int)
  case tooManyAxes(Int, most: Int)
  // Joining and splitting
  case itemRank(Int, list: Int)
  case itemSize(Int, axis: Int, first: String, size: String, list: Int)
  case itemShapes(path: [Int], other: Int, list: Int)
  case nothingToJoin(list: Int)
  case nothingToStack(list: Int)
  case notDivided(axis: Int, size: String, by: String, operand: Int, parameter: Int)
  // Positions
  case updates(wanted: String, operands: [Int])
  case tooFew(axis: Int, size: String, count: String, name: String, operand: Int, parameter: Int)
  // Networks
  case perColumn(operand: Int, of: Int, size: String, found: [String])
  case targets(wanted: String, operands: [Int])
  case attentionRank(operand: Int)
  case attentionRanks([Int], operands: [Int])
  case attentionWidths(String, String, axis: Int, operands: [Int])
  case attentionLengths(String, String, axis: Int, operands: [Int])
  case attentionLeading([String], operands: [Int])
  case noHeads(operand: Int)
  case headGroups(heads: String, axis: Int, groups: String, operand: Int)
  case groupCount(groups: String, axis: Int, size: String, operand: Int)
  case notSquare(String, String, operands: [Int])
  case attentionMask(scores: String, mask: Int)
  // Patterns of axes
  case pattern(PatternProblem, operand: Int, parameter: Int)
  case einsum(EinsumProblem, parameter: Int)
}

extension ShapeMistake {
  /// A message with `{0}` for the user's name of parameter 0, the parameters to underline, and a cure.
  package struct Text: Equatable, Sendable {
    package var message: String
    package var operands: [Int]
    package var hint: String?

    init(_ message: String, at operands: [Int], hint: String? = nil) {
      (self.message, self.operands, self.hint) = (message, operands, hint)
    }
  }

  /// What messages call things: the parameters by their names, what was given as in `f32[2, 3]`.
  package struct Words {
    package var name: (Int) -> String
    package var kind: (Int) -> String
    /// What stands at a place in a list that was given, such as `[1]` or `[0][2]`.
    package var item: (_ list: Int, _ path: [Int]) -> String

    package init(
      name: @escaping (Int) -> String, kind: @escaping (Int) -> String,
      item: @escaping (_ list: Int, _ path: [Int]) -> String
    ) {
      (self.name, self.kind, self.item) = (name, kind, item)
    }
  }

  @inline(never)
  package func text(_ words: Words) -> Text {
    let (name, kind) = (words.name, words.kind)
    switch self {
    case .rank(let operand, let wanted, let orMore, let found):
      return Text(
        "{\(operand)} is \(kind(operand)), which has \(count(found, "axis", "axes")), not \(wanted)"
          + (orMore ? " or more" : ""), at: [operand])
    case .fixedSize(let operand, let axis, let wanted, let found):
      return Text("axis \(axis) of {\(operand)} has size \(found), not \(wanted)", at: [operand])
    case .size(let size, let operand, let axis, let found, let bound, let other, let otherAxis):
      guard other >= 0 else {
        return Text(
          "\(size) is \(bound), and axis \(axis) of {\(operand)} has size \(found)", at: [operand])
      }
      return Text(
        "the sizes of \(size) differ: \(bound) (axis \(otherAxis) of {\(other)}) and \(found) "
          + "(axis \(axis) of {\(operand)})", at: [other, operand])
    case .leadingAxes(let operand, let axes, let other, let otherAxes):
      return Text(
        "the leading axes (...) differ: \(otherAxes) of {\(other)} and \(axes) of {\(operand)}",
        at: [other, operand])
    case .notATensor(let operand):
      return Text("{\(operand)} is a tensor, not \(kind(operand))", at: [operand])
    case .leadingAxesLost(let operand, let axes):
      return Text("{\(operand)} has the leading axes \(axes), and the result has no ...", at: [operand])
    case .mergedSize(let operand, let axis, let size, let parts, let product):
      return Text(
        "axis \(axis) of {\(operand)} has size \(size), and \(parts.joined(separator: ", ")) make \(product)",
        at: [operand])
    case .mergedNotDivided(let operand, let axis, let size, let by):
      return Text(
        "axis \(axis) of {\(operand)} has size \(size), which does not divide by \(by)", at: [operand])

    case .negativeSize(let size, let parameter):
      return Text("a size can't be negative: \(size)", at: [parameter])
    case .negativeCount(let size, let parameter):
      return Text("\(name(parameter)) can't be negative: \(size)", at: [parameter])

    case .axisOutOfRange(let axis, let operand, let rank, let parameter):
      return Text(
        "axis \(axis) is out of range for \(kind(operand))", at: [operand, parameter],
        hint: rank == 0 ? nil : "its axes are 0 to \(rank - 1), or -1 for the last")
    case .newAxisOutOfRange(let axis, let rank, let parameter):
      return Text(
        "a new axis \(axis) is out of range", at: [parameter],
        hint: "its place is one of 0 to \(rank), or -1 for the last")
    case .axisTwice(let parameter):
      return Text("\(name(parameter)) names an axis twice", at: [parameter])
    case .severalAxes(let count, let parameter):
      return Text("\(name(parameter)) is one axis or all of them, not \(count)", at: [parameter])
    case .noAxis(let operand):
      return Text("\(name(operand)) is a scalar, and there is no axis to work along", at: [operand])
    case .emptyAxis(let axis, let operand, let isLargest):
      return Text(
        "axis \(axis) of {\(operand)} is empty, so it has no \(isLargest ? "largest" : "smallest") element",
        at: [operand])
    case .noElements(let operand):
      return Text("{\(operand)} is \(kind(operand)), which has no elements", at: [operand])

    case .notCombined(let a, let b, let operands):
      return Text(
        "the shapes \(list(a)) and \(list(b)) don't combine", at: operands,
        hint: Self.namedAxes(a, b, operands))
    case .maskNotTrailing(let operand, let mask):
      return Text(
        "\(name(mask)) is \(kind(mask)), whose shape is no trailing part of \(kind(operand))",
        at: [mask, operand],
        hint: "index notation names the axes: softmax[s](x[b, t, s] where keep[b, s])")

    case .scalarProduct(let operand):
      return Text(
        "{\(operand)} is a scalar, which has no axis to sum over", at: [operand],
        hint: "a scalar multiplies with *")
    case .innerSizes(let a, let b, let operands):
      let inner = b.count == 1 ? 0 : b.count - 2
      return Text(
        "the inner sizes differ: \(a[a.count - 1]) (axis \(a.count - 1) of {\(operands[0])}) and "
          + "\(b[inner]) (axis \(inner) of {\(operands[1])})", at: operands,
        hint: Self.transposed(a, b, operands))
    case .productLeadingAxes(let a, let b, let operands):
      return Text("the leading axes \(list(a)) and \(list(b)) don't combine", at: operands)

    case .elementsDiffer(let operand, let count, let sizes, let held, let parameter):
      return Text(
        "\(elements(operand, count, kind)), and \(sizes) holds "
          + (held == "\(Int.max)" ? "more than any tensor" : held), at: [operand, parameter])
    case .elementsNotDivided(let operand, let count, let by, let parameter):
      return Text(
        "\(elements(operand, count, kind)), which don't divide by \(by)", at: [operand, parameter])
    case .openSizes(let count, let parameter):
      return Text("one size may be -1, not \(count)", at: [parameter])
    case .noAxesToSwap(let operand, let rank):
      return Text(
        "{\(operand)} is \(kind(operand)), and two axes are needed to swap", at: [operand],
        hint: rank == 1
          ? "expand_dims({\(operand)}, 0) makes a row, expand_dims({\(operand)}, 1) a column" : nil)
    case .notAPermutation(let order, let rank, let operand, let parameter):
      return Text(
        "the order \(order) does not name each of the \(count(rank, "axis", "axes")) of {\(operand)} once",
        at: [operand, parameter])
    case .notOne(let axis, let size, let operand, let parameter):
      return Text("axis \(axis) of {\(operand)} has size \(size), not 1", at: [operand, parameter])
    case .fewerAxes(let operand, let sizes, let parameter):
      return Text(
        "{\(operand)} is \(kind(operand)), which has more axes than \(sizes)", at: [operand, parameter])
    case .notBroadcast(
      let axis, let size, let otherAxis, let otherSize, let sizes, let operand, let parameter):
      return Text(
        "axis \(axis) of {\(operand)} has size \(size), and axis \(otherAxis) of \(sizes) has "
          + "\(otherSize); only a size of 1 broadcasts", at: [operand, parameter])
    case .tooManyAxes(let rank, let most):
      return Text("a tensor has at most \(most) axes, not \(rank)", at: [])

    case .itemRank(let item, let list):
      return Text(
        "item 0 is \(words.item(list, [0])) and item \(item) is \(words.item(list, [item])), with another "
          + "number of axes", at: [list])
    case .itemSize(let item, let axis, let first, let size, let list):
      return Text(
        "item 0 is \(words.item(list, [0])) and item \(item) is \(words.item(list, [item])), whose sizes on "
          + "axis \(axis) differ: \(first) and \(size)", at: [list])
    case .itemShapes(let path, let other, let list):
      func place(_ path: [Int]) -> String { path.map { "[\($0)]" }.joined() }
      let first = path + [0]
      return Text(
        "the items' shapes differ: \(place(first)) is \(words.item(list, first)), "
          + "\(place(path + [other])) is \(words.item(list, path + [other]))", at: [list])
    case .nothingToJoin(let list):
      return Text(
        "the items have no axis to join", at: [list], hint: "stack({\(list)}) joins numbers")
    case .nothingToStack(let list): return Text("there is nothing to stack", at: [list])
    case .notDivided(let axis, let size, let by, let operand, let parameter):
      return Text(
        "axis \(axis) of {\(operand)} has size \(size), which does not divide by \(by)",
        at: [operand, parameter])

    case .updates(let wanted, let operands):
      return Text(
        "{\(operands[0])} is \(kind(operands[0])), and with these indices {\(operands[1])} wants \(wanted)",
        at: operands)
    case .tooFew(let axis, let size, let count, let name, let operand, let parameter):
      return Text(
        "\(name) is \(count), and axis \(axis) of {\(operand)} has size \(size)", at: [operand, parameter])

    case .perColumn(let operand, let rows, let size, let found):
      return Text(
        found.count == 1
          ? "{\(operand)} has \(found[0]) values, and the last axis of {\(rows)} \(size)"
          : "{\(operand)} is \(kind(operand)), and the last axis of {\(rows)} has \(size)",
        at: [rows, operand])
    case .targets(let wanted, let operands):
      return Text(
        "{\(operands[1])} is \(kind(operands[1])), and {\(operands[0])} \(kind(operands[0])) wants \(wanted)",
        at: operands)
    case .attentionRank(let operand):
      return Text(
        "\(name(operand)) is \(kind(operand)), and attention wants [..., length, width]", at: [operand])
    case .attentionRanks(let ranks, let operands):
      return Text(
        "{\(operands[0])} has \(count(ranks[0], "axis", "axes")), {\(operands[1])} \(ranks[1]) and "
          + "{\(operands[2])} \(ranks[2])", at: operands)
    case .attentionWidths(let a, let b, let axis, let operands):
      return Text(
        "{\(operands[0])} has width \(a) (axis \(axis)) and {\(operands[1])} \(b) (axis \(axis))",
        at: operands)
    case .attentionLengths(let a, let b, let axis, let operands):
      return Text(
        "{\(operands[0])} has length \(a) (axis \(axis)) and {\(operands[1])} \(b) (axis \(axis))",
        at: operands)
    case .attentionLeading(let axes, let operands):
      return Text(
        "the leading axes differ: \(axes[0]) of {\(operands[0])}, \(axes[1]) of {\(operands[1])} and "
          + "\(axes[2]) of {\(operands[2])}", at: operands,
        hint: "with fewer key and value heads, give kv_heads")
    case .noHeads(let operand):
      return Text("kv_heads wants a heads axis: [..., heads, length, width]", at: [operand])
    case .headGroups(let heads, let axis, let groups, let operand):
      return Text(
        "\(heads) query heads (axis \(axis) of {\(operand)}) don't divide into \(groups) groups",
        at: [operand])
    case .groupCount(let groups, let axis, let size, let operand):
      return Text("kv_heads is \(groups), and axis \(axis) of {\(operand)} is \(size)", at: [operand])
    case .notSquare(let t, let s, let operands):
      return Text(
        "causal attention wants as many queries as keys, and there are \(t) and \(s)", at: operands,
        hint: "give the mask as keep:")
    case .attentionMask(let scores, let mask):
      return Text(
        "{\(mask)} is \(kind(mask)), and the scores are \(scores)", at: [mask],
        hint: "a mask is [queries, keys], or has the batch axis too")

    case .pattern(let problem, let operand, let parameter):
      return problem.text(operand: operand, parameter: parameter, kind)
    case .einsum(let problem, let parameter): return problem.text(parameter)
    }
  }

  private func list(_ sizes: [String]) -> String { "[\(sizes.joined(separator: ", "))]" }

  private func elements(_ operand: Int, _ number: String, _ kind: (Int) -> String) -> String {
    "{\(operand)} is \(kind(operand)) with \(number == "1" ? "1 element" : "\(number) elements")"
  }

  /// The index notation that says what may have been meant by two shapes that don't combine.
  private static func namedAxes(_ a: [String], _ b: [String], _ operands: [Int]) -> String? {
    let letters = ["b", "h", "t", "d", "e", "f", "g", "i", "j", "k"]
    let (x, y) = ("{\(operands[0])}", "{\(operands[1])}")
    if a.count == b.count {
      // Sizes of 1 would have to broadcast.
      guard zip(a, b).allSatisfy({ $0 == $1 || $0 == "1" || $1 == "1" }) else { return nil }
      let names = Array(letters.prefix(a.count))
      func part(_ shape: [String], _ other: [String]) -> String {
        zip(names, zip(shape, other)).map { $1.0 == "1" && $1.1 != "1" ? "0" : $0 }.joined(separator: ", ")
      }
      return "a size of 1 never broadcasts by itself: z[\(names.joined(separator: ", "))] = "
        + "\(x)[\(part(a, b))] … \(y)[\(part(b, a))]"
    }
    let (long, short) = a.count > b.count ? (a, b) : (b, a)
    let names = Array(letters.prefix(long.count))
    // The axes of the short one, matched from the left among those of the long one.
    var places: [Int] = []
    for size in short {
      guard let at = long.indices.first(where: { $0 > (places.last ?? -1) && long[$0] == size }) else {
        break
      }
      places.append(at)
    }
    guard places.count == short.count, places.allSatisfy(names.indices.contains) else { return nil }
    let all = names.joined(separator: ", ")
    let part = places.map { names[$0] }.joined(separator: ", ")
    let (first, second) = a.count > b.count ? (all, part) : (part, all)
    return "name the axes: z[\(all)] = \(x)[\(first)] … \(y)[\(second)]"
  }

  /// What to write where a transpose makes the inner sizes meet.
  private static func transposed(_ a: [String], _ b: [String], _ operands: [Int]) -> String? {
    func swapped(_ shape: [String]) -> String {
      let transposed = Array(shape.dropLast(2)) + [shape[shape.count - 1], shape[shape.count - 2]]
      return "[\(transposed.joined(separator: ", "))]"
    }
    func plain(_ shape: [String]) -> String { "[\(shape.joined(separator: ", "))]" }
    let (x, y) = ("{\(operands[0])}", "{\(operands[1])}")
    if b.count >= 2, a[a.count - 1] == b[b.count - 1] {
      return "\(x) @ \(y).T multiplies \(plain(a)) by \(swapped(b))"
    }
    if a.count >= 2, b.count >= 2, a[a.count - 2] == b[b.count - 2] {
      return "\(x).T @ \(y) multiplies \(swapped(a)) by \(plain(b))"
    }
    return nil
  }
}
