import Autodiff
import Builtins
import Host
import Shapes
import Support
import Tensors
import Values

/// Gradients are functions.
extension Builtin {
  package static let gradientFamily: [Builtin] = [grad, valueAndGrad, gradcheck, stopGradient]

  static let grad = Builtin(
    "grad(f, inputs...)",
    """
    The gradient of f, which gives one number. With inputs, the gradient there, shaped like the \
    input (for a model a record of its parameters; for several inputs a tuple); without, a function.
    """, shape: ShapeRule(.dataDependent, "inputs"),
    examples: [
      .prints("grad(x -> x ^ 2, 3.0)", "6.0"),
      .prints("grad(x -> sum(x * x), [1.0, 2.0])", "f32[2]\n 2.0000  4.0000"),
      .prints("grad(grad(x -> x ^ 3))(2.0)", "12.0"),
      .fails(
        "grad(x -> x * 2, [1.0, 2.0])",
        "grad: the function gave f32[2], and a gradient is taken of one number"),
    ], uses: [.tape, .calls]
  ) { arguments in
    let f = arguments["f"]
    let differentiation = Differentiation(arguments)
    let inputs = try arguments.list("inputs")
    func gradient(_ inputs: [Value]) throws -> Value {
      try packed(differentiation.gradients(of: f, inputs).gradients)
    }
    if !inputs.isEmpty { return try gradient(inputs) }
    return .function(
      NativeFunction("", parameters: ["inputs"]) { try gradient($0) })
  }

  static let valueAndGrad = Builtin(
    "value_and_grad(f, inputs...)",
    "What f gives and its gradient, as a tuple; see grad.",
    examples: [.prints("value_and_grad(x -> x ^ 2, 3.0)", "(9.0, 6.0)")], uses: [.tape, .calls]
  ) { arguments in
    let f = arguments["f"]
    let differentiation = Differentiation(arguments)
    let inputs = try arguments.list("inputs")
    func both(_ inputs: [Value]) throws -> Value {
      let (value, gradients) = try differentiation.gradients(of: f, inputs)
      return .record(Record(tuple: [value, packed(gradients)]))
    }
    if !inputs.isEmpty { return try both(inputs) }
    return .function(NativeFunction("", parameters: ["inputs"]) { try both($0) })
  }

  static let gradcheck = Builtin(
    "gradcheck(f, inputs...)",
    """
    Compares the gradient of f with central finite differences in f64 and gives the largest \
    difference, relative where the gradient is above 1. Results of f with many elements are \
    weighted and summed.
    """,
    examples: [.prints("gradcheck(x -> sum(exp(x)), [0.5, 1.0]) < 1e-8", "true")],
    uses: [.tape, .calls, .random]
  ) { arguments in
    let random = arguments.random
    return .float(
      try Differentiation(arguments).largestError(arguments["f"], arguments.list("inputs"), random))
  }

  static let stopGradient = Builtin(
    "stop_gradient(x[...]) -> [...]", "The same value, through which no gradient flows.",
    examples: [.prints("grad(x -> x * stop_gradient(x), 3.0)", "3.0")]
  ) { arguments in
    arguments["x"].mapLeaves { $0.variable.detached }
  }

  private static func packed(_ gradients: [Value]) -> Value {
    gradients.count == 1 ? gradients[0] : .record(Record(tuple: gradients))
  }
}

/// Takes gradients of functions of values.
private struct Differentiation {
  let tape: Tape
  let call: (Value, [Value]) throws -> Value

  init(_ arguments: Arguments) {
    tape = arguments.tape
    call = arguments.call
  }

  /// Runs f on tracked inputs and takes the gradient of the one number that it gives.
  func gradients(
    of f: Value, _ inputs: [Value]
  ) throws -> (value: Value, gradients: [Value]) {
    let inputs = try inputs.map { try $0.withFloatsAsTensors() }
    return try tape.recording {
      var leaves: [Variable] = []
      let tracked = try inputs.enumerated().map { position, input in
        try track(input, position: position + 1) { variable in
          let leaf = tape.input(variable)
          leaves.append(leaf)
          return leaf
        }
      }
      let value = try call(f, tracked).read
      if case .float = value { return (value, try zeroGradients(inputs)) }
      if case .int = value { return (value, try zeroGradients(inputs)) }
      guard let y = value.variable, y.tensor.count == 1, y.dtype.isFloat else {
        throw BuiltinError(
          "the function gave \(value.kind), and a gradient is taken of one number", at: ["f"],
          hint: value.variable == nil ? nil : "sum or mean makes one number of a tensor")
      }
      let found = try tape.gradient(of: y, for: leaves)
      var next = 0
      func gradient(_ original: Variable) throws -> Variable {
        defer { next += 1 }
        return try found[next] ?? Variable(Tensor.full(leaves[next].shape, 0, leaves[next].dtype))
      }
      let gradients = try inputs.map { input -> Value in
        if case .model = input {
          return try input.parameterRecord { .tensor(try gradient($0.variable)) } ?? .record(Record([]))
        }
        return try input.mapLeaves {
          $0.variable.dtype.isFloat ? try gradient($0.variable) : $0.variable
        }
      }
      return (.tensor(y.rank == 0 ? y : try y.reshaped([])), gradients)
    }
  }

