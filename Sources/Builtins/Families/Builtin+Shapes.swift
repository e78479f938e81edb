import Autodiff
import Builtins
import Shapes
import Support
import Tensors
import Values

/// Sizes, and the same elements under other axes.
extension Builtin {
  package static let shapeFamily: [Builtin] = [
    shape, size, rank, reshape, flatten, transpose, expandDims, squeeze, broadcast, flip, roll, pad,
  ]

  static let shape = Builtin(
    "shape(x)", "The sizes of the axes as a tuple of Ints.",
    examples: [.prints("shape(zeros(2, 3))", "(2, 3)")]
  ) { arguments in
    .record(Record(tuple: try arguments.tensor("x").shape.map(Value.int)))
  }

  static let size = Builtin(
    "size(x, axis: -1)", "The size of an axis, of the last one unless `axis` says otherwise.",
    examples: [
      .prints("size(zeros(2, 3))", "3"),
      .fails("size(zeros(2, 3), axis: 2)", "size: axis 2 is out of range for f32[2, 3]"),
    ]
  ) { arguments in
    let x = try arguments.tensor("x")
    return .int(x.shape[try arguments.axis("axis", of: x)])
  }

  static let rank = Builtin(
    "rank(x)", "The number of axes.", examples: [.prints("rank(zeros(2, 3))", "2")]
  ) { arguments in
    .int(try arguments.tensor("x").rank)
  }

  static let reshape = Builtin(
    "reshape(x, sizes...)",
    "The same elements in row-major order under other sizes, of which one may be -1: what is left.",
    shape: ShapeRule(.resized, "x", "sizes"),
    examples: [
      .prints("reshape(range(6), 2, 3)", "i64[2, 3]\n 0  1  2\n 3  4  5"),
      .prints("reshape(range(4), 2, -1)", "i64[2, 2]\n 0  1\n 2  3"),
      .fails(
        "reshape(zeros(2, 3), 4)", "reshape: x is f32[2, 3] with 6 elements, and [4] holds 4"),
      .fails(
        "reshape(zeros(2, 3), 4, -1)",
        "reshape: x is f32[2, 3] with 6 elements, which don't divide by 4"),
    ], gradients: [.at("reshape(x, 3, 2)", [2, 3])]
  ) { arguments in
    let x = try arguments.tensor("x")
    let shape = try arguments.shape
    try Tensor.checkShape(shape)
    return .tensor(try x.reshaped(shape))
  }

  static let flatten = Builtin(
    "flatten(x)", "The elements in row-major order along one axis.",
    shape: ShapeRule(.flattened, "x"),
    examples: [.prints("flatten([[1, 2], [3, 4]])", "i64[4]\n 1  2  3  4")],
    gradients: [.at("flatten(x)", [2, 3])]
  ) { arguments in
    let x = try arguments.tensor("x")
    return .tensor(try x.reshaped(arguments.shape))
  }

  static let transpose = Builtin(
    "transpose(x, order...)",
    "The axes in another order; the last two swapped when no order is given, as `x.T`.",
    shape: ShapeRule(.permuted, "x", "order"),
    examples: [
      .prints("transpose([[1, 2], [3, 4]])", "i64[2, 2]\n 1  3\n 2  4"),
      .prints("shape(transpose(zeros(2, 3, 4), 2, 0, 1))", "(4, 2, 3)"),
      .fails(
        "transpose(zeros(2, 3), 0, 0)",
        "transpose: the order [0, 0] does not name each of the 2 axes of x once"),
      .fails("transpose(zeros(3))", "transpose: x is f32[3], and two axes are needed to swap"),
    ], gradients: [.at("transpose(x)", [2, 3]), .at("transpose(x, 1, 2, 0)", [2, 3, 2])]
  ) { arguments in
    let x = try arguments.tensor("x")
    let order = try arguments.wholeNumbers("order")
    if order.isEmpty { return .tensor(x.swapped()) }
    let axes = order.map { $0 < 0 ? $0 + x.rank : $0 }
    return .tensor(x.transposed(axes))
  }

  static let expandDims = Builtin(
    "expand_dims(x, axis)", "The same elements with a new axis of size 1 at `axis`.",
    shape: ShapeRule(.inserted, "x", "axis"),
    examples: [
      .prints("shape(expand_dims(zeros(3), 0))", "(1, 3)"),
      .prints("shape(expand_dims(zeros(3), -1))", "(3, 1)"),
      .fails("expand_dims(zeros(3), 3)", "expand_dims: a new axis 3 is out of range"),
    ], gradients: [.at("expand_dims(x, 1)", [2, 3])]
  ) { arguments in
    let x = try arguments.tensor("x")
    return .tensor(try x.reshaped(arguments.shape))
  }

