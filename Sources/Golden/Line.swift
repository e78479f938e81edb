import Drawing
import Syntax

/// A line of output, and the figures in it.
struct Line {
  var text: String
  /// `#> ...` stands for any lines. What prints three dots is recorded as `\...`.
  var isWildcard = false
  /// The factor that the header of a tensor took out of its rows: `f32[3] × 1e-5`.
  var scale = 1.0

  /// A word, a number or a mark. Blanks between them don't count under a tolerance.
  struct Piece {
    var text: Substring
    var number: Double?
    var isInteger: Bool

    /// Integers, NaN, infinities and words are exact under any tolerance.
    func matches(_ other: Piece, _ tolerance: Tolerance?) -> Bool {
      guard let tolerance, let x = number, let y = other.number, !isInteger, !other.isInteger,
        x.isFinite, y.isFinite
      else { return text.utf8.elementsEqual(other.text.utf8) }
      return tolerance.allows(x, y)
    }
  }

  /// The lines of one output. The rows under a header with a power of ten know that power.
  ///
  /// - Parameter isRecorded: whether they come from a file, where three dots are a wildcard.
  static func lines(_ texts: [String], isRecorded: Bool) -> [Line] {
    var scale = 1.0
    return texts.map { text in
      if isRecorded, RecordedOutput.areDots(text) {
        return text == "..." ? Line(text: text, isWildcard: true) : Line(text: String(text.dropFirst()))
      }
      if let header = TensorHeader(text) {
        scale = header.scale
      } else if !text.hasPrefix(" "), !text.hasPrefix("["), !text.hasPrefix("…") {
        scale = 1
      }
      return Line(text: text, scale: scale)
    }
  }

  /// The line as it is written into a file.
  var asRecorded: String { isWildcard ? text : RecordedOutput.escaped(text) }

  func matches(_ printed: Line, _ tolerance: Tolerance?) -> Bool {
    // Texts that are canonically equal may yet have other bytes.
    let isSame = text.utf8.elementsEqual(printed.text.utf8)
    guard let tolerance, !isSame || scale != printed.scale else { return isSame }
    if let header = TensorHeader(text), let other = TensorHeader(printed.text) {
      // The rows are compared with their powers of ten multiplied in.
      return header.type == other.type
    }
    let (expected, found) = (pieces, printed.pieces)
    guard expected.count == found.count else { return false }
    return zip(expected, found).allSatisfy { $0.matches($1, tolerance) }
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
