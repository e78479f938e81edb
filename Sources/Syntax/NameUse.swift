/// The names that a statement reads and assigns at top level.
///
/// What a function binds itself (parameters, names that its body assigns, indices) is no part of it.
package struct NameUse {
  /// Free names, where they are read.
  package private(set) var reads: [Name] = []
  /// Reads of `name[integer]`, such as `out[3]`, with the whole expression's place.
  package private(set) var numberedReads: [(name: Name, number: Int, span: Span)] = []
  /// Names that get a value.
  package private(set) var assigned: [String] = []
  /// Whether it only defines functions and models: what they read, they read when they are called.
  package private(set) var isDefinition = false

  package init(_ statement: Statement) {
    switch statement.kind {
    case .function, .model: isDefinition = true
    default: break
    }
    visit(statement, [])
  }

  package var readNames: Set<String> { Set(reads.map(\.text)) }

  // MARK: Statements

  private mutating func assign(_ name: String, _ bound: Set<String>?) {
    if !assigned.contains(name), bound == nil || bound?.contains(name) == false {
      assigned.append(name)
    }
  }

  /// - Parameter bound: the names that functions around bind.
  private mutating func visit(_ statement: Statement, _ bound: Set<String>) {
    switch statement.kind {
    case .expression(let value): visit(value, bound)
    case .assign(let names, let value):
      visit(value, bound)
      for name in names { assign(name.text, bound) }
    case .indexAssign(let name, let axes, let value):
      var inner = bound
      for axis in axes {
        switch axis {
        case .index(let binder): bind(binder, &inner, bound)
        case .merged(let binders, _): for binder in binders { bind(binder, &inner, bound) }
        case .ellipsis: break
        case .other(let expression): visit(expression, bound)
        }
      }
      visit(value, inner)
      assign(name.text, bound)
    case .function(let declaration):
      visit(declaration, bound)
      assign(declaration.name.text, bound)
    case .model(let declaration):
      var inner = bound.union(declaration.parameters.map(\.name.text))
      visit(defaults: declaration.parameters, bound)
      for field in declaration.fields {
        visit(field, inner.union([declaration.name.text]).union(assignedNames([field])))
        inner.formUnion(assignedNames([field]))
      }
      inner.formUnion(declaration.methods.map(\.name.text))
      inner.insert("self")
      for method in declaration.methods { visit(method, inner) }
      assign(declaration.name.text, bound)
    case .forLoop(let names, let sequence, let body):
      visit(sequence, bound)
      for name in names { assign(name.text, bound) }
      visit(body, bound)
    case .whileLoop(let condition, let body):
      visit(condition, bound)
      visit(body, bound)
    case .returnValue(let value): if let value { visit(value, bound) }
    case .assertion(let condition, let message):
      visit(condition, bound)
      if let message { visit(message, bound) }
    case .importFile(let path): visit(path, bound)
    case .scriptParameter(let name, let value):
      visit(value, bound)
      assign(name.text, bound)
    case .breakLoop, .continueLoop: break
    }
  }

  private func assignedNames(_ statements: [Statement]) -> [String] {
    guard let first = statements.first else { return [] }
    return Block(statements: statements, span: first.span).assignedNames
  }

  private mutating func bind(_ binder: Binder, _ inner: inout Set<String>, _ bound: Set<String>) {
    inner.insert(binder.name.text)
    if let extent = binder.extent { visit(extent, bound) }
  }

  private mutating func visit(_ block: Block, _ bound: Set<String>) {
    for statement in block.statements { visit(statement, bound) }
  }

  private mutating func visit(defaults parameters: [Parameter], _ bound: Set<String>) {
    for parameter in parameters { if let value = parameter.fallback { visit(value, bound) } }
  }

  private mutating func visit(_ declaration: FunctionDeclaration, _ bound: Set<String>) {
    visit(defaults: declaration.parameters, bound)
    visit(function: declaration.parameters, declaration.body, bound.union([declaration.name.text]))
  }

  private mutating func visit(
    function parameters: [Parameter], _ body: Block, _ bound: Set<String>
  ) {
    var inner = bound.union(parameters.map(\.name.text)).union(body.assignedNames)
    for case .size(let name) in parameters.flatMap({ $0.axes ?? [] }) { inner.insert(name.text) }
    visit(body, inner)
  }

  // MARK: Expressions

  private mutating func visit(_ expression: Expression, _ bound: Set<String>) {
    switch expression.kind {
    case .name(let text):
      if !bound.contains(text) { reads.append(Name(text: text, span: expression.span)) }
    case .lambda(let parameters, let body):
      visit(defaults: parameters, bound)
      visit(function: parameters, body, bound)
    case .comprehension(let element, let names, let sequence, let condition):
      visit(sequence, bound)
      let inner = bound.union(names.map(\.text))
      visit(element, inner)
      if let condition { visit(condition, inner) }
    case .reducer(_, let binders, let body, let condition):
      var inner = bound
      for binder in binders { bind(binder, &inner, bound) }
      visit(body, inner)
      if let condition { visit(condition, inner) }
    case .conditional(let condition, let then, let otherwise):
      visit(condition, bound)
      visit(then, bound)
      if let otherwise { visit(otherwise, bound) }
    case .subscripted(let base, let subscripts):
      if case .name(let text) = base.kind, !bound.contains(text), subscripts.count == 1,
        case .expression(let index) = subscripts[0], let number = index.literalInteger
      {
        numberedReads.append((Name(text: text, span: base.span), number, expression.span))
      }
      expression.forEachPart { visit($0, bound) }
    case .integer, .float, .boolean, .none, .string, .list, .record, .unary, .binary, .comparison,
      .logical, .range, .call, .member, .updated:
      expression.forEachPart { visit($0, bound) }
    }
  }
}

extension Expression {
  /// A whole number as it is written: `3`, `-1`.
  fileprivate var literalInteger: Int? {
    switch kind {
    case .integer(let value): value
    case .unary(.negate, let operand):
      if case .integer(let value) = operand.kind { -value } else { nil }
    default: nil
    }
  }
}
