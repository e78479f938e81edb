import Testing

/// Keys and what the screen shows of them.
@Suite(.serialized) struct EditingTests {
  typealias P = PromptProcess

  @Test func aFirstSession() throws {
    let prompt = try P()
    try prompt.enter("q = randn(6, 8); k = randn(6, 8); v = randn(6, 4)")
    #expect(prompt.last(1) == ["  v : f32[6, 4]"])
    try prompt.enter("w[t, s] = softmax[s](sum[d](q[t, d] * k[s, d]) / sqrt(d))")
    #expect(prompt.last(1) == ["  w : f32[6, 6]"])
    try prompt.enter("sum(w, axis: -1)")
    #expect(prompt.last(2) == ["f32[6]", " 1.0000  1.0000  1.0000  1.0000  1.0000  1.0000"])
    try prompt.enter("q @ v")
    #expect(
      prompt.last(6) == [
        "error: matmul: the inner sizes differ: 8 (axis 1 of q) and 6 (axis 0 of v)", "  q @ v",
        "  ─   ─", "  q : f32[6, 8]", "  v : f32[6, 4]",
        "  hint: q.T @ v multiplies [8, 6] by [6, 4]",
      ])
    try prompt.enter(":save first.attn")
    #expect(prompt.read("first.attn")?.contains("\n#> error: matmul") == true)
    prompt.type(P.control("D"))
    #expect(try prompt.exitStatus() == 0)
  }

  @Test func blocksAreIndentedRecalledAndEditedWhole() throws {
    let prompt = try P()
    try prompt.type("fn f(x) {\r", then: "  ...")
    prompt.type("y = x + 1\ry * 2\r}")
    try prompt.expectText("  ... }")
    #expect(
      prompt.lines.suffix(4) == ["attn> fn f(x) {", "  ...   y = x + 1", "  ...   y * 2", "  ... }"])
    try prompt.enter("")
    try prompt.enter("f(1)")
    #expect(prompt.last(1) == ["4"])
    // Back over f(1) to the block, up inside it, and a change there.
    prompt.type(P.up + P.up)
    try prompt.wait("the block") { prompt.lines.suffix(4).first == "attn> fn f(x) {" }
    prompt.type(P.up + P.up + P.control("E") + "0")
    try prompt.wait("the change") { prompt.lines.contains("  ...   y = x + 10") }
    // Enter from the middle of the block runs it, and what follows stands below it.
    try prompt.enter("")
    try prompt.enter("f(1)")
    #expect(prompt.last(2) == ["attn> f(1)", "22"])
  }

  /// Behind the newest entry there is what is being typed: Down leaves it alone.
  @Test func downKeepsWhatIsTyped() throws {
    let prompt = try P()
    try prompt.enter("y = 1")
    prompt.type("x = 5" + P.down + P.down)
    prompt.type("0")
    try prompt.expectText("attn> x = 50")
    prompt.type(P.up + P.down + P.down)
    try prompt.enter("")
    try prompt.enter("y")
    #expect(prompt.last(1) == ["1"])
  }

  /// Who comes after the prompt finds the terminal as it was.
  @Test(arguments: [":quit\r", P.control("D"), "1 + 1\r" + P.control("D")])
  func theTerminalIsGivenBack(_ keys: String) throws {
    let prompt = try P()
    try prompt.enter("2")
    #expect(!prompt.isCooked)
    prompt.type(keys)
    #expect(try prompt.exitStatus() == 0)
    #expect(prompt.isCooked)
  }

  /// Ctrl-C in the middle of a block: the next prompt stands below it.
  @Test func anInterruptedBlockStaysWhole() throws {
    let prompt = try P()
    try prompt.type("fn f(x) {\r", then: "  ...")
    prompt.type("y = x + 1\ry * 2")
    try prompt.expectText("  ...   y * 2")
    prompt.type(P.up + P.up)
    try prompt.wait("the first line") { prompt.screen.cursorLine == "attn> fn f(x) {" }
    prompt.type(P.control("C"))
    try prompt.wait("a prompt") { prompt.screen.cursorLine == "attn>" }
    #expect(prompt.lines.contains { $0.hasSuffix("...   y * 2") })
    try prompt.enter("1 + 1")
    #expect(prompt.last(1) == ["2"])
  }

  @Test func keysKeepOutOfTheMarks() throws {
    let prompt = try P()
    prompt.type("[\r")
    try prompt.wait("a second line") { prompt.screen.cursorLine == "  ..." }
    prompt.type("1,")
    // Left over the indentation and the mark, to the end of the first line and back.
    prompt.type(String(repeating: P.left, count: 5) + "2, " + P.right + P.right + P.right)
    prompt.type("0")
    try prompt.wait("both changes") { prompt.lines.suffix(2) == ["attn> [2,", "  ...   01,"] }
    // Backspace at the start of a line joins it with the one above.
    prompt.type(P.control("A") + P.backspace + P.backspace)
    try prompt.wait("one line") { prompt.lines.last == "attn> [2,  01," }
    prompt.type(P.control("A") + P.control("K") + "7" + P.enter)
    try prompt.wait("the value") { prompt.last(1) == ["7"] && prompt.isAtPrompt }
  }

  @Test func anotherLineOnDemand() throws {
    let prompt = try P()
    prompt.type("a = 1\u{1B}\rb = 2")
    try prompt.expectText("  ... b = 2")
    try prompt.enter("")
    #expect(prompt.last(2) == ["  a : Int", "  b : Int"])
  }

  @Test func twoBlankLinesEndWhatIsNotComplete() throws {
    let prompt = try P()
    prompt.type("f(1,\r\r")
    try prompt.enter("")
    #expect(prompt.text.contains("error: this ( is not closed"))
  }

  @Test func aPasteNeverRunsByItself() throws {
    let prompt = try P()
    prompt.type(P.pasted("x = 1\ny = 2\nx + y\n"))
    try prompt.expectText("  ... x + y")
    prompt.type(" + 10")
    try prompt.expectText("  ... x + y + 10")
    #expect(!prompt.text.contains("x : Int"))
    try prompt.enter("")
    #expect(prompt.last(1) == ["13"])
  }

  @Test func aTranscriptIsPastedAsTheStatementsItHolds() throws {
    let prompt = try P()
    prompt.type(
      P.pasted(
        "attn> fn f(x) {\n  ...   x + 1\n  ... }\nattn> f(1)\n2\nattn> zeros(2) + zeros(3)\nerror: add: no\n  zeros\nattn> f(2)\n3\n"
      ))
    try prompt.expectText("  ... f(2)")
    try prompt.enter("")
    #expect(prompt.last(1) == ["3"])
    #expect(prompt.text.contains("error: add: the shapes"))
    prompt.type(P.pasted("Take this:\n\n```attn\na = 5\n#> nothing\na * 2\n#> 10\n```\n"))
    try prompt.expectText("  ... a * 2")
    try prompt.enter("")
    #expect(prompt.last(1) == ["10"])
  }

  @Test func aPasteOfFiveHundredLines() throws {
    let prompt = try P()
    let lines = ["x = 0;"] + (1...498).map { "x = x + \($0 % 3);" } + ["x"]
    prompt.type(P.pasted(lines.joined(separator: "\n")))
    try prompt.wait("the last line") { prompt.lines.last == "  ... x" }
    try prompt.enter("")
    #expect(prompt.last(1) == ["498"])
    // It comes back whole.
    prompt.type(P.up)
    try prompt.wait("the block again") { prompt.lines.last == "  ... x" && !prompt.isAtPrompt }
    try prompt.enter("")
    #expect(prompt.last(1) == ["498"])
  }

  /// Each line costs the same, the names of those before or not.
  @Test func aPasteOfFiveThousandLines() throws {
    let prompt = try P()
    let lines = (1...4999).map { "x\($0) = \($0);" } + ["x4999"]
    let start = P.now
    prompt.type(P.pasted(lines.joined(separator: "\n")))
    try prompt.wait("the last line") { prompt.lines.last == "  ... x4999" }
    let shown = P.now
    try prompt.enter("")
    #expect(prompt.last(1) == ["4999"])
    // Generous, since other work may be going on.
    #expect(shown - start < 3 && P.now - shown < 4, "\(shown - start) s and \(P.now - shown) s")
  }

  /// libedit cuts what is longer than 1,024 characters where it goes through the history by itself.
  @Test func longEntriesAreKeptWhole() throws {
    let prompt = try P()
    let line = "s = \"" + String(repeating: "0123456789", count: 150) + "\""
    prompt.type(line)
    try prompt.wait("the line") { prompt.screen.cursorLine.hasSuffix("9\"") }
    try prompt.enter("")
    try prompt.enter("t = 5")
    // Back to it and on again, and back over it.
    prompt.type(P.up + P.up)
    try prompt.wait("the line again") { prompt.screen.cursorLine.hasSuffix("9\"") }
    prompt.type(P.backspace + "!\"" + P.down)
    try prompt.wait("the entry behind") { prompt.screen.cursorLine == "attn> t = 5" }
    prompt.type(P.up + P.up)
    try prompt.wait("the changed line") { prompt.screen.cursorLine.hasSuffix("9!\"") }
    try prompt.enter("")
    try prompt.enter("len(s)")
    #expect(prompt.last(1) == ["1501"])
    prompt.type(P.control("R") + "t = ")
    try prompt.expectText("search: t =")
    prompt.type(P.control("G"))
    try prompt.wait("nothing") { prompt.isAtPrompt }
    prompt.type(P.control("R") + "9!")
    try prompt.expectText("search: 9!")
    try prompt.enter("")
    try prompt.enter("len(s)")
    #expect(prompt.last(1) == ["1501"])
  }

  @Test(arguments: ["C.UTF-8", "C", "POSIX"]) func wideCharacters(_ language: String) throws {
    let prompt = try P(environment: ["LANG": language])
    prompt.type("λ = \"日本😀\"")
    try prompt.wait("the line") { prompt.screen.cursorLine == "attn> λ = \"日本😀\"" }
    #expect(prompt.screen.column == 6 + 5 + 6 + 1)
    prompt.type(P.left + P.left + P.backspace)
    try prompt.wait("one less") { prompt.screen.cursorLine == "attn> λ = \"日😀\"" }
    #expect(prompt.screen.column == 6 + 5 + 2)
    prompt.type("語")
    try prompt.wait("one more") { prompt.screen.cursorLine == "attn> λ = \"日語😀\"" }
    try prompt.enter("")
    try prompt.enter("λ")
    #expect(prompt.last(1) == ["\"日語😀\""])
  }

  @Test func resizingInTheMiddle() throws {
    let prompt = try P(columns: 60, rows: 20)
    prompt.type("total = 1 + 22 + 333 + 4444")
    try prompt.expectText("4444")
    prompt.resize(columns: 100, rows: 30)
    prompt.type(" + 55555")
    try prompt.wait("the line goes on") {
      prompt.screen.cursorLine == "attn> total = 1 + 22 + 333 + 4444 + 55555"
    }
    prompt.resize(columns: 50, rows: 10)
    prompt.type(P.control("A") + "my_")
    try prompt.wait("its start") { prompt.screen.cursorLine.hasPrefix("attn> my_total") }
    try prompt.enter("")
    try prompt.enter("my_total")
    #expect(prompt.last(1) == ["60355"])
  }

  /// The entry is drawn whole at each width, and nothing of it is left behind.
  @Test(arguments: [true, false]) func resizingSeveralLines(_ breaksLinesAnew: Bool) throws {
    let prompt = try P(environment: breaksLinesAnew ? [:] : ["XTERM_VERSION": "1"], columns: 60, rows: 20)
    prompt.screen.breaksLinesAnew = breaksLinesAnew
    try prompt.enter("for i in 0..20 { print(i) }")
    let above = "19"
    let block = [
      "attn> fn f(x) {",
      "  ...   y = \"a line that goes on and on to more than one row of the window, 日本\" + \"\"",
      "  ...   y + 1",
    ]
    prompt.type("fn f(x) {\r" + block[1].dropFirst(8) + "\ry + 1")
    try prompt.wait("the block") { prompt.screen.cursorLine == block[2] }
    /// Lines as a screen of some width shows them.
    func rows(_ width: Int) -> [String] {
      block.flatMap { line -> [String] in
        var (rows, row, columns) = ([String](), "", 0)
        for character in line {
          let cells = "日本".contains(character) ? 2 : 1
          if columns + cells > width {
            rows.append(row)
            (row, columns) = ("", 0)
          }
          row.append(character)
          columns += cells
        }
        return (rows + [row]).map(\.withoutBlanksAtItsEnd)
      }
    }
    for (step, width) in [40, 31, 75, 25, 100, 47, 33, 60].enumerated() {
      // From the last line, from the one that is broken, and from the first.
      if step == 3 || step == 5 { prompt.type(P.up) }
      let (before, expected) = (prompt.screen.clearings, rows(width))
      let line = step < 3 ? expected.count - 1 : step < 5 ? 1 : 0
      if step == 3 || step == 5 {
        let now = prompt.lines.suffix(rows(prompt.screen.columns).count)
        try prompt.wait("the cursor") { prompt.screen.cursorLine == Array(now)[line] }
      }
      prompt.resize(columns: width, rows: step % 2 == 0 ? 20 : 16)
      try prompt.wait("the block in \(width) columns") {
        prompt.screen.clearings > before
          && Array(prompt.lines.suffix(expected.count + 1)) == [above] + expected
          && prompt.screen.cursorLine == expected[line] && prompt.screen.column == 13
      }
    }
    // What was edited is what is run.
    prompt.type(P.control("E") + P.control("E") + "\r}")
    try prompt.enter("")
    try prompt.enter("2 + 3")
    #expect(prompt.last(1) == ["5"])
    // A line that is broken over several rows, with blanks at their ends.
    let line = "attn> total = " + (1...25).map { "\($0 % 10)" }.joined(separator: " + ")
    prompt.type(String(line.dropFirst(6)))
    try prompt.wait("the line") { prompt.screen.cursorLine == String(line.dropFirst(60)) }
    for width in [50, 34, 90, 21, 60] {
      let before = prompt.screen.clearings
      prompt.resize(columns: width, rows: 20)
      var rest = line[...]
      var expected: [String] = []
      while !rest.isEmpty {
        expected.append(String(rest.prefix(width)).withoutBlanksAtItsEnd)
        rest = rest.dropFirst(width)
      }
      try prompt.wait("the line in \(width) columns") {
        prompt.screen.clearings > before && Array(prompt.lines.suffix(expected.count + 1)) == ["5"] + expected
          && prompt.screen.cursorLine == expected.last && prompt.screen.column == expected.last?.count
      }
    }
  }

  @Test func theHistorySearch() throws {
    let prompt = try P()
    try prompt.enter("first = 11")
    try prompt.enter("second = len((1, 2))")
    prompt.type(P.control("R") + "fir")
    try prompt.wait("what is found") { prompt.lines.suffix(2) == ["attn> first = 11", "search: fir"] }
    prompt.type("x")
    try prompt.wait("nothing found") { prompt.lines.suffix(2) == ["attn> first = 11", "not found: firx"] }
    prompt.type(P.backspace + "\u{1B}")
    try prompt.wait("the entry") { prompt.lines.last == "attn> first = 11" }
    prompt.type(P.control("E") + "1" + P.enter)
    try prompt.wait("its answer") { prompt.last(2) == ["attn> first = 111", "  first : Int"] }
    try prompt.expectPrompt()
    try prompt.enter("first")
    #expect(prompt.last(1) == ["111"])
    // A key ends the search and does what it does; a closing bracket is part of it.
    prompt.type(P.control("R") + "1, 2)" + P.control("A") + "my_" + P.enter)
    try prompt.wait("its answer") { prompt.last(1) == ["  my_second : Int"] && prompt.isAtPrompt }
    prompt.type(P.control("R") + "first")
    try prompt.expectText("attn> first\nsearch: first")
    prompt.type(P.control("R"))
    try prompt.expectText("attn> first = 111\nsearch: first")
    prompt.type(P.left)
    try prompt.wait("the line") { prompt.lines.last == "attn> first = 111" }
    prompt.type(P.backspace)
    try prompt.wait("a change") { prompt.lines.last == "attn> first = 11" }
    prompt.type(P.control("R") + "first")
    try prompt.expectText("search: first")
    prompt.interrupt()
    try prompt.expectPrompt()
  }
}

extension PromptProcess {
  func type(_ keys: String, then text: String) throws {
    type(keys)
    try expectText(text)
  }
}

extension String {
  fileprivate var withoutBlanksAtItsEnd: String {
    String(reversed().drop { $0 == " " }.reversed())
  }
}
