import Autodiff
import Builtins
import Support
import Tensors

/// Functions of one number, element by element.
extension Builtin {
  package static let functionFamily: [Builtin] = [
    exp, log, sqrt, sin, cos, tanh, erf, sigmoid, relu, silu, gelu, geluTanh, softplus, softsign,
    magnitude, sign, floor, ceil, round, isNaN, isFinite,
  ]

  /// A function over floats: a number gives a `Float`, integers become f32.
  private static func function(
    _ name: String, _ function: UnaryFunction, _ summary: String, examples: [Example],
    gradients: [GradientCheck]
  ) -> Builtin {
    Builtin(
      "\(name)(x[...]) -> [...]", summary, examples: examples, gradients: gradients,
      traits: .elementwise
    ) { arguments in
      switch arguments["x"] {
      case .int(let number): .float(function(Double(number)))
      case .float(let number): .float(function(number))
      default: .tensor(try arguments.floats("x").unary(function))
      }
    }
  }

  static let exp = function(
    "exp", .exp, "e to the power of `x`.",
    examples: [
      .prints("exp([0.0, 1.0])", "f32[2]\n 1.0000  2.7183"),
      .fails("exp(\"one\")", "exp: x is a tensor, not a String"),
      .fails("exp([true, false])", "exp: x is bool[2], and exp works on floats"),
    ], gradients: [.at("exp(x)", [2, 3])])

  static let log = function(
    "log", .log, "The natural logarithm: -inf at 0, nan below.",
    examples: [.prints("log([1.0, 2.0, 0.0])", "f32[3]\n 0.0000  0.6931    -inf")],
    gradients: [.at("log(x * x + 0.5)", [2, 3])])

  static let sqrt = function(
    "sqrt", .sqrt, "The square root; nan below 0.",
    examples: [.prints("sqrt(9)", "3.0"), .prints("sqrt([4, 2])", "f32[2]\n 2.0000  1.4142")],
    gradients: [.at("sqrt(x * x + 0.5)", [2, 3])])

  static let sin = function(
    "sin", .sin, "The sine of an angle in radians.",
    examples: [.prints("sin(pi / 2)", "1.0")], gradients: [.at("sin(x)", [2, 3])])

  static let cos = function(
    "cos", .cos, "The cosine of an angle in radians.",
    examples: [.prints("cos(0)", "1.0")], gradients: [.at("cos(x)", [2, 3])])

  static let tanh = function(
    "tanh", .tanh, "The hyperbolic tangent, between -1 and 1.",
    examples: [.prints("tanh([0.0, 1.0])", "f32[2]\n 0.0000  0.7616")],
    gradients: [.at("tanh(x)", [2, 3])])

  static let erf = function(
    "erf", .erf, "The error function: 2/√π times the integral of exp(-t²) from 0 to `x`.",
    examples: [.prints("erf([0.0, 1.0])", "f32[2]\n 0.0000  0.8427")],
    gradients: [.at("erf(x)", [2, 3])])

  static let sigmoid = function(
    "sigmoid", .sigmoid, "1 / (1 + exp(-x)), between 0 and 1.",
    examples: [.prints("sigmoid([0.0, 2.0])", "f32[2]\n 0.5000  0.8808")],
    gradients: [.at("sigmoid(x)", [2, 3])])

  static let relu = function(
    "relu", .relu, "`x` above 0, and 0 elsewhere; the gradient at 0 is 0.",
    examples: [.prints("relu([-1.0, 2.0])", "f32[2]\n 0.0000  2.0000")],
    gradients: [.at("relu(x)", [2, 3])])

  static let silu = function(
    "silu", .silu, "x · sigmoid(x), also called swish.",
    examples: [.prints("silu([0.0, 1.0])", "f32[2]\n 0.0000  0.7311")],
    gradients: [.at("silu(x)", [2, 3])])

  static let gelu = function(
    "gelu", .gelu,
    """
    x · Φ(x), with the normal distribution function Φ in its exact form by `erf`. `gelu_tanh` is \
    the approximation that GPT-2 uses.
    """,
    examples: [.prints("gelu([0.0, 1.0])", "f32[2]\n 0.0000  0.8413")],
    gradients: [.at("gelu(x)", [2, 3])])

  static let geluTanh = function(
    "gelu_tanh", .geluTanh, "The approximation of `gelu` by a tanh.",
    examples: [.prints("gelu_tanh([0.0, 1.0])", "f32[2]\n 0.0000  0.8412")],
    gradients: [.at("gelu_tanh(x)", [2, 3])])

