import Builtins
import Syntax

/// Turns index notation into programs.
///
/// What mentions no bound index is an input, compiled as ordinary code and evaluated once; what
/// does is kept as an expression over indices.
final class IndexCompiler {
  private let compiler: Compiler
  private var variables: [IndexProgram.Variable] = []
  private var inputs: [IndexProgram.Input] = []
  private var reads: [(input: Int, subscripts: [IndexSubscript], span: Span)] = []
  private var scalars: [(input: Int, span: Span)] = []
  /// Index variables in sight, by name.
  private var scope: [String: Int] = [:]
  /// Parameters and locals of an elementwise function.
  private var bound: [String: Int] = [:]
  private var boundCount = 0
  /// A function's body is being compiled, whose elements have no indices of their own.
  private var isElementwise = false
  /// The left side has leading axes, which reads with `...` carry along.
  private var carriesLeading = false

  init(_ compiler: Compiler) { self.compiler = compiler }

  // MARK: Entry points

  func compile(target axes: [TargetAxis], _ value: Expression) throws -> IndexProgram {
    var target: [IndexProgram.TargetAxis] = []
    for (position, axis) in axes.enumerated() {
      switch axis {
      case .index(let binder): target.append(.variable(try bind(binder)))
      case .merged(let binders, _): target.append(.merged(try binders.map(bind)))
      case .ellipsis(let span):
        guard position == 0 else {
          throw Diagnostic("... comes first and stands for leading axes", at: span)
        }
        target.append(.ellipsis)
        carriesLeading = true
      case .other(let expression):
        throw Diagnostic(
          "an index assignment binds index names, and \(expression.span.text) is not one",
          at: expression.span)
      }
    }
    var seen: [String: Span] = [:]
    for variable in variables {
      if let first = seen.updateValue(variable.span, forKey: variable.name) {
        throw Diagnostic("the index \(variable.name) is bound twice", at: [variable.span, first])
      }
    }
    let body = try compile(value)
    return IndexProgram(
      variables: variables, inputs: inputs, body: body, target: target, reads: reads,
      scalars: scalars, isFree: false)
  }

  func compile(reducer: Expression) throws -> IndexProgram {
    let body = try compile(reducer)
    return IndexProgram(
      variables: variables, inputs: inputs, body: body, target: [.ellipsis], reads: reads, scalars: scalars,
      isFree: true)
  }

  /// A function's body over elements; throws where it is more than that.
  func compile(elementwise declaration: FunctionDeclaration) throws -> ElementwiseBody {
    isElementwise = true
    for parameter in declaration.parameters { declare(parameter.name.text) }
    let fallbacks = try declaration.parameters.map { parameter in
      try parameter.fallback.map { try newInput($0) }
    }
    var assignments: [(Int, IndexExpression)] = []
    var result: IndexExpression?
    for (position, statement) in declaration.body.statements.enumerated() {
      let isLast = position == declaration.body.statements.count - 1
      switch statement.kind {
      case .expression(let value) where isLast: result = try compile(value)
      case .returnValue(let value?) where isLast: result = try compile(value)
      case .assign(let names, let value) where names.count == 1:
        let expression = try compile(value)
        assignments.append((declare(names[0].text), expression))
        if isLast { result = .bound(bound[names[0].text] ?? 0, statement.span) }
      default:
        throw Diagnostic("this is more than arithmetic on elements", at: statement.span)
      }
    }
    guard let result else {
      throw Diagnostic("the function has no value", at: declaration.span)
    }
    let captures = compiler.scope.captures.map { (name: $0.name, slot: $0.slot) }
    return ElementwiseBody(
      inputs: inputs.map(\.node), assignments: assignments, result: result, slotCount: boundCount,
      frameSlots: compiler.scope.slotCount, captureSlots: captures, fallbacks: fallbacks)
  }

  @discardableResult
  private func declare(_ name: String) -> Int {
    defer { boundCount += 1 }
    bound[name] = boundCount
    return boundCount
  }

  // MARK: Binders and inputs

  private func bind(_ binder: Binder) throws -> Int {
    let name = binder.name.text
    if compiler.scope.loopVariables.contains(name) {
      throw Diagnostic(
        "\(name) is the variable of a loop around this, so it can't be an index too",
        at: binder.name.span, hint: "give the index another name")
    }
    let size: Node? =
      compiler.scope.signatureSizes.contains(name)
      ? compiler.compile(name: name, binder.name.span) : nil
    variables.append(
      IndexProgram.Variable(
        name: name, span: binder.name.span, extent: try binder.extent.map(compiler.compile),
        size: size, slot: compiler.scope.extents[name]))
    scope[name] = variables.count - 1
    return variables.count - 1
  }

  private func newInput(_ expression: Expression) throws -> Int {
    let names = Set(compiler.scope.extents.keys)
    inputs.append(
      IndexProgram.Input(
        node: try compiler.compile(expression),
        usesExtents: expression.mentions { names.contains($0) }))
    return inputs.count - 1
  }

