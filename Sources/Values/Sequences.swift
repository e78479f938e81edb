import Support
import Tensors

extension String {
  /// The characters, each as a string. There is room for as many as there may be, lest a long list be
  /// copied where it grows: memory that is not written to costs nothing.
  func characterStrings() throws -> [Value] {
    try Memory.checkRoom(
      utf8.count * MemoryLayout<Value>.stride, for: "a list of the characters of a string")
    return try stoppableMap(count: utf8.count) { .string(String($0)) }
  }
}

extension [Value] {
  /// So many values, each from its position.
  package init(count: Int, _ value: (Int) throws -> Value) throws {
    try Memory.checkRoom(count * MemoryLayout<Value>.stride, for: "a list of \(count) items")
    self = try Disposal.making { (values: inout [Value]) in
      values.reserveCapacity(count)
      for position in 0..<count {
        values.append(try value(position))
        try Machine.checkStop(round: position + 1)
      }
    }
  }

  /// Appends, unless the list would have to grow beyond the memory that there is.
  package mutating func appendWithRoom(_ value: Value) throws {
    // What the items hold grows too.
    if count & 0xFFFF == 0xFFFF { try Memory.checkRoom(1 << 24, for: "a list of \(count) items") }
    try growing { $0.append(value) }
  }
}
