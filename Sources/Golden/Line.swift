/// A line of output, and the figures in it.
struct Line {
  var text: String
  /// The factor that the header of a tensor took out of its rows: `f32[3] × 1e-5`.
  var scale = 1.0

  /// A word, a number or a mark. Blanks between them don't count under a tolerance.
  struct Piece {
    var text: Substring
    var number: Double?
    var isInteger: Bool
  }

  /// The lines of one output. The rows under a header with a power of ten know that power.
  static func lines(_ texts: [String]) -> [Line] {
    var scale = 1.0
    return texts.map { text in
      if let header = TensorHeader(text) {
        scale = header.scale
      } else if !text.hasPrefix(" "), !text.hasPrefix("["), !text.hasPrefix("…") {
        scale = 1
      }
      return Line(text: text, scale: scale)
    }
  }

  func matches(_ printed: Line, _ tolerance: Tolerance?) -> Bool {
    guard let tolerance else { return text == printed.text }
    if text == printed.text, scale == printed.scale { return true }
    if let header = TensorHeader(text), let other = TensorHeader(printed.text) {
      // The rows are compared with their powers of ten multiplied in.
      return header.type == other.type
    }
    let (expected, found) = (pieces, printed.pieces)
    guard expected.count == found.count else { return false }
    return zip(expected, found).allSatisfy { a, b in
      // Integers, NaN, infinities and words stay exact.
      guard let x = a.number, let y = b.number, !a.isInteger, !b.isInteger, x.isFinite, y.isFinite
      else { return a.text == b.text }
      return tolerance.allows(x, y)
    }
  }

  /// The figures of the line, with the header's power of ten multiplied into those of a row.
  var pieces: [Piece] {
    var result: [Piece] = []
    var rest = text[...]
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
      if startsNumber, let (text, number) = Self.number(at: rest) {
        let isInteger = !text.contains { $0 == "." || $0 == "e" }
        result.append(Piece(text: text, number: isInteger ? number : number * scale, isInteger: isInteger))
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
