import Autodiff
import Builtins
import Support
import Syntax
import Tensors
import Values

/// Elementwise conditions, and calls of builtins and functions element by element.
extension IndexRun {
  mutating func select(
    _ test: IndexExpression, _ then: IndexExpression, _ otherwise: IndexExpression, _ span: Span,
    _ mask: Indexed?
  ) throws -> Indexed {
    // Which branch is taken may depend on the numbers.
    recorder?.abort()
    let condition = try evaluate(test, mask: mask)
    switch condition {
    case .scalar(.bool(let flag)): return try evaluate(flag ? then : otherwise, mask: mask)
    case .tensor(let keep, let labels) where keep.dtype == .bool:
      if labels.isEmpty {
        return try evaluate(keep.tensor.integerItem != 0 ? then : otherwise, mask: mask)
      }
      let opposite = Indexed.tensor(Variable(try keep.tensor.unary(.not)), labels)
      let a = try evaluate(then, mask: both(mask, condition))
      let b = try evaluate(otherwise, mask: both(mask, opposite))
      return try chosen(keep, labels, a, b, span)
    default:
      throw Diagnostic(
        "a condition is true or false, not \(Self.value(condition).described)", at: test.span)
    }
  }

  func both(_ a: Indexed?, _ b: Indexed) throws -> Indexed {
    guard case .tensor(let x, let xLabels)? = a, case .tensor(let y, let yLabels) = b else {
      return b
    }
    let union = Self.union(xLabels, yLabels)
    return .tensor(
      Variable(
        try aligned(x, xLabels, to: union).tensor.binary(
          .and, aligned(y, yLabels, to: union).tensor)),
      union)
  }

  func chosen(
    _ keep: Variable, _ labels: [Int], _ a: Indexed, _ b: Indexed, _ span: Span
  ) throws -> Indexed {
    var union = labels
    for case .tensor(_, let own) in [a, b] { union = Self.union(union, own) }
    let dtype: DType
    switch (a, b) {
    case (.tensor(let x, _), .tensor(let y, _)): dtype = .common(x.dtype, y.dtype)
    case (.tensor(let x, _), .scalar(let value)), (.scalar(let value), .tensor(let x, _)):
      if case .float = value, !x.dtype.isFloat { dtype = .f32 } else { dtype = x.dtype }
    case (.scalar(.bool), .scalar(.bool)): dtype = .bool
    case (.scalar(.int), .scalar(.int)): dtype = .i64
    case (.scalar, .scalar): dtype = .f32
    default: throw Diagnostic("a branch is none", at: span)
    }
    func operand(_ value: Indexed) throws -> Variable {
      switch value {
      case .tensor(let x, let own): return try aligned(x.converted(to: dtype), own, to: union)
      case .scalar(let value): return try number(value, dtype, span)
      case .none: throw Diagnostic("a branch is none", at: span)
      }
    }
    return .tensor(
      try .select(aligned(keep, labels, to: union), operand(a), operand(b)), union)
  }

  func number(_ value: Value, _ dtype: DType, _ span: Span) throws -> Variable {
    if case .int(let number) = value { return Variable(try Tensor.scalar(number, dtype)) }
    if case .bool(let flag) = value { return Variable(try Tensor.scalar(flag ? 1 : 0, dtype)) }
    guard let number = value.asDouble else {
      throw Diagnostic("a tensor's elements are numbers, not \(value.described)", at: span)
    }
    return Variable(try Tensor.scalar(number, dtype))
  }

  mutating func call(
    _ input: Int, _ arguments: [(label: Name?, IndexExpression)], _ span: Span, _ mask: Indexed?
  ) throws -> Indexed {
    let given = try arguments.map { try evaluate($0.1, mask: mask) }
    switch values[input] {
    case .builtin(let primitive):
      let builtin = primitive.declaration
      guard builtin.traits.contains(.elementwise) else { break }
      return try call(builtin, given, arguments, span)
    case .function(let function):
      guard let closure = function as? Closure else { break }
      return try call(closure, given, arguments, mask, span)
    default: break
    }
    let name = values.indices.contains(input) ? values[input] : .none
    throw Diagnostic(
      "\(name.kind) is called with an index inside, and is not elementwise", at: span,
      hint: "call it on whole tensors in a line of its own, or use a reducer such as sum[i](...)")
  }

