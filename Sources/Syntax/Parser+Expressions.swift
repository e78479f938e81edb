/// How tightly the operators bind, loosest first. docs/language.md shows the same table.
enum Precedence: Int, Comparable {
  case pipe = 1
  case with
  case or
  case and
  case not
  case comparison
  case range
  case sum
  case product
  case matmul
  case sign
  case power

  static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

private enum Infix {
  case pipe, with, range
  case logical(LogicalOperator)
  case comparison(ComparisonOperator)
  case binary(BinaryOperator)

  var precedence: Precedence {
    switch self {
    case .pipe: .pipe
    case .with: .with
    case .range: .range
    case .logical(.or): .or
    case .logical(.and): .and
    case .comparison: .comparison
    case .binary(.add), .binary(.subtract): .sum
    case .binary(.multiply), .binary(.divide), .binary(.floorDivide), .binary(.remainder): .product
    case .binary(.matmul): .matmul
    case .binary(.power): .power
    }
  }
}

extension Parser {
  /// Any expression, lambdas included.
  mutating func parseExpression() throws(Diagnostic) -> Expression {
    nesting += 1
    defer { nesting -= 1 }
    try checkNesting()
    if let lambda = try parseLambda() { return lambda }
    return try parse(atLeast: .pipe)
  }

  // MARK: Operators

  private var infix: Infix? {
    switch current.kind {
    case .symbol("|>"): return .pipe
    case .symbol(".."): return .range
    case .symbol(let text):
      return BinaryOperator(rawValue: text).map(Infix.binary)
        ?? ComparisonOperator(rawValue: text).map(Infix.comparison)
    case .keyword(.with): return .with
    case .keyword(.and): return .logical(.and)
    case .keyword(.or): return .logical(.or)
    case .integer, .float, .string, .name, .keyword, .newline, .end: return nil
    }
  }

  /// Precedence climbing: an operand, then operators that bind at least as tightly as `lowest`.
  private mutating func parse(atLeast lowest: Precedence) throws(Diagnostic) -> Expression {
    var left = try parsePrefix(atLeast: lowest)
    var length = 0
    while let infix, infix.precedence >= lowest {
      length += 1
      guard length <= Self.longestChain else {
        throw problem("this chain of operators is too long", hint: "use a loop, or sum(list)")
      }
      left = try parse(infix, after: left)
    }
    return left
  }

  private mutating func parse(_ infix: Infix, after left: Expression) throws(Diagnostic)
    -> Expression
  {
    let precedence = infix.precedence
    func span(_ end: Expression) -> Span { left.span.through(end.span) }
    switch infix {
    case .pipe:
      index += 1
      if let lambda = try parseLambda() { return try pipe(left, into: lambda) }
      return try pipe(left, into: try parse(atLeast: .with))
    case .with:
      return try parseUpdate(of: left)
    case .range:
      index += 1
      guard startsOperand() else {
        let step = try parseStep()
        return Expression(.range(left, nil, step: step), left.span.through(previous.span))
      }
      let upper = try parse(atLeast: .sum)
      let step = try parseStep()
      return Expression(.range(left, upper, step: step), span(step ?? upper))
    case .logical(let logical):
      index += 1
      let right = try parse(atLeast: logical == .or ? .and : .not)
      return Expression(.logical(logical, left, right), span(right))
    case .comparison:
      var rest: [(ComparisonOperator, Expression)] = []
      while case .comparison(let comparison) = self.infix {
        index += 1
        rest.append((comparison, try parse(atLeast: .range)))
      }
      return Expression(.comparison(left, rest), span(rest[rest.count - 1].1))
    case .binary(let binary):
      index += 1
      // `^` is right-associative, and its right side may carry a sign: 2 ^ -1.
      let next = Precedence(rawValue: precedence.rawValue + 1) ?? .power
      nesting += 1
      defer { nesting -= 1 }
      try checkNesting()
      let right = try parse(atLeast: binary == .power ? .sign : next)
      return Expression(.binary(binary, left, right), span(right))
    }
  }

  mutating func parseStep() throws(Diagnostic) -> Expression? {
    guard case .name("by") = current.kind else { return nil }
    index += 1
    return try parse(atLeast: .sum)
  }

