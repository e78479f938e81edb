import Drawing
import Support
import Syntax

/// An entry while it is edited: scalars and a cursor, as libedit counts them.
///
/// Lines after the first begin with a mark, which the cursor never enters by these keys.
package struct EditText: Equatable {
  package var scalars: [Unicode.Scalar]
  package var cursor: Int

  package init(_ scalars: [Unicode.Scalar], cursor: Int) {
    self.scalars = scalars
    self.cursor = min(max(cursor, 0), scalars.count)
  }

  package init(_ text: String, cursor: Int? = nil) {
    let scalars = Array(text.unicodeScalars)
    self.init(scalars, cursor: cursor ?? scalars.count)
  }

  package var text: String { Self.string(scalars[...]) }

  static func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  /// The statements that it holds so far.
  package var entry: String { Transcript.statements(in: text) }

  // MARK: Places

  private static let mark = Array(Transcript.mark.unicodeScalars)

  func lineStart(at place: Int) -> Int {
    (scalars[..<place].lastIndex(of: "\n") ?? -1) + 1
  }

  func lineEnd(at place: Int) -> Int {
    scalars[place...].firstIndex(of: "\n") ?? scalars.count
  }

  /// Where the text of a line begins, behind its mark.
  func bodyStart(ofLineAt start: Int) -> Int {
    guard start > 0 else { return 0 }
    if scalars[start...].starts(with: Self.mark) { return start + Self.mark.count }
    // A line that is empty but for its mark may have lost the blank at its end.
    return scalars[start..<lineEnd(at: start)].elementsEqual(Self.mark.dropLast())
      ? start + Self.mark.count - 1 : start
  }

  private var line: (start: Int, body: Int, end: Int) {
    let start = lineStart(at: cursor)
    return (start, bodyStart(ofLineAt: start), lineEnd(at: cursor))
  }

  // MARK: Moving

  package mutating func left() -> Bool {
    if cursor <= line.body {
      guard line.start > 0 else { return false }
      cursor = line.start - 1
      return true
    }
    repeat { cursor -= 1 } while cursor > line.body && scalars[cursor].joinsThePrevious
    return true
  }

  package mutating func right() -> Bool {
    guard cursor < scalars.count else { return false }
    if scalars[cursor] == "\n" {
      cursor = bodyStart(ofLineAt: cursor + 1)
      return true
    }
    repeat { cursor += 1 } while cursor < scalars.count && scalars[cursor].joinsThePrevious
    return true
  }

  /// To the line above, at the same column; false on the first line.
  package mutating func up() -> Bool {
    let here = line
    guard here.start > 0 else { return false }
    let start = lineStart(at: here.start - 1)
    move(toLineAt: start, column: width(from: here.body, to: max(cursor, here.body)))
    return true
  }

  package mutating func down() -> Bool {
    let here = line
    guard here.end < scalars.count else { return false }
    move(toLineAt: here.end + 1, column: width(from: here.body, to: max(cursor, here.body)))
    return true
  }

  private func width(from start: Int, to end: Int) -> Int {
    displayWidth(Self.string(scalars[start..<end]))
  }

  private mutating func move(toLineAt start: Int, column: Int) {
    cursor = bodyStart(ofLineAt: start)
    let end = lineEnd(at: start)
    let body = cursor
    while cursor < end, width(from: body, to: cursor) < column { cursor += 1 }
  }

  /// To the start of the line, and from there to that of the entry.
  package mutating func home() { cursor = cursor > line.body ? line.body : 0 }

  package mutating func end() { cursor = cursor < line.end ? line.end : scalars.count }

  // MARK: Changing

  package mutating func insert(_ text: String) {
    let new = Array(text.unicodeScalars)
    scalars.insert(contentsOf: new, at: cursor)
    cursor += new.count
  }

  package mutating func backspace() -> Bool {
    let here = line
    if cursor <= here.body, here.start > 0 {
      delete(here.start - 1, cursor)
      return true
    }
    guard cursor > 0 else { return false }
    let indent = scalars[here.body..<cursor]
    if here.start > 0, !indent.isEmpty, indent.allSatisfy({ $0 == " " }) {
      delete(cursor - (indent.count - 1) % 2 - 1, cursor)
      return true
    }
    let end = cursor
    _ = left()
    delete(cursor, end)
    return true
  }

  package mutating func deleteForward() -> Bool {
    let start = cursor
    guard right() else { return false }
    delete(start, cursor)
    return true
  }

  /// Deletes to the end of the line; at its end, what parts it from the next.
  package mutating func kill() -> Bool {
    guard cursor < line.end else { return deleteForward() }
    delete(cursor, line.end)
    return true
  }

  private mutating func delete(_ start: Int, _ end: Int) {
    scalars.removeSubrange(start..<end)
    cursor = start
  }

  /// Another line, indented as the one at hand, and further behind an opening bracket.
  package mutating func newline() {
    let here = line
    let before = scalars[here.body..<max(cursor, here.body)]
    let indent = before.prefix { $0 == " " }.count
    let opens = before.filter { "([{".unicodeScalars.contains($0) }.count
    let closes = before.filter { ")]}".unicodeScalars.contains($0) }.count
    let step = opens > closes ? 2 : 0
    // Blanks that would stand in front of the new line's text are taken away.
    while cursor < scalars.count, scalars[cursor] == " " { scalars.remove(at: cursor) }
    insert("\n" + Transcript.mark + String(repeating: " ", count: indent + step))
  }

  /// A closing bracket; the first on its line moves two columns left.
  package mutating func close(_ bracket: String) {
    let here = line
    if here.start > 0, cursor - here.body >= 2, scalars[here.body..<cursor].allSatisfy({ $0 == " " }) {
      delete(cursor - 2, cursor)
    }
    insert(bracket)
  }

  /// The blanks of another step of indentation.
  package mutating func indent() { insert("  ") }

  /// Whether nothing but blanks stands between the line's start and the cursor, on a further line.
  package var isInIndentation: Bool {
    line.start > 0 && scalars[line.body..<max(cursor, line.body)].allSatisfy { $0 == " " }
  }

  // MARK: On the screen

  /// The rows that it takes below the cursor's, and above.
  package func rows(width: Int) -> (above: Int, below: Int) {
    func rows(_ range: Range<Int>, from column: Int) -> Int {
      var (row, column) = (0, column)
      for character in Self.string(scalars[range]) {
        if character == "\n" {
          (row, column) = (row + 1, 0)
          continue
        }
        let cells = displayWidth(of: character)
        if column + cells > width { (row, column) = (row + 1, 0) }
        column += cells
        if column == width { (row, column) = (row + 1, 0) }
      }
      return row
    }
    let above = rows(0..<cursor, from: Transcript.prompt.count)
    return (above, rows(0..<scalars.count, from: Transcript.prompt.count) - above)
  }

  /// Whether Enter runs it: the text is complete, or the last two lines are blank.
  package var isFinished: Bool {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.count > 2, lines.suffix(2).allSatisfy({ $0.allSatisfy { $0 == " " || $0 == "." } }) {
      return true
    }
    return Self.isComplete(entry)
  }

  /// Whether a text is complete: it may be wrong, but not for lack of an end.
  package static func isComplete(_ entry: String) -> Bool {
    Segment.all(in: entry).allSatisfy { segment in
      guard case .code(let code, _) = segment else { return true }
      return Parser.parse(Source(code)).problems.first?.isIncomplete != true
    }
  }
}

extension Unicode.Scalar {
  /// Combining marks, variation selectors and joiners are shown with what stands before them.
  fileprivate var joinsThePrevious: Bool {
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark: true
    default: value == 0x200D || (0x1F3FB...0x1F3FF).contains(value)
    }
  }
}
