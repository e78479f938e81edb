import Syntax
import Testing

/// Numbers, strings, names and comments as they come out of a text.
@Suite struct LexerTests {
  private func value(_ text: String) -> Expression.Kind? {
    let script = Parser.parse(Source(text))
    guard script.problems.isEmpty, script.statements.count == 1,
      case .expression(let expression) = script.statements[0].kind
    else { return nil }
    return expression.kind
  }

  private func problem(_ text: String) -> String? { Parser.parse(Source(text)).problems.first?.message }

  /// The pieces of a string, values in braces as they are written.
  private func pieces(_ text: String) -> [String]? {
    guard case .string(let pieces)? = value(text) else { return nil }
    return pieces.map { piece in
      switch piece {
      case .text(let text): text
      case .value(_, let format, let span): "<\(span.text)|\(format ?? "none")>"
      }
    }
  }

  // MARK: Numbers

  @Test(
    arguments: [
      ("0", 0), ("42", 42), ("1_000_000", 1_000_000), ("0xff", 255), ("0XFF", 255),
      ("0xdead_beef", 0xDEAD_BEEF),
      ("9223372036854775807", Int.max), ("0x7fffffffffffffff", Int.max), ("007", 7),
    ])
  func integers(_ text: String, _ expected: Int) {
    guard case .integer(let found)? = value(text) else {
      Issue.record("\(text) is no integer")
      return
    }
    #expect(found == expected)
  }

  @Test(
    arguments: [
      ("0.5", 0.5), ("1e3", 1000), ("1E3", 1000), ("1e-3", 0.001), ("2.5e+2", 250), ("1_0.2_5", 10.25),
      ("1e400", .infinity),
      ("5e-324", .leastNonzeroMagnitude), ("0.1", 0.1),
      ("123456789012345678901.0", 123_456_789_012_345_678_901.0),
      ("00.5", 0.5),
    ])
  func floats(_ text: String, _ expected: Double) {
    guard case .float(let found)? = value(text) else {
      Issue.record("\(text) is no float")
      return
    }
    #expect(found == expected)
  }

  @Test func aDotNeedsADigitBehindIt() {
    guard case .range(let lower?, let upper?, nil)? = value("1..10") else {
      Issue.record("1..10 is no range")
      return
    }
    #expect(lower.span.text == "1" && upper.span.text == "10")
    guard case .range(let float?, _, nil)? = value("1.5..10") else {
      Issue.record("1.5..10 is no range")
      return
    }
    #expect(float.span.text == "1.5")
    guard case .member(_, let name)? = value("1.e") else {
      Issue.record("1.e is no member")
      return
    }
    #expect(name.text == "e")
    #expect(problem("1.") == "expected a field's name, the text ends")
  }

  @Test(
    arguments: [
      ("9223372036854775808", "the integer 9223372036854775808 does not fit in 64 bits"),
      ("0x8000000000000000", "0x8000000000000000 is not a hexadecimal integer of 64 bits"),
      ("0x", "0x is not a hexadecimal integer of 64 bits"),
      ("0xfg", "0xfg is not a hexadecimal integer of 64 bits"),
      ("3x", "3x is neither a number nor a name"), ("1.5abc + 1", "1.5abc is neither a number nor a name"),
      ("2λ", "2λ is neither a number nor a name"), ("1e", "1e is neither a number nor a name"),
    ])
  func numbersThatAreNone(_ text: String, _ expected: String) { #expect(problem(text) == expected) }

  @Test func aProductIsProposed() {
    #expect(Parser.parse(Source("3x")).problems.first?.hint == "a product is written 3 * x")
    #expect(
      Parser.parse(Source("9223372036854775808")).problems.first?.hint
        == "write 9223372036854775808.0 for a float")
  }

  // MARK: Strings

