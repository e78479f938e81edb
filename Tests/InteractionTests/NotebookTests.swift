import Attn
import Builtins
import Golden
import Interaction
import Support
import Testing

/// What is saved replays: the one rule, over sessions of every kind.
@Suite struct NotebookTests {
  private func check(_ text: String, _ name: String) {
    let report = GoldenTest(text, name: name, folder: temporaryFolder()).run()
    #expect(report.isPassed, "\(name)\n\(text)\n---\n\(report.text)")
  }

  /// Saves in every form, and checks that each replays and comes back the same.
  private func replays(_ shell: TestShell, loads: Bool = true) throws {
    let script = shell.shell.notebook.script
    check(script, "s.attn")
    check(shell.shell.notebook.markdown, "s.md")
    guard loads else { return }
    let folder = temporaryFolder()
    for ending in ["attn", "md", "html"] {
      shell.run(":save \(folder)/s.\(ending)")
      let again = TestShell()
      again.run(":load \(folder)/s.\(ending)")
      #expect(again.shell.notebook.script == script, "loaded from s.\(ending)")
    }
    shell.run(":rerun")
    #expect(shell.shell.notebook.script == script, "run again")
  }

  static let sessions: [[String]] = [
    ["q = randn(6, 8); k = randn(6, 8); v = randn(6, 4)", "w = softmax(q @ k.T)", "sum(w)", "q @ v"],
    ["1 + 1", "ans + ans", "out[0] * out[1]", "print(ans)\nans", "ans;", "ans + 1"],
    ["randn(2)", "x = ans * 2.0", "x", "out[-1] @ out[0]", "zeros(3) @ ans"],
    ["fn f(x) {\n  print(\"in f\")\n  x + 1\n}", "f(1)", "ans + f(2)"],
    [
      "# %% A cell", "# a remark\nx = 1  # behind\nx", "# %% Another\n## Doubled.\nfn f(x) = 2 * x", "f(x)",
      "?f",
    ],
    [":set seed 7", "randn(3)", ":set digits 6", "randn(3)", "for i in 0..3 { print(i, ans) }"],
    ["one", "x = one", "1 / 0", "[1, 2][5]", "for i in 0..3 { print(i); assert i < 1, \"no\" }", "i"],
    [
      "print(\"\")", "print(\"a\\n\\nb  \")", "print(\"...\")", "\"a\\r\\nb\"", "print(\"a\\r\\nb\")",
      "print(\"#> x\")",
    ],
    [
      "print(\"\u{301}x\")", "print(\"  leading\")", "print(\"λ日本😀\")", "print(\"```\")", "print(\"~ 1e-3\")",
    ],
    ["heatmap([[1.0, 0.0], [0.5, 0.25]])", "plot([1.0, 4.0, 2.0])\nplot((a: [1.0, 2.0], b: [2.0, 1.0]))"],
    ["model M(n) {\n  w = param(ones(n))\n  apply(x) = x * w\n}", "m = M(3)", "m([1.0, 2.0, 3.0])", "m"],
    ["arg n = 4  ## how many", "zeros(n)", "import \"nowhere.attn\"", "text(\"nowhere.txt\")"],
    ["a = 1; b = 2; c = 3", "a; b; c", "a + b; a", "x = 1; one; y = 2", "print(1); print(2)"],
    ["x = 2", "if x > 1 { \"big\" } else { \"small\" }", "if x > 1 { y = 5 }", "y", "ans"],
    ["s = 0", "for i in 0..5 { s = s + i }", "s", "while s > 0 { s = s - 3 }", "s"],
    ["w[t: 3, s: 3] = if s <= t { 1.0 } else { 0.0 }", "w[0]", "w[5]", "w @ w\n  |> sum"],
    ["result_0 = \"mine\"", "5", "ans + 1", "result_0", "out[0]"],
    ["# skip: not here\nx = 5", "x", "# expect-failure: known\n1 + 1", "\"{ans} and {1 + 1}\""],
    ["f = x -> x + ans", "3", "f = x -> x + ans", "f(1)", "[ans + i for i in 0..3]"],
    ["(1, 2)", "a, b = ans", "b", "(x: 1, y: ans)", "ans.y", "xs = [ans].push(out[0])", "xs"],
    ["stop_after(2)", "iterate(1, 10, (i, x) -> x * 2)", "ans"],
    ["# \\u003C, \\\\u003C and <\nx = 1", "s = \"\\\\u003C\"", "s", "\"</script>\\\\<\u{338}\\\\\""],
  ]

