import Autodiff
import Builtins
import Drawing
import Support
import Tensors
import Values

extension Builtin {
  package static let einsumFamily: [Builtin] = [einsum]

  static let einsum = Builtin(
    "einsum(operands...)",
    """
    Products of tensors summed over axis names, the pattern last: einsum(q, k, "t d, s d -> t s"). \
    Names are words between blanks; those that the right side leaves out are summed over. Several \
    operands pair from the left.
    """,
    examples: [
      .prints("einsum([1.0, 2.0], [3.0, 4.0], \"i, i ->\")", "11.0"),
      .prints("einsum([1, 2], [3, 4], \"i, j -> i j\")", "i64[2, 2]\n 3  4\n 6  8"),
      .prints("einsum([[1, 2], [3, 4]], \"i i -> i\")", "i64[2]\n 1  4"),
      .fails(
        "einsum(zeros(2, 3), zeros(4), \"t d, d -> t\")",
        "einsum: d is 3 on axis 1 of operand 0 and 4 on axis 0 of operand 1"),
      .fails(
        "einsum(zeros(2), \"t, t -> t\")", "einsum: the pattern has 2 terms for 1 operand"),
    ],
    gradients: [
      .at("einsum(x, y, \"t d, s d -> t s\")", [2, 3], [4, 3]),
      .at("einsum(x, y, \"t d, s d -> s t\")", [2, 3], [4, 3]),
      .at("einsum(x, y, \"b h t d, h e d -> b t e\")", [2, 2, 1, 2], [2, 3, 2]),
      .at("einsum(x, y, z, \"i j, j k, k l -> i l\")", [2, 3], [3, 2], [2, 4]),
      .at("einsum(x, y, \"... t, ... -> t ...\")", [2, 3], [2]),
      .at("einsum(x, \"i i j ->\")", [2, 2, 3]),
    ]
  ) { arguments in
    .tensor(try evaluateEinsum(arguments))
  }
}

/// Sums of products over names.
private func evaluateEinsum(_ arguments: Arguments) throws -> Variable {
  var values = try arguments.list("operands")
  guard case .string(let pattern)? = values.popLast() else {
    throw BuiltinError("the pattern comes last", hint: "einsum(q, k, \"t d, s d -> t s\")")
  }
  var operands = try values.enumerated().map { position, value in
    guard let operand = value.variable else {
      throw BuiltinError("operand \(position) is \(value.kind), not a tensor", at: [0])
    }
    return operand
  }
  guard !operands.isEmpty else { throw BuiltinError("there is no operand", at: [0]) }
  let common = operands.map(\.dtype).reduce(.bool, DType.common)
  operands = try operands.map { try $0.converted(to: common == .bool ? .i64 : common) }

  let (left, right) = try sides(of: pattern)
  let terms = left.split(separator: ",", omittingEmptySubsequences: false)
  guard terms.count == operands.count else {
    throw BuiltinError(
      "the pattern has \(count(terms.count, "term", "terms")) for "
        + count(operands.count, "operand", "operands"), at: [0])
  }
  var labels = Labels(pattern)
  var axes: [[Int]] = []
  for (position, term) in terms.enumerated() {
    axes.append(try labels.read(term, operand: position, operands[position].shape))
  }
  let result = try labels.result(right)

  for position in operands.indices {
    var (x, own) = (operands[position], axes[position])
    while let label = firstTwice(own) {
      let first = own.firstIndex(of: label)!
      let second = own.lastIndex(of: label)!
      x = try x.diagonal(first, second)
      own.remove(at: second)
    }
    for axis in own.indices.reversed() where !result.contains(own[axis]) {
      let isShared = axes.indices.contains { $0 != position && axes[$0].contains(own[axis]) }
      if isShared { continue }
      x = try x.sum(axis: axis)
      own.remove(at: axis)
    }
    (operands[position], axes[position]) = (x, own)
  }
  var (product, own) = (operands[0], axes[0])
  for position in operands.indices.dropFirst() {
    let keeping = Set(result + axes[(position + 1)...].joined())
    let contraction = Contraction(own, axes[position], keeping: keeping, order: result)
    (product, own) = (try contraction.apply(product, operands[position]), contraction.axes)
  }
  return product.arranged(own, result)
}

/// The names of an einsum pattern as numbers, and their sizes.
private struct Labels {
  private let pattern: String
  private var numbers: [String: Int] = [:]
  private var sizes: [Int: (size: Int, operand: Int, axis: Int)] = [:]
  /// How many axes `...` stands for, where an operand has any.
  private var extra = 0

  init(_ pattern: String) { self.pattern = pattern }

  private func words(_ text: Substring) throws -> [String] {
    try text.split(separator: " ").map { word in
      guard word == "..." || word.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }) else {
        throw BuiltinError("\(quoted(String(word))) in the pattern is no axis name", at: [0])
      }
      return String(word)
    }
  }

  /// The label of each axis of an operand.
  mutating func read(_ term: Substring, operand: Int, _ shape: [Int]) throws -> [Int] {
    let words = try words(term)
    let hasEllipsis = words.contains("...")
    let leading = shape.count - words.count + (hasEllipsis ? 1 : 0)
    guard hasEllipsis ? leading >= 0 : leading == 0, words.filter({ $0 == "..." }).count <= 1 else {
      let isRun = words.count == 1 && words[0].count == shape.count
      throw BuiltinError(
        "operand \(operand) has shape \(shape), and its term \(quoted(words.joined(separator: " "))) "
          + "names \(count(words.count, "axis", "axes"))", at: [0],
        hint: isRun
          ? "names stand apart: \"\(words[0].map(String.init).joined(separator: " "))\"" : nil)
    }
    if leading > 0 {
      guard extra == 0 || extra == leading else {
        throw BuiltinError(
          "... stands for \(count(leading, "axis", "axes")) of operand \(operand), "
            + "and for \(extra) of an earlier one", at: [0])
      }
      extra = leading
    }
    let names = words.flatMap { $0 == "..." ? (0..<leading).map { "...\($0)" } : [$0] }
    var result: [Int] = []
    for (axis, name) in names.enumerated() {
      let label = numbers[name] ?? numbers.count
      numbers[name] = label
      if let bound = sizes[label], bound.size != shape[axis] {
        throw BuiltinError(
          "\(name.hasPrefix("...") ? "..." : name) is \(bound.size) on axis \(bound.axis) of operand "
            + "\(bound.operand) and \(shape[axis]) on axis \(axis) of operand \(operand)", at: [0])
      }
      sizes[label] = sizes[label] ?? (shape[axis], operand, axis)
      result.append(label)
    }
    return result
  }

  /// The labels of the result.
  func result(_ text: Substring) throws -> [Int] {
    let words = try words(text)
    if let name = firstTwice(words) {
      throw BuiltinError("the pattern has \(name) twice on the right", at: [0])
    }
    guard extra == 0 || words.contains("...") else {
      throw BuiltinError(
        "the pattern has ... on the left only", at: [0],
        hint: "carry it along: -> ... \(words.joined(separator: " "))")
    }
    return try words.flatMap { word -> [Int] in
      if word == "..." { return (0..<extra).map { numbers["...\($0)"]! } }
      guard let label = numbers[word] else {
        throw BuiltinError("the pattern has \(word) on the right only", at: [0])
      }
      return [label]
    }
  }
}
