import Attn
import Golden
import Testing

/// Recorded scripts and pages: what passes, what fails, and what an update writes.
@Suite struct GoldenTests {
  private func run(_ text: String, _ name: String = "test.attn") -> GoldenTest.Report {
    GoldenTest(text, name: name, folder: ScriptTests.root + "/Tests").run()
  }

  private func update(_ text: String, _ name: String = "test.attn") -> String {
    let test = GoldenTest(text, name: name, folder: ScriptTests.root + "/Tests")
    return test.updated(test.run())
  }

  struct Difference: CustomStringConvertible, Sendable {
    var description: String
    var script: String
    init(_ description: String, _ script: String) {
      (self.description, self.script) = (description, script)
    }
  }

  static let differences = [
    Difference("a changed digit", "[1.0, 2.0]\n#> f32[2]\n#>  1.0000  2.0001"),
    Difference("a changed integer under a tolerance", "1 + 1\n#~ 0.5\n#> 3"),
    Difference("a NaN for a number", "[inf - inf]\n#~ 0.5\n#> f32[1]\n#>  1.0000"),
    Difference("a number for a NaN", "[1.0]\n#~ 0.5\n#> f32[1]\n#>  nan"),
    Difference("more numbers", "[1.0, 1.0]\n#~ 0.5\n#> f32[2]\n#>  1.0000"),
    Difference("fewer numbers", "[1.0]\n#~ 0.5\n#> f32[1]\n#>  1.0000  1.0000"),
    Difference("another shape", "ones(2, 1)\n#~ 0.5\n#> f32[1, 2]\n#>  1.0000\n#>  1.0000"),
    Difference("another dtype", "ones(1)\n#~ 0.5\n#> f64[1]\n#>  1.0000"),
    Difference("another word", "\"one\"\n#~ 0.5\n#> \"two\""),
    Difference("a line that is missing", "ones(2, 1)\n#> f32[2, 1]\n#>  1.0000"),
    Difference("a line too many", "ones(1)\n#> f32[1]\n#>  1.0000\n#>  1.0000"),
    Difference("output where none is recorded", "1 + 1"),
    Difference("no output where some is recorded", "x = 1\n#> 1"),
    Difference("an error that no longer happens", "1 + 1\n#> error: the name one is not known"),
    Difference("an error where none is recorded", "x = one"),
    Difference("an error where output is recorded", "one\n#> 1"),
    Difference("another error", "one\n#> error: the name two is not known\n#>   one\n#>   ───"),
    Difference("another place", "one\n#> error: the name one is not known\n#>   one\n#>    ──"),
    Difference("a syntax error where none is recorded", "x = (1"),
    Difference("a tolerance behind the output", "0.5\n#> 0.5004\n#~ 1e-3"),
    Difference("a relative tolerance that does not hold", "2.003\n#~ 1e-3\n#> 2.0"),
    Difference("an absolute tolerance that does not hold", "2.0011\n#~ abs 1e-3\n#> 2.0"),
    Difference("lines behind a wildcard", "ones(3, 1)\n#> f32[3, 1]\n#> ...\n#>  2.0000"),
    Difference("lines in front of a wildcard", "ones(3, 1)\n#> f32[2, 1]\n#> ..."),
    Difference("another power of ten under a tolerance", "[1e-5]\n#~ abs 0.1\n#> f32[2] × 1e-5\n#>  1.0000"),
    Difference("numbers that are far apart by their power", "[1e-5]\n#~ 0.5\n#> f32[1] × 1e-4\n#>  1.0000"),
    Difference("a tolerance that is none", "1 + 1\n#~ much\n#> 2"),
    Difference("output above the first statement", "#> 2\nx = 1"),
    Difference("an unexpected pass", "# expect-failure: not yet\n1 + 1\n#> 2"),
    Difference("an unexpected pass, behind", "x = 1  # expect-failure: not yet"),
  ]

  @Test(arguments: differences) func everyDifferenceFails(_ difference: Difference) {
    let report = run(difference.script)
    #expect(!report.isPassed)
    #expect(report.failures.count == 1)
    #expect(report.text.contains("test.attn:"))
  }

