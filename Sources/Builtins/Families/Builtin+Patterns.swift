import Autodiff
import Builtins
import Drawing
import Shapes
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
    shape: ShapeRule(.rearranged, "tensor", "pattern", "named"),
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
    .tensor(try arguments.rearranged())
  }

  static let reduce = Builtin(
    "reduce(tensor, pattern, how, named...)",
    """
    Reduces the axes that stand on the left of a pattern only, by "sum", "mean", "max", "min", \
    "prod", "logsumexp", "any" or "all": "b (t p) d -> b t d" with p: 2 pools pairs.
    """,
    shape: ShapeRule(.reducedByPattern, "tensor", "pattern", "named"),
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
        "\(quoted(how)) is no way to reduce", at: ["how"],
        hint: "one of \(reducersOfPatterns.map(\.name).sorted().joined(separator: ", "))")
    }
    return .tensor(
      try arguments.rearranged { x, axes in
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
    shape: ShapeRule(.repeated, "tensor", "pattern", "named"),
    examples: [
      .prints("repeat([1, 2], \"t -> (t r)\", r: 2)", "i64[4]\n 1  1  2  2"),
      .prints("repeat([1, 2], \"t -> 2 t\")", "i64[2, 2]\n 1  2\n 1  2"),
      .fails("repeat([1, 2], \"t -> t r\")", "repeat: the size of r is not known"),
    ],
    gradients: [.at("repeat(x, \"t d -> (r t) d q\", r: 2, q: 3)", [2, 2])]
  ) { arguments in
    .tensor(try arguments.rearranged())
  }
}

/// The reducers that give values, not positions.
private let reducersOfPatterns = Builtin.reductionFamily.filter {
  $0.reducerName != nil && $0.reducerName != .argmax && $0.reducerName != .argmin
}

extension Arguments {
  /// Splits, reduces, reorders, repeats and merges axes as the pattern says.
  fileprivate func rearranged(
    reducing reduction: ((Variable, [Int]) throws -> Variable)? = nil
  ) throws -> Variable {
    let x = try tensor("tensor")
    _ = try string("pattern")
    try checkNamed()
    let way = rearrangement
    guard Swift.max(way.splitShape.count, way.repeatedShape.count) <= Tensor.highestRank else {
      throw BuiltinError("a tensor has at most \(Tensor.highestRank) axes", at: ["pattern"])
    }
    var y = try x.reshaped(way.splitShape)
    if let reduction { y = try reduction(y, way.reduced.reversed()) }
    y = y.transposed(way.order)
    if way.order.count < way.repeatedShape.count {
      try Tensor.checkShape(way.repeatedShape)
      y = try y.reshaped(way.unrepeatedShape).expanded(to: way.repeatedShape)
    }
    return try y.reshaped(shape)
  }

  /// The sizes that are given by name have names, and are sizes.
  private func checkNamed() throws {
    guard case .record(let record) = self["named"] else { return }
    for (label, value) in zip(record.labels, record.values) {
      guard let label else { throw BuiltinError("sizes are named, as in h: 8", at: ["named"]) }
      guard let size = value.asInt, size >= 0 else {
        throw BuiltinError(
          "\(label) is a size, not \(value.asInt.map(String.init) ?? value.kind)", at: ["named"])
      }
    }
  }
}
