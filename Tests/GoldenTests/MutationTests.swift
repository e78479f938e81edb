import Attn
import Golden
import Host
import Testing

/// Recorded files with a figure changed: none may slip through.
@Suite struct MutationTests {
  static let files =
    ScriptTests.files
    + ((try? Files().files(below: ScriptTests.root + "/examples")) ?? []).filter { $0.hasSuffix(".attn") }

  /// Every `#>` line of a file is somebody's expectation.
  @Test(arguments: files) func everyRecordedLineCounts(_ path: String) throws {
    let text = try Files().readText(path)
    let document = Document(text, name: path)
    let recorded = document.entries.reduce(0) { $0 + $1.recorded.count }
    #expect(recorded == text.split(separator: "\n").count { $0.drop { $0 == " " }.hasPrefix("#>") })
  }

  /// Each digit of each recorded number, changed by one in the file, makes its statement fail: what the
  /// run printed, which the other tests know to be what is recorded, is no longer what the file says.
  @Test(arguments: files) func everyChangedDigitIsCaught(_ path: String) throws {
    let text = try Files().readText(path)
    let document = Document(text, name: path)
    // To read a long page anew for each of its digits takes too long; there only the lines are changed.
    let isShort = text.utf8.count < 12_000
    for (number, entry) in document.entries.enumerated() where entry.tolerance == nil {
      let printed = entry.recorded.map(\.text)
      for (row, line) in entry.recorded.enumerated() {
        for (at, byte) in line.span.text.utf8.enumerated() where (0x30...0x39).contains(byte) {
          var bytes = Array(text.utf8)
          let place = line.span.start + at
          bytes[place] = byte == 0x39 ? 0x30 : byte + 1
          let changed: [String]
          if isShort {
            changed = Document(String(decoding: bytes, as: UTF8.self), name: path)
              .entries[number].recorded.map(\.text)
          } else {
            var lines = printed
            lines[row] = String(decoding: bytes[line.span.start..<line.span.end], as: UTF8.self)
            changed = lines
          }
          let comparison = Comparison(recorded: changed, printed: printed, tolerance: nil)
          #expect(!comparison.isEqual, "\(path):\(entry.line): digit \(at) of \(line.text)")
        }
        // So is a line that is left out, or stands twice.
        let lines = printed.filter { $0 != "..." }
        guard lines.count == printed.count else { continue }
        var fewer = lines
        fewer.remove(at: row)
        #expect(!Comparison(recorded: fewer, printed: lines, tolerance: nil).isEqual)
        let more = Array(lines[...row] + lines[row...])
        #expect(!Comparison(recorded: more, printed: lines, tolerance: nil).isEqual)
      }
    }
  }
}
