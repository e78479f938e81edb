import Tensors

/// Search in strings, byte by byte: UTF-8 finds no character where none begins, and `\r\n` holds a
/// `\n`, which a search by `Character` would miss.
extension String {
  /// The offsets at which a part that is not empty begins, without overlaps.
  func utf8Offsets(of part: String, limit: Int = .max) throws -> [Int] {
    let text = try bytes()
    let part = Array(part.utf8)
    guard let first = part.first, text.count >= part.count else { return [] }
    let end = text.count - part.count
    return try Disposal.making { (result: inout [Int]) in
      var at = 0
      var round = 0
      while at <= end, result.count < limit {
        round += 1
        try Machine.checkStop(round: round)
        if text[at] == first, text[at..<(at + part.count)].elementsEqual(part) {
          // The list doubles where it is full.
          if result.count == result.capacity {
            try Memory.checkRoom(2 * result.count * MemoryLayout<Int>.size, for: "what is found in the text")
          }
          result.append(at)
          at += part.count
        } else {
          at += 1
        }
      }
    }
  }

  func utf8Contains(_ part: String) throws -> Bool {
    try part.isEmpty || !utf8Offsets(of: part, limit: 1).isEmpty
  }

  func utf8Replacing(_ old: String, with new: String) throws -> String {
    let offsets = try utf8Offsets(of: old)
    guard !offsets.isEmpty else { return self }
    let text = try bytes()
    let count = text.count + offsets.count * (new.utf8.count - old.utf8.count)
    try Memory.checkRoom(count, for: "a text of \(Memory.readable(count))")
    var result: [UInt8] = []
    result.reserveCapacity(count)
    var at = 0
    for (position, offset) in offsets.enumerated() {
      try Machine.checkStop(round: position)
      try result.appendStoppably(text[at..<offset])
      result += new.utf8
      at = offset + old.utf8.count
    }
    try result.appendStoppably(text[at...])
    return try String(repairing: result)
  }

  /// The parts between the separators, as `split` finds them: by characters.
  func parts(between separator: String) throws -> [String] {
    let separator = Array(separator)
    return try Disposal.making { (result: inout [String]) in
      var start = startIndex
      var at = startIndex
      var round = 0
      while at < endIndex {
        round += 1
        try Machine.checkStop(round: round)
        if self[at] == separator[0], let end = end(of: separator, at: at) {
          result.append(String(self[start..<at]))
          start = end
          at = end
        } else {
          formIndex(after: &at)
        }
      }
      result.append(String(self[start...]))
    }
  }

  /// Where characters that stand at a place end.
  private func end(of characters: [Character], at start: Index) -> Index? {
    var at = start
    for character in characters {
      guard at < endIndex, self[at] == character else { return nil }
      formIndex(after: &at)
    }
    return at
  }

  /// The lines without their ends, `\n` or `\r\n`; an end at the very end begins no further line.
  func lines() throws -> [String] {
    try Disposal.making { (result: inout [String]) in
      var rest = Substring(self).utf8
      var isOpen = true
      while isOpen {
        let end = rest.firstIndex(of: UInt8(ascii: "\n"))
        let line = rest[..<(end ?? rest.endIndex)]
        let isCut = line.last == UInt8(ascii: "\r")
        result.append(String(Substring(isCut ? line.dropLast() : line)))
        if let end { rest = rest[rest.index(after: end)...] } else { isOpen = false }
        try Machine.checkStop(round: result.count)
      }
      if result.last?.isEmpty == true, utf8.last != UInt8(ascii: "\r") { result.removeLast() }
    }
  }
}

/// The characters that a text is written in, each under its number.
///
/// A character here is a Unicode code point, so that an accent written by itself counts by itself
/// and every text comes back from its numbers unchanged.
struct Alphabet {
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
          "item \(position) of the alphabet is \(Value.quote(character)), "
            + "\(parts.count) code points instead of 1", at: [1],
          hint: "alphabet(text) makes a list that fits")
      }
      scalars.append(scalar)
    }
    var numbers = [Int](repeating: -1, count: Int(scalars.map(\.value).max() ?? 0) + 1)
    for (number, scalar) in scalars.enumerated() {
      guard numbers[Int(scalar.value)] < 0 else {
        throw BuiltinError(
          "the alphabet holds \(Value.quote(String(scalar))) twice, as items "
            + "\(numbers[Int(scalar.value)]) and \(number)", at: [1])
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
            "the alphabet lacks \(Value.quote(String(scalar))), character \(result.count) of the text",
            at: [0, 1])
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
          "number \(number) at position \(position) is outside the alphabet of \(scalars.count)",
          at: [0, 1])
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
