import Support
import Tensors

/// How the elements of a tensor lie in a file, little-endian.
///
/// Types that the language lacks widen to one that holds all their values.
enum StoredType: CaseIterable {
  case f64, f32, f16, bf16, i64, i32, i16, i8, u32, u16, u8, bool

  /// The dtype of the tensor that is read.
  var dtype: DType {
    switch self {
    case .f64: .f64
    case .f32, .f16, .bf16: .f32
    case .i64, .u32: .i64
    case .i32, .i16, .i8, .u16, .u8: .i32
    case .bool: .bool
    }
  }

  /// Bytes of one element.
  var size: Int {
    switch self {
    case .f64, .i64: 8
    case .f32, .i32, .u32: 4
    case .f16, .bf16, .i16, .u16: 2
    case .i8, .u8, .bool: 1
    }
  }

  init(_ dtype: DType) {
    switch dtype {
    case .f32: self = .f32
    case .f64: self = .f64
    case .i32: self = .i32
    case .i64: self = .i64
    case .bool: self = .bool
    }
  }

  /// The bytes that a shape takes; `nil` where no file could hold them.
  func byteCount(of shape: [Int]) -> Int? {
    guard shape.count <= Tensor.highestRank, shape.allSatisfy({ $0 >= 0 }) else { return nil }
    // The axes beside an empty one must multiply to something too, as strides are made of them.
    var count = size
    for axis in shape where axis > 0 {
      let (product, overflow) = count.multipliedReportingOverflow(by: axis)
      guard !overflow, product <= Int.max / 16 else { return nil }
      count = product
    }
    return shape.contains(0) ? 0 : count
  }

  /// The tensor of a shape from as many bytes as `byteCount(of:)` says.
  func tensor(_ bytes: ArraySlice<UInt8>, _ shape: [Int]) throws -> Tensor {
    switch self {
    case .f64, .f32, .i64, .i32: return try Tensor(bytes: bytes, dtype, shape)
    case .bool:
      for (position, byte) in bytes.enumerated() {
        try Machine.checkStop(round: position)
        guard byte <= 1 else { throw BuiltinError("it holds a bool that is neither 0 nor 1") }
      }
      return try Tensor(bytes: bytes, dtype, shape)
    case .f16: return try Tensor(words(bytes) { Float(halfBits: UInt16($0)) }, shape)
    case .bf16: return try Tensor(words(bytes) { Float(bitPattern: $0 << 16) }, shape)
    case .u32: return try Tensor(words(bytes) { Int($0) }, shape)
    case .u16, .u8: return try Tensor(words(bytes) { Int32($0) }, shape)
    case .i16: return try Tensor(words(bytes) { Int32(Int16(truncatingIfNeeded: $0)) }, shape)
    case .i8: return try Tensor(words(bytes) { Int32(Int8(truncatingIfNeeded: $0)) }, shape)
    }
  }

  /// What a closure makes of the elements as unsigned numbers, for types of at most four bytes.
  private func words<Number>(
    _ bytes: ArraySlice<UInt8>, _ transform: (UInt32) -> Number
  ) throws -> [Number] {
    try Memory.checkRoom(
      bytes.count / size * MemoryLayout<Number>.stride, for: "a tensor of \(bytes.count / size) elements")
    return try stride(from: bytes.startIndex, to: bytes.endIndex, by: size).stoppableMap { start in
      transform((0..<size).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) })
    }
  }
}

extension Float {
  /// The value of an IEEE 754 binary16, which every `Float` holds exactly.
  fileprivate init(halfBits bits: UInt16) {
    let sign = UInt32(bits >> 15) << 31
    let exponent = UInt32(bits >> 10 & 0x1F)
    let fraction = UInt32(bits & 0x3FF)
    switch exponent {
    case 0:
      let magnitude = Float(fraction) * 0x1p-24
      self = sign == 0 ? magnitude : -magnitude
    case 0x1F: self = Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default: self = Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }
}

/// A whole number of so many little-endian bytes; `nil` where they don't fit in an `Int`.
func littleEndian(_ bytes: ArraySlice<UInt8>) -> Int? {
  Int(exactly: bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
}
