import Autodiff
import Builtins
import Shapes
import Tensors
import Values

/// The operators, which the evaluator finds by their symbols.
extension Builtin {
  package static let operatorFamily: [Builtin] =
    [add, subtract, multiply, divide, floorDivide, remainder, power, matrixProduct]
    + [equal, notEqual, less, lessOrEqual, greater, greaterOrEqual, negation]

  /// The primitive behind an operator of two operands.
  package static let operators: [String: Builtin] = [
    "+": add, "-": subtract, "*": multiply, "/": divide, "//": floorDivide, "%": remainder,
    "^": power, "@": matrixProduct,
    "==": equal, "!=": notEqual, "<": less, "<=": lessOrEqual, ">": greater, ">=": greaterOrEqual,
  ]

  private static func arithmetic(
    _ name: String, _ operation: Arithmetic, _ summary: String, examples: [Example],
    gradients: [GradientCheck] = []
  ) -> Builtin {
    Builtin(
      "\(name)(x, y)", summary, shape: ShapeRule(.combined, "x", "y"), examples: examples,
      gradients: gradients, traits: .elementwise
    ) { try operation($0["x"], $0["y"]) }
  }

  static let add = arithmetic(
    "add", .add, "Adds, or joins two strings; written x + y.",
    examples: [
      .prints("[1.0, 2.0] + 1", "f32[2]\n 2.0000  3.0000"),
      .prints("\"at\" + \"tn\"", "\"attn\""),
      .fails("zeros(2, 3) + zeros(3, 2)", "add: the shapes [2, 3] and [3, 2] don't combine"),
      .fails(
        "9223372036854775807 + 1",
        "add: integer overflow: 9223372036854775807 + 1 does not fit in 64 bits"),
    ],
    gradients: [.at("x + y", [2, 3], [3]), .at("x + y", [2], [2])])

  static let subtract = arithmetic(
    "subtract", .subtract, "Subtracts; written x - y.", examples: [.prints("5 - 7", "-2")],
    gradients: [.at("x - y", [3], [2, 3])])

  static let multiply = arithmetic(
    "multiply", .multiply, "Multiplies element by element; written x * y.",
    examples: [.prints("[1.0, 2.0] * [3.0, 4.0]", "f32[2]\n 3.0000  8.0000")],
    gradients: [.at("x * y", [2, 3], [3]), .at("x * x", [4])])

  static let divide = arithmetic(
    "divide", .divide, "Divides; integers give a float; written x / y.",
    examples: [.prints("7 / 2", "3.5"), .prints("[1, 2] / 2", "f32[2]\n 0.5000  1.0000")],
    gradients: [.at("x / (y * y + 1.0)", [2, 3], [3])])

  static let floorDivide = arithmetic(
    "floor_divide", .floorDivide, "Divides and rounds down; written x // y.",
    examples: [
      .prints("-7 // 2", "-4"), .fails("1 // 0", "floor_divide: integer division by zero"),
    ])

  static let remainder = arithmetic(
    "remainder", .remainder, "What x // y leaves, with the sign of y; written x % y.",
    examples: [.prints("-7 % 3", "2"), .prints("7.5 % 2", "1.5")],
    gradients: [.at("x % 0.7", [4])])

  static let power = arithmetic(
    "power", .power, "Raises to a power; written x ^ y.",
    examples: [.prints("2 ^ 10", "1024"), .prints("2 ^ -1", "0.5")],
    gradients: [.at("x ^ 2", [3]), .at("x ^ 3", [3]), .at("(x * x + 1.0) ^ y", [3], [3])])

  static let matrixProduct = Builtin(
    "matmul(x, y)",
    """
    Multiplies matrices: sums over the last axis of x and the last but one of y; written x @ y. \
    Leading axes must be equal, or absent on one side. Each element is one chain of fused \
    multiply-adds in ascending order.
    """, shape: ShapeRule(.matrixProduct, "x", "y"),
    examples: [
      .prints("[[1.0, 2.0]] @ [[3.0], [4.0]]", "f32[1, 1]\n 11.0000"),
      .fails(
        "[1.0, 2.0] @ [1.0, 2.0, 3.0]",
        "matmul: the inner sizes differ: 2 (axis 0 of the left) and 3 (axis 0 of the right)"),
    ],
    gradients: [
      .at("x @ y", [2, 3], [3, 4]), .at("x @ y", [2, 2, 3], [2, 3, 2]), .at("x @ y", [3], [3]),
      .at("x @ y", [2, 2, 3], [3, 2]), .at("x @ y", [2, 3], [3]), .at("x @ y", [3], [2, 3, 2]),
    ]
  ) { arguments in
    .tensor(try Values.matmul(arguments.tensor("x"), arguments.tensor("y")))
  }

  private static func comparison(
    _ name: String, _ comparison: Comparison, _ symbol: String, _ summary: String,
    examples: [Example] = []
  ) -> Builtin {
    Builtin(
      "\(name)(x, y)", "\(summary); written x \(symbol) y.", shape: ShapeRule(.combined, "x", "y"),
      examples: examples, traits: .elementwise
    ) {
      try Values.compare(comparison, $0["x"], $0["y"])
    }
  }

  static let equal = comparison(
    "equal", .equal, "==", "Whether two values are equal, element by element for tensors",
    examples: [.prints("[1, 2] == 2", "bool[2]\n false   true"), .prints("1 == 1.0", "true")])
  static let notEqual = comparison("not_equal", .notEqual, "!=", "Whether two values differ")
  static let less = comparison(
    "less", .less, "<", "Whether x is below y",
    examples: [
      .prints("1 < 2 < 3", "true"), .fails("\"a\" < 1", "less: can't compare a String and an Int"),
    ])
  static let lessOrEqual = comparison("less_equal", .lessOrEqual, "<=", "Whether x is at most y")
  static let greater = comparison("greater", .greater, ">", "Whether x is above y")
  static let greaterOrEqual = comparison(
    "greater_equal", .greaterOrEqual, ">=", "Whether x is at least y")

  static let negation = Builtin(
    "negate(x[...]) -> [...]", "Changes the sign; written -x.", examples: [.prints("-(3)", "-3")],
    gradients: [.at("-x", [3])], traits: .elementwise
  ) { try negative($0["x"]) }
}