  @Test(
    arguments: [
      (#""""#, []), (#""plain""#, ["plain"]), (#""a\n\t\r\\\"\0\e""#, ["a\n\t\r\\\"\0\u{1B}"]),
      (#""\{a\}""#, ["{a}"]),
      (#""\u{3bb}\u{1F600}""#, ["λ😀"]), (#""{{a}}""#, ["{a}"]), (#""{{{x}}}""#, ["{", "<x|none>", "}"]),
      (#""a {x} b""#, ["a ", "<x|none>", " b"]), (#""{x}{y}""#, ["<x|none>", "<y|none>"]),
      (#""{x:.3f}""#, ["<x|.3f>"]), (#""{x:}""#, ["<x|>"]), (#""{x:a:b}""#, ["<x|a:b>"]),
      // A colon inside brackets is no format.
      (#""{f(a: 1)}""#, ["<f(a: 1)|none>"]), (#""{f(a: 1):>8}""#, ["<f(a: 1)|>8>"]),
      (#""{(a: 1).a:d}""#, ["<(a: 1).a|d>"]),
      (#""{x[1..2]:e}""#, ["<x[1..2]|e>"]),
      // Strings inside strings.
      (#""{"in"}""#, [#"<"in"|none>"#]), (#""{f("a: {b:c}"):d}""#, [#"<f("a: {b:c}")|d>"#]),
      (#""{"}}"}""#, [#"<"}}"|none>"#]),
      ("\"# no remark\"", ["# no remark"]), ("\"日本\"", ["日本"]), (#""'""#, ["'"]),
    ] as [(String, [String])])
  func strings(_ text: String, _ expected: [String]) { #expect(pieces(text) == expected) }

  @Test(
    arguments: [
      ("\"abc", "the string is not closed"), ("\"abc\nd\"", "the string is not closed"),
      ("\"a } b\"", "a } stands alone in the string"),
      ("\"a {x\"", "the { in the string is not closed"), ("\"{x:3\"", "the { in the string is not closed"),
      (#""\q""#, #"the escape \q is not known"#),
      (#""\u{zz}""#, #"the escape \u wants a code point in braces"#),
      (#""\u{d800}""#, #"the escape \u wants a code point in braces"#),
      ("\"{x # y}\"", "a comment can't stand inside a string"),
      ("\"{}\"", "expected an expression, the text ends"),
      ("\"{a b}\"", "expected } or : and a format, found b"),
      ("'abc'", "a string is written in double quotes"), ("“abc”", "this is a typographic quote"),
    ])
  func stringsThatAreNone(_ text: String, _ expected: String) { #expect(problem(text) == expected) }

  @Test func stringsNestOnlySoDeep() {
    func nested(_ depth: Int) -> String {
      depth == 0 ? "1" : "\"{" + nested(depth - 1) + "}\""
    }
    #expect(problem(nested(8)) == nil)
    let problems = Parser.parse(Source(nested(9))).problems.map(\.message)
    #expect(problems.contains("strings are nested too deeply"))
    #expect(problem(nested(200)) != nil)
  }

  // MARK: Names

  @Test(arguments: ["x", "_", "_1", "x1", "λ", "x₁", "w′", "größe", "重み", "х", "ifx", "trueish", "e1", "x̂"])
  func names(_ text: String) {
    guard case .name(let found)? = value(text) else {
      Issue.record("\(text) is no name")
      return
    }
    #expect(found == text)
  }

  @Test(
    arguments: [
      ("a ≤ b", "the character ≤ is not an operator", "write <=, >= or !="),
      ("a × b", "the character × is not an operator", "write *"),
      ("a − b", "the character − is not an operator", "write -"),
      ("a · b", "the character · is not an operator", "write *"),
      ("“a”", "this is a typographic quote", "write a plain \""),
      ("$a", "the character \"$\" means nothing here", nil),
      ("€", "the character \"€\" means nothing here", nil),
      ("😀", "the character \"😀\" means nothing here", nil),
    ] as [(String, String, String?)])
  func charactersThatMeanNothing(_ text: String, _ message: String, _ hint: String?) {
    let problem = Parser.parse(Source(text)).problems.first
    #expect(problem?.message == message)
    #expect(problem?.hint == hint)
  }

  // MARK: Comments

  @Test func commentsOfEveryKind() {
    let text = """
      # plain
      ## documentation
      x = 1  # behind
      #> output
      #>  indented
      #>
      #~ 1e-3
      # %% A cell
      arg n = 1  ## help
      "# no comment"
        #
      """
    let comments = Parser.parse(Source(text)).comments
    #expect(
      comments.map { "\($0.kind): \($0.text)\($0.isTrailing ? " (trailing)" : "")" } == [
        "plain: plain", "documentation: documentation", "plain: behind (trailing)", "output: output",
        "output:  indented", "output: ", "tolerance: 1e-3", "cell: A cell",
        "documentation: help (trailing)", "plain: ",
      ])
    #expect(comments[0].span.text == "# plain")
    #expect(comments.map(\.span.line) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10])
    #expect(Parser.parse(Source("x # a\r\ny")).comments[0].text == "a")
  }

  // MARK: Sources

  @Test func linesAreFound() {
    let source = Source("a\nbc\r\n\nλd", name: "x.attn")
    #expect(source.lineCount == 4)
    #expect((0..<4).map { source.text(ofLine: $0) } == ["a", "bc", "", "λd"])
    #expect([0, 1, 2, 5, 6, 7, 9, 10].map { source.line(at: $0) } == [0, 0, 1, 1, 2, 3, 3, 3])
    #expect(Span(source, 9, 10).column == 1)
    #expect(Span(source, 9, 10).text == "d")
    #expect(Source("").lineCount == 1)
    #expect(Source("").text(ofLine: 0).isEmpty)
  }
}
