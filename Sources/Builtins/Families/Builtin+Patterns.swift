import Autodiff
import Builtins
import Drawing
import Support
import Tensors
import Values

/// Axes by name, with the pattern rules of einops.
extension Builtin {
  package static let patternFamily: [Builtin] = [rearrange, reduce, `repeat`]

  static let rearrange = Builtin(
    "rearrange(tensor, pattern, named...)",
    """
    Reorders, splits and merges axes as a pattern says: "b t (h d) -> b h t d" with h: 8 splits the \
    last axis into 8 heads. Sizes that the pattern leaves open are named arguments.
    """,
    examples: [
      .prints("rearrange([[1, 2], [3, 4]], \"a b -> (b a)\")", "i64[4]\n 1  3  2  4"),
      .prints("shape(rearrange(zeros(2, 6), \"t (h d) -> h t d\", h: 3))", "(3, 2, 2)"),
      .fails(
        "rearrange(zeros(2, 7), \"t (h d) -> h t d\", h: 3)",
        "rearrange: axis 1 of tensor has size 7, which does not divide by 3 for (h d)"),
      .fails(
        "rearrange(zeros(2, 6), \"t (h d) -> h t d\")",
        "rearrange: the sizes of h and d, into which axis 1 of tensor splits, are not known"),
      .fails(
        "rearrange(zeros(2, 3), \"t d -> t\")",
        "rearrange: the pattern \"t d -> t\" has d on the left only"),
    ],
    gradients: [.at("rearrange(x, \"a (b c) -> c (a b)\", b: 2)", [3, 4])]
  ) { arguments in
    .tensor(try Rearrangement(arguments).callAsFunction())
  }

  static let reduce = Builtin(
    "reduce(tensor, pattern, how, named...)",
    """
    Reduces the axes that stand on the left of a pattern only, by "sum", "mean", "max", "min", \
    "prod", "logsumexp", "any" or "all": "b (t p) d -> b t d" with p: 2 pools pairs.
    """,
    examples: [
      .prints(
        "reduce([[1.0, 2.0], [3.0, 4.0]], \"t d -> d\", \"mean\")", "f32[2]\n 2.0000  3.0000"),
      .prints("reduce(range(6), \"(t p) -> t\", \"max\", p: 2)", "i64[3]\n 1  3  5"),
      .fails("reduce(zeros(2), \"t ->\", \"median\")", "reduce: \"median\" is no way to reduce"),
    ],
    gradients: [
      .at("reduce(x, \"b (t p) d -> d b t\", \"mean\", p: 2)", [2, 4, 2]),
      .at("reduce(x, \"b t -> b\", \"max\")", [2, 3]),
    ]
  ) { arguments in
    let how = try arguments.string("how")
    guard let reducer = reducersOfPatterns.first(where: { $0.name == how }) else {
      throw BuiltinError(
        "\(quoted(how)) is no way to reduce", at: [2],
        hint: "one of \(reducersOfPatterns.map(\.name).sorted().joined(separator: ", "))")
    }
    return .tensor(
      try Rearrangement(arguments, reduces: true).callAsFunction { x, axes in
        let result = try arguments.call(reducer, [.tensor(x), .list(axes.map(Value.int))])
        guard let y = result.variable else { preconditionFailure("a reducer of a tensor gives a tensor") }
        return y
      })
  }

  static let `repeat` = Builtin(
    "repeat(tensor, pattern, named...)",
    """
    Repeats along the axes that stand on the right of a pattern only, whose sizes are named \
    arguments: "t d -> (t r) d" with r: 2 doubles each row.
    """,
    examples: [
      .prints("repeat([1, 2], \"t -> (t r)\", r: 2)", "i64[4]\n 1  1  2  2"),
      .prints("repeat([1, 2], \"t -> 2 t\")", "i64[2, 2]\n 1  2\n 1  2"),
      .fails("repeat([1, 2], \"t -> t r\")", "repeat: the size of r is not known"),
    ],
    gradients: [.at("repeat(x, \"t d -> (r t) d q\", r: 2, q: 3)", [2, 2])]
  ) { arguments in
    .tensor(try Rearrangement(arguments, repeats: true).callAsFunction())
  }
}

/// The reducers that give values, not positions.
private let reducersOfPatterns = Builtin.reductionFamily.filter {
  $0.reducerName != nil && $0.reducerName != .argmax && $0.reducerName != .argmin
}

/// A pattern with all of its sizes known.
private struct Rearrangement {
  private let x: Variable
  private let left: AxisNames
  private let right: AxisNames
  private var sizes: [String: Int]

