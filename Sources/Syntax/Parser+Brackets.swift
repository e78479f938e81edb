/// What stands in brackets: arguments, parameters, subscripts, records, lists, index binders.
extension Parser {
  // MARK: Lists

  /// Items separated by commas up to the closing bracket; a comma may stand behind the last.
  private mutating func parseItems<Item>(
    _ open: String, _ close: String, _ parseItem: (inout Parser) throws(Diagnostic) -> Item
  ) throws(Diagnostic) -> [Item] {
    let start = current.span
    try expect(symbol: open)
    var items: [Item] = []
    while !at(symbol: close) {
      if at(.end) { throw unclosed(open, start) }
      items.append(try parseItem(&self))
      if accept(symbol: ",") { continue }
      guard at(symbol: close) else {
        if at(.end) { throw unclosed(open, start) }
        throw unexpected(", or \(close)")
      }
    }
    index += 1
    return items
  }

  private func unclosed(_ open: String, _ start: Span) -> Diagnostic {
    var problem = problem("this \(open) is not closed", at: start)
    problem.isIncomplete = true
    return problem
  }

  mutating func parseArguments() throws(Diagnostic) -> [Argument] {
    try parseItems("(", ")") { (parser) throws(Diagnostic) in try parser.parseArgument() }
  }

  private mutating func parseArgument() throws(Diagnostic) -> Argument {
    let label = acceptLabel()
    return Argument(label: label, value: try parseExpression())
  }

  /// `name:`
  private mutating func acceptLabel() -> Name? {
    guard case .symbol(":") = peek(1).kind else { return nil }
    let text: String
    switch current.kind {
    case .name(let name): text = name
    case .keyword(let word): text = word.rawValue
    default: return nil
    }
    defer { index += 2 }
    return Name(text: text, span: current.span)
  }

  /// `(a)`, `(a, b)`, `(a,)`, `(label: a)`, `()`.
  mutating func parseParentheses() throws(Diagnostic) -> Expression {
    let start = current.span
    let items = try parseArguments()
    let span = start.through(previous.span)
    if items.count == 1, items[0].label == nil, tokens[index - 2].kind != .symbol(",") {
      return Expression(items[0].value.kind, span)
    }
    return Expression(.record(items), span)
  }

  /// `[a, b]`, or `[f(x) for x in xs if c]`.
  mutating func parseList() throws(Diagnostic) -> Expression {
    let start = current.span
    try expect(symbol: "[")
    index -= 1
    if case .symbol("]") = peek(1).kind {
      index += 2
      return Expression(.list([]), start.through(previous.span))
    }
    let before = index
    index += 1
    let first = try parseExpression()
    if accept(keyword: .for) {
      let names = try parseNames("a loop variable")
      try expect(keyword: .in)
      let sequence = try parseExpression()
      let condition = accept(keyword: .if) ? try parseExpression() : nil
      guard accept(symbol: "]") else {
        if at(.end) { throw unclosed("[", start) }
        throw unexpected("] or if")
      }
      return Expression(
        .comprehension(first, names: names, sequence: sequence, condition: condition),
        start.through(previous.span))
    }
    index = before
    let items = try parseItems("[", "]") { (parser) throws(Diagnostic) in
      try parser.parseExpression()
    }
    return Expression(.list(items), start.through(previous.span))
  }

  // MARK: Parameters

  mutating func parseParameters() throws(Diagnostic) -> [Parameter] {
    let parameters = try parseItems("(", ")") { (parser) throws(Diagnostic) in
      try parser.parseParameter()
    }
    var seen: Set<String> = []
    for parameter in parameters where !seen.insert(parameter.name.text).inserted {
      throw problem("the parameter \(parameter.name.text) appears twice", at: parameter.name.span)
    }
    return parameters
  }

  private mutating func parseParameter() throws(Diagnostic) -> Parameter {
    var parameter = Parameter(name: try expectName("a parameter's name"))
    if at(symbol: "[") {
      let start = current.span
      parameter.axes = try parseItems("[", "]") { (parser) throws(Diagnostic) in
        try parser.parseAxisPattern()
      }
      parameter.axesSpan = start.through(previous.span)
    }
    if accept(symbol: ":") {
      parameter.fallback = try parseExpression()
    } else if at(symbol: "=") {
      throw problem("a default is written after a colon", hint: "\(parameter.name.text): value")
    }
    return parameter
  }

