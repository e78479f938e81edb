import Autodiff
import Builtins
import Shapes
import Support
import Syntax
import Tensors
import Values

/// A value on its way through index notation: a tensor whose axes carry labels.
enum Indexed {
  case none
  case scalar(Value)
  /// Labels are numbers of index variables; leading axes have labels from `IndexRun.leading` on.
  case tensor(Variable, [Int])
}

/// One run of an index program, in full.
struct IndexRun {
  let program: IndexProgram
  let interpreter: Interpreter
  /// Of the program's inputs; those that read extents may still be undefined.
  var values: [Value]
  /// What binders and the signature say of the extents, in the order of the program's sizes.
  let sizes: [Value]
  private var hasLateValues: Bool
  var extents: [Int]
  /// Where each extent was first seen, for messages.
  var origins: [ExtentSolver.Origin]
  var leadingAxes = ExtentSolver.Leading<Int>()
  var bound: [Indexed] = []
  /// The expression at hand is a function's body: inputs are numbered by it, not by the program.
  var isInFunction = false
  /// The plan for inputs of these kinds, if an earlier run has seen them.
  let plan: IndexPlan?
  /// Whether a later run with inputs of these kinds would find a plan.
  let canBePlanned: Bool
  var recorder: IndexRecorder?

  /// The label of the first leading axis.
  static let leadingLabel = 1 << 20
  static let unknown = Int.unknown

  init(
    _ program: IndexProgram, _ values: IndexValues, _ plan: IndexPlan?, canBePlanned: Bool,
    _ interpreter: Interpreter
  ) {
    self.program = program
    self.interpreter = interpreter
    self.values = Array(values.inputs)
    sizes = Array(values.sizes)
    hasLateValues = values.areLateKnown
    extents = Array(repeating: Self.unknown, count: program.variables.count)
    origins = Array(repeating: .caller, count: program.variables.count)
    self.plan = plan
    self.canBePlanned = canBePlanned
  }

  mutating func run(_ frame: inout Frame) throws -> Value {
    try findExtents()
    program.publish(extents, &frame)
    if !program.lateInputs.isEmpty {
      try evaluateLateInputs(&frame)
      try findExtents()
      program.publish(extents, &frame)
    }
    for (input, span) in program.scalars { _ = try scalar(values[input], span) }
    if case .input(let input, let span) = program.body {
      switch values[input] {
      case .string, .dtype:
        throw Diagnostic("\(values[input].described) can't stand in index notation", at: span)
      default: break
      }
    }
    if extents.contains(Self.unknown) { try findExtents(infersComputed: true) }
    program.publish(extents, &frame)
    for (variable, extent) in zip(program.variables, extents) where extent == Self.unknown {
      throw Diagnostic(
        "nothing says the extent of \(variable.name)", at: variable.span,
        hint: "give it where it is bound: \(variable.name): 8")
    }
    beginRecording()
    let result = try assembled(evaluate(program.body, mask: nil))
    endRecording(result)
    return result
  }

  /// The inputs that read extents, once.
  private mutating func evaluateLateInputs(_ frame: inout Frame) throws {
    guard !hasLateValues else { return }
    for index in program.lateInputs {
      values[index] = try program.inputs[index].node.evaluate(&frame).read
    }
    hasLateValues = true
  }

  // MARK: Evaluation

