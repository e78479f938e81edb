/// Parses attn. It never throws to its caller: it returns a tree and a list of problems.
///
/// The statements are here, the expressions in `Parser+Expressions.swift`, what stands in brackets
/// in `Parser+Brackets.swift`. The grammar is written out in docs/language.md.
package struct Parser {
  let source: Source
  let tokens: [Token]
  var index = 0
  var comments: [Comment] = []
  var problems: [Diagnostic] = []
  /// How deep the construct at hand is nested, brackets and chains of operators alike.
  var nesting = 0
  /// Whether the rest of the text was given up, which leaves brackets open.
  private var hasGivenUp = false
  static let deepestNesting = 400
  static let longestChain = 4_000

  /// The words that are never names.
  package static var words: [String] { Keyword.allCases.map(\.rawValue) }

  package static func parse(_ source: Source) -> Script {
    var lexer = Lexer(source)
    lexer.run()
    var parser = Parser(source: source, tokens: lexer.tokens)
    parser.comments = lexer.comments
    parser.problems = lexer.problems
    let statements = parser.parseStatements(until: nil)
    // A lexical mistake often makes a second, empty complaint at the same place.
    var problems: [Diagnostic] = []
    for problem in parser.problems.sorted(by: { $0.start < $1.start })
    where (problems.last?.start != problem.start || problems.last?.isIncomplete == true)
      && !(parser.hasGivenUp && problem.isIncomplete)
    {
      problems.append(problem)
    }
    return Script(
      source: source, statements: statements, comments: parser.comments, problems: problems)
  }

  init(source: Source, tokens: [Token]) {
    self.source = source
    self.tokens = tokens
  }

  // MARK: Statements

  /// Statements up to `}` (which is left standing) or the end of the text.
  mutating func parseStatements(until close: String?) -> [Statement] {
    var statements: [Statement] = []
    while true {
      while accept(.newline) || accept(symbol: ";") {}
      if at(.end) { return statements }
      if let close, at(symbol: close) { return statements }
      let before = index
      do throws(Diagnostic) {
        let start = current.span
        var statement = try parseStatement()
        statement.documentation = statement.documentation ?? documentation(above: start)
        if at(symbol: ";") { statement.isMuted = true }
        statements.append(statement)
        try expectStatementEnd(before: close)
      } catch {
        problems.append(error)
        recover(from: before, until: close)
      }
    }
  }

  private mutating func expectStatementEnd(before close: String?) throws(Diagnostic) {
    if accept(.newline) || accept(symbol: ";") || at(.end) { return }
    if let close, at(symbol: close) { return }
    if case .symbol("=") = current.kind {
      let hint: String
      switch previous.kind {
      case .symbol(")"): hint = "a function is defined by fn name(x) = ...; to compare, write =="
      case .name where index > 1 && tokens[index - 2].kind == .symbol("."):
        hint = "values don't change; a changed copy is written m = m with field = value"
      default: hint = "to compare, write =="
      }
      throw problem(
        "only a name, names separated by commas, or name[indices] can stand left of =", hint: hint)
    }
    throw unexpected("the end of the statement")
  }

  /// Skips to the next line at the same depth of brackets.
  private mutating func recover(from start: Int, until close: String?) {
    var depth = 0
    if index == start { index += 1 }
    while !at(.end) {
      switch current.kind {
      case .symbol("("), .symbol("["), .symbol("{"): depth += 1
      case .symbol(")"), .symbol("]"), .symbol("}"):
        if depth == 0, let close, at(symbol: close) { return }
        depth = max(0, depth - 1)
      case .newline where depth == 0: return
      default: break
      }
      index += 1
    }
  }

  private mutating func parseStatement() throws(Diagnostic) -> Statement {
    let start = current.span
    switch current.kind {
    case .keyword(.fn):
      return try parseFunction(start)
    case .keyword(.for):
      index += 1
      let names = try parseNames("a loop variable")
      try expect(keyword: .in)
      let sequence = try parseExpression()
      return statement(.forLoop(names, sequence, try parseBlock()), from: start)
    case .keyword(.while):
      index += 1
      let condition = try parseExpression()
      return statement(.whileLoop(condition, try parseBlock()), from: start)
    case .keyword(.break):
      index += 1
      return statement(.breakLoop, from: start)
    case .keyword(.continue):
      index += 1
      return statement(.continueLoop, from: start)
    case .keyword(.return):
      index += 1
      let ends = at(.newline) || at(.end) || at(symbol: ";") || at(symbol: "}")
      return statement(.returnValue(ends ? nil : try parseTupleOrExpression()), from: start)
    case .keyword(.assert):
      index += 1
      let condition = try parseExpression()
      let message = accept(symbol: ",") ? try parseExpression() : nil
      return statement(.assertion(condition, message: message), from: start)
    case .keyword(.import):
      index += 1
      return statement(.importFile(try parseExpression()), from: start)
    case .name("model"):
      if case .name = peek(1).kind, case .symbol("(") = peek(2).kind {
        return try parseModel(start)
      }
    case .name("arg"):
      if case .name = peek(1).kind, case .symbol("=") = peek(2).kind {
        return try parseScriptParameter(start)
      }
    default:
      break
    }
    return try parseAssignmentOrExpression(start)
  }

  /// Mutating, so that the span is read after the parts have been parsed.
  private mutating func statement(_ kind: Statement.Kind, from start: Span) -> Statement {
    Statement(kind, start.through(previous.span))
  }

  private mutating func parseAssignmentOrExpression(_ start: Span) throws(Diagnostic) -> Statement {
    if case .name(let text) = current.kind {
      let name = Name(text: text, span: start)
      if case .symbol("=") = peek(1).kind {
        index += 2
        return statement(.assign([name], try parseTupleOrExpression()), from: start)
      }
      if case .symbol(",") = peek(1).kind, let names = acceptTargets() {
        return statement(.assign(names, try parseTupleOrExpression()), from: start)
      }
      if case .symbol("[") = peek(1).kind, isIndexAssignment() {
        index += 1
        let axes = try parseTarget()
        try expect(symbol: "=")
        return statement(.indexAssign(name, axes, try parseExpression()), from: start)
      }
    }
    return statement(.expression(try parseExpression()), from: start)
  }

  /// `a, b =`; nothing is consumed when it is something else.
  private mutating func acceptTargets() -> [Name]? {
    let before = index
    var names: [Name] = []
    while case .name(let text) = current.kind {
      names.append(Name(text: text, span: current.span))
      index += 1
      if accept(symbol: "=") { return names }
      guard accept(symbol: ",") else { break }
    }
    index = before
    return nil
  }

  /// Whether `name[...]` here is followed by `=`.
  private func isIndexAssignment() -> Bool {
    var at = index + 1
    var depth = 0
    while at < tokens.count {
      switch tokens[at].kind {
      case .symbol("["), .symbol("("), .symbol("{"): depth += 1
      case .symbol("]"), .symbol(")"), .symbol("}"):
        depth -= 1
        if depth == 0 {
          if at + 1 < tokens.count, case .symbol("=") = tokens[at + 1].kind { return true }
          return false
        }
      case .end: return false
      default: break
      }
      at += 1
    }
    return false
  }

  /// `a, b` without parentheses makes a tuple where a whole statement's value stands.
  private mutating func parseTupleOrExpression() throws(Diagnostic) -> Expression {
    let first = try parseExpression()
    guard at(symbol: ",") else { return first }
    var items = [Argument(label: nil, value: first)]
    while accept(symbol: ",") { items.append(Argument(label: nil, value: try parseExpression())) }
    return Expression(.record(items), first.span.through(previous.span))
  }

  mutating func parseNames(_ what: String) throws(Diagnostic) -> [Name] {
    let isParenthesized = accept(symbol: "(")
    var names = [try expectName(what)]
    while accept(symbol: ",") { names.append(try expectName(what)) }
    if isParenthesized { try expect(symbol: ")") }
    return names
  }

  mutating func parseBlock() throws(Diagnostic) -> Block {
    let start = current.span
    guard accept(symbol: "{") else { throw unexpected("{") }
    nesting += 1
    defer { nesting -= 1 }
    try checkNesting()
    let statements = parseStatements(until: "}")
    guard accept(symbol: "}") else {
      var problem = problem("this { is not closed", at: start)
      problem.isIncomplete = true
      throw problem
    }
    return Block(statements: statements, span: start.through(previous.span))
  }

  // MARK: Declarations

  private mutating func parseFunction(_ start: Span) throws(Diagnostic) -> Statement {
    let documentation = documentation(above: start)
    index += 1
    let name = try expectName("the function's name")
    let parameters = try parseParameters()
    let body = try parseFunctionBody()
    let span = start.through(previous.span)
    return Statement(
      .function(
        FunctionDeclaration(
          name: name, parameters: parameters, body: body, documentation: documentation, span: span)),
      span)
  }

  /// `{ … }` or `= expression`.
  private mutating func parseFunctionBody() throws(Diagnostic) -> Block {
    guard accept(symbol: "=") else {
      guard at(symbol: "{") else { throw unexpected("{ or = and the function's body") }
      return try parseBlock()
    }
    let value = try parseExpression()
    return Block(statements: [Statement(.expression(value), value.span)], span: value.span)
  }

  private mutating func parseModel(_ start: Span) throws(Diagnostic) -> Statement {
    let documentation = documentation(above: start)
    index += 1
    let name = try expectName("the model's name")
    let parameters = try parseParameters()
    let open = current.span
    try expect(symbol: "{")
    nesting += 1
    defer { nesting -= 1 }
    try checkNesting()
    var fields: [Statement] = []
    var methods: [FunctionDeclaration] = []
    while true {
      while accept(.newline) || accept(symbol: ";") {}
      if accept(symbol: "}") { break }
      if at(.end) {
        var problem = problem("this { is not closed", at: open)
        problem.isIncomplete = true
        throw problem
      }
      let before = index
      do throws(Diagnostic) {
        let here = current.span
        if case .name(let text) = current.kind, beginsMethod() {
          let word = Name(text: text, span: here)
          index += 1
          let declaration = FunctionDeclaration(
            name: word, parameters: try parseParameters(), body: try parseFunctionBody(),
            documentation: self.documentation(above: here), span: here.through(previous.span))
          if methods.contains(where: { $0.name.text == text }) {
            throw problem("the model has a second \(text)", at: here)
          }
          methods.append(declaration)
        } else {
          var field = try parseStatement()
          field.documentation = self.documentation(above: here)
          try check(field: field)
          fields.append(field)
        }
        try expectStatementEnd(before: "}")
      } catch {
        problems.append(error)
        recover(from: before, until: "}")
      }
    }
    let span = start.through(previous.span)
    return Statement(
      .model(
        ModelDeclaration(
          name: name, parameters: parameters, fields: fields, methods: methods,
          documentation: documentation, span: span)), span)
  }

  /// Whether `name(parameters)` and the body of a method stand here; of `apply` its name is enough.
  private func beginsMethod() -> Bool {
    guard case .name(let name) = current.kind, case .symbol("(") = peek(1).kind else { return false }
    if name == "apply" { return true }
    var depth = 0
    for offset in 1... {
      switch peek(offset).kind {
      case .symbol("("), .symbol("["): depth += 1
      case .symbol(")"), .symbol("]"):
        depth -= 1
        guard depth == 0 else { continue }
        switch peek(offset + 1).kind {
        case .symbol("{"), .symbol("="): return true
        default: return false
        }
      case .end: return false
      default: continue
      }
    }
    return false
  }

  private func check(field: Statement) throws(Diagnostic) {
    switch field.kind {
    case .assign, .indexAssign, .assertion: return
    case .expression, .function, .model, .forLoop, .whileLoop, .breakLoop, .continueLoop, .returnValue,
      .importFile, .scriptParameter:
      throw problem(
        "a model holds fields (name = expression), assert, apply and other methods", at: field.span,
        hint: "what computes the output belongs inside apply(...) { ... }")
    }
  }

  private mutating func parseScriptParameter(_ start: Span) throws(Diagnostic) -> Statement {
    index += 1
    let name = try expectName("the parameter's name")
    try expect(symbol: "=")
    let fallback = try parseExpression()
    var result = statement(.scriptParameter(name, fallback), from: start)
    let line = result.span.source.line(at: result.span.end)
    result.documentation =
      comments.first { $0.kind == .documentation && $0.isTrailing && $0.span.line == line }?.text
      ?? documentation(above: start)
    return result
  }

  /// The run of `##` lines that ends on the line above.
  func documentation(above span: Span) -> String? {
    var line = span.line - 1
    var lines: [String] = []
    // Comments are in order, so the last one before the span is found from the end.
    var at = comments.count - 1
    while at >= 0, comments[at].span.start >= span.start { at -= 1 }
    while at >= 0, comments[at].kind == .documentation, !comments[at].isTrailing,
      comments[at].span.line == line
    {
      lines.append(comments[at].text)
      line -= 1
      at -= 1
    }
    return lines.isEmpty ? nil : lines.reversed().joined(separator: "\n")
  }
}

