import Drawing

/// Blocks of code in Markdown pages.
enum Markdown {
  /// The page once for each ```` ```attn ```` block, every byte outside the block a blank, so that
  /// offsets and lines stay the page's.
  ///
  /// Fences are those of CommonMark, at any indentation: three or more backticks or tildes, closed by at
  /// least as many. A line with further backticks behind the first is text.
  static func blocks(_ text: String) -> [String] {
    let bytes = Array(text.utf8)
    var ranges: [Range<Int>] = []
    var fence: ArraySlice<UInt8>?
    var start: Int?
    for line in lines(bytes) {
      let content = bytes[line].drop { $0 == space || $0 == tab }
      if let open = fence {
        guard closes(content, open) else { continue }
        if let start { ranges.append(start..<line.lowerBound) }
        (fence, start) = (nil, nil)
      } else if let (marks, word) = opening(content) {
        fence = marks
        if word == "attn" { start = line.upperBound }
      }
    }
    // A block that is not closed ends with the page.
    if let start, start < bytes.count { ranges.append(start..<bytes.count) }
    let blank = bytes.map { $0 == newline ? newline : space }
    return ranges.map { range in
      var page = blank
      page.replaceSubrange(range, with: bytes[range])
      return String(decoding: page, as: UTF8.self)
    }
  }

  private static let (space, tab, newline, carriageReturn) = (
    UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r")
  )

  /// The lines with their ends.
  private static func lines(_ bytes: [UInt8]) -> [Range<Int>] {
    var result: [Range<Int>] = []
    var start = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: newline).map { $0 + 1 } ?? bytes.count
      result.append(start..<end)
      start = end
    }
    return result
  }

  private static func opening(_ line: ArraySlice<UInt8>) -> (marks: ArraySlice<UInt8>, word: String)? {
    guard let mark = line.first, mark == UInt8(ascii: "`") || mark == UInt8(ascii: "~") else { return nil }
    let marks = line.prefix { $0 == mark }
    let rest = line[marks.endIndex...]
    guard marks.count >= 3, mark == UInt8(ascii: "~") || !rest.contains(mark) else { return nil }
    let ends = Array(" \t\r\n{,".utf8)
    let word = rest.drop { $0 == space || $0 == tab }.prefix { !ends.contains($0) }
    return (marks, String(decoding: word, as: UTF8.self))
  }

  private static func closes(_ line: ArraySlice<UInt8>, _ fence: ArraySlice<UInt8>) -> Bool {
    let marks = line.prefix { $0 == fence.first }
    let blanks = [space, tab, newline, carriageReturn]
    return marks.count >= fence.count && line[marks.endIndex...].allSatisfy(blanks.contains)
  }
}
