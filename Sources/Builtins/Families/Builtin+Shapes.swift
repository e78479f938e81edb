import Autodiff
import Builtins
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
    return .tensor(try x.reshaped(newSizes(arguments, x)))
  }

  static let flatten = Builtin(
    "flatten(x)", "The elements in row-major order along one axis.",
    examples: [.prints("flatten([[1, 2], [3, 4]])", "i64[4]\n 1  2  3  4")],
    gradients: [.at("flatten(x)", [2, 3])]
  ) { arguments in
    let x = try arguments.tensor("x")
    return .tensor(try x.reshaped([x.count]))
  }

  static let transpose = Builtin(
    "transpose(x, order...)",
    "The axes in another order; the last two swapped when no order is given, as `x.T`.",
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
    guard !order.isEmpty else {
      guard x.rank >= 2 else {
        throw BuiltinError(
          "{0} is \(x.description), and two axes are needed to swap", at: [0],
          hint: x.rank == 1 ? "expand_dims({0}, 0) makes a row, expand_dims({0}, 1) a column" : nil)
      }
      return .tensor(x.swapped())
    }
    let axes = order.map { $0 < 0 ? $0 + x.rank : $0 }
    guard axes.sorted().elementsEqual(0..<x.rank) else {
      throw BuiltinError(
        "the order \(order) does not name each of the \(count(x.rank, "axis", "axes")) of {0} once",
        at: [0, 1])
    }
    return .tensor(x.transposed(axes))
  }

  static let expandDims = Builtin(
    "expand_dims(x, axis)", "The same elements with a new axis of size 1 at `axis`.",
    examples: [
      .prints("shape(expand_dims(zeros(3), 0))", "(1, 3)"),
      .prints("shape(expand_dims(zeros(3), -1))", "(3, 1)"),
      .fails("expand_dims(zeros(3), 3)", "expand_dims: a new axis 3 is out of range"),
    ], gradients: [.at("expand_dims(x, 1)", [2, 3])]
  ) { arguments in
    let x = try arguments.tensor("x")
    return .tensor(try x.inserting(axis: arguments.newAxis("axis", rank: x.rank)))
  }

  static let squeeze = Builtin(
    "squeeze(x, axis: none)",
    "The same elements without the axes named, which have size 1, or without all of size 1.",
    examples: [
      .prints("shape(squeeze(zeros(1, 3, 1)))", "(3,)"),
      .fails("squeeze(zeros(2, 3), axis: 0)", "squeeze: axis 0 of x has size 2, not 1"),
    ], gradients: [.at("squeeze(x, axis: 1)", [2, 1, 3])]
  ) { arguments in
    let x = try arguments.tensor("x")
    var shape = x.shape
    if arguments["axis"].isNone {
      shape.removeAll { $0 == 1 }
    } else {
      for axis in try arguments.axes("axis", of: x) {
        guard shape[axis] == 1 else {
          throw BuiltinError("axis \(axis) of {0} has size \(shape[axis]), not 1", at: [0, 1])
        }
        shape.remove(at: axis)
      }
    }
    return .tensor(try x.reshaped(shape))
  }

  static let broadcast = Builtin(
    "broadcast(x, sizes...)",
    "Repeats `x` along axes of size 1 and along new leading axes, until it has the sizes given.",
    examples: [
      .prints("broadcast([[1], [2]], 2, 3)", "i64[2, 3]\n 1  1  1\n 2  2  2"),
      .fails(
        "broadcast(zeros(2), 2, 3)",
        "broadcast: axis 0 of x has size 2, and axis 1 of [2, 3] has 3; only a size of 1 stretches"),
    ], gradients: [.at("broadcast(x, 2, 2, 3)", [2, 1])]
  ) { arguments in
    let x = try arguments.tensor("x")
    let sizes = try arguments.sizes("sizes")
    try Tensor.checkShape(sizes)
    let missing = sizes.count - x.rank
    guard missing >= 0 else {
      throw BuiltinError(
        "{0} is \(x.description), which has more axes than \(sizes)", at: [0, 1])
    }
    for axis in 0..<x.rank where x.shape[axis] != sizes[axis + missing] && x.shape[axis] != 1 {
      throw BuiltinError(
        "axis \(axis) of {0} has size \(x.shape[axis]), and axis \(axis + missing) of \(sizes) has "
          + "\(sizes[axis + missing]); only a size of 1 stretches", at: [0, 1])
    }
    return .tensor(x.expanded(to: sizes))
  }

  // MARK: Elements moved along an axis

  static let flip = Builtin(
    "flip(x[...], axis: -1) -> [...]", "The elements along `axis` in reverse order.",
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
        "out of memory: {0} with \(Swift.max(before, after)) more does not fit", at: [0])
    }
    return .tensor(try x.padded(axis: axis, before: before, after: after, value: value))
  }
}

/// The sizes that `reshape` asks for, -1 filled in, for as many elements as x has.
private func newSizes(_ arguments: Arguments, _ x: Variable) throws -> [Int] {
  var sizes = try arguments.wholeNumbers("sizes")
  var elements: String { "{0} is \(x.description) with \(count(x.count, "element", "elements"))" }
  if let size = sizes.first(where: { $0 < -1 }) {
    throw BuiltinError("a size can't be negative: \(size)", at: [1])
  }
  let open = sizes.indices.filter { sizes[$0] == -1 }
  guard open.count <= 1 else {
    throw BuiltinError("one size may be -1, not \(open.count)", at: [1])
  }
  for place in open { sizes[place] = 1 }
  try Tensor.checkShape(sizes)
  let known = sizes.reduce(1, *)
  if let place = open.first {
    guard known > 0, x.count % known == 0 else {
      throw BuiltinError("\(elements), which don't divide by \(known)", at: [0, 1])
    }
    sizes[place] = x.count / known
  } else if known != x.count {
    throw BuiltinError("\(elements), and \(sizes) holds \(known)", at: [0, 1])
  }
  return sizes
}

extension Variable {
  /// A new axis of size 1.
  func inserting(axis: Int) throws -> Variable {
    var shape = shape
    shape.insert(1, at: axis)
    guard shape.count <= Tensor.highestRank else {
      throw BuiltinError("a tensor has at most \(Tensor.highestRank) axes, not \(shape.count)")
    }
    return try reshaped(shape)
  }
}
