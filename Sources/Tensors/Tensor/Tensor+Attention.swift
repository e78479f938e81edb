import CKernels

/// How scores are scaled: one number, by which they are divided or multiplied.
package struct ScoreScale: Sendable {
  package let divides: Bool
  package let number: Double

  /// `nil` where a score of 0 would not stay one, or its gradient would not.
  ///
  /// - Parameter number: exactly one of `dtype`, which is f32 or f64.
  package init?(divides: Bool, number: Double, _ dtype: DType) {
    let isNormal = dtype == .f32 ? Float(number).isNormal : number.isNormal
    guard isNormal, number > 0 else { return nil }
    self.divides = divides
    self.number = number
  }

  static let none = ScoreScale(divides: false, number: 1, .f32)!
}

/// One attention over equal leading axes: q `[..., t, d]`, k `[..., s, d]`, v `[..., s, e]`, all f32
/// or all f64 and not empty; `keep` is a mask with one bool for each score, in their order, but may have
/// other leading axes: where all heads share their keys, q is `[b, h·t, d]` and `keep` `[b, h, t, s]`.
package struct AttentionOperands: Sendable {
  package let q: Tensor
  package let k: Tensor
  package let v: Tensor
  package let keep: Tensor?
  package let scale: ScoreScale?

  package init(q: Tensor, k: Tensor, v: Tensor, keep: Tensor?, scale: ScoreScale?) {
    precondition([q, k, v].allSatisfy { $0.dtype == q.dtype && $0.count > 0 && $0.rank >= 2 })
    precondition(q.dtype.isFloat)
    (self.q, self.k, self.v, self.keep, self.scale) = (q, k, v, keep, scale)
  }

  private func size(_ x: Tensor, fromEnd axis: Int) -> Int { x.shape[x.rank - axis] }
  private var t: Int { size(q, fromEnd: 2) }
  private var s: Int { size(k, fromEnd: 2) }
  private var d: Int { size(q, fromEnd: 1) }
  private var e: Int { size(v, fromEnd: 1) }
  private var batch: Int { q.count / (t * d) }

  /// What the gradient reads beside the operands: for each row its largest score and its sum.
  package struct Saved: Sendable {
    let largest: Tensor
    let sums: Tensor
  }

  /// softmax(q kᵀ scaled, where kept) v, `[..., t, e]` with the leading axes of q, without ever holding all
  /// scores.
  ///
  /// The bits are those of the four operations one after the other. The result lies as q does, so that
  /// heads that are slices of a longer row join without a copy; so do the gradients.
  package func attended(saving: Bool) throws -> (y: Tensor, saved: Saved?) {
    let y = try q.roomAlike(rows: t, columns: e)
    let saved =
      saving
      ? Saved(
        largest: try Tensor(uninitialized: q.dtype, [batch, t]),
        sums: try Tensor(uninitialized: q.dtype, [batch, t])) : nil
    let flops = Profile.current == nil ? 0 : flops
    let timer = Profile.timer()
    defer { timer?.stop("attention", flops: flops, bytes: byteCount + y.byteCount) }
    try withKernelOperands { operands in
      try y.withRowBlocks { y in
        // SAFETY: y and the saved buffers have the capacity for the sizes that the operands name.
        withUnsafePointer(to: operands) {
          attn_attention($0, y, saved?.largest.pointer, saved?.sums.pointer)
        }
      }
    }
    try Machine.checkStop()
    return (y, saved)
  }

  /// The gradients for dy, with the shapes of q, k and v.
  package func gradients(_ dy: Tensor, _ saved: Saved) throws -> (
    dq: Tensor, dk: Tensor, dv: Tensor
  ) {
    let dy = dy.elementStrides[dy.rank - 1] == 1 ? dy : try dy.contiguous()
    defer { extendLifetime((dy, saved)) }
    let dq = try q.roomAlike(rows: t, columns: d)
    let dk = try k.roomAlike(rows: s, columns: d)
    let dv = try v.roomAlike(rows: s, columns: e)
    let flops = Profile.current == nil ? 0 : flops
    let timer = Profile.timer()
    defer { timer?.stop("attention backward", flops: 2.5 * flops, bytes: 2 * byteCount + dy.byteCount) }
    try withKernelOperands { operands in
      try dy.withRowBlocks { dy in
        try dq.withRowBlocks { dq in
          try dk.withRowBlocks { dk in
            try dv.withRowBlocks { dv in
              // SAFETY: every buffer has the capacity for the sizes that the operands name.
              let gradients = attn_attention_gradients(
                largest: saved.largest.pointer, sums: saved.sums.pointer, dy: dy, dq: dq, dk: dk, dv: dv)
              withUnsafePointer(to: operands) { operands in
                withUnsafePointer(to: gradients) { attn_attention_backward(operands, $0) }
              }
            }
          }
        }
      }
    }
    try Machine.checkStop()
    return (dq, dk, dv)
  }

  /// Floating-point operations of the two products, over the scores that the mask keeps.
  private var flops: Double { 2 * Double(batch) * Double(t) * Double(s) * Double(d + e) * keptShare }

  /// The share of the scores that the mask keeps, estimated from at most 509 of them.
  private var keptShare: Double {
    guard let keep else { return 1 }
    let strides = keep.elementStrides
    let samples = min(keep.count, 509)
    let kept = (0..<samples).count { sample in
      // Scattered, so that no size lines up with them.
      let scattered = Int((UInt(sample) &* 0x9E37_79B9_7F4A_7C15) >> 1)
      let place = coordinates(of: scattered % keep.count, in: keep.shape)
      let offset = zip(place, strides).reduce(0) { $0 + $1.0 * $1.1 }
      // SAFETY: the offset of an element of the tensor, whose elements are bytes.
      return keep.pointer.load(fromByteOffset: offset, as: UInt8.self) != 0
    }
    return Double(kept) / Double(samples)
  }

  private var byteCount: Int { q.byteCount + k.byteCount + v.byteCount }

  private func withKernelOperands(_ body: (attn_attention_operands) throws -> Void) throws {
    var operands = attn_attention_operands()
    let sizes = (Int64(batch), Int64(t), Int64(s), Int64(d), Int64(e))
    (operands.batch, operands.t, operands.s, operands.d, operands.e) = sizes
    operands.dtype = q.dtype.kernel
    (operands.q, operands.k, operands.v) = (
      UnsafeRawPointer(q.pointer), UnsafeRawPointer(k.pointer), UnsafeRawPointer(v.pointer)
    )
    (operands.q_rs, operands.q_cs) = q.matrixStrides
    (operands.k_rs, operands.k_cs) = k.matrixStrides
    (operands.v_rs, operands.v_cs) = v.matrixStrides
    operands.divides = (scale ?? .none).divides
    operands.scale = (scale ?? .none).number
    let keep = try keep.map { try ($0.rank < 2 ? $0.inserting(axis: 0) : $0).withPlainRows() }
    defer { extendLifetime((self, keep)) }
    if let keep {
      precondition(keep.count == batch * t * s, "a condition for each score")
      operands.keep = UnsafePointer(keep.pointer.assumingMemoryBound(to: UInt8.self))
      operands.keep_rows = Int64(keep.shape[keep.rank - 2])
      (operands.keep_rs, operands.keep_cs) = keep.matrixStrides
    }
    // SAFETY: offsets and strides of views stay inside their buffers.
    try withOffsets(3 * batch + (keep?.blockCount ?? 0)) { offsets in
      try q.writeBlockOffsets(to: offsets)
      try k.writeBlockOffsets(to: offsets + batch)
      try v.writeBlockOffsets(to: offsets + 2 * batch)
      try keep?.writeBlockOffsets(to: offsets + 3 * batch)
      operands.q_offsets = UnsafePointer(offsets)
      operands.k_offsets = UnsafePointer(offsets + batch)
      operands.v_offsets = UnsafePointer(offsets + 2 * batch)
      operands.keep_offsets = UnsafePointer(offsets + 3 * batch)
      try body(operands)
    }
  }
}