  private func mentions(_ expression: Expression) -> Bool {
    expression.mentions { scope[$0] != nil || bound[$0] != nil }
  }

  // MARK: Expressions

  private func compile(_ expression: Expression) throws -> IndexExpression {
    let span = expression.span
    guard
      mentions(expression) || expression.hasReducer && !isElementwise
        || carriesLeading && expression.hasEllipsis
    else {
      let input = try newInput(expression)
      scalars.append((input, span))
      return .input(input, span)
    }
    switch expression.kind {
    case .name(let name):
      if let variable = scope[name] { return .variable(variable, span) }
      return .bound(bound[name] ?? 0, span)
    case .binary(let binary, let left, let right):
      guard let arithmetic = binary.arithmetic else {
        throw Diagnostic(
          "@ multiplies whole tensors, and this one is indexed", at: span,
          hint: "write the sum: sum[k](a[i, k] * b[k, j])")
      }
      return .arithmetic(arithmetic, try compile(left), try compile(right), span)
    case .comparison(let first, let rest):
      return .comparison(
        try compile(first), try rest.map { ($0.comparison, try compile($1)) }, span)
    case .logical(let logical, let left, let right):
      return .logical(logical == .and ? .and : .or, try compile(left), try compile(right), span)
    case .unary(let unary, let operand):
      return .unary(isNot: unary == .not, try compile(operand), span)
    case .conditional(let test, let then, let otherwise):
      guard let otherwise else {
        throw Diagnostic("an elementwise if wants an else", at: span)
      }
      return .select(try compile(test), try single(then), try single(otherwise), span)
    case .subscripted(let base, let subscripts):
      return try compile(base, subscripts, span)
    case .reducer(let name, let binders, let body, let condition):
      return try compile(reducer: name, binders, body, condition, span)
    case .call(let callee, let arguments):
      return try compile(call: callee, arguments, span)
    case .member(let base, let name):
      throw Diagnostic(
        "\(base.span.text) is an element here, and has no field \(name.text)", at: span)
    case .record(let items) where items.count == 1 && items[0].label == nil:
      return try compile(items[0].value)
    case .integer, .float, .boolean, .none, .string, .list, .comprehension, .record, .range,
      .lambda, .updated:
      throw Diagnostic("this can't stand in index notation with an index inside", at: span)
    }
  }

  /// The one expression of a branch.
  private func single(_ block: Block) throws -> IndexExpression {
    guard block.statements.count == 1, case .expression(let value) = block.statements[0].kind else {
      throw Diagnostic("a branch of an elementwise if is one expression", at: block.span)
    }
    return try compile(value)
  }

  private func compile(
    _ base: Expression, _ subscripts: [Subscript], _ span: Span
  ) throws -> IndexExpression {
    // The base may use names that an elementwise function binds, but no element of an index.
    if base.mentions({ scope[$0] != nil && compiler.isIndexOnly($0) }), mentions(base) {
      throw Diagnostic(
        "\(base.span.text) depends on an index, so it can't be subscripted again", at: base.span,
        hint: "give it a name in a line of its own")
    }
    let subscripts = try subscripts.enumerated().map { position, item -> IndexSubscript in
      switch item {
      case .ellipsis(let span):
        guard position == 0 else {
          throw Diagnostic(
            "... comes first and stands for leading axes", at: span)
        }
        return .ellipsis(span)
      case .merged(let names, let span):
        return .merged(
          try names.map { name in
            guard let variable = scope[name.text] else { throw unbound(name) }
            return variable
          }, span)
      case .expression(let expression):
        if case .name(let name) = expression.kind, let variable = scope[name] {
          return .variable(variable, expression.span)
        }
        if case .range = expression.kind {
          throw Diagnostic(
            "a range leaves an axis without an index", at: expression.span,
            hint: "slice first, as in \(base.span.text)[0..2, ..][i, j]")
        }
        return .expression(try compile(expression), expression.span)
      }
    }
    let input = try newInput(base)
    reads.append((input, subscripts, span))
    return .read(input, subscripts, span)
  }

  private func unbound(_ name: Name) -> Diagnostic {
    Diagnostic(
      "\(name.text) is not bound here", at: name.span,
      hint: "bind it on the left side, or in a reducer: sum[\(name.text)](...)")
  }

