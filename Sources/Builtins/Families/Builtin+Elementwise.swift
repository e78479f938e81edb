import Autodiff
import Builtins
import Drawing
import Shapes
import Support
import Tensors
import Values

/// Functions of several operands, element by element, and conversions.
extension Builtin {
  package static let elementwiseFamily: [Builtin] = [
    maximum, minimum, `where`, clip, to, dtype, int, float,
  ]

  private static func extreme(
    _ name: String, _ function: BinaryFunction, _ summary: String, examples: [Example]
  ) -> Builtin {
    let isMaximum = function == .maximum
    return Builtin(
      "\(name)(a, b)", summary, shape: ShapeRule(.combined, "a", "b"), examples: examples,
      gradients: [.at("\(name)(x, y)", [2, 3], [3]), .at("\(name)(x, 0.1)", [4])],
      traits: .elementwise
    ) { arguments in
      if case .int(let a) = arguments["a"], case .int(let b) = arguments["b"] {
        return .int(isMaximum ? Swift.max(a, b) : Swift.min(a, b))
      }
      let isPlain = arguments["a"].variable == nil && arguments["b"].variable == nil
      if isPlain, let a = arguments["a"].asDouble, let b = arguments["b"].asDouble {
        return .float(isMaximum ? larger(a, b) : smaller(a, b))
      }
      let operands = try arguments.operands("a", "b").map(counted)
      return .tensor(try operands[0].binary(function, operands[1]))
    }
  }

  static let maximum = extreme(
    "maximum", .maximum,
    "The larger of two, element by element; the gradient goes to `a` where they are equal.",
    examples: [
      .prints("maximum([1.0, 5.0], 2)", "f32[2]\n 2.0000  5.0000"),
      .fails(
        "maximum(zeros(2, 3), zeros(2))", "maximum: the shapes [2, 3] and [2] don't combine"),
    ])

  static let minimum = extreme(
    "minimum", .minimum,
    "The smaller of two, element by element; the gradient goes to `a` where they are equal.",
    examples: [.prints("minimum([1.0, 5.0], 2)", "f32[2]\n 1.0000  2.0000")])

  static let `where` = Builtin(
    "where(condition, a, b)",
    """
    `a` where the condition holds, `b` elsewhere, by selection: what is not chosen takes no part, and \
    its gradient is 0. Both are computed: behind a derivative that is infinite there, as that of log(x) \
    at 0, 0 becomes nan. An `if` in index notation leaves that out too.
    """, shape: ShapeRule(.combined, "condition", "a", "b"),
    examples: [
      .prints("where([true, false], [1.0, 2.0], 0)", "f32[2]\n 1.0000  0.0000"),
      .fails(
        "where([1, 0], 1.0, 2.0)",
        "where: condition is a condition, so its dtype is bool, not i64"),
    ],
    gradients: [
      .at("where([true, false, true], x, y)", [2, 3], [3]),
      .at("where(x > 0.0, log(x), 0.0)", [4]),
    ], traits: .elementwise
  ) { arguments in
    let plain = [arguments["a"], arguments["b"]].allSatisfy { $0.variable == nil }
    if case .bool(let holds) = arguments["condition"], plain {
      return arguments[holds ? "a" : "b"]
    }
    let operands = try arguments.operands("a", "b")
    guard let condition = try arguments.condition("condition") else {
      return .tensor(try operands[0].expanded(to: arguments.shape))
    }
    return .tensor(try .select(Variable(condition), operands[0], operands[1]))
  }

  static let clip = Builtin(
    "clip(x, low, high)",
    """
    Limits each element to `low`..`high`. `clip_norm` limits the norm of a whole tensor or gradient.
    """, shape: ShapeRule(.combined, "x", "low", "high"),
    examples: [
      .prints("clip([-1.0, 0.5, 3.0], 0, 1)", "f32[3]\n 0.0000  0.5000  1.0000"),
      .fails("clip([1.0], 2, 1)", "clip: the lower limit 2.0 is above the upper limit 1.0"),
      .fails("clip([3.0, 4.0], 1.0)", "clip: high is missing"),
    ], gradients: [.at("clip(x, -0.5, 0.5)", [2, 3])], traits: .elementwise
  ) { arguments in
    if let low = arguments["low"].asDouble, let high = arguments["high"].asDouble {
      guard !(low > high) else {
        throw BuiltinError(
          "the lower limit \(low) is above the upper limit \(high)", at: ["low", "high"])
      }
      switch (arguments["x"], arguments["low"], arguments["high"]) {
      case (.int(let x), .int(let low), .int(let high)):
        return .int(Swift.min(Swift.max(x, low), high))
      case (.int, _, _), (.float, _, _):
        if let x = arguments["x"].asDouble {
          return .float(smaller(larger(x, low), high))
        }
      default: break
      }
    }
    let operands = try arguments.operands("x", "low", "high").map(counted)
    return .tensor(try operands[0].binary(.maximum, operands[1]).binary(.minimum, operands[2]))
  }