  private mutating func parsePrefix(atLeast lowest: Precedence) throws(Diagnostic) -> Expression {
    let start = current.span
    nesting += 1
    defer { nesting -= 1 }
    try checkNesting()
    if at(keyword: .not) {
      index += 1
      let operand = try parse(atLeast: .not)
      return Expression(.unary(.not, operand), start.through(operand.span))
    }
    if at(symbol: "-") {
      index += 1
      let operand = try parse(atLeast: .sign)
      return Expression(.unary(.negate, operand), start.through(operand.span))
    }
    if at(symbol: "+") { throw problem("there is no unary +", hint: "leave it out") }
    if at(symbol: "!") { throw problem("! is not an operator", hint: "write not") }
    // `..3` and `..`, in a subscript.
    if at(symbol: ".."), lowest <= .range {
      index += 1
      guard startsOperand() else {
        return Expression(.range(nil, nil, step: try parseStep()), start.through(previous.span))
      }
      let upper = try parse(atLeast: .sum)
      return Expression(.range(nil, upper, step: try parseStep()), start.through(previous.span))
    }
    return try parsePostfix()
  }

  /// Whether the token can begin an operand, for `1..` with nothing behind it.
  private func startsOperand() -> Bool {
    switch current.kind {
    case .integer, .float, .string: true
    case .name(let text): text != "by"
    case .symbol(let text): ["(", "[", "-"].contains(text)
    case .keyword(let word): [.true, .false, .none, .if, .not].contains(word)
    case .newline, .end: false
    }
  }

  /// `x |> f(a)` is `f(x, a)`; `x |> f` is `f(x)`.
  private func pipe(_ value: Expression, into call: Expression) throws(Diagnostic) -> Expression {
    let span = value.span.through(call.span)
    let piped = Argument(label: nil, value: value)
    switch call.kind {
    case .call(let function, let arguments):
      return Expression(.call(function, [piped] + arguments), span)
    case .name, .member, .lambda, .subscripted:
      return Expression(.call(call, [piped]), span)
    default:
      throw problem(
        "the right side of |> is a function or a call", at: call.span, hint: "x |> f(a) is f(x, a)")
    }
  }

  // MARK: Lambdas

  /// `x -> body`, `(x, y) -> body`; nothing is consumed when it is something else.
  private mutating func parseLambda() throws(Diagnostic) -> Expression? {
    let start = current.span
    let parameters: [Parameter]
    if case .name(let text) = current.kind, case .symbol("->") = peek(1).kind {
      parameters = [Parameter(name: Name(text: text, span: start))]
      index += 2
    } else if at(symbol: "("), isLambda() {
      parameters = try parseParameters()
      try expect(symbol: "->")
    } else {
      return nil
    }
    let body: Block
    if at(symbol: "{") {
      body = try parseBlock()
    } else {
      let value = try parseExpression()
      body = Block(statements: [Statement(.expression(value), value.span)], span: value.span)
    }
    return Expression(.lambda(parameters, body), start.through(body.span))
  }

  private func isLambda() -> Bool {
    var depth = 0
    var at = index
    while at < tokens.count {
      switch tokens[at].kind {
      case .symbol("("), .symbol("["), .symbol("{"): depth += 1
      case .symbol(")"), .symbol("]"), .symbol("}"):
        depth -= 1
        if depth == 0 {
          if at + 1 < tokens.count, case .symbol("->") = tokens[at + 1].kind { return true }
          return false
        }
      case .end: return false
      default: break
      }
      at += 1
    }
    return false
  }

  // MARK: Operands

  /// An operand with its calls, subscripts and fields.
  private mutating func parsePostfix() throws(Diagnostic) -> Expression {
    var result = try parsePrimary()
    var length = 0
    while true {
      length += 1
      guard length <= Self.longestChain else { throw problem("this chain is too long") }
      switch current.kind {
      case .symbol("("):
        guard current.span.start == previous.span.end || isCallable(result) else { return result }
        let arguments = try parseArguments()
        result = Expression(.call(result, arguments), result.span.through(previous.span))
      case .symbol("["):
        if let reducer = try parseReducer(after: result) {
          result = reducer
          continue
        }
        let subscripts = try parseSubscripts()
        result = Expression(.subscripted(result, subscripts), result.span.through(previous.span))
      case .symbol("."):
        index += 1
        let name = try parseMemberName()
        result = Expression(.member(result, name), result.span.through(name.span))
      case .symbol("?"):
        throw problem("? belongs to the prompt", hint: "at the prompt, ?name shows a name's help")
      default:
        return result
      }
    }
  }

