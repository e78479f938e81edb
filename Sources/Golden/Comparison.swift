/// How far recorded numbers may be from those of a run: `#~ 1e-3` relative, `#~ abs 1e-6`.
package struct Tolerance: Sendable, Equatable {
  package var relative = 0.0
  package var absolute = 0.0

  /// `nil` where the text is not a tolerance.
  package init?(_ text: String) {
    let words = text.split(separator: " ")
    if words.count == 1, let value = Double(words[0]), value >= 0 {
      relative = value
    } else if words.count == 2, words[0] == "abs", let value = Double(words[1]), value >= 0 {
      absolute = value
    } else {
      return nil
    }
  }

  func allows(_ expected: Double, _ found: Double) -> Bool {
    abs(expected - found) <= max(relative * abs(expected), absolute)
  }
}

/// What a comparison of recorded with printed lines came to.
package struct Comparison {
  package var isEqual: Bool
  /// The largest differences among numbers that stand in the same places.
  package var largestAbsolute: Double?
  package var largestRelative: Double?

  package init(recorded: [String], printed: [String], tolerance: Tolerance?) {
    isEqual = Self.matches(recorded[...], printed[...], tolerance)
    guard !isEqual, recorded.count == printed.count else { return }
    for (expected, found) in zip(recorded, printed) {
      let (a, b) = (Self.pieces(of: expected), Self.pieces(of: found))
      guard a.count == b.count else { continue }
      for (x, y) in zip(a, b) {
        guard let x = x.number, let y = y.number, x.isFinite, y.isFinite, x != y else { continue }
        largestAbsolute = max(largestAbsolute ?? 0, abs(x - y))
        largestRelative = max(largestRelative ?? 0, x == 0 ? .infinity : abs(x - y) / abs(x))
      }
    }
  }

  /// Lines against lines; a recorded `...` stands for any lines.
  private static func matches(
    _ recorded: ArraySlice<String>, _ printed: ArraySlice<String>, _ tolerance: Tolerance?
  ) -> Bool {
    guard let first = recorded.first else { return printed.isEmpty }
    if first == "..." {
      let rest = recorded.dropFirst()
      if rest.isEmpty { return true }
      return printed.indices.contains { matches(rest, printed[$0...], tolerance) }
    }
    guard let line = printed.first, lineMatches(first, line, tolerance) else { return false }
    return matches(recorded.dropFirst(), printed.dropFirst(), tolerance)
  }

  private static func lineMatches(_ recorded: String, _ printed: String, _ tolerance: Tolerance?) -> Bool {
    if recorded == printed { return true }
    guard let tolerance else { return false }
    let expected = pieces(of: recorded)
    let found = pieces(of: printed)
    guard expected.count == found.count else { return false }
    return zip(expected, found).allSatisfy { a, b in
      if a.text == b.text { return true }
      // Integers, NaN, infinities and words stay exact.
      guard let x = a.number, let y = b.number, !a.isInteger, !b.isInteger, x.isFinite, y.isFinite
      else { return false }
      return tolerance.allows(x, y)
    }
  }

  /// A word, a number or a mark; blanks between them don't count under a tolerance.
  struct Piece {
    var text: Substring
    var number: Double?
    var isInteger: Bool
  }

  static func pieces(of line: String) -> [Piece] {
    var result: [Piece] = []
    var rest = line[...]
    while let character = rest.first {
      if character.isWhitespace {
        rest.removeFirst()
        continue
      }
      let previous = result.last?.text.last
      let startsNumber =
        character.isNumber
        || (character == "-" && rest.dropFirst().first?.isNumber == true
          && !(previous?.isLetter ?? false))
      if startsNumber, let (text, number) = number(at: rest) {
        let isInteger = !text.contains { $0 == "." || $0 == "e" }
        result.append(Piece(text: text, number: number, isInteger: isInteger))
        rest = rest[text.endIndex...]
      } else if character.isLetter || character == "_" {
        let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        result.append(Piece(text: word, number: nil, isInteger: false))
        rest = rest[word.endIndex...]
      } else {
        result.append(Piece(text: rest.prefix(1), number: nil, isInteger: false))
        rest.removeFirst()
      }
    }
    return result
  }

  private static func number(at text: Substring) -> (Substring, Double)? {
    var end = text.startIndex
    func digits() {
      while end < text.endIndex, text[end].isASCII, text[end].isNumber { end = text.index(after: end) }
    }
    if text.first == "-" { end = text.index(after: end) }
    digits()
    if end < text.endIndex, text[end] == ".", text[text.index(after: end)...].first?.isNumber == true {
      end = text.index(after: end)
      digits()
    }
    if end < text.endIndex, text[end] == "e" {
      let mark = end
      end = text.index(after: end)
      if end < text.endIndex, text[end] == "-" || text[end] == "+" { end = text.index(after: end) }
      let start = end
      digits()
      if start == end { end = mark }
    }
    let piece = text[..<end]
    return Double(piece).map { (piece, $0) }
  }
}