  // MARK: Conversions

  static let to = Builtin(
    "to(x[...], dtype) -> [...]",
    """
    `x` converted to a dtype. Floats are cut off towards 0 on their way to integers. Of a model, \
    record or list, the float tensors are converted.
    """,
    examples: [
      .prints("[1, 2].to(f32)", "f32[2]\n 1.0000  2.0000"),
      .prints("[1.7, -1.7].to(i64)", "i64[2]\n  1  -1"),
      .fails("[1e30].to(i64)", "to: a value of x does not fit in i64"),
    ],
    gradients: [.at("x.to(f32).to(f64) * 0.0 + x.to(f64)", [3])], traits: .elementwise
  ) { arguments in
    let dtype = try arguments.dtype("dtype")
    switch arguments["x"] {
    case .record, .list, .model:
      guard dtype.isFloat else {
        throw BuiltinError("only tensors become \(dtype.name), not \(arguments["x"].kind)", at: ["x"])
      }
      return try arguments["x"].mapLeaves {
        $0.variable.dtype.isFloat ? try $0.variable.converted(to: dtype) : $0.variable
      }
    case .float(let number):
      // From f64, so that f64 gets all of its digits.
      return .tensor(try Variable(.scalar(number, .f64)).converted(to: dtype))
    default: return .tensor(try arguments.tensor("x").converted(to: dtype))
    }
  }

  static let dtype = Builtin(
    "dtype(x)", "The dtype of a tensor, or of what a number becomes beside none.",
    examples: [
      .prints("dtype([1.0, 2.0])", "f32"), .prints("dtype(zeros(2, dtype: f64)) == f64", "true"),
      .fails("dtype(\"a\")", "dtype: x is a tensor, not a String"),
    ]
  ) { .dtype(try $0.tensor("x").dtype) }

  static let int = Builtin(
    "int(x)", "An Int of a number, cut off towards 0, of a tensor of one number, or of a string.",
    examples: [
      .prints("int(2.7)", "2"), .prints("int(\"12\")", "12"),
      .fails("int(\"12.5\")", "int: \"12.5\" is not a whole number"),
      .fails("int([1, 2])", "int: x is one number, not i64[2]"),
    ]
  ) { arguments in
    let number: Double
    switch arguments["x"] {
    case .int, .bool: return .int(arguments["x"].asInt ?? (arguments["x"].asBool == true ? 1 : 0))
    case .string(let text):
      guard let value = Int(text.trimmed) else {
        throw BuiltinError("\(quoted(text)) is not a whole number", at: ["x"])
      }
      return .int(value)
    case .float(let value): number = value
    default:
      let item = try oneNumber(arguments)
      if !item.dtype.isFloat { return .int(item.integerItem) }
      number = item.item
    }
    guard let value = Int(exactly: number.rounded(.towardZero)) else {
      throw BuiltinError("\(number) does not fit in 64 bits", at: ["x"])
    }
    return .int(value)
  }

  static let float = Builtin(
    "float(x)", "A Float of a number, of a tensor of one number, or of a string.",
    examples: [
      .prints("float(2)", "2.0"), .prints("float(\"1e-3\")", "0.001"),
      .fails("float(\"one\")", "float: \"one\" is not a number"),
    ]
  ) { arguments in
    switch arguments["x"] {
    case .bool(let flag): return .float(flag ? 1 : 0)
    case .string(let text):
      guard let value = Double(text.trimmed) else {
        throw BuiltinError("\(quoted(text)) is not a number", at: ["x"])
      }
      return .float(value)
    default:
      if let number = arguments["x"].asDouble { return .float(number) }
      return .float(try oneNumber(arguments).item)
    }
  }
}

/// Bools as the integers that they count as.
private func counted(_ x: Variable) throws -> Variable {
  x.dtype == .bool ? try x.converted(to: .i64) : x
}

/// The larger of two numbers as tensors have it: nan if either is, and -0 below +0.
private func larger(_ a: Double, _ b: Double) -> Double {
  if a.isNaN || b.isNaN { return .nan }
  return a == b ? Double(bitPattern: a.bitPattern & b.bitPattern) : Swift.max(a, b)
}

private func smaller(_ a: Double, _ b: Double) -> Double {
  if a.isNaN || b.isNaN { return .nan }
  return a == b ? Double(bitPattern: a.bitPattern | b.bitPattern) : Swift.min(a, b)
}

private func oneNumber(_ arguments: Arguments) throws -> Tensor {
  guard let tensor = arguments["x"].variable?.tensor, tensor.rank == 0 else {
    let dtype = arguments.builtin.name == "int" ? "i64" : "f32"
    let isTensor = arguments["x"].variable != nil
    throw arguments.wrong("x", "one number", hint: isTensor ? "{x}.to(\(dtype)) converts it" : nil)
  }
  return tensor
}
