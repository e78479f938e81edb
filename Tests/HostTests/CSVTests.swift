import Host
import Support
import Testing

@Suite struct CSVTests {
  private func cells(_ text: String) throws -> [[String]] { try CSV.rows(of: text).map(\.cells) }

  private func problem(_ text: String, hasHeader: Bool = true) -> String? {
    do {
      _ = try CSV.columns(of: text, hasHeader: hasHeader)
      return nil
    } catch { return (error as? BuiltinError)?.message ?? "\(error)" }
  }

  @Test func readsLinesOfEveryEnding() throws {
    let expected = [["a", "b"], ["1", ""]]
    #expect(try cells("a,b\n1,\n") == expected)
    #expect(try cells("a,b\r\n1,\r\n") == expected)
    #expect(try cells("a,b\n1,") == expected)
    #expect(try cells("\n\na,b\r\n\r\n1,\n\n") == expected)
    #expect(try cells("a\rb,c") == [["a\rb", "c"]])
    #expect(try cells("a,b\r") == [["a", "b"]])
    #expect(try cells("").isEmpty)
  }

  @Test func readsQuotes() throws {
    #expect(try cells("\"a,b\",\"c\"\"d\"\n") == [["a,b", "c\"d"]])
    #expect(try cells("\"two\nlines\",\"\"\n") == [["two\nlines", ""]])
    #expect(try cells("5\" disk,é\n") == [["5\" disk", "é"]])
    #expect(try CSV.rows(of: "a\n\"x\ny\"\nb").map(\.line) == [1, 2, 4])
    #expect(try CSV.rows(of: "a;b", separator: UInt8(ascii: ";"))[0].cells == ["a", "b"])
  }

  private func text(_ column: CSV.Column) throws -> String {
    switch column {
    case .numbers(let tensor):
      "\(tensor.description) \(try tensor.doubles().map { "\($0)" }.joined(separator: " "))"
    case .strings(let strings): strings.joined(separator: "|")
    }
  }

  @Test func choosesAKindForEachColumn() throws {
    let columns = try CSV.columns(of: "n,x,name,\n1, 2.5,a,\n-2,,1,\n")
    #expect(columns.map(\.0) == ["n", "x", "name", "column_3"])
    #expect(
      try columns.map { try text($0.1) } == [
        "i64[2] 1.0 -2.0", "f32[2] 2.5 nan", "a|1", "|",
      ])
  }

  @Test func readsWithoutHeader() throws {
    let columns = try CSV.columns(of: "1,0x10\n2,0x11\n", hasHeader: false)
    #expect(columns.map(\.0) == ["column_0", "column_1"])
    #expect(try columns.map { try text($0.1) } == ["i64[2] 1.0 2.0", "0x10|0x11"])
    let empty = try CSV.columns(of: "a,b\n")
    #expect(try empty.map { try text($0.1) } == ["", ""])
  }

  @Test func saysWhichLineIsWrong() {
    #expect(problem("") == "it has no rows")
    #expect(problem("a,b\n1,2\n\n3\n") == "line 4 has 1 cell, line 1 2")
    #expect(problem("a,a\n") == "columns 0 and 1 are both called \"a\"")
    #expect(problem("a\n\"x\"y\n") == "line 2 goes on behind a closing quote")
    #expect(problem("a\n1\n\"x\n\n") == "line 3 opens a quote that nothing closes")
  }
}
