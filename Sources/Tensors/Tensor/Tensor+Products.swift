import CKernels

extension Tensor {
  /// Matrix products over equal leading axes: `[..., m, k] × [..., k, n] → [..., m, n]`.
  ///
  /// Operands may be views with any strides, 0 included: permuted and broadcast axes need no copy.
  /// Each element is one chain of fused multiply-adds over k, ascending.
  package static func product(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    precondition(
      a.dtype == b.dtype && a.rank == b.rank && a.rank >= 2, "the operands have one dtype and one rank")
    let rank = a.rank
    let (m, k, n) = (a.shape[rank - 2], a.shape[rank - 1], b.shape[rank - 1])
    precondition(
      b.shape[rank - 2] == k
        && (rank == 2 || a.shape[..<(rank - 2)] == b.shape[..<(rank - 2)]))
    let result = try Tensor(
      uninitialized: a.dtype, rank == 2 ? [m, n] : a.shape[..<(rank - 2)] + [m, n])
    guard result.count > 0 else { return result }
    let b = m <= fewRows ? b.inRowOrder ?? b : b
    let (aStrides, bStrides) = (a.matrixStrides, b.matrixStrides)
    let timer = Profile.timer()
    let blocks = result.blockCount
    let status = try withOffsets(3 * blocks) { offsets in
      try a.writeBlockOffsets(to: offsets)
      try b.writeBlockOffsets(to: offsets + blocks)
      try result.writeBlockOffsets(to: offsets + 2 * blocks)
      // SAFETY: offsets and strides of views stay inside their buffers.
      return attn_matmul(
        a.dtype.kernel, Int64(blocks), Int64(m), Int64(n), Int64(k),
        a.pointer, offsets, aStrides.row, aStrides.column,
        b.pointer, offsets + blocks, bStrides.row, bStrides.column,
        result.pointer, offsets + 2 * blocks, Int64(n))
    }
    timer?.stop(
      "matmul", flops: 2 * Double(result.count) * Double(k),
      bytes: a.byteCount + b.byteCount + result.byteCount)
    try a.check(status)
    return result
  }

  /// Up to this many rows, reading the matrix takes most of the time of a product.
  private static let fewRows = 4

  /// The cached row-major copy of this transposed matrix; `nil` where there is none (yet).
  private var inRowOrder: Tensor? {
    guard isTransposed, offset == 0, count >= 1 << 10, count * dtype.size == storage.byteCount, dtype.isFloat,
      shape.dropLast(2).allSatisfy({ $0 == 1 })
    else { return nil }
    let copy = storage.turnedCopy(rows: shape[rank - 2]) {
      let copy = try copied().storage
      try Machine.checkStop()
      return copy
    }
    return copy.map { Tensor(storage: $0, shape: shape, dtype: dtype, count: count) }
  }

  /// The matrices of the last two axes.
  var blockCount: Int { rank == 2 ? 1 : shape[..<(rank - 2)].reduce(1, *) }

  /// Writes where each matrix of the last two axes begins.
  func writeBlockOffsets(to offsets: UnsafeMutablePointer<Int64>) throws {
    try writeOffsets(ofAxesBefore: rank - 2, to: offsets)
  }

  /// Writes the offset of each block of the axes before `end`, in row-major order.
  ///
  /// `offsets` has the capacity for all blocks, of which there is at least one.
  func writeOffsets(ofAxesBefore end: Int, to offsets: UnsafeMutablePointer<Int64>) throws {
    precondition(!shape[..<end].contains(0), "kernels are called for results that are not empty")
    offsets[0] = 0
    var filled = 1
    for axis in 0..<end where shape[axis] != 1 {
      let size = shape[axis]
      let step = Int64(strides?[axis] ?? shape[(axis + 1)...].reduce(1, *))
      // From the back, so that what is read has not been written over.
      for block in (0..<filled).reversed() {
        let start = offsets[block]
        // SAFETY: when this axis is done, as many offsets are written as there are blocks up to it.
        for index in (0..<size).reversed() {
          offsets[block * size + index] = start + Int64(index) * step
          try Machine.checkStop(round: index)
        }
      }
      filled *= size
    }
  }
}

/// Memory for the offsets of blocks, which a kernel reads, while `body` runs.
func withOffsets<Result>(
  _ count: Int, _ body: (UnsafeMutablePointer<Int64>) throws -> Result
) throws -> Result {
  try Memory.checkRoom(count * MemoryLayout<Int64>.stride)
  return try withUnsafeTemporaryAllocation(of: Int64.self, capacity: max(count, 1)) {
    try body($0.baseAddress!)
  }
}
