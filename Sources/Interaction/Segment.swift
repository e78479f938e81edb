import Drawing
import Syntax

/// A part of an entry: code, or a line for the prompt itself.
enum Segment: Equatable {
  /// - line: the number of its first line in the entry, from 0.
  case code(String, line: Int)
  /// `:save s.attn`, without the colon.
  case command(String, line: Int)
  /// `?name`, `name?`, `??name`.
  case question(String, wantsSource: Bool, line: Int)

  var line: Int {
    switch self {
    case .code(_, let line), .command(_, let line), .question(_, _, let line): line
    }
  }

  /// The parts of an entry in order. A line is a command where code above it is complete.
  static func all(in entry: String) -> [Segment] {
    var segments: [Segment] = []
    var code: [Substring] = []
    let lines = entry.split(separator: "\n", omittingEmptySubsequences: false)
    func flush(before number: Int) {
      let text = code.joined(separator: "\n")
      if !text.allSatisfy(\.isWhitespace) { segments.append(.code(text, line: number - code.count)) }
      code = []
    }
    for (number, line) in lines.enumerated() {
      if let segment = single(line, number), isComplete(code) {
        flush(before: number)
        segments.append(segment)
      } else {
        code.append(line)
      }
    }
    flush(before: lines.count)
    return segments
  }

  private static func isComplete(_ lines: [Substring]) -> Bool {
    lines.isEmpty
      || Parser.parse(Source(lines.joined(separator: "\n"))).problems.first?.isIncomplete != true
  }

  /// What a line is where it is no code.
  private static func single(_ line: Substring, _ number: Int) -> Segment? {
    let text = line.drop(while: \.isWhitespace)
    if text.hasPrefix(":") { return .command(text.dropFirst().trimmed, line: number) }
    if text.hasPrefix("??") { return .question(text.dropFirst(2).trimmed, wantsSource: true, line: number) }
    if text.hasPrefix("?") { return .question(text.dropFirst().trimmed, wantsSource: false, line: number) }
    let whole = text.trimmed
    guard whole.hasSuffix("?"), !whole.contains("#"), !whole.contains("\"") else { return nil }
    let name = whole.drop { $0 == "?" }
    if whole.hasSuffix("??") { return .question(String(name.dropLast(2)), wantsSource: true, line: number) }
    return .question(String(name.dropLast()), wantsSource: false, line: number)
  }
}