extension Tensor {
  /// A new tensor of `rows` × `columns` in each block, whose axes have the memory order of this tensor's,
  /// except that the columns are contiguous.
  fileprivate func roomAlike(rows: Int, columns: Int) throws -> Tensor {
    let shape = Array(shape.dropLast(2)) + [rows, columns]
    let strides = elementStrides
    // Axes that repeat say nothing about the order.
    func distance(_ axis: Int) -> Int { strides[axis] == 0 ? .max : abs(strides[axis]) }
    let order = (0..<rank - 1).sorted { (distance($1), $0) < (distance($0), $1) } + [rank - 1]
    var inverse = order
    for (to, from) in order.enumerated() { inverse[from] = to }
    return try Tensor(uninitialized: dtype, order.map { shape[$0] }).transposed(inverse)
  }

  /// The blocks of a tensor whose columns are contiguous.
  fileprivate func withRowBlocks(_ body: (attn_row_blocks) throws -> Void) throws {
    precondition(matrixStrides.column == 1)
    // SAFETY: offsets and strides of a view stay inside its buffer.
    try withOffsets(blockCount) {
      try writeBlockOffsets(to: $0)
      try body(attn_row_blocks(data: pointer, offsets: $0, rs: matrixStrides.row))
    }
  }

  /// `bool[n, past + n]`, true where the column is not beyond the row, `past` columns to its left
  /// included: a view of past + 2n - 1 elements, or of one for a single row, which sees everything.
  package static func causal(_ n: Int, past: Int = 0) throws -> Tensor {
    let (columns, isTooLong) = past.addingReportingOverflow(n)
    guard !isTooLong else { throw TensorError("\(past) and \(n) keys are too many") }
    _ = try elementCount([n, columns], .bool)
    guard n > 0 else { return try Tensor([Bool](), [0, past]) }
    if n == 1 { return try Tensor([true], []).expanded(to: [1, columns]) }
    let line = try range(columns + n - 1)
    return try line.compare(.greaterOrEqual, Tensor([n - 1], []).expanded(to: line.shape))
      .banded(rows: n, columns: columns)
  }

  /// `[rows, columns]` of which element (i, j) is this line's at i - j, the line beginning at the
  /// least distance, 1 - columns: a view.
  package func banded(rows: Int, columns: Int) -> Tensor {
    precondition(rank == 1 && rows > 0 && columns > 0 && count == rows + columns - 1)
    let stride = elementStrides[0]
    return view(
      shape: [rows, columns], strides: [stride, -stride], offset: offset + stride * (columns - 1))
  }
}
