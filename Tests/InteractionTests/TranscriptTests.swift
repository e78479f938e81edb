import Builtins
import Families
import Interaction
import Testing

@Suite struct TranscriptTests {
  @Test(
    arguments: [
      ("1 + 1", "1 + 1"), ("attn> 1 + 1\n2", "1 + 1"), ("1 + 1\n#> 2\n2\n", "1 + 1\n2"),
      ("attn> fn f(x) {\n  ...   x\n  ... }\nattn> f(1)\n1\n", "fn f(x) {\n  x\n}\nf(1)"),
      ("a = [\n  ... 1,\n  ... 2]", "a = [\n1,\n2]"), ("x\r\n#> 1\r\ny", "x\ny"),
      ("attn> one\nerror: the name one is not known\n  one", "one\n#> error: the name one is not known"),
      ("one\n#> error: the name one is not known\n#>   one", "one\n#> error: the name one is not known"),
      ("w[t,\n..., s]", "w[t,\n..., s]"), ("1\n#~ 1e-3\n#> 2", "1"), ("", ""), ("attn>", ""),
      ("  attn> 1", "1"), ("f(\n  ...", "f("), ("# attn> no\n1", "# attn> no\n1"),
      ("```attn\nx = 1\n#> 2\nx\n```", "x = 1\nx"), ("```\nattn> 1 + 1\n2\n```\n", "1 + 1"),
      ("Some words:\n\n```attn\nx = 1\n```\n\nAnd:\n\n```attn\nx\n```\n", "x = 1\nx"),
      ("  ```attn\n  fn f(x) {\n    x\n  }\n  ```", "fn f(x) {\n  x\n}"),
      ("````attn\nprint(\"a\")\n```\n````", "print(\"a\")\n```"), ("```attn\nx = 1", "x = 1"),
      ("x = 1\n```", "x = 1"), ("print(\"```\")", "print(\"```\")"),
    ]) func statements(_ text: String, _ statements: String)
  {
    #expect(Transcript.statements(in: text) == statements)
  }

  /// What the editor shows of an entry is read back as the entry.
  @Test(arguments: ["1", "a\nb", "f(\n  x,\n\n  y)", "x[\n  ..., t]"]) func shown(_ entry: String) {
    #expect(Transcript.statements(in: Transcript.shown(entry)) == entry)
  }
}

@Suite struct HistoryFileTests {
  private func file() -> HistoryFile {
    HistoryFile(path: temporaryFolder() + "/state/attn/history")
  }

  @Test func entriesComeBackAsTheyWere() {
    let history = file()
    let entries = ["1 + 1", "fn f(x) {\n  \"a\\nb\"\n}", "λ = \"日本\\\\\"", "a\r\nb", "\\n"]
    for entry in entries { #expect(history.append(entry)) }
    #expect(history.entries() == entries)
    #expect(history.entries(limit: 2) == Array(entries.suffix(2)))
  }

  @Test func aMissingFileHasNone() { #expect(file().entries().isEmpty) }

  @Test func aLongFileIsCutToTheLimit() {
    let history = file()
    for number in 0..<50 { history.append("entry \(number)") }
    #expect(history.entries(limit: 20) == (30..<50).map { "entry \($0)" })
    #expect(history.entries(limit: 1000).count == 20)
  }

  @Test func manyWritersLoseNothing() async {
    let history = file()
    await withTaskGroup(of: Void.self) { group in
      for writer in 0..<8 {
        group.addTask { for number in 0..<40 { history.append("\(writer) \(number)\n\(writer)") } }
      }
    }
    let entries = history.entries()
    #expect(entries.count == 320)
    for writer in 0..<8 {
      #expect(
        entries.filter { $0.hasPrefix("\(writer) ") } == (0..<40).map { "\(writer) \($0)\n\(writer)" })
    }
  }

  @Test func whereItLies() {
    func path(_ environment: [String: String]) -> String? {
      HistoryFile.standard { environment[$0] }?.path
    }
    #expect(path(["HOME": "/home/a"]) == "/home/a/.local/state/attn/history")
    #expect(path(["HOME": "/home/a", "XDG_STATE_HOME": "/state"]) == "/state/attn/history")
    #expect(
      path(["HOME": "/home/a", "XDG_STATE_HOME": "not/absolute"]) == "/home/a/.local/state/attn/history")
    #expect(path([:]) == nil)
  }
}

@Suite struct HistoryWalkTests {
  private func walk() -> HistoryWalk {
    var walk = HistoryWalk()
    for entry in ["one", "two", "two", "three"] { walk.remember(entry) }
    walk.begin()
    return walk
  }

  @Test func changesOnTheWayAreKept() {
    var walk = walk()
    #expect(walk.entries == ["one", "two", "three"])
    #expect(walk.later(than: "new") == nil)
    #expect(walk.earlier(than: "new") == "three")
    #expect(walk.earlier(than: "three!") == "two")
    #expect(walk.earlier(than: "two") == "one")
    #expect(walk.earlier(than: "one") == nil)
    #expect(walk.later(than: "one") == "two")
    #expect(walk.later(than: "two") == "three!")
    #expect(walk.later(than: "three!") == "new")
    #expect(walk.later(than: "new") == nil)
    walk.begin()
    #expect(walk.earlier(than: "") == "three")
  }

  @Test func searching() {
    var search = HistorySearch(walk(), from: EditText("typed"))
    func type(_ keys: String) -> HistorySearch.Step {
      keys.unicodeScalars.reduce(.refused) { _, key in search.type(key) }
    }
    #expect(search.shown.text == "typed\nsearch: ")
    #expect(type("t") == .shown && search.shown.text == "three\nsearch: t")
    #expect(type("\u{12}") == .shown && search.shown.text == "two\nsearch: t")
    #expect(type("\u{12}") == .shown && search.shown.text == "two\nnot found: t")
    #expect(type("\u{13}") == .shown && search.shown.text == "three\nsearch: t")
    #expect(type("x") == .shown && search.shown.text == "three\nnot found: tx")
    #expect(type("\u{7F}") == .shown && search.shown.text == "three\nsearch: t")
    #expect(type("\r") == .given && search.result.text == "three")
    #expect(type("\u{1B}") == .taken && search.type("\u{1B}", isSequence: true) == .given)
    #expect(type("\u{7}") == .taken && search.result.text == "typed")
  }
}
