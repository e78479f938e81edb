import Syntax
import Testing

/// What is said about texts that are wrong, and where; and that no text stops the parser.
@Suite struct DiagnosticTests {
  private func parse(_ text: String) -> Script { Parser.parse(Source(text, name: "a.attn")) }

  /// Each mistake with its message and the text underlined (`⌷` for a place between characters).
  @Test(
    arguments: [
      ("x = (1, 2", "this ( is not closed", "("), ("[1, 2", "this [ is not closed", "["),
      ("f(a, ", "this ( is not closed", "("),
      ("fn f() { 1", "this { is not closed", "{"), ("model M() { w = 1", "this { is not closed", "{"),
      ("1 +", "expected an expression, the text ends", "⌷"),
      ("x = ", "expected an expression, the text ends", "⌷"),
      ("1 2", "expected the end of the statement, found 2", "2"),
      ("a b", "expected the end of the statement, found b", "b"),
      ("f(1 2)", "expected , or ), found 2", "2"), ("[1 2]", "expected , or ], found 2", "2"),
      ("x[]", "the brackets are empty", "[]"),
      ("1 = x", "only a name, names separated by commas, or name[indices] can stand left of =", "="),
      ("f(x) = 1", "only a name, names separated by commas, or name[indices] can stand left of =", "="),
      ("fn f(x, x) = 1", "the parameter x appears twice", "x"),
      ("fn f(x = 1) = x", "a default is written after a colon", "="),
      ("fn if(x) = 1", "if is a word of the language, so it can't be the function's name", "if"),
      ("fn f(x)", "expected { or = and the function's body, the text ends", "⌷"),
      ("+1", "there is no unary +", "+"), ("!a", "! is not an operator", "!"),
      ("f?", "? belongs to the prompt", "?"),
      ("x |> 3", "the right side of |> is a function or a call", "3"),
      ("{ a }", "a block can't stand here", "{"),
      ("a with = 1", "expected a field or [positions] to change, found =", "="),
      ("a with b", "expected = and the new value, the text ends", "⌷"),
      ("a with b 1", "expected = and the new value, found 1", "1"),
      ("sum[](x)", "sum[] names no index", "sum"),
      ("sum[i](x[i], y[i])", "sum[...] takes one expression", ","),
      ("for 1 in xs { a }", "expected a loop variable, found 1", "1"),
      ("for i xs { a }", "expected in, found xs", "xs"), ("if a 1", "expected {, found 1", "1"),
      ("a.", "expected a field's name, the text ends", "⌷"),
      ("x = )", "expected an expression, found )", ")"),
      ("a ]", "expected the end of the statement, found ]", "]"),
      (
        "model M() { f(1) }", "a model holds fields (name = expression), assert, apply and other methods",
        "f(1)"
      ),
      ("model M() { apply(x) = x; apply(y) = y }", "the model has a second apply", "apply"),
      ("return = 1", "expected an expression, found =", "="), ("[a for b]", "expected in, found ]", "]"),
      ("x = \"a", "the string is not closed", "\"a"),
      ("q[1.5:] = 2", "expected , or ], found :", ":"), ("1 |> (a)(2", "this ( is not closed", "("),
    ])
  func mistakes(_ text: String, _ message: String, _ place: String) throws {
    let problem = try #require(parse(text).problems.first)
    #expect(problem.message == message)
    let span = try #require(problem.spans.first)
    #expect(span.text == (place == "⌷" ? "" : place))
  }

