import Builtins
import Shapes
import Support
import Syntax
import Tensors
import Values

/// `f(a, b, name: c)`, and `x.f(a)` where the receiver comes first.
final class CallNode: Node {
  enum Callee {
    case expression(Node)
    /// `x.f`: a field of x first, then the function f given x.
    case method(receiver: Node, name: Name, fallback: GlobalNode)
  }
  let callee: Callee
  let arguments: [Node]
  let labels: [Name?]
  @exclusivity(unchecked) private var member = MemberCache()
  private var planned: (callee: AnyObject, receiver: Bool, plan: BindingPlan)?

  init(_ callee: Callee, _ arguments: [Node], labels: [Name?], _ span: Span) {
    self.callee = callee
    self.arguments = arguments
    self.labels = labels
    super.init(span)
  }

  override func evaluate(_ frame: inout Frame) throws -> Value {
    var function: Value
    var receiver: Value?
    var receiverNode: Node?
    switch callee {
    case .expression(let node):
      if let global = node as? GlobalNode {
        function = try global.callee(&frame)
      } else {
        function = try node.evaluate(&frame)
      }
    case .method(let node, let name, let fallback):
      let base = try node.evaluate(&frame)
      if case .model(let model) = base, let code = member.method(name.text, of: model) {
        return try callMethod(code, of: model, &frame)
      } else if let field = member.value(name.text, of: base), field.isCallable {
        function = field
      } else {
        do { function = try fallback.callee(&frame) } catch {
          throw frame.interpreter.unknownMember(name, of: base)
        }
        receiver = base
        receiverNode = node
      }
    }
    if let result = try callAgain(function, receiver, &frame) { return result }
    var values: [Value] = []
    values.reserveCapacity(arguments.count + 1)
    if let receiver { values.append(receiver) }
    for argument in arguments { values.append(try argument.evaluate(&frame)) }
    return try call(function, values, receiverNode, &frame)
  }

  /// A call of the function or model that was called here last: its arguments go straight into its frame.
  /// `nil` where it is another one, or none at all.
  private func callAgain(_ function: Value, _ receiver: Value?, _ frame: inout Frame) throws -> Value? {
    guard let planned, planned.receiver == (receiver != nil) else { return nil }
    let (interpreter, plan) = (frame.interpreter, planned.plan)
    switch function {
    case .function(let function):
      guard let closure = function as? Closure, closure.code === planned.callee else { return nil }
      var inner = interpreter.frame(for: closure)
      try pass(receiver, to: closure.code, plan, &inner, &frame)
      return try interpreter.run(closure.code, in: &inner, plan, at: self)
    case .model(let model):
      guard let code = (model.type as? ModelCode)?.apply, code === planned.callee else { return nil }
      var inner = interpreter.frame(for: model, code)
      try pass(receiver, to: code, plan, &inner, &frame)
      return try interpreter.run(code, in: &inner, plan, at: self)
    default: return nil
    }
  }

  private func callMethod(_ code: FunctionCode, of model: Model, _ frame: inout Frame) throws -> Value {
    let interpreter = frame.interpreter
    let plan = try plan(for: code, nil, interpreter) {
      try bind(code.displayName, code.parameters.map(\.name), variadic: nil, nil)
    }
    var inner = interpreter.frame(for: model, code)
    try pass(nil, to: code, plan, &inner, &frame)
    return try interpreter.run(code, in: &inner, plan, at: self)
  }

  private func pass(
    _ receiver: Value?, to code: FunctionCode, _ plan: BindingPlan, _ inner: inout Frame,
    _ frame: inout Frame
  ) throws {
    var index = 0
    if let receiver {
      inner.locals[code.parameterSlots[plan.parameters[0]]] = receiver
      index = 1
    }
    for argument in arguments {
      inner.locals[code.parameterSlots[plan.parameters[index]]] = try argument.evaluate(&frame)
      index += 1
    }
  }

  private func call(
    _ function: Value, _ values: [Value], _ receiver: Node?, _ frame: inout Frame
  ) throws -> Value {
    let interpreter = frame.interpreter
    switch function {
    case .builtin(let primitive):
      let builtin = primitive.declaration
      let plan = try plan(for: builtin, receiver, interpreter) {
        try bind(
          builtin.name, builtin.parameterNames, variadic: builtin.variadic, receiver)
      }
      return try interpreter.run(builtin, values, plan, { self.site(builtin, receiver, plan) })
    case .function(let function):
      if let closure = function as? Closure {
        let plan = try plan(for: closure.code, receiver, interpreter) {
          try bind(closure.code.displayName, closure.parameterNames, variadic: nil, receiver)
        }
        return try interpreter.run(closure, values, plan, at: self)
      }
      guard let native = function as? NativeFunction else {
        preconditionFailure("functions are closures or native")
      }
      guard labels.allSatisfy({ $0 == nil }) || native.parameterNames.count >= values.count else {
        throw Diagnostic("this function takes no keyword arguments", at: span)
      }
      return try interpreter.run(native, reordered(values, native, receiver), at: span)
    case .model(let model):
      guard let type = model.type as? ModelCode, let apply = type.apply else {
        throw Diagnostic("\(model.type.name) has no apply, so it can't be called", at: span)
      }
      let plan = try plan(for: apply, receiver, interpreter) {
        try bind(type.name, apply.parameters.map(\.name), variadic: nil, receiver)
      }
      return try interpreter.apply(model, apply, values, plan, at: self)
    case .modelType(let type):
      guard let type = type as? ModelCode else { preconditionFailure("model types are code") }
      let plan = try plan(for: type, receiver, interpreter) {
        try bind(type.name, type.parameterNames, variadic: nil, receiver)
      }
      return try interpreter.make(type, values, plan, at: self)
    default:
      throw Diagnostic(
        calleeText == function.described
          ? "\(calleeText) can't be called"
          : "\(calleeText) is \(function.described), which can't be called", at: calleeSpan,
        hint: function.variable == nil
          ? nil : "a tensor is indexed with brackets: \(calleeText)[...]")
    }
  }

