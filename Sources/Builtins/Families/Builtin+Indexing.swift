import Autodiff
import Builtins
import Shapes
import Support
import Tensors
import Values

/// Reading and adding at computed positions, and order.
extension Builtin {
  package static let indexingFamily: [Builtin] = [
    gather, scatterAdd, sort, argsort, topK, nonzero, unique,
  ]

  static let gather = Builtin(
    "gather(x, indices, axis: 0)",
    """
    What stands at `indices` along `axis`; the axes of `indices` take that axis's place. The \
    gradient is added up in ascending order.
    """,
    shape: ShapeRule(.gathered, "x", "indices", "axis"),
    examples: [
      .prints("gather([10, 20, 30], [2, 0])", "i64[2]\n 30  10"),
      .prints("shape(gather(zeros(5, 4), [[1, 2, 3]]))", "(1, 3, 4)"),
      .fails(
        "gather(zeros(5), [1, 7])",
        "gather: the index 7 at position [1] is out of range for axis 0 of x, whose size is 5"),
    ],
    gradients: [
      .at("gather(x, [2, 0, 2])", [3, 2]), .at("gather(x, [[0, 1], [1, 1]], axis: 1)", [2, 3]),
    ]
  ) { arguments in
    let x = try arguments.tensor("x")
    let axis = try arguments.axis("axis", of: x)
    let indices = try arguments.positions("indices", in: x, axis: axis)
    try Tensor.checkShape(arguments.shape)
    let rows = try x.moved(axis: axis, to: 0).gatheredRows(indices)
    return .tensor(rows.transposed(Places(axis, indices.rank, x.rank).outward))
  }

  static let scatterAdd = Builtin(
    "scatter_add(x[...], indices, updates, axis: 0) -> [...]",
    """
    `x` with `updates` added at `indices` along `axis`, in ascending order of their positions. The \
    axes of `indices` stand in `updates` where `axis` stands in `x`.
    """,
    shape: ShapeRule(.scattered, "x", "indices", "updates", "axis"),
    examples: [
      .prints(
        "scatter_add(zeros(3), [2, 2, 0], [1.0, 1.0, 5.0])", "f32[3]\n 5.0000  0.0000  2.0000"),
      .fails(
        "scatter_add(zeros(3), [2, 0], [1.0])",
        "scatter_add: updates is f32[1], and with these indices x wants [2]"),
    ],
    gradients: [
      .at("scatter_add(x, [2, 0, 2], y)", [3, 2], [3, 2]),
      .at("scatter_add(x, [1, 1], y, axis: 1)", [2, 3], [2, 2]),
    ]
  ) { arguments in
    let x = try arguments.numbers("x")
    let axis = try arguments.axis("axis", of: x)
    let indices = try arguments.positions("indices", in: x, axis: axis)
    let wanted = Array(x.shape[..<axis]) + indices.shape + x.shape[(axis + 1)...]
    try Tensor.checkShape(wanted)
    let operands = try arguments.operands("updates")
    let dtype = DType.common(x.dtype, operands[0].dtype)
    let updates = try operands[0].converted(to: dtype)
    let places = Places(axis, indices.rank, x.rank)
    let rows = updates.expanded(to: wanted).transposed(places.inward)
    let base = try x.converted(to: dtype).moved(axis: axis, to: 0)
    return .tensor(try base.addingRows(rows, at: indices).moved(axis: 0, to: axis))
  }

  // MARK: Order