  @Test func oneMistakeIsToldOnceAndTheRestIsParsed() {
    let script = parse("x = 1\ny = (2 3)\nz = 3\nfn f() {\n  a b\n  c\n}\nw = 4")
    #expect(script.problems.map { $0.spans[0].line + 1 } == [2, 5])
    #expect(
      script.statements.map(\.span.text).filter { $0.hasPrefix("z") || $0.hasPrefix("w") } == [
        "z = 3", "w = 4",
      ])
    #expect(parse("“a”").problems.count <= 2)
  }

  // MARK: Texts that stop early

  @Test(
    arguments: [
      "f(", "f(1,", "[1, 2", "x = (", "fn f() {", "fn f() {\n  a\n", "if a {\n b\n} else {", "model M() {",
      "model M() {\n  w = 1",
      "x = [\n  [1, 2],", "1 +", "x =", "a and", "a |>", "fn f(x) =", "fn f(x", "x ->", "f(x -> {\n a",
      "sum[i](", "for i in", "while a", "f(g(1)",
      "a.", "not", "a with", "a with b =", "\"a {f(1)}\" +",
    ])
  func incompleteTexts(_ text: String) {
    let script = parse(text)
    #expect(script.isIncomplete)
    #expect(!script.problems.isEmpty)
  }

  @Test(
    arguments: [
      "", "f(1)", "x = 1", "1 2", ")", "f(1))", "x = \"a", "f(1 2)", "}", "a b", "1..", "x ;", "fn f() { a }",
      "\"{a b}\"", "[1 2]", "$",
      "# f(", "\"(\"", "x = 3x",
    ])
  func completeTexts(_ text: String) { #expect(!parse(text).isIncomplete) }

  // MARK: Pictures

  private func picture(_ text: String) -> [String] {
    let rendered = parse(text).problems.first?.rendered() ?? ""
    return rendered.split(separator: "\n").map(String.init)
  }

  @Test func theMarkStandsUnderThePlace() {
    #expect(
      picture("x = 1\n    y = 2 3") == [
        "error: expected the end of the statement, found 3", "  y = 2 3", "        ─",
      ])
    #expect(
      picture("\"日本\" 3") == [
        "error: expected the end of the statement, found 3", "  \"日本\" 3", "         ─",
      ])
    #expect(picture("\"e\u{301}\" 3").dropFirst() == ["  \"e\u{301}\" 3", "      ─"])
    #expect(picture("\"😀\" 3").dropFirst() == ["  \"😀\" 3", "       ─"])
    #expect(picture("\ty =\t2 3").dropFirst() == ["  y = 2 3", "        ─"])
    #expect(picture("重み = 2 重み").dropFirst() == ["  重み = 2 重み", "           ────"])
    #expect(picture("1 +").dropFirst() == ["  1 +", "     ─"])
    #expect(picture("fn f(x = 1) = x").last == "  hint: x: value")
  }

  @Test func longLinesAreCut() {
    let text = String(repeating: "a + ", count: 100) + "b c" + String(repeating: " + d", count: 100)
    let lines = picture(text)
    #expect(lines.count == 3)
    #expect(lines[1].count < 130)
    #expect(lines[1].hasPrefix("  …") && lines[1].hasSuffix("…"))
    let column = lines[2].prefix { $0 == " " }.count
    #expect(Array(lines[1])[column] == "c")
    #expect(lines[2].filter { $0 == "─" }.count == 1)
  }

  @Test func thePlaceIsNamedWhereItIsWanted() {
    let problem = parse("x = 1\nλ = 2 3").problems[0]
    #expect(problem.rendered(location: .full).hasPrefix("a.attn:2:7: error: expected"))
    #expect(problem.rendered(location: .none).hasPrefix("error: expected"))
    let nameless = Parser.parse(Source("1 2")).problems[0]
    #expect(nameless.rendered(location: .full).hasPrefix("error: expected"))
  }

  @Test func severalPlacesOfOneLineAreMarked() {
    let source = Source("q @ kk\nv")
    let problem = Diagnostic(
      "no", at: [Span(source, 0, 1), Span(source, 4, 6), Span(source, 7, 8)], notes: ["q : f32[6, 8]"],
      hint: "why not")
    #expect(problem.rendered() == "error: no\n  q @ kk\n  ─   ──\n  q : f32[6, 8]\n  hint: why not")
  }

  @Test func longTracesAreCut() {
    let source = Source("f(1)")
    var problem = Diagnostic("no", at: Span(source, 0, 1))
    for index in 0..<20 { problem.add(Diagnostic.Call(function: "f\(index)", span: Span(source, 0, 4))) }
    let lines = problem.rendered().split(separator: "\n").dropFirst(3)
    #expect(lines.count == 9)
    #expect(lines[lines.startIndex] == "  in f0, called by: f(1)")
    #expect(lines[lines.startIndex + 4] == "  … 12 more calls …")
    #expect(lines.last == "  in f19, called by: f(1)")
  }

  // MARK: Texts without end

  @Test(
    arguments: [
      "(", "[", "{", "f(", "x[", "not ", "-", "x -> ", "a ^ ", "(x, ", "[[",
      "sum[i](", "a with b = ", "1 + ",
      "a.b", "f()", "a |> ", "0..", "if a { b } else ", "a and ", "a < ", "()", "a[0]", "(a -> ",
      "model M() { ", "for i in ", "[a for a in ",
    ])
  func deepTextsAreProblemsAndNoCrash(_ piece: String) {
    let script = parse(String(repeating: piece, count: 100_000 / piece.utf8.count))
    #expect(!script.problems.isEmpty)
    #expect(script.problems.allSatisfy { !$0.rendered().isEmpty })
  }

  /// Blocks and strings in each other.
  @Test(arguments: [
    ("if a { ", 10_000), ("{", 100_000), ("fn f() { ", 3000), ("model M() { ", 8000), ("\"{", 50_000),
  ])
  func deepBlocksAreProblemsAndNoCrash(_ piece: String, _ count: Int) {
    let script = parse(String(repeating: piece, count: count))
    #expect(!script.problems.isEmpty)
    #expect(script.problems.allSatisfy { !$0.rendered().isEmpty })
  }

  @Test func nestingIsLimitedButNotLow() {
    for depth in [10, 100, 150] {
      let text = String(repeating: "(", count: depth) + "1" + String(repeating: ")", count: depth)
      #expect(parse(text).problems.isEmpty, "\(depth)")
    }
    let chain = Array(repeating: "1", count: 3000).joined(separator: " + ")
    #expect(parse(chain).problems.isEmpty)
    let long = Array(repeating: "1", count: 100_000).joined(separator: " + ")
    #expect(parse(long).problems.first?.message == "this chain of operators is too long")
    let deep = String(repeating: "(", count: 100_000) + "1" + String(repeating: ")", count: 100_000)
    #expect(parse(deep).problems.first?.message == "this is nested too deeply")
    let blocks = String(repeating: "if true { ", count: 500) + "1" + String(repeating: " }", count: 500)
    let chained = "if false { 0 }" + String(repeating: " else if false { 1 }", count: 1000)
    for text in [deep, blocks, chained] {
      #expect(parse(text).problems.map(\.message) == ["this is nested too deeply"])
    }
    #expect(parse(Array(repeating: "a = 1", count: 20_000).joined(separator: "\n")).problems.isEmpty)
  }

  /// Numbers of a fixed sequence (SplitMix64).
  private struct Draws: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  private func expectSound(_ text: String) {
    let source = Source(text, name: "soup.attn")
    let script = Parser.parse(source)
    for problem in script.problems {
      let isInside = problem.spans.allSatisfy {
        0 <= $0.start && $0.start <= $0.end && $0.start <= source.bytes.count
      }
      #expect(isInside && !problem.message.isEmpty, "\(text.debugDescription)")
      if problem.rendered(location: .full).isEmpty { Issue.record("\(text.debugDescription)") }
    }
    for statement in script.statements where statement.span.end > source.bytes.count {
      Issue.record("\(text.debugDescription)")
    }
  }

  @Test func tokenSoupIsParsedToItsEnd() {
    let words =
      ("fn if else for in while break continue return assert import and or not with true false none model "
      + "arg apply by where x y f sum max 0 1 2.5 0x1f 1e3 "
      + "... |> -> // == != <= >= .. ( ) [ ] { } , ; : = < > + - * / % @ ^ . "
      + "? | ! & \" \\ # ## #> ' “ λ 日 e\u{301} \u{1F600} \u{0} \t \r").split(separator: " ").map(String.init)
      + ["\n", "\n", " ", "\"a\"", "\"{x:d}\"", "{", "}", "(", ")"]
    var draws = Draws(state: 61)
    for _ in 0..<3000 {
      let count = Int.random(in: 1...40, using: &draws)
      let isSpaced = Bool.random(using: &draws)
      let soup = (0..<count).map { _ in words[Int.random(in: 0..<words.count, using: &draws)] }
      expectSound(soup.joined(separator: isSpaced ? " " : ""))
    }
  }

  @Test func bytesOfAnyKindAreParsedToTheirEnd() {
    var draws = Draws(state: 62)
    for _ in 0..<1000 {
      let bytes = (0..<Int.random(in: 0...60, using: &draws)).map { _ in
        UInt8.random(in: 0...255, using: &draws)
      }
      expectSound(String(decoding: bytes, as: UTF8.self))
    }
  }

  /// Every beginning of a sound text is parsed, and most of them are just not finished.
  @Test func everyBeginningIsParsed() {
    let text = """
      ## Doc.
      fn f(q[..., t, d], k: none) {
        w[t, (h d)] = softmax[s](q[t, s] / sqrt(d) where s <= t)
        if t > 1 { "a {w[0, 1..]:.3f} λ" } else { [x -> x ^ -2, (a: 1,)] |> g }
      }
      model M(n) { w = zeros(n); apply(x) = x @ w }
      """
    for end in text.indices { expectSound(String(text[..<end])) }
    #expect(parse(text).problems.isEmpty)
  }
}
