import Autodiff
import Builtins
import Drawing
import Shapes
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
    shape: ShapeRule(.einsum, "operands"),
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
  guard case .string? = values.popLast() else {
    throw BuiltinError("the pattern comes last", hint: "einsum(q, k, \"t d, s d -> t s\")")
  }
  var operands = try values.enumerated().map { position, value in
    guard let operand = value.variable else {
      throw BuiltinError("operand \(position) is \(value.kind), not a tensor", at: ["operands"])
    }
    return operand
  }
  guard !operands.isEmpty else { throw BuiltinError("there is no operand", at: ["operands"]) }
  let common = operands.map(\.dtype).reduce(.bool, DType.common)
  operands = try operands.map { try $0.converted(to: common == .bool ? .i64 : common) }
  var axes = arguments.terms.operands
  let result = arguments.terms.result

  for position in operands.indices {
    var (x, own) = (operands[position], axes[position])
    while let label = firstTwice(own), let first = own.firstIndex(of: label),
      let second = own.lastIndex(of: label)
    {
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