  /// - Parameter mask: the validity mask of the reads. Where it is false, an index may be out of range.
  mutating func evaluate(_ expression: IndexExpression, mask: Indexed?) throws -> Indexed {
    if interpreter.host.loops.isInterrupted() { throw Interruption() }
    switch expression {
    case .input(let input, let span): return try scalar(values[input], span)
    case .read(let input, let subscripts, let span):
      return try read(values[input], input, subscripts, span, mask)
    case .variable(let variable, _):
      let range = Variable(try Tensor.range(extents[variable]))
      recorder?.constant(range)
      return .tensor(range, [variable])
    case .extent(let variable, _):
      recorder?.dependsOnExtents()
      return .scalar(.int(extents[variable]))
    case .bound(let slot, _):
      guard case .tensor(let x, let labels) = bound[slot] else { return bound[slot] }
      return try masked(x, labels, mask)
    case .arithmetic(let operation, let left, let right, let span):
      let a = try operand(left, mask: mask)
      var b = try operand(right, mask: mask)
      if [.divide, .floorDivide, .remainder].contains(operation) { b = try divisor(b, mask) }
      return try combined(a, b, span, [left, right], operation)
    case .comparison(let first, let rest, let span):
      if !isInFunction, let band = try band(first, rest) { return band }
      var result: Indexed?
      var left = try evaluate(first, mask: mask)
      for (comparison, next) in rest {
        let right = try evaluate(next, mask: mask)
        let holds: Indexed
        switch (left, right) {
        case (.none, _), (_, .none):
          holds = .scalar(try compare(comparison, Self.value(left), Self.value(right)))
        default:
          holds = try combined(left, right, span, [first, next], comparison.symbol) {
            try compare(comparison, $0, $1)
          }
        }
        if let sum = result {
          result = try combined(sum, holds, span, [first, next], "and") {
            try combine(.and, $0, $1)
          }
        } else {
          result = holds
        }
        left = right
      }
      return result ?? left
    case .logical(let function, let left, let right, let span):
      let a = try evaluate(left, mask: mask)
      let b = try evaluate(right, mask: mask)
      switch (a, b) {
      case (.none, let other), (let other, .none): return function == .and ? other : .none
      default:
        return try combined(a, b, span, [left, right], function == .and ? "and" : "or") {
          try combine(function, $0, $1)
        }
      }
    case .unary(let isNot, let operand, let span):
      switch try evaluate(operand, mask: mask) {
      case .none: throw Diagnostic("none can't be negated", at: span)
      case .scalar(let value):
        return .scalar(
          try interpreter.located(span) { try isNot ? Values.negate(value) : negative(value) })
      case .tensor(let x, let labels):
        let value = try interpreter.located(span) {
          try isNot ? Values.negate(.tensor(x)) : negative(.tensor(x))
        }
        return .tensor(value.variable ?? x, labels)
      }
    case .select(let test, let then, let otherwise, let span):
      return try select(test, then, otherwise, span, mask)
    case .call(let input, let arguments, let span):
      return try call(input, arguments, span, mask)
    case .reduce(let builtin, let indices, let body, let condition, let span):
      return try reduce(builtin, indices, body, condition, span, mask)
    case .scores(let indices, let body, let span):
      return try sumOfProducts(
        indices, factors(body), span, mask,
        leavesPending: interpreter.host.tape.fusesAttention)
    }
  }

  /// A divisor with 1 where the validity mask excludes it, so that nothing is divided by 0 there.
  func divisor(_ value: Indexed, _ mask: Indexed?) throws -> Indexed {
    guard case .tensor(let keep, let keepLabels)? = mask, case .tensor(let x, let labels) = value,
      x.dtype != .bool, keepLabels.allSatisfy(labels.contains)
    else { return value }
    let one = try Variable(Tensor.scalar(1, x.dtype))
    return .tensor(try .select(aligned(keep, keepLabels, to: labels), x, one), labels)
  }

  /// An operand under a validity mask.
  ///
  /// An operand such as log(t) or 1/t may be infinite where the mask excludes it. While the tape records, the
  /// method selects 0 there, because 0 times infinity would not be 0 in the other operand's gradient.
  mutating func operand(_ expression: IndexExpression, mask: Indexed?) throws -> Indexed {
    let value = try evaluate(expression, mask: mask)
    guard mask != nil, case .tensor(let x, let labels) = value else { return value }
    switch expression {
    case .call, .arithmetic(.divide, _, _, _), .arithmetic(.power, _, _, _):
      return try masked(x, labels, mask)
    default: return value
    }
  }

  func scalar(_ value: Value, _ span: Span) throws -> Indexed {
    switch value {
    case .none: return .none
    case .int, .float, .bool, .dtype, .string: return .scalar(value)
    default:
      guard let x = value.variable else {
        throw Diagnostic("\(value.described) can't stand in index notation", at: span)
      }
      guard x.rank == 0 else {
        let letters = ["i", "j", "k", "l", "m"].prefix(x.rank).joined(separator: ", ")
        throw Diagnostic(
          "\(span.text) is \(x.description), and stands here without its indices", at: span,
          hint: "write \(span.text)[\(letters)] with indices that are bound")
      }
      return .tensor(x, [])
    }
  }

  static func value(_ indexed: Indexed) -> Value {
    switch indexed {
    case .none: .none
    case .scalar(let value): value
    case .tensor(let x, _): .tensor(x)
    }
  }

  /// `+ - * / // % ^` on two operands.
  func combined(
    _ a: Indexed, _ b: Indexed, _ span: Span, _ operands: [IndexExpression], _ operation: Arithmetic
  ) throws -> Indexed {
    try combined(
      a, b, span, operands, operation.rawValue, again: { operation.ready(for: $0, $1) },
      { try operation($0, $1) })
  }

