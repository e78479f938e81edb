import Builtins
import Shapes
import Syntax
import Tensors
import Values

/// Turns the syntax tree into nodes: names become slots, operators the functions behind them.
struct Compiler {
  let module: Module
  unowned let interpreter: Interpreter
  let scope: Scope

  init(module: Module, interpreter: Interpreter) {
    self.init(module: module, interpreter: interpreter, scope: Scope(parent: nil, isTopLevel: true))
  }

  init(module: Module, interpreter: Interpreter, scope: Scope) {
    self.module = module
    self.interpreter = interpreter
    self.scope = scope
  }

  /// One statement at top level, and the slots that it needs.
  func compileTopLevel(_ statement: Statement) throws -> (Node, slots: Int) {
    let node = try compile(statement, wantsValue: true)
    return (node, scope.slotCount)
  }

  // MARK: Statements

  func compile(_ block: Block, wantsValue: Bool) throws -> Node {
    let last = block.statements.count - 1
    let nodes = try block.statements.enumerated().map { index, statement in
      try compile(statement, wantsValue: wantsValue && index == last)
    }
    return nodes.count == 1 ? nodes[0] : BlockNode(nodes, block.span)
  }

  func compile(_ statement: Statement, wantsValue: Bool) throws -> Node {
    let node = try compileUnprofiled(statement, wantsValue: wantsValue)
    guard let profile = Profile.current, profile.hasLines else { return node }
    return ProfiledNode(node, statement.span, profile)
  }

  private func compileUnprofiled(_ statement: Statement, wantsValue: Bool) throws -> Node {
    let outerExtents = scope.extents
    scope.extents = [:]
    defer { scope.extents = outerExtents }
    for name in boundIndices(statement) { scope.extents[name] = scope.newSlot() }
    let span = statement.span
    switch statement.kind {
    case .expression(let expression):
      if case .conditional = expression.kind {
        return try compile(expression, wantsValue: wantsValue)
      }
      return try compile(expression)
    case .assign(let names, let value):
      if names.count == 1 {
        if !wantsValue, let grow = try growing(names[0], value, span) { return grow }
        let node = try compileWhole(value)
        return AssignNode(target(names[0], of: statement), node, span)
      }
      let node = try compile(value)
      return UnpackNode(names.map { target($0, of: statement) }, node, span)
    case .indexAssign(let name, let axes, let value):
      let node = try compileIndexAssignment(name, axes, value, span)
      return AssignNode(target(name, of: statement), node, span)
    case .function(let declaration):
      let (code, sources) = try compile(declaration, name: declaration.name.text)
      return DefineNode(target(declaration.name), span) { frame in
        .function(Closure(code, captured: sources.map { $0.read(frame) }, model: frame.model))
      }
    case .model(let declaration):
      return try compile(declaration, span)
    case .forLoop(let names, let sequence, let body):
      let node = try compile(sequence)
      scope.loopVariables += names.map(\.text)
      scope.loopDepth += 1
      defer {
        scope.loopVariables.removeLast(names.count)
        scope.loopDepth -= 1
      }
      return ForNode(names.map(target), node, try compile(body, wantsValue: false), span)
    case .whileLoop(let test, let body):
      let condition = try compile(test)
      scope.loopDepth += 1
      defer { scope.loopDepth -= 1 }
      return WhileNode(condition, try compile(body, wantsValue: false), span)
    case .breakLoop, .continueLoop:
      guard scope.loopDepth > 0 else {
        throw Diagnostic("\(span.text) stands outside a loop", at: span)
      }
      guard !scope.isInOperand else { throw insideExpression(span) }
      if case .breakLoop = statement.kind { return SignalNode(.breakLoop, nil, span) }
      return SignalNode(.continueLoop, nil, span)
    case .returnValue(let value):
      guard scope.parent != nil else {
        throw Diagnostic("return stands outside a function", at: span)
      }
      guard !scope.isInOperand else { throw insideExpression(span) }
      return SignalNode(.returnValue, try value.map(compile), span)
    case .assertion(let test, let message):
      return AssertNode(try compile(test), try message.map(compile), span)
    case .importFile(let path):
      guard scope.parent == nil else {
        throw Diagnostic("import stands at top level", at: span)
      }
      return ImportNode(try compile(path), module, span)
    case .scriptParameter(let name, let value):
      guard scope.parent == nil else {
        throw Diagnostic("arg stands at top level", at: span)
      }
      return ScriptParameterNode(name.text, target(name), try compile(value), span)
    }
  }