  @Test(
    arguments: [
      "2.0019\n#~ 1e-3\n#> 2.0", "[0.000999]\n#~ 1e-2\n#> f32[1]\n#>  0.0010",
      "[9.99e-4, 1e-4]\n#~ 0.1\n#> f32[2]\n#>  0.0010  0.0001", "2.0009\n#~ abs 1e-3\n#> 2.0", "1 + 1\n#> 2",
      "x = 1", "",
      "ones(3, 1)\n#> ...\n#>  1.0000", "one\n#> error: the name one is not known\n#> ...",
      "print(\"a  \")\n#> a", "fn f() {\n  1\n}\nf()\n#> 1", "x = (1\n#> error: this ( is not closed\n#> ...",
      "# skip: no time\n1 + 1\n#> 3", "1 + 1  # skip: no time\n#> 3",
      "# expect-failure: not yet\n1 + 1\n#> 3", "# expect-failure: not yet\nx = one",
      "# a remark\n1 + 1\n#> 2", "## documentation\nfn f() = 1\nf()\n#> 1",
    ]
  )
  func whatHoldsPasses(_ script: String) {
    let report = run(script)
    #expect(report.isPassed, "\(report.text)")
  }

  @Test func statementsThatAreSkippedDoNotRun() throws {
    let report = run("x = 1\n# skip: it would change x\nx = 2\nx\n#> 1")
    #expect(report.isPassed, "\(report.text)")
    #expect(report.results[1].status == .skipped("it would change x"))
  }

  @Test func expectedFailures() throws {
    let fails = run("# expect-failure: a known mistake\n1 + 1\n#> 3\n1 + 1\n#> 2")
    #expect(fails.isPassed)
    #expect(fails.results[0].status == .skipped("fails as expected: a known mistake"))
    #expect(fails.results[1].status == .passed)
    let passes = run("# expect-failure: a known mistake\n1 + 1\n#> 2")
    #expect(passes.failures.first?.reason == "passed, and was expected to fail: a known mistake")
    #expect(passes.text.contains("a known mistake"))
  }

  /// A remark inside a statement steers nothing.
  @Test func directivesInsideAFunctionAreRemarks() {
    let report = run("fn f() {\n  # skip: not this one\n  1\n}\nf()\n#> 2")
    #expect(report.failures.map(\.line) == [5])
  }

  @Test func statementsOnOneLineShareTheirOutput() {
    #expect(run("print(1); print(2)\n#> 1\n#> 2").isPassed)
    #expect(run("a = 1; zz; b = 2\n#> error: the name zz is not known\n#> ...\nb\n#> 2").isPassed)
  }

  /// Texts that look the same and have other bytes differ.
  @Test func comparisonIsOfBytes() {
    #expect(!run("print(\"e\u{301}\")\n#> \u{E9}").isPassed)
    #expect(run("print(\"e\u{301}\")\n#> e\u{301}").isPassed)
  }

  @Test func outputWithoutEndIsStopped() {
    let report = run("while true { print(\"0123456789\".repeat_text(100000)) }\n1 + 1\n#> 2")
    #expect(report.failures.count == 1)
    #expect(report.text.contains("printed more than 64 MiB"))
    #expect(report.results[1].status == .passed)
  }

  @Test func longOutputsShowWhatChanged() {
    let script = "for i in 0..30000 { print(i) }\n"
    let recorded = (0..<30000).map { "#> \($0 == 40 || $0 == 29000 ? -$0 : $0)" }.joined(separator: "\n")
    let text = run(script + recorded).text
    #expect(text.split(separator: "\n").count < 30)
    #expect(text.contains("    - -29000\n    + 29000"))
  }

  @Test func aFailureDoesNotStopTheRest() {
    let report = run("x = 1\n#> 5\nx = one\nx + 1\n#> 2\nx + 1\n#> 3")
    #expect(report.results.map { $0.status == .passed } == [false, false, true, false])
    #expect(report.failures.map(\.entry.line) == [1, 3, 6])
  }