  /// An operation on two operands, which are transposed and broadcast to the same axes.
  ///
  /// - Parameter again: the operation for a plan, where there is a quicker one for tensors like these.
  func combined(
    _ a: Indexed, _ b: Indexed, _ span: Span, _ operands: [IndexExpression], _ symbol: String,
    again: ((Variable, Variable) -> Arithmetic.OfTensors)? = nil,
    _ operation: @escaping (Value, Value) throws -> Value
  ) throws -> Indexed {
    func variable(_ x: Value, _ y: Value) throws -> Variable {
      guard let made = try operation(x, y).variable else { preconditionFailure("a tensor as before") }
      return made
    }
    func diagnosed(_ x: Value, _ y: Value) throws -> Value {
      do {
        let result = try operation(x, y)
        if let recorder, let made = result.variable {
          switch (x, y) {
          case (.tensor(let a), .tensor(let b)):
            recorder.record(made, a, b, again?(a, b) ?? { try variable(.tensor($0), .tensor($1)) })
          case (.tensor(let a), _): recorder.record(made, a) { try variable(.tensor($0), y) }
          case (_, .tensor(let b)): recorder.record(made, b) { try variable(x, .tensor($0)) }
          default: break
          }
        }
        return result
      } catch {
        let site = OperandSite(
          function: interpreter.primitives.operators[symbol]?.name ?? "", spans: operands.map(\.span),
          valueIndices: [0, 1], parameters: ["x", "y"], shownNames: ["the left", "the right"], whole: span)
        throw interpreter.diagnose(error, site, [x, y])
      }
    }
    switch (a, b) {
    case (.none, _), (_, .none):
      throw Diagnostic("none has no value to compute with", at: span)
    case (.scalar(let x), .scalar(let y)): return .scalar(try diagnosed(x, y))
    case (.scalar(let x), .tensor(let y, let labels)):
      return Self.indexed(try diagnosed(x, .tensor(y)), labels)
    case (.tensor(let x, let labels), .scalar(let y)):
      return Self.indexed(try diagnosed(.tensor(x), y), labels)
    case (.tensor(let x, let xLabels), .tensor(let y, let yLabels)):
      let union = Self.union(xLabels, yLabels)
      // Operands whose labels are the other's trailing labels broadcast without a view.
      let isTrailing =
        union == xLabels && xLabels.suffix(yLabels.count).elementsEqual(yLabels)
        || union == yLabels && yLabels.suffix(xLabels.count).elementsEqual(xLabels)
      let left = try isTrailing ? x : aligned(x, xLabels, to: union)
      let right = try isTrailing ? y : aligned(y, yLabels, to: union)
      return .tensor(try diagnosed(.tensor(left), .tensor(right)).variable ?? left, union)
    }
  }

  /// A result that is no tensor holds for every element, such as whether elements equal a string.
  private static func indexed(_ value: Value, _ labels: [Int]) -> Indexed {
    value.variable.map { .tensor($0, labels) } ?? .scalar(value)
  }

  /// The labels of both, in the order of the one that has all where there is one.
  static func union(_ a: [Int], _ b: [Int]) -> [Int] {
    if a == b { return a }
    if b.allSatisfy(a.contains) { return a }
    if a.allSatisfy(b.contains) { return b }
    return a + b.filter { !a.contains($0) }
  }

  /// A view with the axes permuted to the order of `union` and broadcast along those that it lacks.
  func aligned(_ x: Variable, _ labels: [Int], to union: [Int]) throws -> Variable {
    if labels == union { return x }
    let present = union.filter(labels.contains)
    let order = present.map { labels.firstIndex(of: $0) ?? 0 }
    let ordered = x.transposed(order)
    recorder?.record(ordered, x) { $0.transposed(order) }
    if present.count == union.count { return ordered }
    func spread(_ x: Variable, _ extents: IndexExtents) throws -> Variable {
      try x.materialize()
      let whole = union.map { extents[$0] }
      try Tensor.checkShape(whole)
      let kept = zip(union, whole).map { labels.contains($0) ? $1 : 1 }
      return try x.reshaped(kept).expanded(to: whole)
    }
    let result = try spread(ordered, found)
    recorder?.record(result, sized: ordered, spread)
    return result
  }

  // MARK: The result

  /// The axes in the order of the left side, merged where it says so.
  func assembled(_ result: Indexed) throws -> Value {
    let order = program.target.flatMap { axis in
      switch axis {
      case .ellipsis: leadingLabels
      case .variable(let variable): [variable]
      case .merged(let parts): parts
      }
    }
    let shape = found.shape(of: program.target)
    switch result {
    case .none: return .none
    case .scalar(let value):
      guard value.asDouble != nil || value.asBool != nil else {
        throw Diagnostic("a tensor's elements are numbers, not \(value.described)", at: program.body.span)
      }
      if program.isFree || program.target.isEmpty, program.reads.isEmpty { return value }
      let dtype: DType
      switch value {
      case .int: dtype = .i64
      case .bool: dtype = .bool
      default: dtype = .f32
      }
      try Tensor.checkShape(shape)
      return .tensor(try number(value, dtype, program.body.span).expanded(to: shape))
    case .tensor(let x, let labels):
      let ordered = try aligned(x, labels, to: order)
      let result = try ordered.reshaped(shape)
      if shape.count < order.count {
        recorder?.record(result, sized: ordered) { [target = program.target] x, extents in
          try x.reshaped(extents.shape(of: target))
        }
      }
      return .tensor(result)
    }
  }
}

extension IndexSubscript {
  var isEllipsis: Bool {
    if case .ellipsis = self { return true }
    return false
  }
  var isExpression: Bool {
    if case .expression = self { return true }
    return false
  }
}