  private func target(_ name: Name, of statement: Statement) -> Target {
    scope.renamingFields.contains(statement.span.start)
      ? Target(name.text, .local(scope.redeclare(name.text))) : target(name)
  }

  func target(_ name: Name) -> Target {
    Target(
      name.text,
      scope.isTopLevel ? .global(module.cell(name.text)) : .local(scope.declare(name.text)))
  }

  /// `xs = xs.push(v)` and `xs = push(xs, v)`.
  private func growing(_ name: Name, _ value: Expression, _ span: Span) throws -> Node? {
    guard case .call(let callee, let arguments) = value.kind,
      arguments.allSatisfy({ $0.label == nil })
    else { return nil }
    let list: Expression
    let item: Expression
    switch callee.kind {
    case .member(let base, let member) where member.text == "push" && arguments.count == 1:
      (list, item) = (base, arguments[0].value)
    case .name("push") where arguments.count == 2:
      (list, item) = (arguments[0].value, arguments[1].value)
    default: return nil
    }
    // An item that may itself assign the name is left to the general way.
    guard case .name(name.text) = list.kind, !item.hasConditional else { return nil }
    return GrowNode(
      target(name), try compile(list), item: try compile(item), general: try compile(value),
      push: module.cell("push"), span)
  }

  // MARK: Expressions

  func compile(_ expression: Expression) throws -> Node {
    let wasInOperand = scope.isInOperand
    scope.isInOperand = true
    defer { scope.isInOperand = wasInOperand }
    return try compile(expression, wantsValue: true)
  }

  /// An expression that is the whole of a statement's value: an `if` there may leave by `return`.
  private func compileWhole(_ expression: Expression) throws -> Node {
    guard case .conditional = expression.kind else { return try compile(expression) }
    return try compile(expression, wantsValue: true)
  }

  private func insideExpression(_ span: Span) -> Diagnostic {
    Diagnostic(
      "\(span.text.prefix { $0.isLetter }) stands inside an expression", at: span,
      hint: "put the if on a line of its own")
  }

  private func compile(_ expression: Expression, wantsValue: Bool) throws -> Node {
    let span = expression.span
    switch expression.kind {
    case .integer(let value): return ConstantNode(.int(value), span)
    case .float(let value): return ConstantNode(.float(value), span)
    case .boolean(let value): return ConstantNode(.bool(value), span)
    case .none: return ConstantNode(.none, span)
    case .string(let pieces): return try compile(pieces, span)
    case .name(let name): return compile(name: name, span)
    case .list(let items):
      return ListNode(try items.map(compile), areLists: items.map(\.isListLiteral), span)
    case .comprehension(let element, let names, let sequence, let condition):
      let source = try compile(sequence)
      return try scope.shadowing(names.map(\.text)) { slots in
        ComprehensionNode(
          try compile(element), zip(names, slots).map { Target($0.text, .local($1)) }, source,
          filter: try condition.map(compile), span)
      }
    case .record(let items):
      var seen: Set<String> = []
      for item in items {
        if let label = item.label, !seen.insert(label.text).inserted {
          throw Diagnostic("the label \(label.text) appears twice", at: label.span)
        }
      }
      return RecordNode(
        labels: items.map { $0.label?.text }, try items.map { try compile($0.value) }, span)
    case .unary(let unary, let operand):
      // -1 is a number, so that it prints and compares as one.
      if unary == .negate, case .integer(let value) = operand.kind {
        return ConstantNode(.int(-value), span)
      }
      if unary == .negate, case .float(let value) = operand.kind {
        return ConstantNode(.float(-value), span)
      }
      return UnaryNode(isNot: unary == .not, try compile(operand), span)
    case .binary(let binary, let left, let right):
      guard let arithmetic = binary.arithmetic else {
        return MatmulNode(try compile(left), try compile(right), span)
      }
      return ArithmeticNode(arithmetic, try compile(left), try compile(right), span)
    case .comparison(let first, let rest):
      return ComparisonNode(
        try compile(first), try rest.map { ($0.comparison, try compile($1)) }, span)
    case .logical(let logical, let left, let right):
      return LogicalNode(
        logical == .and ? .and : .or, try compile(left), try compile(right), span)
    case .range(let lower, let upper, let step):
      guard let lower, let upper else {
        throw Diagnostic("a range without an end can only stand in brackets: x[1..]", at: span)
      }
      return RangeNode(try compile(lower), try compile(upper), step: try step.map(compile), span)
    case .call(let callee, let arguments):
      return try compile(call: callee, arguments, span)
    case .member(let base, let name):
      return MemberNode(try compile(base), name, span)
    case .subscripted(let base, let subscripts):
      return SubscriptNode(try compile(base), try subscripts.map(compile), span)
    case .reducer:
      return try compileFreeReducer(expression)
    case .lambda(let parameters, let body):
      let declaration = FunctionDeclaration(
        name: Name(text: "", span: span), parameters: parameters, body: body, documentation: nil,
        span: span)
      let (code, sources) = try compile(declaration, name: "")
      return MakeNode(span) { frame in
        .function(Closure(code, captured: sources.map { $0.read(frame) }, model: frame.model))
      }
    case .conditional(let test, let then, let otherwise):
      return ConditionalNode(
        try compile(test), try compile(then, wantsValue: wantsValue),
        try otherwise.map { try compile($0, wantsValue: wantsValue) }, span)
    case .updated(let base, let path, let value):
      return UpdateNode(try compile(base), try path.map(compile), try compile(value), span)
    }
  }