  private func plan(
    for callee: AnyObject, _ receiver: Node?, _ interpreter: Interpreter,
    _ make: () throws -> BindingPlan
  ) throws -> BindingPlan {
    if let planned, planned.callee === callee, planned.receiver == (receiver != nil) {
      return planned.plan
    }
    let plan = try make()
    planned = (callee, receiver != nil, plan)
    return plan
  }

  private func bind(
    _ name: String, _ parameters: [String], variadic: Int?, _ receiver: Node?
  ) throws -> BindingPlan {
    let all: [BindingPlan.Argument] =
      (receiver.map { [(nil, $0.span)] } ?? []) + zip(labels, arguments).map { ($0, $1.span) }
    return try BindingPlan(all, of: name, parameters, variadic: variadic)
  }

  private func reordered(_ values: [Value], _ native: NativeFunction, _ receiver: Node?) throws
    -> [Value]
  {
    guard labels.contains(where: { $0 != nil }) else { return values }
    let plan = try bind(
      native.name.isEmpty ? "a function" : native.name, native.parameterNames, variadic: nil, receiver)
    var result = [Value](repeating: .undefined, count: native.parameterNames.count)
    for (value, parameter) in zip(values, plan.parameters) { result[parameter] = value }
    for (value, name) in zip(result, native.parameterNames) {
      if case .undefined = value { throw Diagnostic("\(native.name): \(name) is missing", at: span) }
    }
    return result
  }

  // MARK: What errors say

  private var calleeText: String {
    switch callee {
    case .expression(let node): node.span.text
    case .method(_, let name, _): name.text
    }
  }

  private var calleeSpan: Span {
    switch callee {
    case .expression(let node): node.span
    case .method(_, let name, _): name.span
    }
  }

  /// Where the arguments of a builtin stand, for its errors.
  private func site(_ builtin: Builtin, _ receiver: Node?, _ plan: BindingPlan) -> OperandSite {
    let nodes = (receiver.map { [$0] } ?? []) + arguments
    var spans = [Span?](repeating: nil, count: builtin.parameterNames.count)
    var values = [Int?](repeating: nil, count: spans.count)
    for (index, parameter) in plan.parameters.enumerated() {
      let position = parameter >= 0 ? parameter : builtin.variadic ?? 0
      if spans[position] == nil {
        spans[position] = nodes[index].span
        values[position] = index
      } else if let span = spans[position] {
        spans[position] = span.through(nodes[index].span)
      }
    }
    return OperandSite(
      function: builtin.name, spans: spans, valueIndices: values, parameters: builtin.parameterNames,
      whole: span)
  }
}

/// A local name in call position: what it holds where that can be called, else what it hides.
final class CalleeNode: Node {
  let local: Node
  let outer: GlobalNode
  init(_ local: Node, _ outer: GlobalNode, _ span: Span) {
    self.local = local
    self.outer = outer
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    if let slot = (local as? LocalNode)?.slot, case .undefined = frame.locals[slot] {
      if let value = try? outer.callee(&frame) { return value }
    }
    let value = try local.evaluate(&frame)
    if value.isCallable { return value }
    guard let hidden = try? outer.callee(&frame), hidden.isCallable else { return value }
    return hidden
  }
}

/// Where the operands of a failed operation stand, and what to call them.
struct OperandSite {
  var function: String
  var spans: [Span?]
  var valueIndices: [Int?]
  /// The parameters' names, by which errors speak of them.
  let parameters: [String]
  /// What the operands are called where the text has no short name for them.
  let shownNames: [String]
  var whole: Span
  /// The operator, where it is one.
  var symbol: String?

  init(
    function: String, spans: [Span?], valueIndices: [Int?], parameters: [String], shownNames: [String]? = nil,
    whole: Span, symbol: String? = nil
  ) {
    self.function = function
    self.spans = spans
    self.valueIndices = valueIndices
    self.parameters = parameters
    self.shownNames = shownNames ?? parameters
    self.whole = whole
    self.symbol = symbol
  }

