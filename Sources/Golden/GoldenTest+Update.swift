import Drawing
import Syntax

/// Recording anew: text in, text out.
extension GoldenTest {
  /// Which statements get the output of a run recorded.
  public enum Recording: Sendable {
    /// Those under which nothing stands yet.
    case new
    /// Those whose output differs. Wildcards and lines that hold stay as they are.
    case differing
  }

  /// The document's text with the output of a run recorded where it differs. A failure that
  /// recording can't fix, such as an unexpected pass, stays.
  public func updated(_ report: Report, _ recording: Recording = .differing) -> String {
    var text = EditedText(self.text)
    for result in report.results.reversed() where result.isMendable(by: recording) {
      text.record(result.mended, for: result.entry)
    }
    return String(decoding: text.bytes, as: UTF8.self)
  }
}

/// A text in which recorded lines are replaced, from its end to its start, so that line numbers stay true.
private struct EditedText {
  /// With their ends.
  private var lines: [[UInt8]]
  private let hasLastEnd: Bool

  init(_ text: String) {
    let bytes = Array(text.utf8)
    lines = bytes.split(separator: newline, omittingEmptySubsequences: false).map { $0 + [newline] }
    hasLastEnd = bytes.last == newline
    if hasLastEnd || bytes.isEmpty { lines.removeLast() }
  }

  var bytes: [UInt8] {
    var bytes = Array(lines.joined())
    if !hasLastEnd, !bytes.isEmpty { bytes.removeLast(bytes.suffix(2) == [carriageReturn, newline] ? 2 : 1) }
    return bytes
  }

  /// Puts lines where an entry's recorded ones stood, or else under it. Only those comments go: code
  /// and remarks around and between them stay.
  mutating func record(_ output: [String], for entry: Document.Entry) {
    let comments = entry.recorded.map(\.span)
    let lastLine = entry.parts.isEmpty ? -1 : entry.lastLine - 1
    // The first recorded line that stands alone, under the whole statement, gives the place.
    let place =
      comments.first { standsAlone($0) && $0.line > lastLine }?.line
      ?? max(lastLine, entry.toleranceSpan?.line ?? lastLine) + 1
    let indent = lines[entry.span.line].prefix { $0 == space || $0 == tab }
    let isWindows = lines[max(lastLine, 0)].suffix(2) == [carriageReturn, newline]
    let end: [UInt8] = isWindows ? [carriageReturn, newline] : [newline]
    for comment in comments.reversed() {
      if standsAlone(comment) { lines[comment.line] = [] } else { cut(comment, end) }
    }
    let new = output.map { line -> [UInt8] in
      Array(indent) + Array((line.isEmpty ? "#>" : "#> " + line).utf8) + end
    }
    lines.insert(contentsOf: new, at: place)
  }

  /// Takes a comment from behind the code of its line.
  private mutating func cut(_ comment: Span, _ end: [UInt8]) {
    var code = lines[comment.line].prefix(offset(of: comment))
    while code.last == space || code.last == tab { code.removeLast() }
    lines[comment.line] = code + end
  }

  /// The bytes of the line in front of it.
  private func offset(of comment: Span) -> Int {
    comment.start - comment.source.start(ofLine: comment.line)
  }

  private func standsAlone(_ comment: Span) -> Bool {
    lines[comment.line].prefix(offset(of: comment)).allSatisfy { $0 == space || $0 == tab }
  }
}

private let (space, tab, newline, carriageReturn) = (
  UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r")
)

extension GoldenTest.Result {
  func isMendable(by recording: GoldenTest.Recording) -> Bool {
    guard status == .failed else { return false }
    if entry.parts.isEmpty { return recording == .differing }
    return reason == nil && (recording == .differing || entry.recorded.isEmpty)
  }

  /// What is to stand recorded: lines and wildcards that hold as they are, the others as printed.
  fileprivate var mended: [String] {
    guard let comparison else { return [] }
    let lines = comparison.alignment.steps.compactMap { step -> String? in
      switch step {
      case .holds(let i, _), .wildcard(let i, _): comparison.recorded[i].asRecorded
      case .changed(_, let j), .added(let j): comparison.printed[j].asRecorded
      case .missing: nil
      }
    }
    // Lines of different tensors may now stand together: then record all lines anew.
    let holds = Comparison(recorded: lines, printed: printed, tolerance: entry.tolerance).isEqual
    return holds ? lines : comparison.printed.map(\.asRecorded)
  }
}
