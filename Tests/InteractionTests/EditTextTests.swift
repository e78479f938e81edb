import Interaction
import Support
import Testing

/// Keys on an entry's text, without a terminal.
@Suite struct EditTextTests {
  /// `|` is the cursor.
  private func text(_ text: String) -> EditText {
    let cursor = text.unicodeScalars.firstIndex(of: "|")!
    return EditText(
      text.replacing("|", with: ""),
      cursor: text.unicodeScalars.distance(from: text.unicodeScalars.startIndex, to: cursor))
  }

  private func shown(_ edited: EditText) -> String {
    var scalars = edited.scalars
    scalars.insert("|", at: edited.cursor)
    return EditText(scalars, cursor: 0).text
  }

  private func after(_ before: String, _ key: (inout EditText) -> Bool) -> String {
    var edited = text(before)
    _ = key(&edited)
    return shown(edited)
  }

  @Test(
    arguments: [
      ("ab|c", "a|bc"), ("|abc", "|abc"), ("a\n  ... |b", "a|\n  ... b"), ("a\n  ... b|", "a\n  ... |b"),
      ("e\u{301}|x", "|e\u{301}x"), ("👍🏽|", "|👍🏽"),
    ]) func left(_ before: String, _ after: String)
  {
    #expect(self.after(before) { $0.left() } == after)
  }

  @Test(
    arguments: [
      ("a|bc", "ab|c"), ("abc|", "abc|"), ("a|\n  ... b", "a\n  ... |b"), ("|e\u{301}x", "e\u{301}|x"),
      ("a|\nb", "a\n|b"),
    ]) func right(_ before: String, _ after: String)
  {
    #expect(self.after(before) { $0.right() } == after)
  }

  @Test(
    arguments: [
      ("abcd\n  ... ab|", "ab|cd\n  ... ab"), ("a\n  ... abc|", "a|\n  ... abc"), ("a|b", "a|b"),
      ("日本\n  ... ab|", "日|本\n  ... ab"), ("a\n  ...\n  ... b|", "a\n  ...|\n  ... b"),
    ]) func up(_ before: String, _ after: String)
  {
    #expect(self.after(before) { $0.up() } == after)
  }

  @Test(
    arguments: [
      ("ab|cd\n  ... abcd", "abcd\n  ... ab|cd"), ("abc|\n  ... a", "abc\n  ... a|"), ("a|", "a|"),
    ]) func down(_ before: String, _ after: String)
  {
    #expect(self.after(before) { $0.down() } == after)
  }

  @Test func homeAndEnd() {
    func home(_ text: String) -> String {
      after(text) {
        $0.home()
        return true
      }
    }
    func end(_ text: String) -> String {
      after(text) {
        $0.end()
        return true
      }
    }
    #expect(home("a\n  ... bc|") == "a\n  ... |bc")
    #expect(home("a\n  ... |bc") == "|a\n  ... bc")
    #expect(end("a|b\n  ... c") == "ab|\n  ... c")
    #expect(end("ab|\n  ... c") == "ab\n  ... c|")
  }

  @Test(
    arguments: [
      ("ab|c", "a|c"), ("|a", "|a"), ("a\n  ... |b", "a|b"), ("a\n  ...     |b", "a\n  ...   |b"),
      ("a\n  ...    |b", "a\n  ...   |b"), ("a\n  ... x|", "a\n  ... |"), ("日|", "|"), ("e\u{301}|", "|"),
    ]) func backspace(_ before: String, _ after: String)
  {
    #expect(self.after(before) { $0.backspace() } == after)
  }

  @Test(arguments: [("a|b", "a|"), ("a|\n  ... b", "a|b"), ("a|", "a|"), ("|e\u{301}x", "|x")])
  func delete(_ before: String, _ after: String) {
    #expect(self.after(before) { $0.deleteForward() } == after)
  }

  @Test(arguments: [("a|bc\n  ... d", "a|\n  ... d"), ("a|\n  ... d", "a|d"), ("a|", "a|")])
  func kill(_ before: String, _ after: String) {
    #expect(self.after(before) { $0.kill() } == after)
  }

  @Test(
    arguments: [
      ("fn f(x) {|", "fn f(x) {\n  ...   |"), ("f {\n  ...   a|", "f {\n  ...   a\n  ...   |"),
      ("f {\n  ...   g(|)", "f {\n  ...   g(\n  ...     |)"), ("a|   b", "a\n  ... |b"),
    ]) func newline(_ before: String, _ after: String)
  {
    #expect(
      self.after(before) {
        $0.newline()
        return true
      } == after)
  }

  @Test(
    arguments: [
      ("f {\n  ...   |", "f {\n  ... }|"), ("f {\n  ...   a|", "f {\n  ...   a}|"),
      ("f {\n  ...     |", "f {\n  ...   }|"), ("  |", "  }|"),
    ]) func close(_ before: String, _ after: String)
  {
    #expect(
      self.after(before) {
        $0.close("}")
        return true
      } == after)
  }

  @Test(
    arguments: [
      ("1 + 1", true), ("fn f(x) {", false), ("fn f(x) {\n  ...   x\n  ... }", true), ("1 +", false),
      ("x = )", true), ("f(\"a", false), ("", true), (":save", true), ("?f", true), ("[1,\n  ... 2]", true),
      ("f(\n  ... \n  ... ", true), ("f(\n  ... ", false), ("x = \"a", true), ("# a remark", true),
      ("q[...,\n  ... ..., t]", true),
    ]) func completeness(_ entry: String, _ isFinished: Bool)
  {
    #expect(EditText(entry).isFinished == isFinished)
  }

  @Test func rows() {
    #expect(EditText("abc").rows(width: 20) == (0, 0))
    #expect(EditText("a\n  ... b\n  ... c", cursor: 0).rows(width: 20) == (0, 2))
    #expect(EditText(String(repeating: "x", count: 30)).rows(width: 20) == (1, 0))
    #expect(EditText("日本日本日本日").rows(width: 19) == (1, 0))
  }
}
