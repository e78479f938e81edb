import Autodiff
import Builtins
import Support
import Tensors
import Values

extension Builtin {
  package static let creationFamily: [Builtin] = [
    zeros, ones, full, eye, range, linspace, causal, padding, oneHot,
  ]

  static let zeros = Builtin(
    "zeros(sizes..., dtype: f32) -> dtype[sizes...]", "A tensor of zeros.",
    examples: [
      .prints("zeros(2, 3)", "f32[2, 3]\n 0.0000  0.0000  0.0000\n 0.0000  0.0000  0.0000"),
      .prints("zeros(3, dtype: i64)", "i64[3]\n 0  0  0"),
      .fails("zeros(2, -1)", "zeros: a size can't be negative: -1"),
    ]
  ) { arguments in
    .tensor(try filled(arguments, 0))
  }

  static let ones = Builtin(
    "ones(sizes..., dtype: f32) -> dtype[sizes...]", "A tensor of ones.",
    examples: [.prints("ones(2, 2)", "f32[2, 2]\n 1.0000  1.0000\n 1.0000  1.0000")]
  ) { arguments in
    .tensor(try filled(arguments, 1))
  }

  static let full = Builtin(
    "full(sizes..., value, dtype: none) -> [sizes...]",
    """
    A tensor that holds `value` everywhere. A number gives f32 unless `dtype` says otherwise.
    """,
    examples: [
      .prints("full(2, 2, value: 1.5)", "f32[2, 2]\n 1.5000  1.5000\n 1.5000  1.5000"),
      .prints("full(3, value: 7, dtype: i64)", "i64[3]\n 7  7  7"),
      .fails("full(2, value: 0.5, dtype: i64)", "full: value is 0.5, which i64 does not hold"),
    ],
    gradients: [.at("full(2, 3, value: x)", [])]
  ) { arguments in
    var dtype = arguments["value"].variable?.dtype ?? .f32
    if case .bool = arguments["value"] { dtype = .bool }
    if !arguments["dtype"].isNone { dtype = try arguments.dtype("dtype") }
    let element = try arguments.element("value", dtype)
    let sizes = try arguments.sizes("sizes")
    if dtype == .bool { return .tensor(Variable(try .full(sizes, element.item, dtype))) }
    // Adding keeps all digits of an integer, and the way back to a tensor's gradient.
    let value = try arguments["value"].variable?.converted(to: dtype) ?? Variable(element)
    return .tensor(try Variable(Tensor.full(sizes, 0, dtype)) + value)
  }

  static let eye = Builtin(
    "eye(n, dtype: f32) -> dtype[n, n]", "The identity matrix of `n` rows: 1 on the diagonal, 0 elsewhere.",
    examples: [.prints("eye(2)", "f32[2, 2]\n 1.0000  0.0000\n 0.0000  1.0000")]
  ) { arguments in
    _ = try arguments.count("n")
    let isDiagonal = try compareIndices(.equal, shape: arguments.shape)
    return .tensor(Variable(try isDiagonal.converted(to: arguments.dtype("dtype"))))
  }

  static let range = Builtin(
    "range(start, end: none, step: 1) -> i64[count]",
    "The whole numbers 0 up to but without `start`, or from `start` up to but without `end`.",
    examples: [
      .prints("range(4)", "i64[4]\n 0  1  2  3"),
      .prints("range(2, 10, 3)", "i64[3]\n 2  5  8"),
      .fails("range(0, 4, 0)", "range: step can't be 0"),
    ]
  ) { arguments in
    var start = try arguments.int("start")
    var end = start
    if let given = try arguments.optionalInt("end") { end = given } else { start = 0 }
    let step = try arguments.int("step")
    guard step != 0 else { throw BuiltinError("step can't be 0", at: ["step"]) }
    guard [start, end, step].allSatisfy({ $0.magnitude <= 1 << 61 }) else {
      throw BuiltinError("the numbers are too large to count")
    }
    let count = RangeValue(start, end, by: step).count
    return .tensor(Variable(try .range(count, start: start, step: step)))
  }

  static let linspace = Builtin(
    "linspace(start, end, n, dtype: f32) -> dtype[n]",
    "`n` numbers at equal distances from `start` to `end`, both included.",
    examples: [
      .prints("linspace(0, 1, 5)", "f32[5]\n 0.0000  0.2500  0.5000  0.7500  1.0000")
    ]
  ) { arguments in
    let start = try Tensor.scalar(arguments.double("start"), .f64)
    let end = try Tensor.scalar(arguments.double("end"), .f64)
    let n = try arguments.count("n")
    // start + (end − start) · i / (n − 1), and `end` itself at the last place.
    let places = try Tensor.range(n)
    let steps = try Tensor.scalar(Double(n > 1 ? n - 1 : 1), .f64)
    let inner = try end.binary(.subtract, start).binary(.multiply, places.converted(to: .f64))
      .binary(.divide, steps).binary(.add, start)
    let isLast = try places.compare(.equal, .scalar(n > 1 ? n - 1 : -1))
    let values = try Tensor.select(isLast, end, inner)
    return .tensor(Variable(try values.converted(to: arguments.floatDType("dtype"))))
  }