  static let squeeze = Builtin(
    "squeeze(x, axis: none)",
    "The same elements without the axes named, which have size 1, or without all of size 1.",
    shape: ShapeRule(.squeezed, "x", "axis"),
    examples: [
      .prints("shape(squeeze(zeros(1, 3, 1)))", "(3,)"),
      .fails("squeeze(zeros(2, 3), axis: 0)", "squeeze: axis 0 of x has size 2, not 1"),
    ], gradients: [.at("squeeze(x, axis: 1)", [2, 1, 3])]
  ) { arguments in
    let x = try arguments.tensor("x")
    return .tensor(try x.reshaped(arguments.shape))
  }

  static let broadcast = Builtin(
    "broadcast(x, sizes...)",
    "Repeats `x` along axes of size 1 and along new leading axes, until it has the sizes given.",
    shape: ShapeRule(.broadcast, "x", "sizes"),
    examples: [
      .prints("broadcast([[1], [2]], 2, 3)", "i64[2, 3]\n 1  1  1\n 2  2  2"),
      .fails(
        "broadcast(zeros(2), 2, 3)",
        "broadcast: axis 0 of x has size 2, and axis 1 of [2, 3] has 3; only a size of 1 broadcasts"),
    ], gradients: [.at("broadcast(x, 2, 2, 3)", [2, 1])]
  ) { arguments in
    let x = try arguments.tensor("x")
    let sizes = try arguments.sizes("sizes")
    try Tensor.checkShape(sizes)
    return .tensor(x.expanded(to: sizes))
  }

  // MARK: Elements moved along an axis

  static let flip = Builtin(
    "flip(x[...], axis: -1) -> [...]", "The elements along `axis` in reverse order.",
    shape: ShapeRule(.along, "x", "axis"),
    examples: [.prints("flip([1, 2, 3])", "i64[3]\n 3  2  1")],
    gradients: [.at("flip(x, axis: 0)", [3, 2])]
  ) { arguments in
    let x = try arguments.tensor("x")
    let axis = try arguments.axis("axis", of: x)
    let size = x.shape[axis]
    return .tensor(x.sliced(axis: axis, start: Swift.max(size - 1, 0), count: size, step: -1))
  }

  static let roll = Builtin(
    "roll(x[...], shift, axis: -1) -> [...]",
    "The elements moved `shift` places up along `axis`; those pushed out come in at the start.",
    shape: ShapeRule(.along, "x", "axis"),
    examples: [
      .prints("roll([1, 2, 3], 1)", "i64[3]\n 3  1  2"),
      .prints("roll([1, 2, 3], -1)", "i64[3]\n 2  3  1"),
    ], gradients: [.at("roll(x, 2, axis: 0)", [3, 2])]
  ) { arguments in
    let x = try arguments.tensor("x")
    let axis = try arguments.axis("axis", of: x)
    let size = x.shape[axis]
    let shift = size == 0 ? 0 : (try arguments.int("shift") % size + size) % size
    if shift == 0 { return .tensor(x) }
    let moved = x.sliced(axis: axis, start: size - shift, count: shift)
    return .tensor(
      try .concatenated([moved, x.sliced(axis: axis, start: 0, count: size - shift)], axis: axis))
  }

  static let pad = Builtin(
    "pad(x, before, after: 0, axis: -1, value: 0.0)",
    "`x` with `value` put `before` times before and `after` times after it along `axis`.",
    shape: ShapeRule(.padded, "x", "before", "after", "axis"),
    examples: [
      .prints("pad([1, 2], 1, 2)", "i64[5]\n 0  1  2  0  0"),
      .fails("pad([1.0], -1)", "pad: before can't be negative: -1"),
    ], gradients: [.at("pad(x, 1, 2, axis: 0, value: 0.5)", [2, 3])]
  ) { arguments in
    let x = try arguments.tensor("x")
    let axis = try arguments.axis("axis", of: x)
    let (before, after) = (try arguments.count("before"), try arguments.count("after"))
    let value = try arguments.element("value", x.dtype).item
    guard Swift.max(before, after) < 1 << 60 else {
      throw BuiltinError(
        "out of memory: {x} with \(Swift.max(before, after)) more does not fit", at: ["x"])
    }
    return .tensor(try x.padded(axis: axis, before: before, after: after, value: value))
  }
}
