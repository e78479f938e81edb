import Autodiff
import Builtins
import Shapes
import Support
import Tensors
import Values

/// What rescales or accumulates along an axis that stays.
extension Builtin {
  package static let rowFamily: [Builtin] = [softmax, logSoftmax, normalize, cumsum]

  static let softmax = Builtin(
    "softmax(x[...], axis: -1, keep: none) -> [...]",
    """
    Rescales `x` along `axis` to positive weights that sum to 1. What `keep` rules out takes no \
    part and gets 0, and where nothing is kept all weights are 0.
    """,
    shape: ShapeRule(.along, "x", "axis", "keep"),
    examples: [
      .prints("softmax([0.0, 0.0])", "f32[2]\n 0.5000  0.5000"),
      .prints(
        "softmax([1.0, 1.0, 9.0], keep: [true, true, false])", "f32[3]\n 0.5000  0.5000  0.0000"),
      .fails("softmax([1.0, 2.0], axis: 3)", "softmax: axis 3 is out of range for f32[2]"),
      .fails(
        "softmax(zeros(2, 3), keep: causal(2))",
        "softmax: keep is bool[2, 2], whose shape is no trailing part of f32[2, 3]"),
    ],
    gradients: [
      .at("softmax(x, axis: 0)", [2, 3]), .at("softmax(x, axis: -1)", [2, 3]),
      .at("softmax(x, keep: causal(3))", [2, 3, 3]),
    ],
    reduction: Reduction {
      try Domain.floats.of($0).softmax(keep: $1)
    }
  ) { arguments in
    try alongAxis(arguments) { try $0.softmax(keep: $1) }
  }

  static let logSoftmax = Builtin(
    "log_softmax(x[...], axis: -1, keep: none) -> [...]",
    "The logarithm of `softmax`, without underflow; -inf for what `keep` rules out.",
    shape: ShapeRule(.along, "x", "axis", "keep"),
    examples: [.prints("log_softmax([0.0, 0.0])", "f32[2]\n -0.6931  -0.6931")],
    gradients: [.at("log_softmax(x, axis: 0)", [2, 3]), .at("log_softmax(x)", [2, 3])],
    reduction: Reduction { try Domain.floats.of($0).softmax(log: true, keep: $1) }
  ) { arguments in
    try alongAxis(arguments) { try $0.softmax(log: true, keep: $1) }
  }

  static let normalize = Builtin(
    "normalize(x[...], axis: -1, epsilon: 1e-5) -> [...]",
    """
    Shifts and scales `x` along `axis` to mean 0 and variance 1: (x - mean) / sqrt(var + epsilon).
    """,
    shape: ShapeRule(.along, "x", "axis"),
    examples: [
      .prints("normalize([1.0, 3.0])", "f32[2]\n -1.0000   1.0000"),
      .fails("normalize(2.0)", "normalize: axis -1 is out of range for a Float"),
    ],
    gradients: [.at("normalize(x)", [2, 4]), .at("normalize(x, axis: 0)", [3, 2])],
    reduction: Reduction {
      try Reductions.normalize(Domain.floats.of($0), $1, epsilon: 1e-5)
    }
  ) { arguments in
    let epsilon = try arguments.double("epsilon")
    return try alongAxis(arguments) { x, _ in try x.normalized(epsilon: epsilon) }
  }

  static let cumsum = Builtin(
    "cumsum(x[...], axis: -1) -> [...]",
    "The sums of what stands up to each position along `axis`, added in ascending order.",
    shape: ShapeRule(.along, "x", "axis"),
    examples: [
      .prints("cumsum([1, 2, 3])", "i64[3]\n 1  3  6"),
      .prints("cumsum([[1, 2], [3, 4]], axis: 0)", "i64[2, 2]\n 1  2\n 4  6"),
    ],
    gradients: [.at("cumsum(x)", [2, 3]), .at("cumsum(x, axis: 0)", [3, 2])],
    reduction: Reduction { try Reductions.cumulativeSum(Domain.numbers.of($0), $1) }
  ) { arguments in
    let x = try arguments.numbers("x")
    return .tensor(try x.cumulativeSum(axis: arguments.axis("axis", of: x)))
  }
}

/// Applies a function of the last axis along the axis that the call names.
private func alongAxis(
  _ arguments: Arguments, _ function: (Variable, Tensor?) throws -> Variable
) throws -> Value {
  let x = try arguments.floats("x")
  let axis = try arguments.axis("axis", of: x)
  let last = x.rank - 1
  var keep: Tensor?
  let hasKeep = arguments.builtin.parameterNames.contains("keep")
  if hasKeep, let given = try arguments.condition("keep") {
    keep = Variable(given.expanded(to: x.shape)).moved(axis: axis, to: last).tensor
  }
  return .tensor(try function(x.moved(axis: axis, to: last), keep).moved(axis: last, to: axis))
}
