import CEditLine
import Glibc
import Interaction
import Support

/// Entries from a terminal that can't move its cursor, or whose output goes elsewhere: lines as the
/// terminal gives them.
final class PlainReader {
  private let isShown: Bool
  private var buffered: [UInt8] = []

  init(isShown: Bool) { self.isShown = isShown }

  func read() -> LineEditor.Input {
    var entry = ""
    while true {
      if isShown { Terminal.write(entry.isEmpty ? Transcript.prompt : Transcript.mark) }
      switch line() {
      case .end: return entry.isEmpty ? .end : .entry(entry)
      case .interrupted: return .interrupted(wasEmpty: entry.isEmpty)
      case .entry(let line):
        entry += entry.isEmpty ? line : "\n" + line
        if EditText(Transcript.shown(entry)).isFinished { return .entry(entry) }
      }
    }
  }

  /// One line, without its end.
  private func line() -> LineEditor.Input {
    while true {
      if let end = buffered.firstIndex(of: UInt8(ascii: "\n")) {
        defer { buffered.removeSubrange(...end) }
        return .entry(String(decoding: buffered[..<end], as: UTF8.self))
      }
      var chunk = [UInt8](repeating: 0, count: 4096)
      guard attn_wait_for_input() else {
        buffered = []
        return .interrupted(wasEmpty: true)
      }
      let count = Glibc.read(0, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        guard !buffered.isEmpty else { return .end }
        defer { buffered = [] }
        return .entry(String(decoding: buffered, as: UTF8.self))
      }
      buffered += chunk[..<count]
    }
  }
}