  /// The largest difference between the gradient and central differences, both in f64.
  func largestError(_ f: Value, _ inputs: [Value], _ random: Randomness) throws -> Double {
    let start = random.state
    defer { random.state = start }
    func wide(_ input: Value) throws -> Value {
      try input.mapLeaves {
        $0.variable.dtype == .f32 ? try $0.variable.converted(to: .f64) : $0.variable
      }
    }
    let inputs = try inputs.map(wide)
    // Results with many elements are weighted, so that no error cancels.
    func weigh(_ value: Value) throws -> Value {
      guard let y = value.variable, y.rank > 0 || !y.dtype.isFloat else { return value }
      guard y.dtype.isFloat else {
        throw BuiltinError(
          "the function gave \(value.kind), and a gradient is taken of floats", at: ["f"])
      }
      var weights = RandomState(seed: 1)
      let w = Variable(try weights.uniform(y.shape, y.dtype))
      return .tensor(try (y * (w + 0.5)).sum())
    }
    let weighted = Value.function(
      NativeFunction("", parameters: ["inputs"]) { values in
        random.state = start
        return try weigh(call(f, values))
      })
    let (_, gradients) = try self.gradients(of: weighted, inputs)
    var worst = 0.0
    for (position, input) in inputs.enumerated() {
      var analytic: [Double] = []
      for leaf in gradients[position].leaves() where leaf.variable.dtype.isFloat {
        analytic += try leaf.variable.tensor.doubles()
      }
      var at = 0
      var leafSizes: [Int] = []
      _ = try track(input, position: position) {
        leafSizes.append($0.tensor.count)
        return $0
      }
      for (leafIndex, size) in leafSizes.enumerated() {
        for element in 0..<size {
          func value(moved by: Double) throws -> Double {
            var index = 0
            let moved = try track(input, position: position) { variable in
              defer { index += 1 }
              guard index == leafIndex else { return variable }
              var elements = try variable.tensor.doubles()
              elements[element] += by
              return Variable(try Tensor(elements, variable.shape))
            }
            var all = inputs
            all[position] = moved
            let result = try call(weighted, all)
            guard let number = result.asDouble else {
              throw BuiltinError(
                "the function gave \(result.kind), and a gradient is taken of one number", at: ["f"])
            }
            return number
          }
          // Fourth-order differences: the error of the step falls below that of rounding.
          let h = 1e-3
          let slope =
            (8 * (try value(moved: h) - value(moved: -h))
              - (try value(moved: 2 * h) - value(moved: -2 * h)))
            / (12 * h)
          let difference = abs(slope - analytic[at]) / max(1, abs(slope))
          worst = difference.isNaN ? .infinity : max(worst, difference)
          at += 1
        }
      }
    }
    return worst
  }
}

private func zeroGradients(_ inputs: [Value]) throws -> [Value] {
  try inputs.map { input in
    func zeros(_ variable: Variable) throws -> Variable {
      Variable(try Tensor.full(variable.shape, 0, variable.dtype))
    }
    if case .float = input { return .float(0) }
    if case .model = input {
      return try input.parameterRecord { .tensor(try zeros($0.variable)) } ?? .record(Record([]))
    }
    return try input.mapLeaves { try zeros($0.variable) }
  }
}

/// An input with its differentiable tensors replaced: a model's parameters that are not frozen,
/// the float tensors of anything else. A `Float` becomes a tensor of rank 0 in f64.
private func track(
  _ input: Value, position: Int, _ transform: (Variable) throws -> Variable
) throws -> Value {
  switch input {
  case .float(let value): return .tensor(try transform(Variable(Tensor.scalar(value, .f64))))
  case .model:
    return try input.mapLeaves {
      $0.isTrained ? try transform($0.variable) : $0.variable
    }
  case .tensor, .parameter, .list, .record:
    guard input.leaves().contains(where: { $0.variable.dtype.isFloat }) else { fallthrough }
    return try input.mapLeaves {
      $0.variable.dtype.isFloat ? try transform($0.variable) : $0.variable
    }
  default:
    throw BuiltinError(
      "there is no gradient for \(input.kind)", at: ["inputs"],
      hint: "convert it to a float tensor first: x.to(f32)")
  }
}
