/// Long work on strings, which checks for cancellation, and checks memory before it allocates much.
extension String {
  /// Bytes of a string between two checks for cancellation.
  package static let chunkSize = 1 << 20

  /// The strings one after the other, with a separator between them.
  package static func joining(_ parts: [String], separator: String = "") throws -> String {
    var count = Swift.max(parts.count - 1, 0).multipliedReportingOverflow(by: separator.utf8.count)
      .partialValue
    for part in parts { count += part.utf8.count }
    try Memory.checkRoom(count, for: "a string of \(Memory.readable(count))")
    return try Disposal.making { (result: inout String) in
      result.reserveCapacity(count)
      var unchecked = 0
      for (position, part) in parts.enumerated() {
        if position > 0 { result += separator }
        unchecked += part.utf8.count + 64
        if unchecked > Self.chunkSize {
          try Machine.checkStop()
          unchecked = 0
        }
        guard part.utf8.count > Self.chunkSize else {
          result += part
          continue
        }
        for piece in part.chunks() {
          result += piece
          try Machine.checkStop()
        }
      }
    }
  }

  /// The string in chunks of about `size` bytes, which end where a code point does.
  package func chunks(ofBytes size: Int = String.chunkSize) -> TextChunks {
    TextChunks(rest: self[...], size: size)
  }

  /// The UTF-8 bytes of the string.
  package func bytes() throws -> [UInt8] {
    try Memory.checkRoom(utf8.count, for: "a string of \(Memory.readable(utf8.count))")
    return try Disposal.making { (result: inout [UInt8]) in
      result.reserveCapacity(utf8.count)
      for piece in chunks() {
        result += piece.utf8
        try Machine.checkStop()
      }
    }
  }

  /// The string that UTF-8 bytes hold; `nil` where they are not valid UTF-8.
  package init?(checking bytes: ArraySlice<UInt8>) throws {
    var isValid = true
    self = try Disposal.making { (result: inout String) in
      result.reserveCapacity(bytes.count)
      var start = bytes.startIndex
      while start < bytes.endIndex {
        var end = Swift.min(start + Self.chunkSize, bytes.endIndex)
        while end < bytes.endIndex, bytes[end] & 0xC0 == 0x80 { end += 1 }
        guard let piece = String(validating: bytes[start..<end], as: UTF8.self) else {
          isValid = false
          return
        }
        result += piece
        start = end
        try Machine.checkStop()
      }
    }
    if !isValid { return nil }
  }

  /// The string that UTF-8 bytes hold, with replacement characters for what is not valid.
  package init(repairing bytes: [UInt8]) throws {
    guard let text = try String(checking: bytes[...]) else {
      self = String(decoding: bytes, as: UTF8.self)
      return
    }
    self = text
  }

  /// Whether two strings are canonically equivalent, as `==` has it, by chunks with checks for cancellation.
  package func isEqual(to other: String) throws -> Bool {
    guard utf8.count == other.utf8.count, utf8.count > Self.chunkSize else { return self == other }
    for (a, b) in zip(chunks(), other.chunks()) {
      // Chunks of other lengths may be equivalent, but then the strings are not cut at the same places.
      guard a.utf8.count == b.utf8.count, a == b else { return self == other }
      try Machine.checkStop()
    }
    return true
  }

  /// The string that `transform`, which maps each code point by itself, makes of this one, by chunks.
  package func mappedInChunks(_ transform: (String) -> String) throws -> String {
    guard utf8.count > Self.chunkSize else { return transform(self) }
    return try Disposal.making { (result: inout String) in
      for piece in chunks() {
        result += transform(String(piece))
        try Machine.checkStop()
      }
    }
  }

  /// The number of characters.
  package func characterCount() throws -> Int {
    guard utf8.count > Self.chunkSize else { return count }
    // Where all is ASCII, and no two code points make one character, bytes are characters.
    var isPlain = true
    for piece in chunks() where isPlain {
      isPlain = piece.utf8.allSatisfy { $0 < 0x80 && $0 != 0x0D }
      try Machine.checkStop()
    }
    if isPlain { return utf8.count }
    var result = 0
    for _ in self {
      result += 1
      try Machine.checkStop(round: result)
    }
    return result
  }
}

/// The chunks of a string, in order.
package struct TextChunks: Sequence, IteratorProtocol {
  fileprivate var rest: Substring
  fileprivate let size: Int

  package mutating func next() -> Substring? {
    guard !rest.isEmpty else { return nil }
    var end = rest.utf8.index(rest.startIndex, offsetBy: size, limitedBy: rest.endIndex) ?? rest.endIndex
    while end < rest.endIndex, rest.utf8[end] & 0xC0 == 0x80 { end = rest.utf8.index(after: end) }
    defer { rest = rest[end...] }
    return rest[..<end]
  }
}

/// A string as a script writes it; after cancellation only its beginning, which the caller drops.
package func quoted(_ text: String) -> String {
  var result = "\""
  for (position, scalar) in text.unicodeScalars.enumerated() {
    if position & 0xFFFF == 0xFFFF, Machine.isStopRequested { break }
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\t": result += "\\t"
    case "\r": result += "\\r"
    case "{": result += "{{"
    case "}": result += "}}"
    default:
      if scalar.value < 0x20 || scalar.value == 0x7F {
        result += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
  }
  return result + "\""
}

/// Search in strings, byte by byte: UTF-8 finds no character where none begins, and `\r\n` holds a
/// `\n`, which a search by `Character` would miss.
extension String {
  /// The byte offsets at which a nonempty `part` begins, without overlaps.
  package func utf8Offsets(of part: String, limit: Int = .max) throws -> [Int] {
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
            try Memory.checkRoom(
              2 * result.count * MemoryLayout<Int>.size, for: "what is found in the string")
          }
          result.append(at)
          at += part.count
        } else {
          at += 1
        }
      }
    }
  }

  package func utf8Contains(_ part: String) throws -> Bool {
    try part.isEmpty || !utf8Offsets(of: part, limit: 1).isEmpty
  }

  package func utf8Replacing(_ old: String, with new: String) throws -> String {
    let offsets = try utf8Offsets(of: old)
    guard !offsets.isEmpty else { return self }
    let text = try bytes()
    let count = text.count + offsets.count * (new.utf8.count - old.utf8.count)
    try Memory.checkRoom(count, for: "a string of \(Memory.readable(count))")
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

  /// The strings between the separators, as `split` finds them: by characters.
  package func parts(between separator: String) throws -> [String] {
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

  /// The end of `characters` where the string has them at `start`, else `nil`.
  private func end(of characters: [Character], at start: Index) -> Index? {
    var at = start
    for character in characters {
      guard at < endIndex, self[at] == character else { return nil }
      formIndex(after: &at)
    }
    return at
  }

  /// The lines without their ends, `\n` or `\r\n`; an end at the very end begins no further line.
  package func lines() throws -> [String] {
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