  @Test func theReportShowsWhatChanged() {
    #expect(
      run("\n[1.0, 2.0]\n#> f32[2]\n#>  1.0000  2.5000").text == """
        test.attn:2: [1.0, 2.0]
              f32[2]
            -  1.0000  2.5000
            +  1.0000  2.0000
                         ^
          largest difference: 0.5 absolute, 0.2 relative, at [1] of f32[2]
        """)
    #expect(
      run("1 + 1").text == "test.attn:1: 1 + 1\n  printed, and nothing is recorded:\n    + 2")
    #expect(
      run("1 + 1\n#> 2\n#> 3").text
        == "test.attn:1: 1 + 1\n      2\n    - 3")
    #expect(
      run("print(\"loss 0.25 at step 9\")\n#> loss 0.25 at step 10").text == """
        test.attn:1: print("loss 0.25 at step 9")
            - loss 0.25 at step 10
            + loss 0.25 at step 9
                                ^
          largest difference: 1 absolute, 0.1 relative
        """)
    // Far from what changed nothing is shown.
    let long = (0..<20).map { "#> \($0)" }.joined(separator: "\n").replacing("#> 15", with: "#> 16")
    #expect(
      run("for i in 0..20 { print(i) }\n" + long).text == """
        test.attn:1: for i in 0..20 { print(i) }
              ⋮
              12
              13
              14
            - 16
            + 15
               ^
              16
              17
              18
              ⋮
          largest difference: 1 absolute, 0.0625 relative
        """)
  }

  /// The tensor and the index where the largest difference is.
  @Test(
    arguments: [
      ("[[1.0, 2.0], [3.0, 4.0]]", " 3.0000  4.0000", " 3.0000  4.5000", "[1, 1] of f32[2, 2]"),
      ("ones(30)", "…  1.0000  1.0000", "…  1.0000  1.5000", "[28] of f32[30]"),
      ("range(8).reshape(2, 2, 2)", " 6  7", " 6  9", "[1, 1, 1] of i64[2, 2, 2]"),
      ("linspace(0.0, 1e-5, 3)", "0.5000  1.0000", "0.5000  1.2000", "[2] of f32[3]"),
    ]
  )
  func theReportSaysWhere(_ code: String, _ printed: String, _ recorded: String, _ place: String) throws {
    let good = update(code)
    let changed = good.replacing(printed, with: recorded)
    try #require(changed != good)
    #expect(run(changed).text.contains("at \(place)"), "\(run(changed).text)")
  }

  @Test func theReportSaysWhereInRowsBehindAGap() throws {
    let good = update("ones(20, 30)")
    let rows = good.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(rows.count == 9)
    var changed = rows.map(String.init)
    changed[7].replaceSubrange(changed[7].lastIndex(of: "1")!..., with: "1.7500")
    #expect(
      run(changed.joined(separator: "\n")).text.contains("0.75 absolute, 0.429 relative, at [18, 29] of"))
  }

  // MARK: Markdown

  static let page = """
    # A page

    ```attn
    x = 2
    ```

    Text with x = 3 and `code`, and code that is not attn:

    ```sh
    attn run x.attn
    #> nothing
    ```

    ```
    x = 5
    ```

    ````text
    ```attn
    x = 7
    ```
    ````

      ```attn
      x + 1
      #> 3
      y = x + one
      #> error: the name one is not known
      #> ...
      ```

    ```attn
    fn f() = x * 10
    f()
    #> 20
    ```
    """

  @Test func pagesCarryTheirStateOn() {
    let report = run(Self.page, "page.md")
    #expect(report.isPassed, "\(report.text)")
    #expect(report.results.map(\.entry.line) == [4, 25, 27, 33, 34])
    let changed = run(Self.page.replacing("x = 2", with: "x = 4"), "page.md")
    #expect(changed.failures.map(\.entry.line) == [25, 34])
    #expect(changed.text.contains("page.md:34: f()"))
  }

  @Test func pagesAreUpdatedInPlace() {
    let changed = Self.page.replacing("x = 2", with: "x = 4")
    let updated = update(changed, "page.md")
    #expect(
      updated
        == changed.replacing("  #> 3", with: "  #> 5").replacing("#> 20", with: "#> 40"))
    #expect(run(updated, "page.md").isPassed)
  }

  /// No statement, comment or mistake runs across a fence; line ends may be those of Windows.
  @Test func blocksStandAlone() {
    func page(_ blocks: String...) -> String {
      blocks.map { "```attn\n\($0)\n```\n" }.joined(separator: "text\n")
    }
    let joined = run(page("y = 1 +", "2 * 3\n#> 6", "x = 4\n# skip: nothing", "x\n#> 4", "#> 4"), "page.md")
    #expect(joined.failures.map(\.line) == [2, 21], "\(joined.text)")
    #expect(
      run(page("[1.0]", ".T").replacing("```attn\n.T", with: "```attn\n#> 3\n5\n#> 5"), "p.md").failures.count
        == 2)
    let windows = page("1 + 1\n#> 2", "x = 3", "x\n#> 3").replacing("\n", with: "\r\n")
    #expect(run(windows, "page.md").isPassed)
    #expect(run(windows, "page.md").results.count == 3)
    #expect(run("``` `inline` ```\n\n" + page("1\n#> 1"), "page.md").results.count == 1)
    #expect(run("~~~attn\n1\n#> 1\n~~~\n\n~~~\n```attn\n2\n```\n~~~\n", "page.md").results.count == 1)
  }

  // MARK: Updating

  @Test(
    arguments: differences.filter {
      !$0.description.contains("unexpected pass") && !$0.description.contains("a tolerance that is none")
    })
  func anUpdateMakesItPass(_ difference: Difference) {
    let updated = update(difference.script)
    let report = run(updated)
    #expect(report.isPassed, "\(updated)\n---\n\(report.text)")
    #expect(update(updated) == updated)
  }

  @Test func anUpdateWritesWhatIsPrinted() {
    #expect(update("1 + 1") == "1 + 1\n#> 2")
    #expect(update("1 + 1\n\n2 + 2\n#> 4\n") == "1 + 1\n#> 2\n\n2 + 2\n#> 4\n")
    #expect(update("x = 1\n#> 1\ny = 2\n") == "x = 1\ny = 2\n")
    #expect(update("x = 1\n#> 1") == "x = 1")
    #expect(update("print(\"a\\n\\nb\")\n#> a") == "print(\"a\\n\\nb\")\n#> a\n#>\n#> b")
    #expect(
      update("fn f() {\n  1\n}\nf()  # a remark\nf() + 1\n")
        == "fn f() {\n  1\n}\nf()  # a remark\n#> 1\nf() + 1\n#> 2\n")
  }

  @Test func anUpdateLeavesWhatHolds() {
    let script = """
      # Remarks, wildcards and tolerances that hold stay as they are.
      ones(4, 1)
      #> f32[4, 1]
      #> ...
      2.0009
      #~ 1e-3
      #> 2.0
      # skip: why
      1 + 1
      #> 3
      # expect-failure: why
      1 + 1
      #> 3
      1 + 1
      #> 2

      """
    #expect(run(script).isPassed)
    #expect(update(script) == script)
    let more = script + "1 + 2\n#> 2\n"
    #expect(update(more) == script + "1 + 2\n#> 3\n")
  }

  /// Only lines that differ are written anew: wildcards and tolerances around them stay.
  @Test func anUpdateKeepsWhatHoldsInsideAnOutput() {
    let code = "print(\"a\\nb\\nc\\n2.0004\\nend 7\")\n"
    #expect(
      update(code + "#~ 1e-3\n#> a\n#> ...\n#> 2.0\n#> end 8")
        == code + "#~ 1e-3\n#> a\n#> ...\n#> 2.0\n#> end 7")
    #expect(update(code + "#> b\n#> ...") == code + "#> a\n#> ...")
    #expect(update(code + "#> ...\n#> c\n#> 2.5\n#> end 7") == code + "#> ...\n#> c\n#> 2.0004\n#> end 7")
  }

  @Test func recordingLeavesWhatIsRecorded() {
    let script = "1 + 1\n#> 3\n2 + 2\n"
    let test = GoldenTest(script, name: "test.attn", folder: ".")
    #expect(test.updated(test.run(), .new) == "1 + 1\n#> 3\n2 + 2\n#> 4\n")
    #expect(test.updated(test.run()) == "1 + 1\n#> 2\n2 + 2\n#> 4\n")
  }

  /// Whatever was recorded, and wherever: an update passes, a second one changes nothing, and the code
  /// stays as it was.
  @Test func anUpdateAlwaysPasses() {
    var random = Random(seed: 5)
    let printed = [
      "a", "b 1.5", "...", "", "f32[2]", " 1.0000  2.0000", "[0]", "nan", "x\\r", "\\t9", "\\\\...",
    ]
    for round in 0..<600 {
      func some(_ most: Int) -> [String] {
        (0..<random.next(most)).map { _ in printed[random.next(printed.count)] }
      }
      func statement() -> String {
        switch random.next(5) {
        case 0: "x = [\n  1.0, #> \(random.next(9))\n  2.0\n]"
        case 1: "fn f() {\n  print(3) #> 4\n}"
        case 2: "print(\(round)) #> \(random.next(3))"
        case 3: "print(1); print(\(random.next(9)))"
        default: "print(\"" + some(6).joined(separator: "\\n") + "\")"
        }
      }
      var lines: [String] = []
      for _ in 0...random.next(3) {
        lines += statement().split(separator: "\n").map(String.init)
        if random.next(4) == 0 { lines.append(["#~ 0.1", "#~ abs 3"][random.next(2)]) }
        for line in some(5) {
          lines.append("#> " + line.replacing("\\r", with: "").replacing("\\t", with: "\t"))
          if random.next(8) == 0 { lines.append("# a remark") }
        }
      }
      let end = ["\n", "\r\n"][random.next(2)]
      let script = lines.joined(separator: end) + ["", end][random.next(2)]
      let updated = update(script)
      #expect(run(updated).isPassed, "\(script)\n---\n\(updated)\n\(run(updated).text)")
      #expect(update(updated).utf8.elementsEqual(updated.utf8), "\(script)\n---\n\(updated)")
      func code(_ text: String) -> [String] {
        text.split(whereSeparator: \.isNewline)
          .map { line in line.firstRange(of: "#>").map { String(line[..<$0.lowerBound]) } ?? String(line) }
          .map { $0.filter { !$0.isWhitespace } }.filter { !$0.isEmpty }
      }
      #expect(code(updated) == code(script))
    }
  }

  @Test func anUpdateLeavesTheCodeAroundIt() {
    #expect(update("print(1) #> 1\n#> 2\nprint(5) #> 6\n") == "print(1)\n#> 1\nprint(5)\n#> 5\n")
    #expect(update("x = [\n  1.0, #> 5\n  2.0\n]\nx[0]") == "x = [\n  1.0,\n  2.0\n]\nx[0]\n#> 1.0")
    #expect(update("6\n#> 6\n# precious\n#> 7\n") == "6\n#> 6\n# precious\n")
    #expect(update("2.5\n#~ 1e-3\n") == "2.5\n#~ 1e-3\n#> 2.5\n")
    #expect(update("\tprint(1); print(2)\r\n") == "\tprint(1); print(2)\r\n\t#> 1\r\n\t#> 2\r\n")
    #expect(update("print(\"x\\r\\nprint(9)\")\n") == "print(\"x\\r\\nprint(9)\")\n#> x␍\n#> print(9)\n")
    #expect(update("print(\"...\")\n") == "print(\"...\")\n#> \\...\n")
  }

  /// An update never writes over a pass that was not expected.
  @Test func anUpdateKeepsExpectedFailures() {
    let script = "# expect-failure: why\n1 + 1\n#> 2\n"
    #expect(update(script) == script)
  }

  // MARK: The sandbox

  @Test(arguments: ["text", "lines", "csv"]) func theSandboxKeepsScriptsIn(_ read: String) {
    let report = run("\(read)(\"/etc/passwd\")")
    #expect(!report.isPassed)
    #expect(!report.text.contains("root:"))
    #expect(
      report.text.contains(
        "the script may read and write only in its own folder and a temporary one here"))
    #expect(run("\(read)(\"../../../../../../etc/passwd\")").text.contains("may read and write only"))
  }

  @Test func theSandboxHoldsItsOwnFolder() {
    #expect(run("len(text(\"command.sh\")) > 0\n#> true").isPassed)
    let writes = run("write_text(\"/etc/attn-was-here\", \"x\")").text
    #expect(writes.contains("may read and write only"))
  }

  /// What a script writes it reads back; its folder stays as it was.
  @Test func whatIsWrittenStaysWithTheRun() throws {
    let script = """
      write_text("golden-was-here.txt", "one")
      text("golden-was-here.txt")
      #> "one"
      exists("golden-was-here.txt")
      #> true
      list_files(".")
      #> ["command.sh", "golden-was-here.txt"]
      write_text("Scripts/golden-was-here.txt", "two")
      write_text("command.sh", "three")
      text("Scripts/golden-was-here.txt") + text("command.sh")
      #> "twothree"
      write_text("nowhere/a.txt", "")
      #> error: write_text: there is no folder nowhere to write nowhere/a.txt in
      #> ...
      """
    for _ in 0..<2 { #expect(run(script).isPassed, "\(run(script).text)") }
    #expect(run("exists(\"golden-was-here.txt\")\n#> false").isPassed)
    #expect(run("len(text(\"command.sh\")) > 100\n#> true").isPassed)
  }
}

/// Draws that are the same in every run.
private struct Random {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next(_ count: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % count
  }
}