  init(_ arguments: Arguments, reduces: Bool = false, repeats: Bool = false) throws {
    x = try arguments.tensor("tensor")
    let pattern = try arguments.string("pattern")
    let (leftText, rightText) = try sides(of: pattern)
    var left = try AxisNames(leftText, in: pattern, mark: "<")
    var right = try AxisNames(rightText, in: pattern, mark: ">")
    let quoted = "the pattern \(quoted(pattern))"

    let hasEllipsis = left.ellipsisGroup != nil
    guard hasEllipsis || !left.names.contains(AxisNames.ellipsis) else {
      throw BuiltinError("\(quoted) has ... in parentheses on the left", at: [1])
    }
    let extra = x.rank - left.groups.count + (hasEllipsis ? 1 : 0)
    guard hasEllipsis ? extra >= 0 : extra == 0 else {
      let named = left.groups.count - (hasEllipsis ? 1 : 0)
      throw BuiltinError(
        "\(quoted) names \(count(named, "axis", "axes"))\(hasEllipsis ? " or more" : ""), and {0} "
          + "is \(x.description)", at: [0, 1])
    }
    left.expandEllipsis(extra)
    if hasEllipsis { right.expandEllipsis(extra) }

    for name in left.names where !right.names.contains(name) && !reduces {
      throw BuiltinError("\(quoted) has \(Self.shown(name)) on the left only", at: [1])
    }
    for name in right.names where !left.names.contains(name) && (!repeats || name == "...") {
      throw BuiltinError("\(quoted) has \(Self.shown(name)) on the right only", at: [1])
    }
    sizes = left.fixed.merging(right.fixed) { size, _ in size }
    for (name, size) in try Self.named(arguments) {
      guard left.names.contains(name) || right.names.contains(name) else {
        throw BuiltinError("\(quoted) has no axis \(name)", at: [1])
      }
      sizes[name] = size
    }
    self.left = left
    self.right = right
    try solve()
    if let name = right.names.first(where: { sizes[$0] == nil }) {
      throw BuiltinError("the size of \(name) is not known", at: [1], hint: "give it: \(name): 2")
    }
  }

  private static func shown(_ name: String) -> String {
    name.hasPrefix(AxisNames.ellipsis)
      ? AxisNames.ellipsis : String(name.prefix { $0 != "<" && $0 != ">" })
  }

  /// The sizes given as named arguments.
  private static func named(_ arguments: Arguments) throws -> [(String, Int)] {
    guard case .record(let record) = arguments["named"] else { return [] }
    return try zip(record.labels, record.values).map { label, value in
      guard let label else {
        throw BuiltinError("sizes are named, as in h: 8", at: [arguments.position("named")])
      }
      guard let size = value.asInt, size >= 0 else {
        throw BuiltinError(
          "\(label) is a size, not \(value.asInt.map(String.init) ?? value.kind)",
          at: [arguments.position("named")])
      }
      return (label, size)
    }
  }

  /// Finds the sizes on the left from those of x.
  private mutating func solve() throws {
    for (axis, group) in left.groups.enumerated() {
      let size = x.shape[axis]
      let open = group.filter { sizes[$0] == nil }
      let known = product(ofGiven: group.map { sizes[$0] ?? 1 })
      let text = AxisNames.text(group)
      if open.isEmpty {
        guard known == size else {
          throw BuiltinError(
            "axis \(axis) of {0} has size \(size), and \(text) in the pattern \(known)", at: [0, 1])
        }
      } else if open.count == 1 {
        guard known > 0, size % known == 0 else {
          throw BuiltinError(
            "axis \(axis) of {0} has size \(size), which does not divide by \(known) for \(text)",
            at: [0, 1])
        }
        sizes[open[0]] = size / known
      } else {
        throw BuiltinError(
          "the sizes of \(open.dropLast().joined(separator: ", ")) and \(open[open.count - 1]), "
            + "into which axis \(axis) of {0} splits, are not known", at: [0, 1],
          hint: "give \(open.count == 2 ? "one" : "all but one"): \(open[0]): 2")
      }
    }
  }

  /// Splits, reduces, reorders, repeats and merges.
  func callAsFunction(_ reduction: ((Variable, [Int]) throws -> Variable)? = nil) throws -> Variable {
    let rightNames = right.names
    guard Swift.max(left.names.count, rightNames.count) <= Tensor.highestRank else {
      throw BuiltinError("a tensor has at most \(Tensor.highestRank) axes", at: [1])
    }
    var y = try x.reshaped(left.names.map { sizes[$0]! })
    var names = left.names
    if let reduction {
      let gone = names.indices.filter { !rightNames.contains(names[$0]) }.reversed()
      y = try reduction(y, Array(gone))
      for axis in gone { names.remove(at: axis) }
    }
    let kept = rightNames.filter(names.contains)
    y = y.transposed(kept.map { name in names.firstIndex(of: name)! })
    if kept.count < rightNames.count {
      let shape = rightNames.map { sizes[$0]! }
      try Tensor.checkShape(shape)
      y = try y.reshaped(rightNames.map { names.contains($0) ? sizes[$0]! : 1 })
      y = y.expanded(to: shape)
    }
    return try y.reshaped(right.groups.map { product(ofGiven: $0.map { sizes[$0]! }) })
  }
}
