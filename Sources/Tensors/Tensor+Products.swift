import CKernels

extension Tensor {
  /// Matrix products over equal leading axes: `[..., m, k] × [..., k, n] → [..., m, n]`.
  ///
  /// Operands may be views with any strides, 0 included: nothing is copied to bring axes in order.
  /// Each element is one chain of fused multiply-adds over k, ascending.
  package static func product(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    precondition(
      a.dtype == b.dtype && a.rank == b.rank && a.rank >= 2, "operands are brought in line")
    let rank = a.rank
    let (m, k, n) = (a.shape[rank - 2], a.shape[rank - 1], b.shape[rank - 1])
    precondition(b.shape[rank - 2] == k && a.shape[..<(rank - 2)] == b.shape[..<(rank - 2)])
    let result = try Tensor(
      uninitialized: a.dtype, rank == 2 ? [m, n] : a.shape[..<(rank - 2)] + [m, n])
    guard result.count > 0 else { return result }
    let b = m <= fewRows ? b.inRowOrder ?? b : b
    let aOffsets = try a.blockOffsets()
    let bOffsets = try b.blockOffsets()
    let cOffsets = try result.blockOffsets()
    let (aStrides, bStrides) = (a.matrixStrides, b.matrixStrides)
    let timer = Profile.timer()
    let status = withKernelInts(aOffsets, bOffsets, cOffsets) { ao, bo, co in
      // SAFETY: offsets and strides of views stay inside their buffers.
      attn_matmul(
        a.dtype.kernel, Int64(aOffsets.count), Int64(m), Int64(n), Int64(k),
        a.pointer, ao, aStrides.row, aStrides.column,
        b.pointer, bo, bStrides.row, bStrides.column,
        result.pointer, co, Int64(n))
    }
    timer?.stop(
      "matmul", flops: 2 * Double(result.count) * Double(k),
      bytes: a.byteCount + b.byteCount + result.byteCount)
    try a.check(status)
    return result
  }

  /// Products of so few rows take as long as reading the matrix does.
  private static let fewRows = 4

  /// A matrix that lies column after column, as a copy that lies row after row, if it has been worth making.
  private var inRowOrder: Tensor? {
    guard isTurned, offset == 0, count >= 1 << 10, count * dtype.size == storage.byteCount, dtype.isFloat,
      shape.dropLast(2).allSatisfy({ $0 == 1 })
    else { return nil }
    let copy = storage.turnedCopy(rows: shape[rank - 2]) {
      let copy = try copied().storage
      try Machine.checkStop()
      return copy
    }
    return copy.map { Tensor(storage: $0, shape: shape, dtype: dtype, count: count) }
  }

  /// Where each matrix of the last two axes begins.
  func blockOffsets() throws -> [Int] {
    if rank == 2 { return Self.atTheStart }
    return try Self.offsets(Array(shape.dropLast(2)), elementStrides)
  }

  private static let atTheStart = [0]

  /// Where each block of the leading axes begins.
  static func offsets(_ leading: [Int], _ strides: [Int]) throws -> [Int] {
    var result = atTheStart
    for (size, stride) in zip(leading, strides) where size != 1 {
      result = try [Int](unsafeUninitializedCapacity: result.count * size) { next, count in
        for base in result {
          for index in 0..<size {
            // SAFETY: there are `size` places for each of the bases.
            next[count] = base + index * stride
            count += 1
            try Machine.checkStop(round: count)
          }
        }
      }
    }
    return result
  }
}