  static let softplus = function(
    "softplus", .softplus, "log(1 + exp(x)), without overflow.",
    examples: [.prints("softplus([0.0, 100.0])", "f32[2]\n   0.6931  100.0000")],
    gradients: [.at("softplus(x)", [2, 3])])

  static let softsign = function(
    "softsign", .softsign, "x / (1 + |x|), between -1 and 1.",
    examples: [.prints("softsign([-1.0, 0.0, 3.0])", "f32[3]\n -0.5000   0.0000   0.7500")],
    gradients: [.at("softsign(x)", [2, 3])])

  // MARK: Integers stay integers

  /// A function that keeps the type of its argument.
  private static func keeping(
    _ name: String, _ summary: String, examples: [Example], gradients: [GradientCheck] = [],
    integer: @escaping @Sendable (Int) throws -> Int,
    float: @escaping @Sendable (Double) -> Double,
    tensor: @escaping @Sendable (Variable) throws -> Variable
  ) -> Builtin {
    Builtin(
      "\(name)(x[...]) -> [...]", summary, examples: examples, gradients: gradients,
      traits: .elementwise
    ) { arguments in
      switch arguments["x"] {
      case .int(let number): return .int(try integer(number))
      case .float(let number): return .float(float(number))
      default: return .tensor(try tensor(arguments.numbers("x")))
      }
    }
  }

  static let magnitude = keeping(
    "abs", "The magnitude: `x` without its sign.",
    examples: [.prints("abs([-1.5, 2.0])", "f32[2]\n 1.5000  2.0000"), .prints("abs(-3)", "3")],
    gradients: [.at("abs(x)", [2, 3])],
    integer: { number in
      guard number != Int.min else {
        throw BuiltinError("integer overflow: abs(\(number)) does not fit in 64 bits", at: ["x"])
      }
      return Swift.abs(number)
    }, float: { Swift.abs($0) }, tensor: { try $0.unary(.abs) })

  static let sign = keeping(
    "sign", "-1, 0 or 1, as `x` is below, at or above 0.",
    examples: [.prints("sign([-2, 0, 5])", "i64[3]\n -1   0   1")],
    integer: { $0.signum() }, float: { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 == 0 ? 0 : $0 },
    tensor: { try $0.unary(.sign) })

  private static func rounding(
    _ name: String, _ function: UnaryFunction, _ summary: String, examples: [Example]
  ) -> Builtin {
    keeping(
      name, summary, examples: examples, integer: { $0 }, float: { function($0) },
      tensor: { $0.dtype.isFloat ? try $0.unary(function) : $0 })
  }

  static let floor = rounding(
    "floor", .floor, "The whole number at or below `x`.",
    examples: [.prints("floor(-1.5)", "-2.0")])

  static let ceil = rounding(
    "ceil", .ceil, "The whole number at or above `x`.",
    examples: [.prints("ceil([1.2, -1.2])", "f32[2]\n  2.0000  -1.0000")])

  static let round = rounding(
    "round", .round, "The nearest whole number; halves go to the even one.",
    examples: [.prints("round([0.5, 1.5, 2.6])", "f32[3]\n 0.0000  2.0000  3.0000")])

  // MARK: Questions

  private static func question(
    _ name: String, _ summary: String, examples: [Example],
    float: @escaping @Sendable (Double) -> Bool,
    tensor: @escaping @Sendable (Tensor) throws -> Tensor
  ) -> Builtin {
    Builtin("\(name)(x[...]) -> [...]", summary, examples: examples, traits: .elementwise) {
      if case .float(let number) = $0["x"] { return .bool(float(number)) }
      if case .int(let number) = $0["x"] { return .bool(float(Double(number))) }
      return .tensor(Variable(try tensor($0.tensor("x").tensor)))
    }
  }

  static let isNaN = question(
    "is_nan", "Whether `x` is not a number.",
    examples: [.prints("is_nan([1.0, nan])", "bool[2]\n false   true")],
    float: { $0.isNaN }, tensor: { try $0.compare(.notEqual, $0) })

  static let isFinite = question(
    "is_finite", "Whether `x` is a number and not infinite.",
    examples: [.prints("is_finite([1.0, -inf, nan])", "bool[3]\n  true  false  false")],
    float: { $0.isFinite },
    tensor: { x in
      guard x.dtype.isFloat else { return try x.compare(.equal, x) }
      return try x.unary(.abs).compare(.less, .scalar(.infinity, x.dtype))
    })
}
