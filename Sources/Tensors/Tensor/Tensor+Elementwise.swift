import CKernels
import Shapes

/// A function of one operand: a case for each row of the kernels' table, `elementwise_functions.h`.
package typealias UnaryFunction = CKernels.UnaryFunction

extension UnaryFunction {
  package static var allCases: [UnaryFunction] {
    (0..<UInt32(ATTN_UNARY_COUNT)).compactMap(UnaryFunction.init)
  }

  package var name: String { String(cString: attn_unary_name(self)) }

  /// The same function, the same bits, for one number.
  package func callAsFunction(_ x: Double) -> Double { attn_unary_scalar(self, x) }
}

/// x to the power of y, correct to two units in the last place.
package func power(_ x: Double, _ y: Double) -> Double { attn_pow_scalar(x, y) }

/// A function of two operands, or the derivative of one in one pass.
package typealias BinaryFunction = CKernels.BinaryFunction

extension BinaryFunction {
  package var name: String { String(cString: attn_binary_name(self)) }
}

package enum Comparison: String, Sendable {
  case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual

  var kernel: attn_compare_op {
    switch self {
    case .equal: ATTN_EQ
    case .notEqual: ATTN_NE
    case .less: ATTN_LT
    case .lessOrEqual: ATTN_LE
    case .greater: ATTN_GT
    case .greaterOrEqual: ATTN_GE
    }
  }
}

extension Tensor {
  /// The shape in which two operands meet, as `Shapes.combined` has it.
  package static func combinedShape(_ a: [Int], _ b: [Int]) throws(ShapeMistake) -> [Int] {
    if a == b || b.isEmpty { return a }
    guard let shape = Shapes.combined(a, b) else {
      throw .notCombined(a.map(\.description), b.map(\.description), operands: [0, 1])
    }
    return shape
  }

  package func unary(_ function: UnaryFunction) throws -> Tensor {
    if Chain.suits(count, dtype),
      let later = try Chain.result(.unary(function), [self], shape, count: count)
    {
      return later
    }
    let x = try contiguous()
    defer { extendLifetime(x) }
    let result = try Tensor(uninitialized: dtype, shape)
    // SAFETY: both buffers hold `count` elements of the dtype.
    let timer = Profile.timer()
    let status = attn_unary(function, dtype.kernel, Int64(count), x.pointer, result.pointer)
    timer?.stop(function.name, bytes: 2 * byteCount)
    try check(status)
    return result
  }

  /// Both operands have the result's dtype; shapes meet as `combinedShape` says.
  package func binary(_ function: BinaryFunction, _ other: Tensor) throws -> Tensor {
    precondition(dtype == other.dtype, "operands are converted first")
    let shape = try Self.combinedShape(shape, other.shape)
    // One of them has the shape of the result.
    let count = Swift.max(count, other.count)
    if Chain.suits(count, dtype),
      let later = try Chain.result(.binary(function), [self, other], shape, count: count)
    {
      return later
    }
    let result = try Tensor(uninitialized: dtype, shape)
    let timer = Profile.timer()
    // SAFETY: `withOperands` gives strides that stay inside both buffers.
    let status = withOperands(other, result.shape) { rank, shape, a, b in
      attn_binary(
        function, dtype.kernel, rank, shape, a, pointer, b, other.pointer, result.pointer)
    }
    timer?.stop(function.name, bytes: byteCount + other.byteCount + result.byteCount)
    try check(status)
    return result
  }

  package func compare(_ comparison: Comparison, _ other: Tensor) throws -> Tensor {
    precondition(dtype == other.dtype, "operands are converted first")
    let result = try Tensor(uninitialized: .bool, Self.combinedShape(shape, other.shape))
    let timer = Profile.timer()
    // SAFETY: as in `binary`; a bool is one byte.
    withOperands(other, result.shape) { rank, shape, a, b in
      attn_compare(
        comparison.kernel, dtype.kernel, rank, shape, a, pointer, b, other.pointer,
        result.pointer.assumingMemoryBound(to: UInt8.self))
    }
    timer?.stop(comparison.rawValue, bytes: byteCount + other.byteCount + result.byteCount)
    try Machine.checkStop()
    return result
  }