  func call(
    _ builtin: Builtin, _ given: [Indexed], _ arguments: [(label: Name?, IndexExpression)],
    _ span: Span
  ) throws -> Indexed {
    var union: [Int] = []
    for case .tensor(_, let labels) in given { union = Self.union(union, labels) }
    let operands = try given.map { value -> Value in
      if case .tensor(let x, let labels) = value {
        return .tensor(try aligned(x, labels, to: union))
      }
      return Self.value(value)
    }
    let names = builtin.parameterNames
    let plan = try BindingPlan(
      arguments.map { ($0.label, $0.1.span) }, of: builtin.name, names, variadic: builtin.variadic)
    let result = try interpreter.run(builtin, operands, plan) {
      OperandSite(
        function: builtin.name, spans: arguments.map { $0.1.span },
        valueIndices: Array(arguments.indices), parameters: names, whole: span)
    }
    guard let x = result.variable else { return .scalar(result) }
    record(x, builtin, operands, plan)
    return .tensor(x, x.rank == union.count ? union : [])
  }

  /// A builtin of one or two tensors, and numbers.
  private func record(_ result: Variable, _ builtin: Builtin, _ operands: [Value], _ plan: BindingPlan) {
    guard let recorder else { return }
    var numbers = operands
    var tensors: [(place: Int, Variable)] = []
    for (place, operand) in operands.enumerated() {
      if case .tensor(let x) = operand {
        tensors.append((place, x))
        // A plan holds no tensor of the run that it was recorded in.
        numbers[place] = .none
      }
    }
    let site = OperandSite(
      function: builtin.name, spans: [], valueIndices: [], parameters: [], whole: Span(Source(""), 0, 0))
    // The program that keeps the plan is itself kept by the interpreter.
    let again = { [unowned interpreter, numbers] (places: [Int], tensors: [Variable]) throws -> Variable in
      var operands = numbers
      for (place, x) in zip(places, tensors) { operands[place] = .tensor(x) }
      guard let made = try interpreter.run(builtin, operands, plan, { site }).variable else {
        preconditionFailure("a tensor as before")
      }
      return made
    }
    let places = tensors.map(\.place)
    switch tensors.count {
    case 1: recorder.record(result, tensors[0].1) { try again(places, [$0]) }
    case 2: recorder.record(result, tensors[0].1, tensors[1].1) { try again(places, [$0, $1]) }
    default: recorder.abort()
    }
  }

  /// A function of the user's, element by element: its body is run on the indexed values.
  mutating func call(
    _ closure: Closure, _ given: [Indexed], _ arguments: [(label: Name?, IndexExpression)],
    _ mask: Indexed?, _ span: Span
  ) throws -> Indexed {
    recorder?.abort()
    let code = closure.code
    try interpreter.enterElementwise(code, span)
    defer { interpreter.leaveElementwise() }
    if code.elementwise == nil {
      do {
        code.elementwise = try Compiler(module: code.module, interpreter: interpreter)
          .compileElementwise(code.declaration, captures: code.captureNames)
      } catch let problem as Diagnostic {
        throw Diagnostic(
          "\(code.displayName) is called with an index inside, and is not elementwise: \(problem.message)",
          at: span, hint: "call it on whole tensors in a line of its own")
      }
    }
    guard let body = code.elementwise else { preconditionFailure("made above") }
    var frame = Frame(interpreter, slots: body.frameSlots, model: closure.model)
    for (name, slot) in body.captureSlots {
      if let at = code.captureNames.firstIndex(of: name) {
        frame.locals[slot] = closure.captured[at]
      }
    }
    var inner = self
    inner.isInFunction = true
    inner.values = try body.inputs.map { try $0.evaluate(&frame).read }
    inner.bound = Array(repeating: .none, count: body.slotCount)
    var isGiven = [Bool](repeating: false, count: code.parameters.count)
    let plan = try BindingPlan(
      arguments.map { ($0.label, $0.1.span) }, of: code.displayName, code.parameters.map(\.name))
    for (position, value) in zip(plan.parameters, given) {
      inner.bound[position] = value
      isGiven[position] = true
    }
    for (position, parameter) in code.parameters.enumerated() where !isGiven[position] {
      guard let input = body.fallbacks[position] else {
        throw Diagnostic("\(code.displayName): \(parameter.name) is missing", at: span)
      }
      inner.bound[position] = try scalar(inner.values[input], span)
    }
    do {
      for (slot, expression) in body.assignments {
        inner.bound[slot] = try inner.evaluate(expression, mask: mask)
      }
      return try inner.evaluate(body.result, mask: mask)
    } catch var problem as Diagnostic {
      problem.add(.init(function: code.displayName, span: span))
      throw problem
    }
  }
}
