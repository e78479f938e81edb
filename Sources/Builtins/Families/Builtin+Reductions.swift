import Autodiff
import Builtins
import Shapes
import Support
import Tensors
import Values

/// What makes one number of many.
extension Builtin {
  package static let reductionFamily: [Builtin] = [
    sum, mean, largest, smallest, prod, variance, std, logSumExp, argmax, argmin, any, all,
  ]

  /// A reduction over an axis, several, or all; a list of numbers gives a number.
  private static func reduction(
    _ name: String, over domain: Domain, _ summary: String, examples: [Example],
    gradients: [GradientCheck] = [], reduction reducing: Reduction? = nil, isLocating: Bool = false,
    _ body: @escaping @Sendable (Variable, [Int]) throws -> Variable
  ) -> Builtin {
    Builtin(
      "\(name)(x, axis: all)", summary, shape: ShapeRule(isLocating ? .located : .reduced, "x", "axis"),
      examples: examples, gradients: gradients, reduction: reducing
    ) { arguments in
      let (x, isList) = try arguments.reducible("x", domain)
      let y = try body(x, arguments.axes("axis", of: x))
      return isList ? y.asNumber : .tensor(y)
    }
  }

  static let sum = reduction(
    "sum", over: .numbers,
    """
    The sum over `axis`, a list of axes, or everything; bools count as 0 and 1. Also of a list of \
    numbers.
    """,
    examples: [
      .prints("sum([1.0, 2.0, 3.5])", "6.5"),
      .prints("sum([[1, 2], [3, 4]], axis: 0)", "i64[2]\n 4  6"),
      .fails("sum([1.0, 2.0], axis: 1)", "sum: axis 1 is out of range for f32[2]"),
    ],
    gradients: [
      .at("sum(x)", [2, 3]), .at("sum(x, axis: 1)", [2, 3, 2]),
      .at("sum(x, axis: [0, 2])", [2, 3, 2]),
    ], reduction: Reduction { try Reductions.sum(Domain.numbers.of($0), $1) }
  ) { x, axes in
    try Reductions.over(axes, x) { try $0.sum(axis: $1) }
  }

  static let mean = reduction(
    "mean", over: .floats,
    "The mean over `axis`, a list of axes, or everything; integers give f32, nothing gives 0.",
    examples: [
      .prints("mean([1, 2])", "1.5"),
      .prints("mean([[1.0, 2.0], [3.0, 4.0]], axis: -1)", "f32[2]\n 1.5000  3.5000"),
    ],
    gradients: [.at("mean(x)", [2, 3]), .at("mean(x, axis: 0)", [2, 3])],
    reduction: Reduction { try Reductions.mean(Domain.floats.of($0), $1) }
  ) { x, axes in
    try Reductions.mean(x, axes)
  }

  static let largest = reduction(
    "max", over: .ordered,
    """
    The largest over `axis`, a list of axes, or everything; nan where there is one. The gradient \
    goes to the first of equals.
    """,
    examples: [
      .prints("max([1.0, 3.0, 2.0])", "3.0"),
      .prints("max([[1, 5], [7, 2]], axis: 1)", "i64[2]\n 5  7"),
    ],
    gradients: [.at("max(x)", [2, 3]), .at("max(x, axis: 0)", [3, 2])],
    reduction: Reduction { try Reductions.extreme($0, $1, largest: true) }
  ) { x, axes in
    try Reductions.over(axes, x) { try $0.extreme(largest: true, axis: $1) }
  }

  static let smallest = reduction(
    "min", over: .ordered,
    """
    The smallest over `axis`, a list of axes, or everything; nan where there is one. The gradient \
    goes to the first of equals.
    """,
    examples: [.prints("min([1.0, 3.0, 2.0])", "1.0")],
    gradients: [.at("min(x)", [2, 3]), .at("min(x, axis: 0)", [3, 2])],
    reduction: Reduction { try Reductions.extreme($0, $1, largest: false) }
  ) { x, axes in
    try Reductions.over(axes, x) { try $0.extreme(largest: false, axis: $1) }
  }

  static let prod = reduction(
    "prod", over: .numbers, "The product over `axis`, a list of axes, or everything.",
    examples: [.prints("prod([2, 3, 4])", "24"), .prints("prod(zeros(0))", "1.0")],
    gradients: [.at("prod(x)", [4]), .at("prod(x, axis: 1)", [2, 3, 2])],
    reduction: Reduction { try Reductions.product(Domain.numbers.of($0), $1) }
  ) { x, axes in
    try Reductions.over(axes, x) { try $0.product(axis: $1) }
  }

  static let variance = reduction(
    "var", over: .floats,
    """
    The variance over `axis`, a list of axes, or everything: the mean of the squared distances from \
    the mean. It divides by their number n, not by n - 1.
    """,
    examples: [.prints("var([1.0, 3.0])", "1.0")],
    gradients: [.at("var(x)", [2, 3]), .at("var(x, axis: 1)", [2, 3, 2])]
  ) { x, axes in
    try Reductions.variance(x, axes)
  }