  @Test(arguments: sessions) func sessionsReplay(_ entries: [String]) throws {
    let shell = TestShell()
    for entry in entries { shell.run(entry) }
    // A directive in a page that is loaded keeps its meaning, but not its place among pictures.
    try replays(shell)
  }

  /// Sessions put together from parts, in an order that no one chose.
  @Test(arguments: 0..<60) func sessionsThatNobodyWroteReplay(_ seed: Int) throws {
    var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1
    func random(_ count: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state % UInt64(count))
    }
    let parts = [
      "x = randn(3)", "x", "ans", "ans + 1", "y = ans", "out[0]", "out[-1]", "out[1] * 2", "y;", "print(x)",
      "sum(x); x", "x = x * 2.0; y = sum(x); z = y", "fn f(a) = a + sum(x)", "f(1)", "f(ans)", "g(1)",
      "# %% Cell\ny = 3", "# a remark", "for i in 0..3 {\n  print(i)\n  x = x + i\n}", "i", "x @ zeros(7)",
      ":set digits 2", ":set seed 3", "randn(2)", "rand(2, 2);", "heatmap(eye(2))", "assert false, \"no\"",
      "if sum(x) > 0.0 { \"up\" } else { \"down\" }", "\"x is {x[0]:.2f}, ans {ans}\"", "q = [1, 2",
      "randn(2) @ zeros(5)", ":time randn(4)", "f = a -> a + ans", "[f(i) for i in 0..2]", "(ans, ans)",
      "print(ans)", "seed(5)", "a = 1; b = 2", "c = 3; one; d = 4",
    ]
    let shell = TestShell()
    for _ in 0..<25 { shell.run(parts[random(parts.count)]) }
    try replays(shell)
  }

  // MARK: Interruptions

  @Test(arguments: [1, 5, 12, 50, 200, 1000]) func interruptedLoopsReplay(_ questions: Int) throws {
    let loops = [
      "for i in 0..100 {\n  x = x + rand(2)\n  print(sum(x))\n}",
      "n = 0\nwhile n < 100 {\n  n = n + 1\n  x = x * 0.9\n}",
      "x = iterate(x, 100, (i, s) -> s * 0.9 + rand(2))",
      "fn walk(s) = iterate(s, 100, (i, s) -> s + sum(rand(2)))\nx = walk(x)",
      "for r in 0..5 {\n  x = iterate(x, 20, (i, s) -> s + rand(2))\n  print(r)\n}",
      "xs = []\nfor i in 0..50 { xs = xs.push(iterate(0.0, 5, (j, s) -> s + sum(rand(1)))) }",
      "x = [rand(2) for i in 0..50][-1]",
      "if true {\n  x = x + 1.0\n  for i in 0..50 { x = x + rand(2) }\n}",
    ]
    for loop in loops {
      let shell = TestShell()
      shell.run("x = ones(2)")
      shell.interrupt(after: questions)
      shell.run(loop)
      shell.isInterrupted = { false }
      shell.run("x\nrandn(2)\nans + x")
      try replays(shell)
    }
  }

  @Test func aTrainingRunThatIsStoppedGetsTheStepsThatRan() throws {
    let shell = TestShell()
    shell.run("corpus = char_tokenizer(\"to be or not to be \".repeat_text(30))")
    shell.run("gpt = GPT(vocab: corpus.vocab, context: 8, width: 8, heads: 2, layers: 1, dropout: 0.1)")
    shell.interrupt(after: 2000)
    shell.run("gpt = train(gpt, corpus.batches(size: 4, context: 8), steps: 500 + 500, every: 2)")
    #expect(shell.reported.hasPrefix("interrupted after "))
    shell.isInterrupted = { false }
    shell.run("hash(gpt)\nrandn(1)")
    let script = shell.shell.notebook.script
    #expect(!script.contains("500 + 500"))
    #expect(script.contains("steps: "))
    #expect(!script.contains("stop_after"))
    shell.interrupt(after: 800)
    shell.run("generate(gpt, corpus, prompt: \"to \", length: 500)")
    shell.isInterrupted = { false }
    #expect(!shell.shell.notebook.script.contains("length: 500"))
    try replays(shell)
  }

  /// A run that writes checkpoints begins anew when it is replayed, whatever file it has left behind.
  @Test(arguments: [false, true]) func trainingWithACheckpointReplays(_ isStopped: Bool) throws {
    let folder = temporaryFolder()
    let shell = TestShell()
    shell.shell.session.host.files.base = folder
    shell.run("corpus = char_tokenizer(\"to be or not to be \".repeat_text(30))")
    shell.run("gpt = GPT(vocab: corpus.vocab, context: 8, width: 8, heads: 2, layers: 1)")
    if isStopped { shell.interrupt(after: 2000) }
    shell.run(
      "gpt = train(gpt, corpus.batches(size: 4, context: 8), steps: \(isStopped ? 1000 : 6), every: 2, checkpoint: \"c.safetensors\")"
    )
    #expect(shell.reported.hasPrefix("interrupted after ") == isStopped)
    shell.isInterrupted = { false }
    shell.run("hash(gpt)")
    #expect(TestFiles.exists(folder + "/c.safetensors"))
    let script = shell.shell.notebook.script
    #expect(script.contains("checkpoint: \"c.safetensors\", resume: false)"))
    #expect(!script.contains("steps: 1000"))
    let report = GoldenTest(script, name: "s.attn", folder: folder).run()
    #expect(report.isPassed, "\(script)\n---\n\(report.text)")
    try replays(shell)
    // One that goes on from the file has as many steps as there are in all, and ends at the same model.
    shell.shell.session.host.files.base = folder
    shell.run(":reset")
    shell.shell.session.host.files.base = folder
    shell.run("corpus = char_tokenizer(\"to be or not to be \".repeat_text(30))")
    shell.run("gpt = GPT(vocab: corpus.vocab, context: 8, width: 8, heads: 2, layers: 1)")
    shell.interrupt(after: 2000)
    shell.run(
      "gpt = train(gpt, corpus.batches(size: 4, context: 8), steps: 2000, checkpoint: \"c.safetensors\")")
    #expect(shell.reported.hasPrefix("interrupted after "))
    shell.isInterrupted = { false }
    shell.run("hash(gpt)")
    let resumed = shell.shell.notebook.script
    #expect(!resumed.contains("resume") && !resumed.contains("stop_after") && !resumed.contains("2000"))
    let again = GoldenTest(resumed, name: "s.attn", folder: folder).run()
    #expect(again.isPassed, "\(resumed)\n---\n\(again.text)")
  }

  // MARK: What it looks like

  @Test func theScript() {
    let shell = TestShell()
    for entry in [
      "# %% Sums", "a = 1; b = 2", "a + b", "ans * 2", "one", "# %% More\nfn f(x) {\n  x\n}", "f(3);",
    ] {
      shell.run(entry)
    }
    #expect(
      shell.shell.notebook.script == """
        # %% Sums
        a = 1; b = 2
        result_0 = a + b
        result_0
        #> 3
        result_0 * 2
        #> 6
        one
        #> error: the name one is not known
        #>   one
        #>   ───
        #>   hint: did you mean ones?

        # %% More
        fn f(x) {
          x
        }
        f(3);

        """)
  }

  @Test func pagesAreSelfContained() {
    let shell = TestShell()
    shell.run("# %% <b>Cell</b> & more")
    shell.run("heatmap([[1.0, 2.0]], title: \"<script>alert(1)</script>\")")
    shell.run("\"</script><script>alert(2)</script>\"")
    let page = shell.shell.notebook.html(title: "<x>")
    #expect(page.contains("<svg") && page.contains("&lt;b&gt;Cell&lt;/b&gt; &amp; more"))
    #expect(!page.contains("<script>alert"))
    #expect(page.contains("<title>&lt;x&gt;</title>"))
    // Nothing is fetched: no address but the names of formats.
    let addresses = page.split(separator: "\"").filter { $0.hasPrefix("http") || $0.hasPrefix("//") }
    #expect(addresses.allSatisfy { $0 == "http://www.w3.org/2000/svg" })
    #expect(!page.contains("src=") && !page.contains("@import") && !page.contains("<link"))
    let markdown = shell.shell.notebook.markdown
    #expect(markdown.contains("## <b>Cell</b> & more\n\n```attn\nheatmap("))
    #expect(markdown.contains("![picture](data:image/svg+xml;base64,"))
  }
}
