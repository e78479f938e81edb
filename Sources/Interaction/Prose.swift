import Drawing
import Support
import Syntax

extension Shell {
  /// Sentences in lines as wide as the window, within reason.
  func prose(_ text: String, indent: String = "") -> String {
    text.wrapped(width: min(max(screen.width(), 40), 100), indent: indent)
  }
}

extension String {
  /// The text in lines of at most `width` columns. Blank lines part paragraphs; lines that are indented
  /// stand as they are.
  ///
  /// - Parameter indent: what stands in front of every line. That of the first is left to the caller.
  func wrapped(width: Int, indent: String = "") -> String {
    var lines: [String] = []
    var line = ""
    var columns = 0
    func flush() {
      if columns > 0 { lines.append(line) }
      (line, columns) = ("", 0)
    }
    for part in split(separator: "\n", omittingEmptySubsequences: false) {
      if part.first == " " || part.isEmpty {
        flush()
        lines.append(String(part))
        continue
      }
      for word in part.split(separator: " ") {
        let cells = displayWidth(word)
        if columns > 0, displayWidth(indent) + columns + 1 + cells > width { flush() }
        line += columns > 0 ? " " + word : String(word)
        columns += (columns > 0 ? 1 : 0) + cells
      }
    }
    flush()
    return lines.enumerated().map { $0.offset > 0 && !$0.element.isEmpty ? indent + $0.element : $0.element }
      .joined(separator: "\n")
  }
}