  /// This tensor's elements where `condition` holds, the other's elsewhere; all shapes are equal or
  /// views expanded to be so.
  package static func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor) throws -> Tensor {
    precondition(a.dtype == b.dtype && condition.dtype == .bool, "operands are converted first")
    let shape = try combinedShape(condition.shape, combinedShape(a.shape, b.shape))
    let result = try Tensor(uninitialized: a.dtype, shape)
    guard result.count > 0 else { return result }
    let strides = [condition, a, b].map { $0.expanded(to: shape).elementStrides }
    let timer = Profile.timer()
    withKernelInts(shape.isEmpty ? [1] : shape) { shapes in
      withKernelInts(
        strides[0].isEmpty ? [0] : strides[0], strides[1].isEmpty ? [0] : strides[1],
        strides[2].isEmpty ? [0] : strides[2]
      ) { cs, sa, sb in
        // SAFETY: expanded views stay inside their buffers.
        attn_select(
          a.dtype.kernel, Int32(shape.count), shapes, cs,
          condition.pointer.assumingMemoryBound(to: UInt8.self), sa, a.pointer, sb, b.pointer,
          result.pointer)
      }
    }
    timer?.stop("where", bytes: result.count + 3 * result.byteCount)
    try Machine.checkStop()
    return result
  }

  /// Strides of two operands over the result's index space; one flat axis where both allow it.
  private func withOperands<Result>(
    _ other: Tensor, _ shape: [Int],
    _ body: (Int32, UnsafePointer<Int64>, UnsafePointer<Int64>, UnsafePointer<Int64>) -> Result
  ) -> Result {
    if isContiguous, other.isContiguous {
      let isFlat = (self.shape == other.shape) || count == 1 || other.count == 1
      if isFlat {
        var n = Int64(max(count, other.count))
        if count == 0 || other.count == 0 { n = 0 }
        var a = Int64(count == 1 ? 0 : 1)
        var b = Int64(other.count == 1 ? 0 : 1)
        return body(1, &n, &a, &b)
      }
    }
    return withKernelInts(
      shape, expanded(to: shape).elementStrides, other.expanded(to: shape).elementStrides
    ) { body(Int32(shape.count), $0, $1, $2) }
  }

  /// Converted to another dtype; floats are truncated towards zero, bool is 0 or 1.
  package func converted(to target: DType) throws -> Tensor {
    if target == dtype { return self }
    let x = try contiguous()
    defer { extendLifetime(x) }
    let result = try Tensor(uninitialized: target, shape)
    // SAFETY: both buffers hold `count` elements of their dtypes.
    let timer = Profile.timer()
    let status = attn_cast(
      dtype.kernel, target.kernel, Int64(count), x.pointer, result.pointer)
    timer?.stop("to \(target.name)", bytes: byteCount + result.byteCount)
    try Machine.checkStop()
    guard status == ATTN_OK else {
      throw TensorError("a value of {0} does not fit in \(target.name)", operands: [0])
    }
    return result
  }

  func check(_ status: attn_status) throws {
    try Machine.checkStop()
    switch status {
    case ATTN_OK: return
    case ATTN_OVERFLOW:
      throw TensorError("the result does not fit in \(dtype.name)", operands: [0, 1])
    case ATTN_DIVISION_BY_ZERO: throw TensorError("integer division by zero", operands: [1])
    case ATTN_NEGATIVE_POWER:
      throw TensorError(
        "an integer tensor can't be raised to a negative power", operands: [1],
        hint: "convert it first: x.to(f32)")
    case ATTN_OUT_OF_RANGE: throw TensorError("an index is out of range", operands: [1])
    default: throw TensorError("the operation failed", operands: [0])
    }
  }
}
