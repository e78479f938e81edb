/// Long work on sequences, which checks for cancellation, and checks memory before it allocates much.
extension Sequence {
  /// `map` with checks for cancellation.
  ///
  /// - Parameter count: the number of elements, where the caller knows it: counting characters is slow.
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
  /// Runs `body`, which appends an element, and first checks memory where that doubles the capacity.
  @inline(__always) package mutating func growing(_ body: (inout Self) throws -> Void) throws {
    if count == capacity, count >= 1 << 18 {
      try Memory.checkRoom(2 * count * MemoryLayout<Element>.stride, for: "a list of \(count) items and more")
    }
    try body(&self)
  }

  /// Appends in chunks, with a check for cancellation after each.
  package mutating func appendStoppably(_ other: ArraySlice<Element>) throws {
    for start in stride(from: other.startIndex, to: other.endIndex, by: 1 << 20) {
      append(contentsOf: other[start..<Swift.min(start + 1 << 20, other.endIndex)])
      try Machine.checkStop()
    }
  }
}