  static let sort = Builtin(
    "sort(x[...], axis: -1, descending: false) -> [...]",
    "The elements along `axis` in order, nan last; also a list of numbers or strings.",
    shape: ShapeRule(.along, "x", "axis"),
    examples: [
      .prints("sort([3, 1, 2])", "i64[3]\n 1  2  3"),
      .prints("sort([3, 1, 2], descending: true)", "i64[3]\n 3  2  1"),
      .fails("sort([1, \"a\"])", "sort: x is a list of numbers or of strings, not a list of 2"),
    ],
    gradients: [.at("sort(x)", [2, 4]), .at("sort(x, axis: 0, descending: true)", [4, 2])]
  ) { arguments in
    let descending = try arguments.bool("descending")
    if case .list(let items) = arguments["x"] {
      return .list(try arguments.order(of: items, descending: descending).stoppableMap { items[$0] })
    }
    let x = try arguments.tensor("x")
    let axis = try arguments.axis("axis", of: x)
    let last = x.moved(axis: axis, to: x.rank - 1)
    let sorted = try last.taken(last.tensor.sortedPositions(descending: descending))
    return .tensor(sorted.moved(axis: x.rank - 1, to: axis))
  }

  static let argsort = Builtin(
    "argsort(x[...], axis: -1, descending: false) -> i64[...]",
    "The positions of the elements along `axis` in order; equal ones keep theirs.",
    shape: ShapeRule(.along, "x", "axis"),
    examples: [.prints("argsort([30, 10, 20])", "i64[3]\n 1  2  0")]
  ) { arguments in
    let descending = try arguments.bool("descending")
    if case .list(let items) = arguments["x"] {
      let order = try arguments.order(of: items, descending: descending)
      return .tensor(Variable(try Tensor(order, [order.count])))
    }
    let x = try arguments.tensor("x")
    let axis = try arguments.axis("axis", of: x)
    let positions = try x.moved(axis: axis, to: x.rank - 1).tensor
      .sortedPositions(descending: descending)
    return .tensor(Variable(positions).moved(axis: x.rank - 1, to: axis))
  }

  static let topK = Builtin(
    "top_k(x, k, axis: -1)",
    "The `k` largest along `axis`, largest first: a record of their values and indices.",
    shape: ShapeRule(.first, "x", "k", "axis"),
    examples: [
      .prints("top_k([1, 5, 3], 2).values", "i64[2]\n 5  3"),
      .prints("top_k([1, 5, 3], 2).indices", "i64[2]\n 1  2"),
      .fails("top_k([1, 2], 3)", "top_k: k is 3, and axis 0 of x has size 2"),
    ],
    gradients: [.at("top_k(x, 2).values", [2, 4]), .at("top_k(x, 2, axis: 0).values", [4, 2])]
  ) { arguments in
    let x = try arguments.tensor("x")
    let axis = try arguments.axis("axis", of: x)
    let k = try arguments.count("k")
    let last = x.moved(axis: axis, to: x.rank - 1)
    let order = try last.tensor.sortedPositions(descending: true)
    let best = Variable(order).sliced(axis: x.rank - 1, start: 0, count: k)
    let values = try last.taken(best.tensor)
    return .record(
      Record([
        ("values", .tensor(values.moved(axis: x.rank - 1, to: axis))),
        ("indices", .tensor(best.moved(axis: x.rank - 1, to: axis))),
      ]))
  }

  static let nonzero = Builtin(
    "nonzero(mask) -> i64[count, rank]",
    "The positions where a condition holds, or where numbers are not 0, as rows of `i64[n, rank]`.",
    examples: [.prints("nonzero([[false, true], [true, false]])", "i64[2, 2]\n 0  1\n 1  0")]
  ) { arguments in
    let mask = try arguments.tensor("mask").tensor.converted(to: .bool)
    let places = try mask.truePositions()
    guard mask.rank != 1 else { return .tensor(Variable(try Tensor(places, [places.count, 1]))) }
    var rows: [Int] = []
    rows.reserveCapacity(places.count * mask.rank)
    for (number, place) in places.enumerated() {
      try Machine.checkStop(round: number)
      rows += coordinates(of: place, in: mask.shape)
    }
    return .tensor(Variable(try Tensor(rows, [places.count, mask.rank])))
  }

