/// The parts of statements and expressions, for every walk over the tree: names that are used and assigned, chains
/// of attention, index notation. What a part means to its walk stays there.
extension Statement {
  /// The expressions that stand in the statement itself; those of its blocks are theirs.
  package func forEachPart(_ body: (Expression) -> Void) {
    switch kind {
    case .expression(let value), .assign(_, let value), .importFile(let value),
      .scriptParameter(_, let value), .forLoop(_, let value, _), .whileLoop(let value, _):
      body(value)
    case .indexAssign(_, let axes, let value):
      for case .index(let binder) in axes { if let extent = binder.extent { body(extent) } }
      for case .merged(let binders, _) in axes { binders.compactMap(\.extent).forEach(body) }
      body(value)
    case .returnValue(let value): if let value { body(value) }
    case .assertion(let test, let message):
      body(test)
      if let message { body(message) }
    case .function, .model, .breakLoop, .continueLoop: break
    }
  }

  package var assignedNames: [Name] {
    switch kind {
    case .assign(let names, _), .forLoop(let names, _, _): names
    case .indexAssign(let name, _, _): [name]
    case .function(let declaration): [declaration.name]
    case .model(let declaration): [declaration.name]
    case .scriptParameter(let name, _): [name]
    case .expression, .whileLoop, .breakLoop, .continueLoop, .returnValue, .assertion, .importFile:
      []
    }
  }

  /// The blocks inside the statement; those of an `if` are part of its expressions.
  package var blocks: [Block] {
    switch kind {
    case .forLoop(_, _, let body), .whileLoop(_, let body): [body]
    case .function(let declaration): [declaration.body]
    case .model(let declaration):
      [Block(statements: declaration.fields, span: declaration.span)]
        + declaration.methods.map(\.body)
    case .expression, .assign, .indexAssign, .returnValue, .assertion, .breakLoop, .continueLoop,
      .importFile, .scriptParameter:
      []
    }
  }
}

extension Expression {
  /// The direct parts of an expression; blocks and lambdas keep theirs to themselves.
  package func forEachPart(_ body: (Expression) -> Void) {
    func visit(_ subscripts: [Subscript]) {
      for case .expression(let expression) in subscripts { body(expression) }
    }
    switch kind {
    case .integer, .float, .boolean, .none, .name, .lambda: break
    case .string(let pieces):
      for case .value(let expression, _, _) in pieces { body(expression) }
    case .list(let items):
      for item in items { body(item) }
    case .comprehension(let element, _, let sequence, let condition):
      body(element)
      body(sequence)
      if let condition { body(condition) }
    case .record(let items):
      for item in items { body(item.value) }
    case .unary(_, let operand): body(operand)
    case .binary(_, let left, let right), .logical(_, let left, let right):
      body(left)
      body(right)
    case .comparison(let first, let rest):
      body(first)
      for (_, operand) in rest { body(operand) }
    case .range(let lower, let upper, let step):
      for part in [lower, upper, step].compactMap({ $0 }) { body(part) }
    case .call(let callee, let arguments):
      body(callee)
      for argument in arguments { body(argument.value) }
    case .member(let base, _): body(base)
    case .subscripted(let base, let subscripts):
      body(base)
      visit(subscripts)
    case .reducer(_, let binders, let inner, let condition):
      for extent in binders.compactMap(\.extent) { body(extent) }
      body(inner)
      if let condition { body(condition) }
    case .conditional(let condition, let then, let otherwise):
      body(condition)
      for block in [then, otherwise].compactMap({ $0 }) {
        for case .expression(let value) in block.statements.map(\.kind) { body(value) }
      }
    case .updated(let base, let path, let value):
      body(base)
      for case .subscripts(let subscripts, _) in path { visit(subscripts) }
      body(value)
    }
  }

  /// The blocks of an `if`.
  package var blocks: [Block] {
    guard case .conditional(_, let then, let otherwise) = kind else { return [] }
    return [then] + (otherwise.map { [$0] } ?? [])
  }

  /// Whether a name that satisfies the predicate occurs, lambdas included.
  package func mentions(_ predicate: (String) -> Bool) -> Bool {
    switch kind {
    case .name(let name): return predicate(name)
    case .subscripted(_, let subscripts):
      for case .merged(let names, _) in subscripts
      where names.contains(where: { predicate($0.text) }) {
        return true
      }
    case .lambda(let parameters, let body):
      let own = Set(parameters.map(\.name.text))
      for statement in body.statements {
        if case .expression(let value) = statement.kind,
          value.mentions({ !own.contains($0) && predicate($0) })
        {
          return true
        }
      }
      return false
    case .call(let callee, let arguments):
      // A name in call position is a function, not an index.
      if case .name = callee.kind { return arguments.contains { $0.value.mentions(predicate) } }
    case .reducer(let name, let binders, _, _):
      // What works along an index reads it; what reduces over one has an index of its own.
      if ReducerName(rawValue: name.text)?.isAlong == true,
        binders.contains(where: { predicate($0.name.text) })
      {
        return true
      }
    default: break
    }
    var found = false
    forEachPart { found = found || $0.mentions(predicate) }
    return found
  }

  /// Whether an `if` stands anywhere inside, whose blocks may assign.
  package var hasConditional: Bool {
    if case .conditional = kind { return true }
    var found = false
    forEachPart { found = found || $0.hasConditional }
    return found
  }

  /// Whether index notation stands inside at operator level.
  package var hasReducer: Bool {
    isAnyOperand { if case .reducer = $0.kind { true } else { false } }
  }

  /// Whether leading axes are read at operator level: `x[...]`.
  package var hasEllipsis: Bool {
    isAnyOperand { operand in
      guard case .subscripted(_, let subscripts) = operand.kind, case .ellipsis? = subscripts.first else {
        return false
      }
      return true
    }
  }

  /// Whether a predicate holds for an operand of the operators here.
  private func isAnyOperand(_ predicate: (Expression) -> Bool) -> Bool {
    switch kind {
    case .binary(_, let left, let right), .logical(_, let left, let right):
      left.isAnyOperand(predicate) || right.isAnyOperand(predicate)
    case .unary(_, let operand): operand.isAnyOperand(predicate)
    case .comparison(let first, let rest):
      first.isAnyOperand(predicate) || rest.contains { $0.1.isAnyOperand(predicate) }
    default: predicate(self)
    }
  }
}

extension Block {
  /// The names that it assigns, those inside its loops and branches included: a function's are local to it.
  package var assignedNames: [String] {
    statements.flatMap { statement -> [String] in
      var names = statement.assignedNames.map(\.text)
      switch statement.kind {
      case .forLoop(_, _, let body), .whileLoop(_, let body): names += body.assignedNames
      // `if` is an expression, and its blocks assign too.
      case .assign(_, let value), .expression(let value), .returnValue(let value?):
        for block in value.blocks { names += block.assignedNames }
      // Only a statement at top level declares a parameter of the script.
      case .scriptParameter: names = []
      case .indexAssign, .function, .model, .returnValue, .breakLoop, .continueLoop, .assertion, .importFile:
        break
      }
      return names
    }
  }
}