  private func compile(
    reducer name: Name, _ binders: [Binder], _ body: Expression, _ condition: Expression?,
    _ span: Span
  ) throws -> IndexExpression {
    guard !isElementwise else {
      throw Diagnostic("it reduces over an index of its own", at: span)
    }
    guard let builtin = compiler.interpreter.primitives.named[name.text], let reducer = builtin.reducerName
    else {
      throw Diagnostic("\(name.text) is not a reducer", at: name.span)
    }
    let outer = scope
    defer { scope = outer }
    var indices: [Int] = []
    if !reducer.isAlong {
      indices = try binders.map(bind)
    } else {
      for binder in binders {
        guard let variable = scope[binder.name.text] else {
          throw Diagnostic(
            "\(name.text) works along an index that is bound, and \(binder.name.text) is not",
            at: binder.name.span,
            hint:
              "put it on the left side: w[..., \(binder.name.text)] = \(name.text)[\(binder.name.text)](...)"
          )
        }
        indices.append(variable)
      }
    }
    var summed = try compile(body)
    // Weights inside a weighted sum, which nothing else can read.
    if reducer == .sum, condition == nil, case .arithmetic(.multiply, let left, let right, let span) = summed
    {
      summed = .arithmetic(
        .multiply, left.withPendingWeights ?? left, right.withPendingWeights ?? right, span)
    }
    return .reduce(
      builtin, indices, summed, condition: try condition.map { try compile($0) }, span)
  }

  private func compile(
    call callee: Expression, _ arguments: [Argument], _ span: Span
  ) throws -> IndexExpression {
    // size(d) is the extent of the index d.
    if case .name("size") = callee.kind, arguments.count == 1,
      case .name(let name) = arguments[0].value.kind, let variable = scope[name]
    {
      return .extent(variable, span)
    }
    var all = try arguments.map { (label: $0.label, try compile($0.value)) }
    if case .member(let base, let name) = callee.kind {
      if mentions(base) {
        all.insert((nil, try compile(base)), at: 0)
        let function = Expression(.name(name.text), name.span)
        return .call(try newInput(function), all, span)
      }
    } else if mentions(callee) {
      throw Diagnostic("an element can't be called", at: callee.span)
    }
    return .call(try newCallee(callee), all, span)
  }

  /// What is called, where a variable that can't be called doesn't hide a function.
  private func newCallee(_ callee: Expression) throws -> Int {
    guard case .name(let name) = callee.kind else { return try newInput(callee) }
    let outer = GlobalNode(
      compiler.module.cell(name), compiler.module, extentSlot: nil, callee.span)
    inputs.append(
      IndexProgram.Input(
        node: CalleeNode(compiler.compile(name: name, callee.span), outer, callee.span),
        usesExtents: false))
    return inputs.count - 1
  }
}

extension Compiler {
  func compileIndexAssignment(
    _ name: Name, _ axes: [TargetAxis], _ value: Expression, _ span: Span
  ) throws -> Node {
    if let other = axes.first(where: \.isOther) {
      guard case .other(let place) = other else { preconditionFailure("found as such") }
      let target = span.source.text(name.span.start..<(value.span.start)).prefix { $0 != "=" }
      let positions = target.dropFirst(name.text.count).filter { $0 != "\n" }
      throw Diagnostic(
        "an element can't be assigned: values don't change", at: place.span,
        hint:
          "a changed copy is written \(name.text) with \(positions.trimmed) = \(value.span.text)")
    }
    let program = try IndexCompiler(self).compile(target: axes, value)
    if scope.pendingStatements.contains(span.start) { program.leavePending() }
    return IndexNode(program, span)
  }

  /// A reducer outside an index assignment: one number, or what leading axes leave.
  func compileFreeReducer(_ expression: Expression) throws -> Node {
    IndexNode(try IndexCompiler(self).compile(reducer: expression), expression.span)
  }

  func compileElementwise(_ declaration: FunctionDeclaration, captures: [String]) throws
    -> ElementwiseBody
  {
    // The surroundings' locals are looked up by name among what the closure captured.
    let outer = Scope(parent: nil)
    for name in captures { outer.declare(name) }
    let inner = Scope(parent: outer)
    return try IndexCompiler(Compiler(module: module, interpreter: interpreter, scope: inner))
      .compile(elementwise: declaration)
  }

  /// Whether the name means nothing here but the index.
  func isIndexOnly(_ name: String) -> Bool {
    if case .global = scope.resolve(name, module) { return true }
    return false
  }
}

extension TargetAxis {
  fileprivate var isOther: Bool {
    if case .other = self { return true }
    return false
  }
}

/// The names that the statement's own index notation binds.
func boundIndices(_ statement: Statement) -> Set<String> {
  var names: Set<String> = []
  func visit(_ expression: Expression) {
    expression.forEachPart { part in
      if case .reducer(_, let binders, _, _) = part.kind {
        names.formUnion(binders.map(\.name.text))
      }
      visit(part)
    }
  }
  statement.forEachPart { visit(Expression(.list([$0]), $0.span)) }
  if case .indexAssign(_, let axes, _) = statement.kind {
    for axis in axes {
      switch axis {
      case .index(let binder): names.insert(binder.name.text)
      case .merged(let binders, _): names.formUnion(binders.map(\.name.text))
      case .ellipsis, .other: break
      }
    }
  }
  return names
}
