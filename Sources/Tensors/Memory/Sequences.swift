/// Long work on sequences that hears a request to stop, and asks for memory before it takes much.
extension Sequence {
  /// `map`, which gives up where the user asks to stop.
  ///
  /// - Parameter count: how many there are, where that is known: to count characters takes long.
  package func stoppableMap<Result>(
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
  package func stoppableMap<Result>(_ transform: (Element) throws -> Result) throws -> [Result] {
    try stoppableMap(count: count, transform)
  }
}

extension Array {
  /// Asks for memory where what is appended may make the array twice as large.
  @inline(__always) package mutating func growing(_ body: (inout Self) throws -> Void) throws {
    if count == capacity, count >= 1 << 18 {
      try Memory.checkRoom(2 * count * MemoryLayout<Element>.stride, for: "a list of \(count) items and more")
    }
    try body(&self)
  }

  /// Appends in stretches.
  package mutating func appendStoppably(_ other: ArraySlice<Element>) throws {
    for start in stride(from: other.startIndex, to: other.endIndex, by: 1 << 20) {
      append(contentsOf: other[start..<Swift.min(start + 1 << 20, other.endIndex)])
      try Machine.checkStop()
    }
  }
}