// MARK: Tokens

extension Parser {
  var current: Token { tokens[index] }
  var previous: Token { tokens[max(0, index - 1)] }
  func peek(_ distance: Int) -> Token { tokens[min(index + distance, tokens.count - 1)] }

  func at(_ kind: Token.Kind) -> Bool { current.kind == kind }
  func at(symbol: String) -> Bool {
    if case .symbol(symbol) = current.kind { return true }
    return false
  }
  func at(keyword: Keyword) -> Bool {
    if case .keyword(keyword) = current.kind { return true }
    return false
  }

  mutating func accept(_ kind: Token.Kind) -> Bool {
    guard current.kind == kind, kind != .end else { return false }
    index += 1
    return true
  }
  mutating func accept(symbol: String) -> Bool {
    guard at(symbol: symbol) else { return false }
    index += 1
    return true
  }
  mutating func accept(keyword: Keyword) -> Bool {
    guard at(keyword: keyword) else { return false }
    index += 1
    return true
  }

  mutating func expect(symbol: String) throws(Diagnostic) {
    guard accept(symbol: symbol) else { throw unexpected(symbol) }
  }
  mutating func expect(keyword: Keyword) throws(Diagnostic) {
    guard accept(keyword: keyword) else { throw unexpected(keyword.rawValue) }
  }