  static let unique = Builtin(
    "unique(x) -> [count]",
    "The different values of an integer tensor, or of a list of numbers or strings, in order.",
    examples: [
      .prints("unique([3, 1, 3, 2])", "i64[3]\n 1  2  3"),
      .fails("unique([0.5, 0.5])", "unique: x is f32[2], and unique works on integers and lists"),
    ]
  ) { arguments in
    if let x = arguments["x"].variable {
      guard x.dtype.isInteger else {
        throw BuiltinError(
          "{x} is \(x.description), and unique works on integers and lists", at: ["x"])
      }
      let flat = try x.tensor.reshaped([x.count])
      let inOrder = try flat.gatheredRows(flat.sortedPositions(descending: false)).integers()
      var values: [Int] = []
      for (number, value) in inOrder.enumerated() {
        try Machine.checkStop(round: number)
        if value != values.last { values.append(value) }
      }
      let result = try Tensor(values, [values.count]).converted(to: x.dtype)
      return .tensor(Variable(result))
    }
    let items = try arguments.list("x")
    let sorted = try arguments.order(of: items, descending: false).stoppableMap { items[$0] }
    var result: [Value] = []
    for item in sorted where result.last.map({ !precedes($0, item) }) != true {
      result.append(item)
    }
    return .list(result)
  }
}

/// Where axes stand when those of an index tensor take the place of one axis.
private struct Places {
  /// From indices first to indices in their place.
  let outward: [Int]
  /// From indices in their place to indices first.
  let inward: [Int]

  init(_ axis: Int, _ indexRank: Int, _ rank: Int) {
    let before = Array(0..<axis)
    let behind = Array(axis..<(rank - 1))
    let places = Array(0..<indexRank)
    outward = before.map { $0 + indexRank } + places + behind.map { $0 + indexRank }
    inward = places.map { $0 + axis } + before + behind.map { $0 + indexRank }
  }
}

extension Arguments {
  /// Positions along an axis, all in range. Negative ones are errors too: they hide mistakes.
  fileprivate func positions(_ name: String, in x: Variable, axis: Int) throws -> Tensor {
    let indices = try integers(name)
    if let (position, value) = try indices.firstOutside(x.shape[axis]) {
      throw BuiltinError(
        "the index \(value)\(position) is out of range for axis \(axis) of {x}, "
          + "whose size is \(x.shape[axis])", at: [name, "x"],
        hint: value < 0 && value >= -x.shape[axis]
          ? "positions count from 0: {\(name)} % \(x.shape[axis]) wraps around" : nil
      )
    }
    return indices
  }

  /// The stable order of a list of numbers or of strings.
  fileprivate func order(of items: [Value], descending: Bool) throws -> [Int] {
    let isOrdered =
      items.allSatisfy { $0.asDouble != nil }
      || items.allSatisfy { if case .string = $0 { true } else { false } }
    guard isOrdered else { throw wrong("x", "a list of numbers or of strings") }
    var comparisons = 0
    return try items.indices.sorted { i, j in
      comparisons += 1
      try Machine.checkStop(round: comparisons)
      let (a, b) = descending ? (items[j], items[i]) : (items[i], items[j])
      return precedes(a, b) || (!precedes(b, a) && i < j)
    }
  }
}

/// Whether one number or string comes before another; nan comes last.
private func precedes(_ a: Value, _ b: Value) -> Bool {
  switch (a, b) {
  case (.int(let a), .int(let b)): return a < b
  case (.string(let a), .string(let b)): return a < b
  default:
    guard let a = a.asDouble, let b = b.asDouble else { return false }
    return a < b || (!a.isNaN && b.isNaN)
  }
}

extension Variable {
  /// The elements at positions along the last axis of each row.
  fileprivate func taken(_ positions: Tensor) throws -> Variable {
    let n = shape[rank - 1]
    let k = positions.shape[rank - 1]
    guard positions.count > 0 else { return sliced(axis: rank - 1, start: 0, count: k) }
    let rows = count / n
    let starts = try Tensor.range(rows, step: n).reshaped([rows, 1]).expanded(to: [rows, k])
    let flat = try positions.reshaped([rows, k]).binary(.add, starts)
    return try reshaped([count]).gatheredRows(flat).reshaped(positions.shape)
  }
}
