import Support
import Testing

/// The cells that characters take: caret pictures, heat maps, tables and the prompt measure alike.
@Suite struct DisplayWidthTests {
  @Test(arguments: [
    ("a", 1), ("é", 1), ("e\u{301}", 1), ("字", 2), ("한", 2), ("ｱ", 1), ("Ａ", 2), ("😀", 2), ("☺\u{FE0F}", 2),
    ("👩‍👩‍👧", 2), ("🇩🇪", 2), ("\u{200B}", 0), ("\u{301}", 0), ("", 0), ("aé字", 4),
  ])
  func isWhatATerminalShows(_ string: String, _ cells: Int) {
    #expect(displayWidth(string) == cells, "\(string)")
  }
}