  private func isCallable(_ expression: Expression) -> Bool {
    switch expression.kind {
    case .name, .call, .member, .subscripted, .record, .lambda: true
    default: false
    }
  }

  /// Behind a dot a word of the language is a name too: `record.in`, `xs.with`.
  private mutating func parseMemberName() throws(Diagnostic) -> Name {
    let span = current.span
    switch current.kind {
    case .name(let text):
      index += 1
      return Name(text: text, span: span)
    case .keyword(let word):
      index += 1
      return Name(text: word.rawValue, span: span)
    case .integer(let position):
      index += 1
      return Name(text: String(position), span: span)
    default:
      throw unexpected("a field's name")
    }
  }

  private mutating func parsePrimary() throws(Diagnostic) -> Expression {
    let span = current.span
    switch current.kind {
    case .integer(let value):
      index += 1
      return Expression(.integer(value), span)
    case .float(let value):
      index += 1
      return Expression(.float(value), span)
    case .string(let pieces):
      index += 1
      return Expression(
        .string(try pieces.map { (piece) throws(Diagnostic) in try parse(piece) }), span)
    case .name(let text):
      index += 1
      return Expression(.name(text), span)
    case .keyword(.true), .keyword(.false):
      let value = at(keyword: .true)
      index += 1
      return Expression(.boolean(value), span)
    case .keyword(.none):
      index += 1
      return Expression(.none, span)
    case .keyword(.if):
      return try parseConditional()
    case .symbol("("):
      return try parseParentheses()
    case .symbol("["):
      return try parseList()
    case .symbol("{"):
      throw problem(
        "a block can't stand here", hint: "a record is written (name: value), a list [a, b]")
    default:
      throw unexpected("an expression")
    }
  }

  private func parse(_ piece: StringPiece) throws(Diagnostic) -> Piece {
    switch piece {
    case .text(let text):
      return .text(text)
    case .interpolation(let tokens, let format):
      var inner = Parser(source: source, tokens: tokens)
      inner.nesting = nesting
      let value = try inner.parseExpression()
      guard inner.at(.end) else { throw inner.unexpected("} or : and a format") }
      return .value(value, format: format, span: value.span)
    }
  }

  private mutating func parseConditional() throws(Diagnostic) -> Expression {
    let start = current.span
    try expect(keyword: .if)
    let condition = try parseExpression()
    let then = try parseBlock()
    var otherwise: Block?
    if accept(keyword: .else) {
      if at(keyword: .if) {
        nesting += 1
        defer { nesting -= 1 }
        try checkNesting()
        let inner = try parseConditional()
        otherwise = Block(statements: [Statement(.expression(inner), inner.span)], span: inner.span)
      } else {
        otherwise = try parseBlock()
      }
    }
    return Expression(
      .conditional(condition: condition, then, otherwise: otherwise),
      start.through(previous.span))
  }

  private mutating func parseUpdate(of base: Expression) throws(Diagnostic) -> Expression {
    try expect(keyword: .with)
    var path: [PathStep] = []
    if case .name = current.kind { path.append(.member(try expectName("a field"))) }
    while true {
      if at(symbol: "[") {
        let start = current.span
        let subscripts = try parseSubscripts()
        path.append(.subscripts(subscripts, start.through(previous.span)))
      } else if accept(symbol: ".") {
        path.append(.member(try parseMemberName()))
      } else {
        break
      }
    }
    guard !path.isEmpty else { throw unexpected("a field or [positions] to change") }
    guard accept(symbol: "=") else {
      throw unexpected("= and the new value")
    }
    let value: Expression
    if let lambda = try parseLambda() { value = lambda } else { value = try parse(atLeast: .or) }
    return Expression(.updated(base, path: path, value), base.span.through(value.span))
  }
}
