import Tensors

/// Long work on sequences that hears a request to stop, and asks for memory before it takes much.
extension Sequence {
  /// `map`, which gives up where the user asks to stop.
  ///
  /// - Parameter count: how many there are, where that is known: to count characters takes long.
  func stoppableMap<Result>(
    count: Int = 0, _ transform: (Element) throws -> Result
  ) throws -> [Result] {
    try Disposal.making { (result: inout [Result]) in
      result.reserveCapacity(count)
      for element in self {
        try result.growing { $0.append(try transform(element)) }
        try Machine.checkStop(round: result.count)
      }
    }
  }
}

extension RandomAccessCollection {
  func stoppableMap<Result>(_ transform: (Element) throws -> Result) throws -> [Result] {
    try stoppableMap(count: count, transform)
  }
}

extension Array {
  /// Asks for memory where what is appended may make the array twice as large.
  @inline(__always) fileprivate mutating func growing(_ body: (inout Self) throws -> Void) throws {
    if count == capacity, count >= 1 << 18 {
      try Memory.checkRoom(2 * count * MemoryLayout<Element>.stride, for: "a list of \(count) items and more")
    }
    try body(&self)
  }

  /// Appends in stretches.
  mutating func appendStoppably(_ other: ArraySlice<Element>) throws {
    for start in stride(from: other.startIndex, to: other.endIndex, by: 1 << 20) {
      append(contentsOf: other[start..<Swift.min(start + 1 << 20, other.endIndex)])
      try Machine.checkStop()
    }
  }
}

extension String {
  /// The characters, each as a string. There is room for as many as there may be, lest a long list be
  /// copied where it grows: memory that is not written to costs nothing.
  func characterStrings() throws -> [Value] {
    try Memory.checkRoom(
      utf8.count * MemoryLayout<Value>.stride, for: "a list of the characters of a text")
    return try stoppableMap(count: utf8.count) { .string(String($0)) }
  }
}

extension [Value] {
  /// So many values, each from its position.
  package init(count: Int, _ value: (Int) throws -> Value) throws {
    try Memory.checkRoom(count * MemoryLayout<Value>.stride, for: "a list of \(count) items")
    self = try (0..<count).stoppableMap(value)
  }

  /// Appends, unless the list would have to grow beyond the memory that there is.
  package mutating func appendWithRoom(_ value: Value) throws {
    // What the items hold grows too.
    if count & 0xFFFF == 0xFFFF { try Memory.checkRoom(1 << 24, for: "a list of \(count) items") }
    try growing { $0.append(value) }
  }
}
