/// Long work on texts that hears a request to stop, and asks for memory before it takes much.
extension String {
  /// Bytes of a text between two looks at a request to stop.
  package static let stretch = 1 << 20

  /// The texts one after the other, with a separator between them.
  package static func joining(_ parts: [String], separator: String = "") throws -> String {
    var count = Swift.max(parts.count - 1, 0).multipliedReportingOverflow(by: separator.utf8.count)
      .partialValue
    for part in parts { count += part.utf8.count }
    try Memory.checkRoom(count, for: "a text of \(Memory.readable(count))")
    return try Disposal.making { (result: inout String) in
      result.reserveCapacity(count)
      var unchecked = 0
      for (position, part) in parts.enumerated() {
        if position > 0 { result += separator }
        unchecked += part.utf8.count + 64
        if unchecked > Self.stretch {
          try Machine.checkStop()
          unchecked = 0
        }
        guard part.utf8.count > Self.stretch else {
          result += part
          continue
        }
        for piece in part.stretches() {
          result += piece
          try Machine.checkStop()
        }
      }
    }
  }

  /// The text in pieces of about so many bytes, which end where a code point does.
  package func stretches(ofBytes size: Int = String.stretch) -> TextStretches {
    TextStretches(rest: self[...], size: size)
  }

  /// The bytes of the text.
  package func bytes() throws -> [UInt8] {
    try Memory.checkRoom(utf8.count, for: "a text of \(Memory.readable(utf8.count))")
    return try Disposal.making { (result: inout [UInt8]) in
      result.reserveCapacity(utf8.count)
      for piece in stretches() {
        result += piece.utf8
        try Machine.checkStop()
      }
    }
  }

  /// The text that UTF-8 bytes hold; `nil` where they are not that.
  package init?(checking bytes: ArraySlice<UInt8>) throws {
    var isValid = true
    self = try Disposal.making { (result: inout String) in
      result.reserveCapacity(bytes.count)
      var start = bytes.startIndex
      while start < bytes.endIndex {
        var end = Swift.min(start + Self.stretch, bytes.endIndex)
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

  /// The text that UTF-8 bytes hold, with replacement characters for what is not that.
  package init(repairing bytes: [UInt8]) throws {
    guard let text = try String(checking: bytes[...]) else {
      self = String(decoding: bytes, as: UTF8.self)
      return
    }
    self = text
  }

  /// Whether two texts are canonically equivalent, as `==` has it, which is quick where a stretch differs.
  package func isEqual(to other: String) throws -> Bool {
    guard utf8.count == other.utf8.count, utf8.count > Self.stretch else { return self == other }
    for (a, b) in zip(stretches(), other.stretches()) {
      // Pieces of other lengths may be equivalent, but then the texts are not cut at the same places.
      guard a.utf8.count == b.utf8.count, a == b else { return self == other }
      try Machine.checkStop()
    }
    return true
  }

  /// What a closure that looks at each code point by itself makes of the text.
  package func stretchwise(_ transform: (String) -> String) throws -> String {
    guard utf8.count > Self.stretch else { return transform(self) }
    return try Disposal.making { (result: inout String) in
      for piece in stretches() {
        result += transform(String(piece))
        try Machine.checkStop()
      }
    }
  }

  /// The number of characters.
  package func characterCount() throws -> Int {
    guard utf8.count > Self.stretch else { return count }
    // Where all is ASCII, and no two code points make one character, bytes are characters.
    var isPlain = true
    for piece in stretches() where isPlain {
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

/// The pieces of a text, in order.
package struct TextStretches: Sequence, IteratorProtocol {
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
