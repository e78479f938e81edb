import CKernels

/// The type of a tensor's elements.
package enum DType: UInt8, Sendable, CaseIterable {
  case f32, f64, i32, i64, bool

  /// As scripts write it: `f32`.
  package var name: String {
    switch self {
    case .f32: "f32"
    case .f64: "f64"
    case .i32: "i32"
    case .i64: "i64"
    case .bool: "bool"
    }
  }

  package init?(name: String) {
    guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = found
  }

  /// Bytes that one element takes.
  package var size: Int {
    switch self {
    case .f32, .i32: 4
    case .f64, .i64: 8
    case .bool: 1
    }
  }

  package var isFloat: Bool { self == .f32 || self == .f64 }
  package var isInteger: Bool { self == .i32 || self == .i64 }

  var kernel: attn_dtype {
    switch self {
    case .f32: ATTN_F32
    case .f64: ATTN_F64
    case .i32: ATTN_I32
    case .i64: ATTN_I64
    case .bool: ATTN_BOOL
    }
  }

  /// The common type of two operands: the wider of two of a kind; the float's type for a float and an
  /// integer; the other type for a bool.
  package static func common(_ a: DType, _ b: DType) -> DType {
    func rank(_ type: DType) -> Int {
      switch type {
      case .bool: 0
      case .i32: 1
      case .i64: 2
      case .f32: 3
      case .f64: 4
      }
    }
    return rank(a) >= rank(b) ? a : b
  }
}
