import Syntax
import Testing

/// What binds to what, shown as nested lists.
@Suite struct ParserTests {
  private func tree(_ text: String) -> String {
    let script = Parser.parse(Source(text))
    if let problem = script.problems.first { return "problem: \(problem.message)" }
    return script.statements.map(\.tree).joined(separator: " ; ")
  }

  @Test(
    arguments: [
      // Every level against the next tighter one, on both sides.
      ("a with x = 1 |> f", "(call f (with a .x 1))"), ("a with x = b or c", "(with a .x (or b c))"),
      ("a or b and c", "(or a (and b c))"), ("a and b or c", "(or (and a b) c)"),
      ("a and not b", "(and a (not b))"), ("not a and b", "(and (not a) b)"),
      ("not a == b", "(not (compare a == b))"), ("not not a", "(not (not a))"),
      ("a == 0..b", "(compare a == (.. 0 b))"), ("0..n - 1", "(.. 0 (- n 1))"),
      ("a + b * c", "(+ a (* b c))"), ("a * b + c", "(+ (* a b) c)"),
      ("a * b @ c", "(* a (@ b c))"), ("a @ b * c", "(* (@ a b) c)"),
      ("a @ -b", "(@ a (- b))"), ("-a @ b", "(@ (- a) b)"),
      ("-a ^ b", "(- (^ a b))"), ("a ^ -b", "(^ a (- b))"), ("a ^ -b ^ c", "(^ a (- (^ b c)))"),
      ("a ^ b.c", "(^ a (. b c))"), ("-x[0]", "(- (at x 0))"), ("-f(x)", "(- (call f x))"),
      ("a ^ b @ c", "(@ (^ a b) c)"), ("a @ b ^ c", "(@ a (^ b c))"), ("a - -b", "(- a (- b))"),
      // Operators of one level, from the left; ^ from the right.
      ("a - b + c - d", "(- (+ (- a b) c) d)"), ("a / b * c // d % e", "(% (// (* (/ a b) c) d) e)"),
      ("a @ b @ c", "(@ (@ a b) c)"), ("a ^ b ^ c", "(^ a (^ b c))"), ("2 ^ 3 ^ 2", "(^ 2 (^ 3 2))"),
      ("a or b or c", "(or (or a b) c)"), ("a and b and c", "(and (and a b) c)"),
      ("a with x = 1 with y = 2", "(with (with a .x 1) .y 2)"), ("- - a", "(- (- a))"),
      ("(a + b) * c", "(* (+ a b) c)"), ("a - (b - c)", "(- a (- b c))"), ("((a))", "a"),
      ("(-2) ^ 2", "(^ (- 2) 2)"),
    ])
  func operatorsBind(_ text: String, _ expected: String) { #expect(tree(text) == expected) }

  @Test(
    arguments: [
      ("a < b", "(compare a < b)"), ("a < b <= c != d", "(compare a < b <= c != d)"),
      ("a == b == c", "(compare a == b == c)"), ("a > b + 1 >= c", "(compare a > (+ b 1) >= c)"),
      ("(a < b) < c", "(compare (compare a < b) < c)"),
      ("a < b and b < c", "(and (compare a < b) (compare b < c))"),
    ])
  func comparisonsChain(_ text: String, _ expected: String) { #expect(tree(text) == expected) }

  @Test(
    arguments: [
      ("x |> f", "(call f x)"), ("x |> f(a, k: b)", "(call f x a k:b)"),
      ("x |> f |> g(1)", "(call g (call f x) 1)"),
      ("x + 1 |> f", "(call f (+ x 1))"), ("x |> m.f(a)", "(call (. m f) x a)"),
      ("x |> fs[0]", "(call (at fs 0) x)"),
      ("x |> y -> y + 1 |> f", "(call (-> [y] (call f (+ y 1))) x)"),
      ("x |> (y -> y)", "(call (-> [y] y) x)"),
      ("x |> (y -> y) |> f", "(call f (call (-> [y] y) x))"),
    ])
  func pipesCall(_ text: String, _ expected: String) {
    #expect(tree(text) == expected)
  }

  @Test(
    arguments: [
      ("x -> x + 1", "(-> [x] (+ x 1))"), ("() -> 1", "(-> [] 1)"), ("(x, y: 2) -> x", "(-> [x y:2] x)"),
      ("x -> y -> x", "(-> [x] (-> [y] x))"), ("x -> (x, x)", "(-> [x] (record x x))"),
      ("(q[..., t, 3], k) -> q", "(-> [q[... t 3] k] q)"), ("x -> { y = x; y }", "(-> [x] {(= y x) ; y})"),
      ("f(x -> x, 1)", "(call f (-> [x] x) 1)"), ("[x -> x, 1]", "[(-> [x] x) 1]"),
      ("f = x -> x |> g", "(= f (-> [x] (call g x)))"), ("(x -> x)(1)", "(call (-> [x] x) 1)"),
      ("a with f = x -> x", "(with a .f (-> [x] x))"), ("x -> x with a = 1", "(-> [x] (with x .a 1))"),
      ("x -> if x { 1 } else { 2 }", "(-> [x] (if x {1} {2}))"),
    ])
  func lambdasReachFar(_ text: String, _ expected: String) { #expect(tree(text) == expected) }

  @Test(
    arguments: [
      ("w with [0, 1] = 5.0", "(with w [0 1] 5.0)"), ("m with a.b[0].c = 1", "(with m .a.b[0].c 1)"),
      ("m with [0].b = f(1)", "(with m [0].b (call f 1))"), ("m with a = b + c", "(with m .a (+ b c))"),
    ])
  func updatesHavePaths(_ text: String, _ expected: String) { #expect(tree(text) == expected) }

  @Test(
    arguments: [
      ("0..10", "(.. 0 10)"), ("0..10 by 2", "(.. 0 10 by 2)"),
      ("a + 1..b * 2 by -c", "(.. (+ a 1) (* b 2) by (- c))"),
      ("x[1..]", "(at x (.. 1 _))"), ("x[..3]", "(at x (.. _ 3))"), ("x[..]", "(at x (.. _ _))"),
      ("x[.. by -1]", "(at x (.. _ _ by (- 1)))"), ("x[5.. by 2]", "(at x (.. 5 _ by 2))"),
      ("x[..5 by 2]", "(at x (.. _ 5 by 2))"), ("x[1..2, .., 3]", "(at x (.. 1 2) (.. _ _) 3)"),
      ("x[-3..-1]", "(at x (.. (- 3) (- 1)))"), ("x[..., 0]", "(at x ... 0)"), ("1..10", "(.. 1 10)"),
      ("1.5..n", "(.. 1.5 n)"), ("a..b == c", "(compare (.. a b) == c)"), ("by..n", "(.. by n)"),
      ("x[a.. by n]", "(at x (.. a _ by n))"),
    ])
  func ranges(_ text: String, _ expected: String) { #expect(tree(text) == expected) }

  @Test(
    arguments: [
      ("()", "(record)"), ("(1,)", "(record 1)"), ("(1)", "1"), ("(1, 2)", "(record 1 2)"),
      ("(1, 2,)", "(record 1 2)"),
      ("(a: 1)", "(record a:1)"), ("(a: 1, b: 2,)", "(record a:1 b:2)"),
      ("(in: 1, if: 2)", "(record in:1 if:2)"),
      ("[]", "[]"), ("[1]", "[1]"), ("[1, 2,]", "[1 2]"), ("[[1], [2, 3]]", "[[1] [2 3]]"),
      ("f()", "(call f)"), ("f(1,)", "(call f 1)"), ("f(1, b: 2,)", "(call f 1 b:2)"),
      ("f(x)(y)[z].w", "(. (at (call (call f x) y) z) w)"),
      ("x[0,]", "(at x 0)"), ("r.0", "(. r 0)"), ("r.in", "(. r in)"), ("x.T.f(1)", "(call (. (. x T) f) 1)"),
      ("[f(i) for i in 0..3]", "(for (call f i) [i] (.. 0 3))"),
      ("[a + b for a, b in xs if a > 0]", "(for (+ a b) [a b] xs if (compare a > 0))"),
      ("[a for (a, b) in xs]", "(for a [a b] xs)"), ("true", "true"), ("none", "none"),
      ("a = 1, 2", "(= a (record 1 2))"), ("a, b = b, a", "(= a b (record b a))"),
      ("a, b = f()", "(= a b (call f))"),
    ])
  func brackets(_ text: String, _ expected: String) { #expect(tree(text) == expected) }

  @Test(
    arguments: [
      ("sum[d](q[t, d] * k[d])", "(reduce sum [d] (* (at q t d) (at k d)))"),
      ("max[i, j: 3](x[i, j])", "(reduce max [i j:3] (at x i j))"),
      ("softmax[s](a[s] where s <= t and b)", "(reduce softmax [s] (at a s) where (and (compare s <= t) b))"),
      ("sum[i](x[i]) / n", "(/ (reduce sum [i] (at x i)) n)"), ("sum[0]", "(at sum 0)"),
      ("sums[i](x)", "(call (at sums i) x)"),
      ("w[t, s] = a[t] + b[s]", "(:= w t s (+ (at a t) (at b s)))"),
      ("w[t: 3, ...] = x[...]", "(:= w t:3 ... (at x ...))"),
      ("y[t, (h d)] = x[h, t, d]", "(:= y t (h d) (at x h t d))"),
      ("y[(h: 2, d: n + 1)] = x[h, d]", "(:= y (h:2 d:(+ n 1)) (at x h d))"),
      ("q[h, t, d] = x[t, (h d)]", "(:= q h t d (at x t (h d)))"), ("x[(h), d]", "(at x h d)"),
      ("x[(a b c)]", "(at x (a b c))"),
      ("w[0, i + 1] = 5.0", "(:= w 0 (+ i 1) 5.0)"), ("w[i] == 1", "(compare (at w i) == 1)"),
      ("where = 1; sum[i](x[where])", "(= where 1) ; (reduce sum [i] (at x where))"),
    ])
  func indexNotation(_ text: String, _ expected: String) {
    #expect(tree(text) == expected)
  }

  @Test(
    arguments: [
      ("fn f(x, y: 1) = x + y", "(fn f [x y:1] {(+ x y)})"),
      ("fn f() { a = 1; a }", "(fn f [] {(= a 1) ; a})"),
      ("fn f() {\n}", "(fn f [] {})"), ("for i in 0..3 { a }", "(for [i] (.. 0 3) {a})"),
      ("for (a, b) in xs { break }", "(for [a b] xs {break})"),
      ("while a < 3 { continue }", "(while (compare a < 3) {continue})"),
      ("return", "(return)"), ("return a, b", "(return (record a b))"),
      ("assert a, \"why\"", "(assert a \"why\")"),
      ("import \"a.attn\"", "(import \"a.attn\")"), ("arg n = 3", "(arg n 3)"),
      ("if a { 1 } else if b { 2 } else { 3 }", "(if a {1} {(if b {2} {3})})"), ("if a { 1 }", "(if a {1})"),
      (
        "model M(n) { w = zeros(n); assert n > 0\n apply(x) = x * w }",
        "(model M [n] {(= w (call zeros n)) ; (assert (compare n > 0))} apply [x] {(* x w)})"
      ),
      ("x = if a { 1 } else { 2 } + 1", "(= x (+ (if a {1} {2}) 1))"),
    ])
  func statements(_ text: String, _ expected: String) { #expect(tree(text) == expected) }

  @Test(
    arguments: [
      ("model = 1", "(= model 1)"), ("arg = 2", "(= arg 2)"), ("apply = 3", "(= apply 3)"),
      ("by = 4", "(= by 4)"),
      ("where = 5", "(= where 5)"), ("model(x)", "(call model x)"), ("arg(x)", "(call arg x)"),
      ("apply(f, x)", "(call apply f x)"),
      ("model.apply(x)", "(call (. model apply) x)"), ("model + arg - apply", "(- (+ model arg) apply)"),
      ("f(by: by)", "(call f by:by)"),
      ("arg == 2", "(compare arg == 2)"), ("model -> model", "(-> [model] model)"),
      ("model[0]", "(at model 0)"),
      ("fn apply(model, arg) = model", "(fn apply [model arg] {model})"),
      ("x.model.arg", "(. (. x model) arg)"),
    ])
  func wordsOfSomeConstructsAreNamesElsewhere(_ text: String, _ expected: String) {
    #expect(tree(text) == expected)
  }

  // MARK: Line breaks

  @Test(
    arguments: [
      // Free inside ( and [.
      ("f(\n  a\n  ,\n  b\n)", "(call f a b)"), ("[\n1,\n\n2\n]", "[1 2]"), ("(a\n+ b)", "(+ a b)"),
      ("x[\n0\n]", "(at x 0)"),
      ("(a # remark\n  + b)", "(+ a b)"), ("f(a)\n(b)", "(call f a) ; b"),
      // Ending at top level and inside {, even within ( or [.
      ("a\nb", "a ; b"), ("a\n-b", "a ; (- b)"), ("a\n[0]", "a ; [0]"), ("{ }", nil),
      ("f(x -> {\n a\n b\n})", "(call f (-> [x] {a ; b}))"),
      ("[x -> {\n a\n -b\n}]", "[(-> [x] {a ; (- b)})]"),
      ("fn f() {\n (a\n + b)\n c\n}", "(fn f [] {(+ a b) ; c})"),
      // Going on behind what can't end a line.
      ("a +\nb", "(+ a b)"), ("a -\n\n b", "(- a b)"), ("a and\nb", "(and a b)"),
      ("a or # why\nb", "(or a b)"), ("not\na", "(not a)"),
      ("x =\n1", "(= x 1)"), ("x ->\nx", "(-> [x] x)"), ("a, b =\nc", "(= a b c)"),
      ("a,\nb = c", "(= a b c)"), ("a.\nb", "(. a b)"),
      ("a with\nb = 1", "(with a .b 1)"), ("for i in\nxs { a }", "(for [i] xs {a})"),
      ("a <\nb", "(compare a < b)"), ("a @\nb", "(@ a b)"),
      ("a |>\nf", "(call f a)"), ("a ^\nb", "(^ a b)"), ("a //\nb", "(// a b)"),
      // In front of what can't begin one.
      ("a\n|> f\n  |> g", "(call g (call f a))"), ("a\n.b\n.c(1)", "(call (. (. a b) c) 1)"),
      ("a\n\n# remark\n|> f", "(call f a)"),
      ("if a {\n1\n}\nelse {\n2\n}", "(if a {1} {2})"),
      ("if a { 1 }\n\nelse if b { 2 }", "(if a {1} {(if b {2})})"),
      ("if a { 1 }\nelsewhere", "(if a {1}) ; elsewhere"), ("a\n..b", "a ; (.. _ b)"), ("a\n#> 1\n|> f", nil),
      // Semicolons.
      ("a; b", "a; ; b"), ("a;", "a;"), (";;a;;b;", "a; ; b;"), ("a;\nb", "a; ; b"), ("{a; b}", nil),
      ("\n\n\na\n\n", "a"), ("", ""),
      ("a\r\nb\r\n", "a ; b"),
    ] as [(String, String?)])
  func lineBreaks(_ text: String, _ expected: String?) {
    if let expected {
      #expect(muted(text) == expected)
    } else {
      #expect(tree(text).hasPrefix("problem: "))
    }
  }

  /// As `tree`, with a `;` behind statements that are muted.
  private func muted(_ text: String) -> String {
    let script = Parser.parse(Source(text))
    if let problem = script.problems.first { return "problem: \(problem.message)" }
    return script.statements.map { $0.tree + ($0.isMuted ? ";" : "") }.joined(separator: " ; ")
  }

  @Test func documentationBelongsToWhatStandsBelow() throws {
    let text = """
      ## Not of f.

      ## Doubles a number,
      ## or a tensor.
      fn f(x) = 2 * x
      arg n = 3  ## how many
      ## The width.
      arg m = 4
      x = 1
      """
    let script = Parser.parse(Source(text))
    #expect(script.problems.isEmpty)
    #expect(
      script.statements.map(\.documentation)
        == ["Doubles a number,\nor a tensor.", "how many", "The width.", nil])
    guard case .function(let function) = script.statements[0].kind else { throw Unexpected() }
    #expect(function.documentation == "Doubles a number,\nor a tensor.")
    #expect(function.span.text == "fn f(x) = 2 * x")
  }

  private struct Unexpected: Error {}

  @Test func spansCoverTheirText() {
    let text = "abc + f(λ, [1,\n 2])\n  x[t] = sum[d](y[t, d])"
    let script = Parser.parse(Source(text))
    #expect(script.statements.map(\.span.text) == ["abc + f(λ, [1,\n 2])", "x[t] = sum[d](y[t, d])"])
    #expect(script.statements.map(\.span.line) == [0, 2])
    #expect(script.statements[1].span.column == 2)
  }
}

// MARK: - Nested lists

extension Statement {
  fileprivate var tree: String {
    switch kind {
    case .expression(let value): value.tree
    case .assign(let names, let value): "(= \(names.map(\.text).joined(separator: " ")) \(value.tree))"
    case .indexAssign(let name, let axes, let value):
      "(:= \(name.text) \(axes.map(\.tree).joined(separator: " ")) \(value.tree))"
    case .function(let f): "(fn \(f.name.text) \(f.parameters.tree) \(f.body.tree))"
    case .model(let m):
      "(model \(m.name.text) \(m.parameters.tree) {\(m.fields.map(\.tree).joined(separator: " ; "))}"
        + m.methods.map { " \($0.name.text) \($0.parameters.tree) \($0.body.tree)" }.joined() + ")"
    case .forLoop(let names, let sequence, let body):
      "(for [\(names.map(\.text).joined(separator: " "))] \(sequence.tree) \(body.tree))"
    case .whileLoop(let condition, let body): "(while \(condition.tree) \(body.tree))"
    case .breakLoop: "break"
    case .continueLoop: "continue"
    case .returnValue(let value): value.map { "(return \($0.tree))" } ?? "(return)"
    case .assertion(let condition, let message):
      "(assert \(condition.tree)\(message.map { " " + $0.tree } ?? ""))"
    case .importFile(let path): "(import \(path.tree))"
    case .scriptParameter(let name, let value): "(arg \(name.text) \(value.tree))"
    }
  }
}

extension Block {
  fileprivate var tree: String { "{\(statements.map(\.tree).joined(separator: " ; "))}" }
}

extension [Parameter] {
  fileprivate var tree: String {
    let parts = map { parameter -> String in
      let axes = parameter.axes.map { axes in "[\(axes.map(\.tree).joined(separator: " "))]" } ?? ""
      return parameter.name.text + axes + (parameter.fallback.map { ":" + $0.tree } ?? "")
    }
    return "[\(parts.joined(separator: " "))]"
  }
}

extension AxisPattern {
  fileprivate var tree: String {
    switch self {
    case .ellipsis: "..."
    case .size(let name): name.text
    case .literal(let size, _): "\(size)"
    }
  }
}

extension Binder {
  fileprivate var tree: String { name.text + (extent.map { ":" + $0.tree } ?? "") }
}

extension TargetAxis {
  fileprivate var tree: String {
    switch self {
    case .index(let binder): binder.tree
    case .ellipsis: "..."
    case .merged(let binders, _): "(\(binders.map(\.tree).joined(separator: " ")))"
    case .other(let value): value.tree
    }
  }
}

extension Subscript {
  fileprivate var tree: String {
    switch self {
    case .expression(let value): value.tree
    case .ellipsis: "..."
    case .merged(let names, _): "(\(names.map(\.text).joined(separator: " ")))"
    }
  }
}

extension Argument {
  fileprivate var tree: String { (label.map { $0.text + ":" } ?? "") + value.tree }
}

extension Expression {
  fileprivate var tree: String {
    func list(_ parts: [String]) -> String { "(\(parts.joined(separator: " ")))" }
    switch kind {
    case .integer(let value): return "\(value)"
    case .float(let value): return "\(value)"
    case .boolean(let value): return "\(value)"
    case .none: return "none"
    case .string(let pieces):
      return "\""
        + pieces.map { piece -> String in
          switch piece {
          case .text(let text): text
          case .value(let value, let format, _): "{\(value.tree)\(format.map { ":" + $0 } ?? "")}"
          }
        }.joined() + "\""
    case .name(let name): return name
    case .list(let items): return "[\(items.map(\.tree).joined(separator: " "))]"
    case .comprehension(let element, let names, let sequence, let condition):
      let variables = "[\(names.map(\.text).joined(separator: " "))]"
      return list(
        ["for", element.tree, variables, sequence.tree] + (condition.map { ["if", $0.tree] } ?? []))
    case .record(let items): return list(["record"] + items.map(\.tree))
    case .unary(let function, let operand): return list([function.rawValue, operand.tree])
    case .binary(let function, let a, let b): return list([function.rawValue, a.tree, b.tree])
    case .comparison(let first, let rest):
      return list(["compare", first.tree] + rest.flatMap { [$0.0.rawValue, $0.1.tree] })
    case .logical(let function, let a, let b): return list([function.rawValue, a.tree, b.tree])
    case .range(let lower, let upper, let step):
      return list(["..", lower?.tree ?? "_", upper?.tree ?? "_"] + (step.map { ["by", $0.tree] } ?? []))
    case .call(let function, let arguments): return list(["call", function.tree] + arguments.map(\.tree))
    case .member(let base, let name): return list([".", base.tree, name.text])
    case .subscripted(let base, let subscripts): return list(["at", base.tree] + subscripts.map(\.tree))
    case .reducer(let name, let binders, let body, let condition):
      let indices = "[\(binders.map(\.tree).joined(separator: " "))]"
      return list(["reduce", name.text, indices, body.tree] + (condition.map { ["where", $0.tree] } ?? []))
    case .lambda(let parameters, let body):
      // A body without braces has the span of its one expression.
      let isBlock = body.span.text.hasPrefix("{")
      return list(["->", parameters.tree, isBlock ? body.tree : body.statements.map(\.tree).joined()])
    case .conditional(let condition, let then, let otherwise):
      return list(["if", condition.tree, then.tree] + (otherwise.map { [$0.tree] } ?? []))
    case .updated(let base, let path, let value):
      let steps = path.map { step -> String in
        switch step {
        case .member(let name): "." + name.text
        case .subscripts(let subscripts, _): "[\(subscripts.map(\.tree).joined(separator: " "))]"
        }
      }
      return list(["with", base.tree, steps.joined(), value.tree])
    }
  }
}