  private mutating func parseAxisPattern() throws(Diagnostic) -> AxisPattern {
    let span = current.span
    switch current.kind {
    case .symbol("..."):
      index += 1
      return .ellipsis(span)
    case .integer(let value):
      index += 1
      return .literal(value, span)
    default:
      return .size(try expectName("an axis: a name, a number or ..."))
    }
  }

  // MARK: Subscripts

  mutating func parseSubscripts() throws(Diagnostic) -> [Subscript] {
    let start = current.span
    let subscripts = try parseItems("[", "]") { (parser) throws(Diagnostic) in
      try parser.parseSubscript()
    }
    guard !subscripts.isEmpty else {
      throw problem("the brackets are empty", at: start.through(previous.span))
    }
    return subscripts
  }

  private mutating func parseSubscript() throws(Diagnostic) -> Subscript {
    let start = current.span
    if accept(symbol: "...") { return .ellipsis(start) }
    if isMergedAxes() {
      index += 1
      var names: [Name] = []
      while case .name(let text) = current.kind {
        names.append(Name(text: text, span: current.span))
        index += 1
      }
      try expect(symbol: ")")
      return .merged(names, start.through(previous.span))
    }
    return .expression(try parseExpression())
  }

  /// `(h d`: two names side by side in parentheses.
  private func isMergedAxes() -> Bool {
    guard at(symbol: "("), case .name = peek(1).kind else { return false }
    if case .name = peek(2).kind { return true }
    return false
  }

  // MARK: Index notation

  /// `[i, j: extent, (h d), ...]` left of `=`.
  mutating func parseTarget() throws(Diagnostic) -> [TargetAxis] {
    try parseItems("[", "]") { (parser) throws(Diagnostic) in try parser.parseTargetAxis() }
  }

  private mutating func parseTargetAxis() throws(Diagnostic) -> TargetAxis {
    let start = current.span
    if accept(symbol: "...") { return .ellipsis(start) }
    if at(symbol: "("), case .name = peek(1).kind {
      switch peek(2).kind {
      case .name, .symbol(":"):
        index += 1
        var binders: [Binder] = []
        while !at(symbol: ")") {
          guard !at(.end) else { throw unclosed("(", start) }
          binders.append(try parseBinder())
          _ = accept(symbol: ",")
        }
        index += 1
        return .merged(binders, start.through(previous.span))
      default:
        break
      }
    }
    if case .name = current.kind {
      switch peek(1).kind {
      case .symbol(","), .symbol("]"), .symbol(":"): return .index(try parseBinder())
      default: break
      }
    }
    return .other(try parseExpression())
  }

  private mutating func parseBinder() throws(Diagnostic) -> Binder {
    let name = try expectName("an index")
    return Binder(name: name, extent: accept(symbol: ":") ? try parseExpression() : nil)
  }

  /// `sum[d](body where condition)` behind the name; nothing is consumed when it is something else.
  mutating func parseReducer(after callee: Expression) throws(Diagnostic) -> Expression? {
    guard case .name(let text) = callee.kind, ReducerName(rawValue: text) != nil, isReducer() else {
      return nil
    }
    let binders = try parseItems("[", "]") { (parser) throws(Diagnostic) in
      try parser.parseBinder()
    }
    guard !binders.isEmpty else { throw problem("\(text)[] names no index", at: callee.span) }
    let open = current.span
    try expect(symbol: "(")
    let body = try parseExpression()
    var condition: Expression?
    if case .name("where") = current.kind {
      index += 1
      condition = try parseExpression()
    }
    guard accept(symbol: ")") else {
      if at(.end) { throw unclosed("(", open) }
      if at(symbol: ",") {
        throw problem(
          "\(text)[...] takes one expression", hint: "the axes are the names in the brackets")
      }
      throw unexpected(")")
    }
    return Expression(
      .reducer(Name(text: text, span: callee.span), binders, body, condition: condition),
      callee.span.through(previous.span))
  }

  /// `[ ... ](`
  private func isReducer() -> Bool {
    var depth = 0
    var at = index
    while at < tokens.count {
      switch tokens[at].kind {
      case .symbol("["), .symbol("("), .symbol("{"): depth += 1
      case .symbol("]"), .symbol(")"), .symbol("}"):
        depth -= 1
        if depth == 0 {
          if at + 1 < tokens.count, case .symbol("(") = tokens[at + 1].kind { return true }
          return false
        }
      case .newline, .end: return false
      default: break
      }
      at += 1
    }
    return false
  }
}
