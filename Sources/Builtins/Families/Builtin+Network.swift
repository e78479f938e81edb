import Autodiff
import Builtins
import Shapes
import Support
import Tensors
import Values

/// What networks are made of beyond plain arithmetic.
extension Builtin {
  package static let networkFamily: [Builtin] = [
    layerNorm, rmsNorm, dropout, crossEntropy, attention,
  ]

  static let layerNorm = Builtin(
    "layer_norm(x[...], weight: none, bias: none, epsilon: 1e-5) -> [...]",
    "Shifts and scales the last axis to mean 0 and variance 1, then by weight and bias.",
    shape: ShapeRule(.rowsWithin, "x", "weight", "bias"),
    examples: [
      .prints("layer_norm([1.0, 3.0])", "f32[2]\n -1.0000   1.0000"),
      .fails(
        "layer_norm(zeros(2, 3), weight: ones(4))",
        "layer_norm: weight has 4 values, and the last axis of x 3"),
    ],
    gradients: [
      .at("layer_norm(x)", [2, 4]), .at("layer_norm(x, weight: y, bias: z)", [2, 4], [4], [4]),
    ]
  ) { arguments in
    let x = try arguments.floats("x")
    return .tensor(
      try x.normalized(
        weight: arguments.perColumn("weight", of: x), bias: arguments.perColumn("bias", of: x),
        epsilon: arguments.double("epsilon")))
  }

  static let rmsNorm = Builtin(
    "rms_norm(x[...], weight: none, epsilon: 1e-5) -> [...]",
    "Scales the last axis to a root mean square of 1, then by weight.",
    shape: ShapeRule(.rowsWithin, "x", "weight"),
    examples: [.prints("rms_norm([3.0, 3.0])", "f32[2]\n 1.0000  1.0000")],
    gradients: [.at("rms_norm(x)", [2, 4]), .at("rms_norm(x, weight: y)", [2, 4], [4])]
  ) { arguments in
    let x = try arguments.floats("x")
    return .tensor(
      try x.normalized(
        rms: true, weight: arguments.perColumn("weight", of: x),
        epsilon: arguments.double("epsilon")))
  }

  static let dropout = Builtin(
    "dropout(x[...], rate) -> [...]",
    """
    Sets each element to 0 with probability rate and divides the rest by 1 - rate. In a model, use \
    the layer Dropout, which acts only in training.
    """,
    examples: [
      .prints("dropout([1.0, 2.0], 0.0)", "f32[2]\n 1.0000  2.0000"),
      .fails("dropout([1.0], 1.5)", "dropout: rate lies in 0 to 1, not 1.5"),
    ],
    uses: .random
  ) { arguments in
    let x = try arguments.floats("x")
    let rate = try arguments.double("rate")
    guard rate >= 0, rate <= 1 else {
      throw BuiltinError("rate lies in 0 to 1, not \(rate)", at: ["rate"])
    }
    if rate == 0 { return .tensor(x) }
    let draws = try arguments.random.state.uniform(x.shape, x.dtype)
    let keeps = Variable(try draws.compare(.greaterOrEqual, Tensor.scalar(rate, x.dtype)))
    let zero = Variable(try Tensor.scalar(0, x.dtype))
    // With a rate of 1 nothing is kept, and there is nothing to scale up.
    return .tensor(try .select(keeps, rate < 1 ? x / (1 - rate) : x, zero))
  }

  static let crossEntropy = Builtin(
    "cross_entropy(logits, targets, ignore: none, smoothing: 0.0)",
    """
    The mean of -log softmax(logits) at the targets, over all positions; classes lie on the last \
    axis of logits. Positions whose target is `ignore` don't count; `smoothing` spreads that part \
    of the target over all classes.
    """,
    shape: ShapeRule(.classes, "logits", "targets"),
    examples: [
      .prints("cross_entropy([[0.0, 0.0]], [1])", "0.6931472"),
      .fails(
        "cross_entropy([[0.0, 0.0]], [2])",
        "cross_entropy: the target 2 at position [0] is not a class of 0..2"),
      .fails(
        "cross_entropy(zeros(2, 3), [0])",
        "cross_entropy: targets is i64[1], and logits f32[2, 3] wants [2]"),
    ],
    gradients: [
      .at("cross_entropy(x, [0, 2])", [2, 3]),
      .at("cross_entropy(x, [0, 2], ignore: 2, smoothing: 0.1)", [2, 3]),
    ]
  ) { arguments in
    let logits = try arguments.floats("logits")
    let targets = try arguments.integers("targets")
    let smoothing = try arguments.double("smoothing")
    guard smoothing >= 0, smoothing <= 1 else {
      throw BuiltinError("smoothing lies in 0 to 1, not \(smoothing)", at: ["smoothing"])
    }
    return .tensor(
      try logits.crossEntropy(
        targets, ignore: arguments.optionalInt("ignore"), smoothing: smoothing))
  }