  // MARK: Conditions

  static let causal = Builtin(
    "causal(t, cache: 0) -> bool[t, cache + t]",
    """
    The condition `bool[t, cache + t]` under which each of `t` positions sees itself and what came \
    before it: the keys in the cache, and the positions in front of it.
    """,
    examples: [
      .prints(
        "causal(3)",
        "bool[3, 3]\n  true  false  false\n  true   true  false\n  true   true   true"),
      .prints("causal(2, cache: 1)", "bool[2, 3]\n  true   true  false\n  true   true   true"),
      .fails("causal(2, cache: -1)", "causal: cache can't be negative: -1"),
    ]
  ) { arguments in
    let t = try arguments.count("t")
    return .tensor(Variable(try Tensor.causal(t, past: try arguments.count("cache"))))
  }

  static let padding = Builtin(
    "padding(lengths[b], queries, keys: queries) -> bool[b, queries, keys]",
    """
    The condition `bool[b, queries, keys]` that is true at the first `lengths[b]` keys. Without \
    `keys` there are as many keys as queries.
    """,
    examples: [
      .prints(
        "padding([1, 3], 1, 3)",
        "bool[2, 1, 3]\n[0]\n  true  false  false\n[1]\n  true   true   true"),
      .fails("padding([4], 3)", "padding: the length 4 at position [0] is not one of 0 to 3 keys"),
    ]
  ) { arguments in
    let lengths = try arguments.integers("lengths")
    _ = try arguments.count("queries")
    let keys = try arguments.count("keys")
    for (row, length) in try lengths.integers().enumerated() where !(0...keys).contains(length) {
      throw BuiltinError(
        "the length \(length) at position [\(row)] is not one of 0 to \(keys) keys", at: ["lengths"])
    }
    let shape = try arguments.shape
    let batch = shape[0]
    try Tensor.checkShape(shape)
    let keep = try Tensor.range(keys).expanded(to: [batch, keys])
      .compare(.less, lengths.reshaped([batch, 1]).expanded(to: [batch, keys]))
      .reshaped([batch, 1, keys])
    return .tensor(Variable(keep.expanded(to: shape)))
  }

  static let oneHot = Builtin(
    "one_hot(ids[...], n) -> f32[..., n]",
    "For each number of 0..`n` a row of `n` floats: 1 at the number's place, 0 elsewhere.",
    examples: [
      .prints("one_hot([2, 0], 3)", "f32[2, 3]\n 0.0000  0.0000  1.0000\n 1.0000  0.0000  0.0000"),
      .fails("one_hot([0, 3], 3)", "one_hot: the index 3 at position [1] is not one of 0..3"),
    ]
  ) { arguments in
    let ids = try arguments.integers("ids")
    let n = try arguments.count("n")
    if let (position, id) = try ids.firstOutside(n) {
      throw BuiltinError("the index \(id)\(position) is not one of 0..\(n)", at: ["ids", "n"])
    }
    let shape = try arguments.shape
    try Tensor.checkShape(shape)
    let isPlace = try ids.reshaped(ids.shape + [1]).expanded(to: shape)
      .compare(.equal, Tensor.range(n).expanded(to: shape))
    return .tensor(Variable(try isPlace.converted(to: .f32)))
  }
}

private func filled(_ arguments: Arguments, _ value: Double) throws -> Variable {
  Variable(try .full(arguments.sizes("sizes"), value, arguments.dtype("dtype")))
}

/// `column ⋈ row` for every place of a matrix.
private func compareIndices(_ comparison: Comparison, shape: [Int]) throws -> Tensor {
  let column = try Tensor.range(shape[1])
  let row = try Tensor.range(shape[0]).reshaped([shape[0], 1])
  // What the two views would show may be more than memory holds: the result comes first.
  return try column.expanded(to: shape).compare(comparison, row.expanded(to: shape))
}

extension Tensor {
  /// The first of these integers that is not in `0..<n`, and " at position [...]" for messages.
  func firstOutside(_ n: Int) throws -> (position: String, value: Int)? {
    for (flat, value) in try integers().enumerated() {
      try Machine.checkStop(round: flat)
      guard value < 0 || value >= n else { continue }
      return (rank == 0 ? "" : " at position \(coordinates(of: flat, in: shape))", value)
    }
    return nil
  }
}
