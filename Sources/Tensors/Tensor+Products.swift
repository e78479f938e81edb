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
    let leading = Array(a.shape[..<(rank - 2)])
    let (m, k, n) = (a.shape[rank - 2], a.shape[rank - 1], b.shape[rank - 1])
    precondition(b.shape[rank - 2] == k && leading.elementsEqual(b.shape[..<(rank - 2)]))
    let result = try Tensor(uninitialized: a.dtype, leading + [m, n])
    guard result.count > 0 else { return result }
    let b = m <= fewRows ? b.inRowOrder ?? b : b
    let aStrides = a.elementStrides
    let bStrides = b.elementStrides
    // One large product where the leading axes of a and those of b allow: b without them.
    let batch = leading.reduce(1, *)
    let aOffsets = try offsets(leading, aStrides)
    let bOffsets = try offsets(leading, bStrides)
    let cOffsets = try offsets([batch], [m * n])
    let timer = Profile.timer()
    let status = withKernelInts(aOffsets, bOffsets, cOffsets) { ao, bo, co in
      // SAFETY: offsets and strides of views stay inside their buffers.
      attn_matmul(
        a.dtype.kernel, Int64(batch), Int64(m), Int64(n), Int64(k),
        a.pointer, ao, Int64(aStrides[rank - 2]), Int64(aStrides[rank - 1]),
        b.pointer, bo, Int64(bStrides[rank - 2]), Int64(bStrides[rank - 1]),
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

  /// Where each block of the leading axes begins.
  static func offsets(_ leading: [Int], _ strides: [Int]) throws -> [Int] {
    var result = [0]
    for (size, stride) in zip(leading, strides) {
      if size == 1 { continue }
      var next: [Int] = []
      next.reserveCapacity(result.count * size)
      for base in result {
        for index in 0..<size {
          next.append(base + index * stride)
          try Machine.checkStop(round: next.count)
        }
      }
      result = next
    }
    return result
  }
}
