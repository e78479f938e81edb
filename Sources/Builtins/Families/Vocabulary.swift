import Drawing
import Support
import Tensors

/// The characters that a text is written in, each under its number.
///
/// A character here is a Unicode code point, so that an accent written by itself counts by itself
/// and every text comes back from its numbers unchanged.
struct Vocabulary {
  private let scalars: [Unicode.Scalar]
  /// The number of each code point up to the highest, -1 for those that are not there.
  private let numbers: [Int]

  /// Takes the characters in order; a character twice, or more than one code point in one, is an
  /// error.
  init(_ characters: [String]) throws(BuiltinError) {
    var scalars: [Unicode.Scalar] = []
    for (position, character) in characters.enumerated() {
      let parts = character.unicodeScalars
      guard let scalar = parts.first, parts.count == 1 else {
        throw BuiltinError(
          "item \(position) of the vocabulary is \(quoted(character)), "
            + "\(parts.count) code points instead of 1", at: ["vocabulary"],
          hint: "vocabulary(text) makes a list that fits")
      }
      scalars.append(scalar)
    }
    var numbers = [Int](repeating: -1, count: Int(scalars.map(\.value).max() ?? 0) + 1)
    for (number, scalar) in scalars.enumerated() {
      guard numbers[Int(scalar.value)] < 0 else {
        throw BuiltinError(
          "the vocabulary holds \(quoted(String(scalar))) twice, as items "
            + "\(numbers[Int(scalar.value)]) and \(number)", at: ["vocabulary"])
      }
      numbers[Int(scalar.value)] = number
    }
    self.scalars = scalars
    self.numbers = numbers
  }

  /// The distinct characters of a text, by code point.
  static func characters(of text: String) throws -> [String] {
    var isSeen = [Bool](repeating: false, count: 0x110000)
    for (position, scalar) in text.unicodeScalars.enumerated() {
      isSeen[Int(scalar.value)] = true
      try Machine.checkStop(round: position)
    }
    return isSeen.indices.compactMap { value in
      isSeen[value] ? Unicode.Scalar(UInt32(value)).map { String($0) } : nil
    }
  }

  func numbers(of text: String) throws -> [Int] {
    try Memory.checkRoom(text.utf8.count * 8, for: "a list of \(text.utf8.count) numbers")
    return try Disposal.making { (result: inout [Int]) in
      result.reserveCapacity(text.utf8.count)
      for scalar in text.unicodeScalars {
        let value = Int(scalar.value)
        let number = value < numbers.count ? numbers[value] : -1
        guard number >= 0 else {
          throw BuiltinError(
            "the vocabulary lacks \(quoted(String(scalar))), character \(result.count) of the string",
            at: ["text", "vocabulary"])
        }
        result.append(number)
        try Machine.checkStop(round: result.count)
      }
    }
  }

  func text(of numbers: [Int]) throws -> String {
    var result: [UInt8] = []
    result.reserveCapacity(numbers.count)
    for (position, number) in numbers.enumerated() {
      try Machine.checkStop(round: position)
      guard scalars.indices.contains(number) else {
        throw BuiltinError(
          "number \(number) at position \(position) is outside the vocabulary of \(scalars.count)",
          at: ["ids", "vocabulary"])
      }
      let scalar = scalars[number]
      if scalar.isASCII {
        result.append(UInt8(truncatingIfNeeded: scalar.value))
      } else {
        result += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
      }
    }
    return try String(repairing: result)
  }
}