  mutating func expectName(_ what: String) throws(Diagnostic) -> Name {
    guard case .name(let text) = current.kind else {
      if case .keyword(let word) = current.kind {
        throw problem("\(word.rawValue) is a word of the language, so it can't be \(what)")
      }
      throw unexpected(what)
    }
    defer { index += 1 }
    return Name(text: text, span: current.span)
  }

  /// Gives up the rest of the text where it is nested beyond reason.
  mutating func checkNesting() throws(Diagnostic) {
    guard nesting <= Self.deepestNesting else {
      defer {
        index = tokens.count - 1
        hasGivenUp = true
      }
      throw problem("this is nested too deeply", hint: "give inner parts names of their own")
    }
  }

  func problem(_ message: String, at span: Span? = nil, hint: String? = nil) -> Diagnostic {
    Diagnostic(message, at: span ?? current.span, hint: hint)
  }

  /// What stands here is not what the grammar wants.
  func unexpected(_ wanted: String) -> Diagnostic {
    let found: String
    switch current.kind {
    case .integer, .float, .name, .symbol: found = "found \(current.span.text)"
    case .string: found = "found a string"
    case .keyword(let word): found = "found the word \(word.rawValue)"
    case .newline: found = "the line ends"
    case .end: found = "the text ends"
    }
    var span = current.span
    if case .end = current.kind { span = Span(source, previous.span.end, previous.span.end) }
    if case .newline = current.kind { span = Span(source, previous.span.end, previous.span.end) }
    var problem = problem("expected \(wanted), \(found)", at: span)
    problem.isIncomplete = current.kind == .end
    problem.hint = habit
    return problem
  }