  static let attention = Builtin(
    """
    attention(q, k, v, keep: none, causal: false, scale: none, softcap: none, kv_heads: none)
    """,
    """
    Scaled dot-product attention: softmax(q · k / sqrt(d)) · v, over leading axes such as batch and \
    heads. `keep` is true where a query may see a key; its rank is 2, that of q, or one less (heads \
    left out). `softcap` limits scores to ±softcap by a tanh. With `kv_heads`, k and v have that \
    many heads and each serves a group of query heads.
    """, shape: ShapeRule(.attention, "q", "k", "v", "keep", "causal", "kv_heads"),
    examples: [
      .prints(
        "attention([[1.0, 0.0]], [[1.0, 0.0]], [[2.0, 3.0]])", "f32[1, 2]\n 2.0000  3.0000"),
      .fails(
        "attention(zeros(2, 4), zeros(2, 3), zeros(2, 4))",
        "attention: q has width 4 (axis 1) and k 3 (axis 1)"),
    ],
    gradients: [
      .at("attention(x, y, z)", [2, 3], [4, 3], [4, 2]),
      .at(
        "attention(x, y, z, causal: true, scale: 0.5, softcap: 2.0)", [1, 2, 3, 2], [1, 2, 3, 2],
        [1, 2, 3, 2]),
      .at("attention(x, y, z, kv_heads: 1)", [2, 3, 2], [1, 3, 2], [1, 3, 2]),
    ], uses: .tape
  ) { arguments in
    try attend(arguments)
  }

  private static func attend(_ arguments: Arguments) throws -> Value {
    var (q, k, v) = try (arguments.floats("q"), arguments.floats("k"), arguments.floats("v"))
    let dtype = DType.common(DType.common(q.dtype, k.dtype), v.dtype)
    (q, k, v) = try (q.converted(to: dtype), k.converted(to: dtype), v.converted(to: dtype))
    let rank = q.rank
    let width = q.shape[rank - 1]
    if let groups = try arguments.optionalInt("kv_heads") {
      (k, v) = (try grouped(k, for: q, groups), try grouped(v, for: q, groups))
    }
    let leading = Array(q.shape.dropLast(2))
    let (t, s) = (q.shape[rank - 2], k.shape[rank - 2])
    // Left pending: what follows turns it into one fused attention where that is possible.
    var scores =
      try arguments.tape.fusesAttention
      ? Variable.scores(q, k.swapped()) : Variable.product(q, k.swapped())
    if let scale = try arguments.optionalDouble("scale") {
      scores = try scores * scale
    } else {
      scores = try scores / Double(width).squareRoot()
    }
    if let softcap = try arguments.optionalDouble("softcap"), softcap != .infinity {
      guard softcap > 0 else {
        throw BuiltinError(
          "softcap is greater than 0, not \(softcap)", at: ["softcap"], hint: "softcap: none limits nothing")
      }
      scores = try (scores / softcap).unary(.tanh) * softcap
    }
    var keep: Tensor?
    if let mask = try arguments.condition("keep") {
      keep = try fitted(mask, to: leading + [t, s])
    }
    if try arguments.bool("causal") {
      let causal = try Tensor.causal(t)
      keep = try keep.map { try $0.binary(.and, causal) } ?? causal.expanded(to: leading + [t, s])
    }
    return .tensor(try .product(scores.softmax(keep: keep), v))
  }

  /// Key or value heads repeated so that each query head has its own.
  private static func grouped(_ x: Variable, for q: Variable, _ groups: Int) throws -> Variable {
    let axis = q.rank - 3
    let heads = q.shape[axis]
    var split = x.shape
    split.insert(1, at: axis + 1)
    var repeated = split
    repeated[axis + 1] = heads / groups
    var merged = x.shape
    merged[axis] = heads
    return try x.reshaped(split).expanded(to: repeated).reshaped(merged)
  }

  /// A mask of rank 2, of the full rank, or one less (heads left out), over all scores.
  private static func fitted(_ mask: Tensor, to shape: [Int]) throws -> Tensor {
    let lacksHeads = mask.rank == shape.count - 1 && shape.count > 3
    return (lacksHeads ? mask.inserting(axis: shape.count - 3) : mask).expanded(to: shape)
  }
}

extension Arguments {
  /// One value for each position of the last axis, in its dtype.
  fileprivate func perColumn(_ name: String, of x: Variable) throws -> Variable? {
    try optionalFloats(name)?.converted(to: x.dtype)
  }
}