  private func compile(_ pieces: [Piece], _ span: Span) throws -> Node {
    if pieces.isEmpty { return ConstantNode(.string(""), span) }
    if pieces.count == 1, case .text(let text) = pieces[0] {
      return ConstantNode(.string(text), span)
    }
    return StringNode(
      try pieces.map { piece in
        switch piece {
        case .text(let text): .text(text)
        case .value(let expression, let format, _): .value(try compile(expression), format: format)
        }
      }, span)
  }

  func compile(name: String, _ span: Span) -> Node {
    switch scope.resolve(name, module) {
    case .local(let slot): LocalNode(name, slot: slot, span)
    case .field(let position): FieldNode(position, span)
    case .modelArgument(let position): ModelArgumentNode(position, span)
    case .method(let position): MethodNode(position, span)
    case .model: SelfNode(span)
    case .trainingFlag: TrainingFlagNode(span)
    case .global:
      GlobalNode(
        module.cell(name), module, extentSlot: scope.extents[name], isInFunction: !scope.isTopLevel, span)
    }
  }

  private func compile(call callee: Expression, _ arguments: [Argument], _ span: Span) throws
    -> Node
  {
    let nodes = try arguments.map { try compile($0.value) }
    let labels = arguments.map(\.label)
    if case .member(let base, let name) = callee.kind {
      let fallback = GlobalNode(module.cell(name.text), module, extentSlot: nil, name.span)
      return CallNode(
        .method(receiver: try compile(base), name: name, fallback: fallback), nodes,
        labels: labels, span)
    }
    if case .name(let name) = callee.kind {
      // A local that can't be called doesn't hide a function either.
      switch scope.resolve(name, module) {
      case .global: break
      case .local, .field, .modelArgument, .method, .model, .trainingFlag:
        let outer = GlobalNode(module.cell(name), module, extentSlot: nil, callee.span)
        return CallNode(
          .expression(CalleeNode(compile(name: name, callee.span), outer, callee.span)), nodes,
          labels: labels, span)
      }
    }
    return CallNode(.expression(try compile(callee)), nodes, labels: labels, span)
  }

  func compile(_ step: PathStep) throws -> UpdateNode.Step {
    switch step {
    case .member(let name): .member(name)
    case .subscripts(let subscripts, let span): .subscripts(try subscripts.map(compile), span)
    }
  }

  func compile(_ subscripted: Subscript) throws -> SubscriptItem {
    switch subscripted {
    case .ellipsis: return .ellipsis
    case .merged(_, let span):
      throw Diagnostic("axes are merged only in index notation", at: span)
    case .expression(let expression):
      if case .range(let lower, let upper, let step) = expression.kind {
        return .range(
          try lower.map(compile), try upper.map(compile), step: try step.map(compile),
          expression.span)
      }
      return .expression(try compile(expression))
    }
  }
}

/// Makes a value from the frame: a lambda with what it captures.
final class MakeNode: Node {
  let make: (Frame) -> Value
  init(_ span: Span, make: @escaping (Frame) -> Value) {
    self.make = make
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) -> Value { make(frame) }
}

extension Expression {
  /// `[a, b]`, which as a row of a list makes a tensor of rank 2.
  fileprivate var isListLiteral: Bool {
    if case .list = kind { return true }
    return false
  }
}

extension BinaryOperator {
  /// The arithmetic of it; `nil` for the matrix product.
  var arithmetic: Arithmetic? { Arithmetic(rawValue: rawValue) }
}

extension ComparisonOperator {
  var comparison: Comparison {
    switch self {
    case .equal: .equal
    case .notEqual: .notEqual
    case .less: .less
    case .lessOrEqual: .lessOrEqual
    case .greater: .greater
    case .greaterOrEqual: .greaterOrEqual
    }
  }
}
