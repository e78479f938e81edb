import CKernels

/// The state of the random generator (Philox4x32-10): a sample depends on the seed and on its counter
/// alone, never on the thread that computes it.
package struct RandomState: Sendable, Equatable {
  package var seed: UInt64
  /// The counter of the next sample.
  package var position: UInt64

  package init(seed: UInt64 = 0, position: UInt64 = 0) {
    self.seed = seed
    self.position = position
  }

  package mutating func take(_ count: Int) -> UInt64 {
    defer { position += UInt64(count) }
    return position
  }

  /// Uniform in [0, 1).
  package mutating func uniform(_ shape: [Int], _ dtype: DType) throws -> Tensor {
    let result = try Tensor(uninitialized: dtype, shape)
    // SAFETY: the buffer holds `count` elements of the dtype.
    let timer = Profile.timer()
    defer { timer?.stop("rand", bytes: result.byteCount) }
    attn_random_uniform(dtype.kernel, Int64(result.count), seed, take(result.count), result.pointer)
    try Machine.checkStop()
    return result
  }

  /// Normal with mean 0 and deviation 1.
  package mutating func normal(_ shape: [Int], _ dtype: DType) throws -> Tensor {
    let result = try Tensor(uninitialized: dtype, shape)
    // SAFETY: the buffer holds `count` elements of the dtype.
    let timer = Profile.timer()
    defer { timer?.stop("randn", bytes: result.byteCount) }
    attn_random_normal(dtype.kernel, Int64(result.count), seed, take(result.count), result.pointer)
    try Machine.checkStop()
    return result
  }

  /// Integers of `low ..< high`.
  package mutating func integers(_ shape: [Int], from low: Int, to high: Int) throws -> Tensor {
    let result = try Tensor(uninitialized: .i64, shape)
    // SAFETY: the buffer holds `count` 64-bit integers.
    attn_random_integers(
      Int64(result.count), seed, take(result.count), Int64(low), Int64(high),
      result.pointer.assumingMemoryBound(to: Int64.self))
    try Machine.checkStop()
    return result
  }

  /// 0 ..< n in random order (Fisher and Yates).
  package mutating func permutation(_ n: Int) throws -> Tensor {
    let result = try Tensor.range(n)
    guard n > 1 else { return result }
    // SAFETY: the buffer holds n 64-bit integers, and no reader has seen it yet.
    let numbers = UnsafeMutableBufferPointer(
      start: result.storage.pointer.assumingMemoryBound(to: Int.self), count: n)
    let draws = try uniform([n - 1], .f64)
    try draws.withElements(as: Double.self) { draws in
      for (step, draw) in draws.enumerated() {
        try Machine.checkStop(round: step)
        let left = n - step
        numbers.swapAt(left - 1, Swift.min(Int(draw * Double(left)), left - 1))
      }
    }
    extendLifetime(result)
    return result
  }
}

/// A 64-bit digest (XXH64) of the strings and tensors that are added to it.
package struct Digest: Sendable {
  package private(set) var value: UInt64 = 0

  package init() {}

  package mutating func add(_ text: String) {
    let bytes = Array(text.utf8)
    // SAFETY: the kernel reads `count` bytes.
    value = bytes.withUnsafeBytes {
      attn_hash(ATTN_BOOL, Int64(bytes.count), $0.baseAddress, value)
    }
  }

  /// Over dtype, shape and bits, every NaN as the canonical one.
  package mutating func add(_ tensor: Tensor) throws {
    add(tensor.description)
    let tensor = try tensor.contiguous()
    defer { extendLifetime(tensor) }
    // SAFETY: the kernel reads `count` elements of the dtype.
    value = attn_hash(tensor.dtype.kernel, Int64(tensor.count), tensor.pointer, value)
    try Machine.checkStop()
  }

  /// 16 hex digits.
  package var text: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
