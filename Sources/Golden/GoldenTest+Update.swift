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

  /// The document's text with the output of a run recorded where it differs. What can't be mended by
  /// recording, such as an unexpected pass, stays.
  public func updated(_ report: Report, _ recording: Recording = .differing) -> String {
    var bytes = Array(text.utf8)
    for result in report.results.reversed() where result.isMendable(by: recording) {
      let entry = result.entry
      let indent = Self.indent(of: entry.span, in: bytes)
      let lines = result.mended.map { indent + ($0.isEmpty ? "#>" : "#> " + $0) }
      if let first = entry.recorded.first, let last = entry.recorded.last {
        var start = Self.lineStart(first.span.start, bytes)
        var end = Self.lineEnd(last.span.end, bytes)
        if lines.isEmpty {
          if end < bytes.count { end += 1 } else if start > 0 { start -= 1 }
        }
        bytes.replaceSubrange(start..<end, with: Array(lines.joined(separator: "\n").utf8))
      } else {
        let end = Self.lineEnd(entry.span.end, bytes)
        bytes.insert(contentsOf: Array(("\n" + lines.joined(separator: "\n")).utf8), at: end)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func lineStart(_ offset: Int, _ bytes: [UInt8]) -> Int {
    var at = min(offset, bytes.count)
    while at > 0, bytes[at - 1] != 0x0A { at -= 1 }
    return at
  }

  private static func lineEnd(_ offset: Int, _ bytes: [UInt8]) -> Int {
    var at = min(offset, bytes.count)
    while at < bytes.count, bytes[at] != 0x0A { at += 1 }
    return at
  }

  private static func indent(of span: Span, in bytes: [UInt8]) -> String {
    let start = lineStart(span.start, bytes)
    return String(decoding: bytes[start...].prefix { $0 == 0x20 }, as: UTF8.self)
  }
}

extension GoldenTest.Result {
  func isMendable(by recording: GoldenTest.Recording) -> Bool {
    guard status == .failed else { return false }
    if case .stray = entry.content { return recording == .differing }
    return reason == nil && (recording == .differing || entry.recorded.isEmpty)
  }

  /// What is to stand recorded: lines and wildcards that hold as they are, the others as printed.
  fileprivate var mended: [String] {
    guard let comparison else { return printed }
    let lines = comparison.alignment.steps.compactMap { step -> String? in
      switch step {
      case .holds(let i, _), .wildcard(let i, _): comparison.recorded[i].text
      case .changed(_, let j), .added(let j): comparison.printed[j].text
      case .missing: nil
      }
    }
    // Lines of different tensors may have come to stand together: then all is written anew.
    let holds = Comparison(recorded: lines, printed: printed, tolerance: entry.tolerance).isEqual
    return holds ? lines : printed
  }
}