  static let std = reduction(
    "std", over: .floats,
    "The standard deviation: the root of `var`, so it divides by n, not by n - 1.",
    examples: [.prints("std([1.0, 5.0])", "2.0")],
    gradients: [.at("std(x)", [2, 3]), .at("std(x, axis: 1)", [2, 3])]
  ) { x, axes in
    // Where there is no spread the root has no slope: the gradient is 0 there, not nan.
    let variance = try Reductions.variance(x, axes)
    let zero = try Variable(.scalar(0, x.dtype))
    let isZero = try Variable(variance.tensor.compare(.equal, zero.tensor))
    let safe = try Variable.select(isZero, Variable(.scalar(1, x.dtype)), variance)
    return try .select(isZero, zero, safe.unary(.sqrt))
  }

  static let logSumExp = reduction(
    "logsumexp", over: .floats,
    "log(sum(exp(x))) over `axis`, a list of axes, or everything, without overflow.",
    examples: [
      .prints("logsumexp([0.0, 0.0])", "0.6931472"), .prints("logsumexp(zeros(0))", "-inf"),
    ],
    gradients: [.at("logsumexp(x)", [2, 3]), .at("logsumexp(x, axis: 0)", [3, 2])],
    reduction: Reduction { try Reductions.logSumExp(Domain.floats.of($0), $1) }
  ) { x, axes in
    try Reductions.over(axes, x) { try $0.logSumExp(axis: $1) }
  }

  // MARK: Positions

  private static func position(
    _ name: String, largest: Bool, _ summary: String, examples: [Example]
  ) -> Builtin {
    reduction(
      name, over: .ordered, summary, examples: examples,
      reduction: Reduction { try Reductions.position($0, $1, largest: largest) }, isLocating: true
    ) { x, axes in
      if axes.count == 1 {
        return Variable(try x.tensor.positions(ofLargest: largest, axis: axes[0]))
      }
      return Variable(try x.tensor.reshaped([x.count]).positions(ofLargest: largest, axis: 0))
    }
  }

  static let argmax = position(
    "argmax", largest: true,
    """
    The position of the largest along `axis`, the first of equals; over everything, the position in \
    the flattened tensor.
    """,
    examples: [
      .prints("argmax([1.0, 3.0, 2.0])", "1"),
      .prints("argmax([[1, 5], [7, 2]], axis: -1)", "i64[2]\n 1  0"),
      .fails("argmax(zeros(0))", "argmax: axis 0 of x is empty, so it has no largest element"),
    ])

  static let argmin = position(
    "argmin", largest: false,
    """
    The position of the smallest along `axis`, the first of equals; over everything, the position \
    in the flattened tensor.
    """,
    examples: [.prints("argmin([1.0, 3.0, 0.5])", "2")])

  // MARK: Conditions

  static let `any` = reduction(
    "any", over: .conditions, "Whether a condition holds at one place at least.",
    examples: [
      .prints("any([1, 5] > 4)", "true"),
      .fails("any([1, 0])", "any: x is a condition, so its dtype is bool, not i64"),
    ], reduction: Reduction { try Reductions.holds($0, $1, anywhere: true) }
  ) { x, axes in
    try Reductions.over(axes, x) { Variable(try $0.tensor.reduced(.any, axis: $1)) }
  }

  static let all = reduction(
    "all", over: .conditions, "Whether a condition holds everywhere.",
    examples: [.prints("all([[true, false], [true, true]], axis: 0)", "bool[2]\n  true  false")],
    reduction: Reduction { try Reductions.holds($0, $1, anywhere: false) }
  ) { x, axes in
    try Reductions.over(axes, x) { Variable(try $0.tensor.reduced(.all, axis: $1)) }
  }
}

extension Arguments {
  /// A tensor, or the numbers of a list, tuple or range; a list of rank-0 tensors is stacked.
  func reducible(_ name: String, _ domain: Domain) throws -> (x: Variable, isList: Bool) {
    var items: [Value]?
    switch self[name] {
    case .list, .range: items = try self[name].items()
    case .record(let record) where record.isTuple: items = record.values
    default: break
    }
    guard let items else { return (try domain.of(tensor(name)), false) }
    let hasTensors = items.contains { $0.variable != nil }
    guard items.allSatisfy({ $0.variable.map { $0.rank == 0 } ?? $0.isNumberOrBool }) else {
      throw wrong(name, "a tensor or a list of numbers", hint: "stack joins tensors of one shape")
    }
    var x = try Stacking(dtype: nil, of: name).stacked(.list(items), at: "")
    // Plain numbers have 64 bits, whatever becomes of tensors.
    if !hasTensors, x.dtype == .f32 || (domain == .floats && x.dtype != .bool) || x.count == 0 {
      let isCounted = domain == .numbers && x.count == 0
      let values = items.map { $0.asDouble ?? 0 }
      x = Variable(isCounted ? try Tensor([Int](), [0]) : try Tensor(values, [items.count]))
    }
    if domain == .conditions, items.isEmpty { x = Variable(try Tensor([Bool](), [0])) }
    return (try domain.of(x), !hasTensors)
  }
}