  /// How attn writes what other languages write as it stands here.
  private var habit: String? {
    let here = current.kind
    let before = index > 0 ? tokens[index - 1].kind : .end
    switch (before, here) {
    case (.symbol("*"), .symbol("*")): return "a power is written x ^ 2"
    case (.symbol("&"), _), (_, .symbol("&")): return "write and"
    case (.symbol("|"), _), (_, .symbol("|")): return "write or"
    case (.symbol("+"), .symbol("=")), (.symbol("-"), .symbol("=")), (.symbol("*"), .symbol("=")),
      (.symbol("/"), .symbol("=")):
      return "names are bound again: x = x \(tokens[index - 1].span.text) 1"
    case (.symbol("["), .symbol(":")), (.symbol(","), .symbol(":")):
      return "all of an axis is written .., its first two ..2, without the last ..-1"
    case (_, .symbol(":")): return "a block stands in braces: { ... }; a range is written 0..2"
    case (_, .symbol(".")): return "a float needs a digit before its dot: 0.5"
    case (.symbol("."), _): return "a float needs a digit behind its dot: 1.0"
    case (.name("def"), _): return "a function is written fn name(x) { ... }"
    case (.name("let"), _), (.name("var"), _), (.name("const"), _): return "a name is bound by name = value"
    case (.name("lambda"), _): return "a lambda is written x -> x + 1"
    case (.name("class"), _): return "a model is written model Name(size) { ... apply(x) { ... } }"
    case (.name("print"), .string): return "print is a function: print(\"text\")"
    case (_, .keyword(.if)): return "a choice is written if condition { a } else { b }"
    case (_, .symbol("=")): return "to compare, write =="
    default: return nil
    }
  }
}

extension Diagnostic {
  var start: Int { spans.first?.start ?? 0 }
}