  /// The user's name of an operand where it has a short one.
  private func name(_ position: Int) -> String {
    if position < spans.count, let text = spans[position]?.text, Self.isName(text) { return text }
    return position < shownNames.count ? shownNames[position] : shownNames.last ?? "it"
  }

  /// A name, a field or a simple subscript: what reads well in a message.
  private static func isName(_ text: String) -> Bool {
    guard text.count <= 24, let first = text.unicodeScalars.first,
      first == "_" || first.properties.isAlphabetic
    else { return false }
    return !["true", "false", "none", "if"].contains(text)
      && text.unicodeScalars.allSatisfy {
        $0 == "_" || $0 == "." || $0 == "[" || $0 == "]" || $0.properties.isAlphabetic
          || $0.properties.numericType != nil
      }
  }

  private func filled(_ text: String, isCode: Bool = false) -> String {
    guard text.contains("{") else { return text }
    var result = text
    for position in 0..<max(parameters.count, 4) {
      var name = name(position)
      // In a line of code an operand without a name is called x or y.
      if isCode, name.contains(" ") { name = position == 0 ? "x" : "y" }
      if position < parameters.count { result = result.replacing("{\(parameters[position])}", with: name) }
      result = result.replacing("{\(position)}", with: name)
    }
    return symbol.map { result.replacing(" … ", with: " \($0) ") } ?? result
  }

  func diagnostic(_ mistake: ShapeMistake, _ values: [Value]) -> Diagnostic {
    func value(_ position: Int) -> Value? {
      guard position < valueIndices.count, let index = valueIndices[position], index < values.count else {
        return nil
      }
      return values[index]
    }
    let text = mistake.text(
      .init(
        name: { $0 < parameters.count ? parameters[$0] : "it" }, kind: { value($0)?.kind ?? "the tensor" },
        item: { list, path in
          var item = value(list)
          for place in path { item = (try? item?.items())?[place] }
          return item?.kind ?? "a tensor"
        }))
    return diagnostic(text.message, operands: text.operands, hint: text.hint, values)
  }

  func diagnostic(_ message: String, operands: [Int], hint: String?, _ values: [Value])
    -> Diagnostic
  {
    var marked: [Span] = []
    var notes: [String] = []
    for position in operands where position < spans.count {
      guard let span = spans[position] else { continue }
      marked.append(span)
      if let index = valueIndices[position], index < values.count, let x = values[index].variable,
        Self.isName(span.text)
      {
        let note = "\(span.text) : \(x.description)"
        if !notes.contains(note) { notes.append(note) }
      }
    }
    return Diagnostic(
      function.isEmpty ? filled(message) : "\(function): \(filled(message))",
      at: marked.isEmpty ? [whole] : marked, notes: operands.count > 1 ? notes : [],
      hint: hint.map { filled($0, isCode: true) })
  }
}

/// An operator with its operands.
final class OperatorSite {
  private let symbol: String
  private var site: OperandSite

  init(_ symbol: String, _ operands: [Node], _ span: Span) {
    self.symbol = symbol
    site = OperandSite(
      function: "", spans: operands.map(\.span),
      valueIndices: Array(operands.indices), parameters: ["x", "y"],
      shownNames: operands.count == 2 ? ["the left", "the right"] : ["it"], whole: span, symbol: symbol)
  }

  func diagnose(_ error: any Error, _ values: [Value], _ interpreter: Interpreter) -> any Error {
    site.function = interpreter.primitives.operators[symbol]?.name ?? ""
    return interpreter.diagnose(error, site, values)
  }
}

extension Value {
  var isCallable: Bool {
    switch self {
    case .function, .builtin, .model, .modelType: true
    default: false
    }
  }
}

/// What a name behind a dot means, for models of one type found once.
struct MemberCache {
  private enum Place {
    case field(Int)
    case argument(Int)
    case method(FunctionCode)
  }
  private var found: (type: any ModelType, place: Place?)?

  /// A field of a record; a field, a parameter or a method of a model.
  mutating func value(_ name: String, of value: Value) -> Value? {
    switch value {
    case .record(let record):
      if let value = record[name] { return value }
      return Int(name).flatMap { record.values.indices.contains($0) ? record.values[$0] : nil }
    case .model(let model):
      switch place(name, in: model.type) {
      case .field(let position): return model.fields[position].read
      case .argument(let position): return model.arguments[position]
      case .method(let code): return .function(Closure(code, captured: [], model: model))
      case nil: return nil
      }
    default: return nil
    }
  }

  mutating func method(_ name: String, of model: Model) -> FunctionCode? {
    if case .method(let code) = place(name, in: model.type) { code } else { nil }
  }

  private mutating func place(_ name: String, in type: any ModelType) -> Place? {
    if let found, found.type === type { return found.place }
    var place: Place?
    if let position = type.position(ofField: name) {
      place = .field(position)
    } else if let position = type.parameterNames.firstIndex(of: name) {
      place = .argument(position)
    } else if let code = (type as? ModelCode)?.method(name) {
      place = .method(code)
    }
    found = (type, place)
    return place
  }
}
