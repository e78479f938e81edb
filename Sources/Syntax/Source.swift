/// A text that was parsed: a file, a line of a prompt, a module of the embedded library.
package final class Source: Sendable {
  /// What diagnostics call it: a path relative to where the user stands, or `nil` at a prompt.
  package let name: String?
  package let bytes: [UInt8]
  /// Whether attn brings it along: a user has not written it.
  package let isLibrary: Bool
  /// Where it begins in the file that it is a part of, from 0.
  let firstLine: Int
  let firstColumn: Int
  /// The offsets at which lines begin.
  private let lineStarts: [Int]

  package init(
    _ text: String, name: String? = nil, isLibrary: Bool = false, firstLine: Int = 0, firstColumn: Int = 0
  ) {
    self.name = name
    self.isLibrary = isLibrary
    self.firstLine = firstLine
    self.firstColumn = firstColumn
    bytes = Array(text.utf8)
    var starts = [0]
    for (offset, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
      starts.append(offset + 1)
    }
    lineStarts = starts
  }

  package var lineCount: Int { lineStarts.count }

  /// The 0-based line that holds `offset`.
  package func line(at offset: Int) -> Int {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return low
  }

  package func start(ofLine line: Int) -> Int { lineStarts[line] }

  /// The text of a 0-based line, without its line break.
  package func text(ofLine line: Int) -> String {
    let start = lineStarts[line]
    var end = line + 1 < lineStarts.count ? lineStarts[line + 1] - 1 : bytes.count
    if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    return text(start..<end)
  }

  /// The bytes of a line, or of a very long one the few thousand around an offset.
  func window(around offset: Int, ofLine line: Int) -> Range<Int> {
    let lineStart = lineStarts[line]
    let lineEnd = lineStart + text(ofLine: line).utf8.count
    func boundary(_ at: Int) -> Int {
      var at = at
      while at > lineStart, at < lineEnd, bytes[at] & 0xC0 == 0x80 { at -= 1 }
      return at
    }
    let start = boundary(max(lineStart, offset - 2000))
    return start..<max(start, boundary(min(lineEnd, start + 4000)))
  }

  package func text(_ range: Range<Int>) -> String {
    String(decoding: bytes[range.clamped(to: 0..<bytes.count)], as: UTF8.self)
  }
}

/// A half-open range of UTF-8 offsets in a source.
package struct Span: Sendable {
  package let source: Source
  package let start: Int
  package let end: Int

  package init(_ source: Source, _ start: Int, _ end: Int) {
    self.source = source
    self.start = start
    self.end = end
  }

  package var text: String { source.text(start..<end) }
  /// The 0-based line of the first byte.
  package var line: Int { source.line(at: start) }

  /// The span from the start of this one to the end of the other.
  package func through(_ other: Span) -> Span { Span(source, start, max(end, other.end)) }
}
