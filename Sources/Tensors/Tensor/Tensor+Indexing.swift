import CKernels

extension Tensor {
  /// Rows of this tensor at flat positions: `self` is `[rows, inner...]`, the result
  /// `[indices..., inner...]`. Where `keep` is false nothing is read and the result is 0.
  package func gatheredRows(_ indices: Tensor, keep: Tensor? = nil) throws -> Tensor {
    let x = try contiguous()
    let indices = try indices.contiguous()
    let keep = try keep?.contiguous()
    defer { extendLifetime((x, indices, keep)) }
    let inner = Array(shape.dropFirst())
    let result = try Tensor(uninitialized: dtype, indices.shape + inner)
    var position: Int64 = 0
    let timer = Profile.timer()
    // SAFETY: the kernel checks every index against the number of rows before it reads.
    let status = attn_gather(
      Int32(dtype.size), Int64(indices.count), Int64(inner.reduce(1, *)), Int64(shape[0]),
      x.pointer, indices.pointer.assumingMemoryBound(to: Int64.self),
      keep?.pointer.assumingMemoryBound(to: UInt8.self), result.pointer, &position)
    timer?.stop("gather", bytes: 2 * result.byteCount + indices.byteCount)
    try Machine.checkStop()
    if status != ATTN_OK { throw IndexOutOfRange(flat: Int(position)) }
    return result
  }

  /// This tensor with `rows` added at `indices` (which are in range), in ascending order.
  package func addingRows(_ rows: Tensor, at indices: Tensor, keep: Tensor? = nil) throws -> Tensor {
    let rows = try rows.contiguous()
    let indices = try indices.contiguous()
    let keep = try keep?.contiguous()
    defer { extendLifetime((rows, indices, keep)) }
    let result = try copied()
    let timer = Profile.timer()
    // SAFETY: the gather of the forward pass, or the caller, has checked the indices.
    let status = attn_scatter_add(
      dtype.kernel, Int64(indices.count), Int64(shape.dropFirst().reduce(1, *)), Int64(shape[0]),
      rows.pointer, indices.pointer.assumingMemoryBound(to: Int64.self),
      keep?.pointer.assumingMemoryBound(to: UInt8.self), result.pointer)
    timer?.stop("scatter add", bytes: 3 * rows.byteCount + indices.byteCount)
    try check(status)
    return result
  }

  /// The same elements in a new buffer, which only the result refers to.
  func copied() throws -> Tensor {
    let result = try Tensor(uninitialized: dtype, shape)
    try copy(strides: elementStrides, to: result, strides: rowMajorStrides(shape), offset: 0)
    return result
  }

  /// This tensor padded with `value` before and after along an axis.
  package func padded(axis: Int, before: Int, after: Int, value: Double) throws -> Tensor {
    var shape = shape
    shape[axis] += before + after
    let result = try Tensor.full(shape, value, dtype)
    let strides = rowMajorStrides(shape)
    try copy(strides: elementStrides, to: result, strides: strides, offset: before * strides[axis])
    return result
  }

  /// Zeros of `shape` with this tensor written to the places that a slice reads: the gradient of
  /// `sliced` and `selected`.
  package func scattered(into shape: [Int], over base: Tensor? = nil, slices: [AxisSlice]) throws
    -> Tensor
  {
    let result = try base?.copied() ?? Tensor.full(shape, 0, dtype)
    let whole = rowMajorStrides(shape)
    var strides: [Int] = []
    var offset = 0
    for (axis, slice) in slices.enumerated() {
      offset += slice.start * whole[axis]
      if !slice.isDropped { strides.append(whole[axis] * slice.step) }
    }
    precondition(strides.count == rank)
    try copy(strides: elementStrides, to: result, strides: strides, offset: offset)
    return result
  }

  /// The view that slices of every axis give.
  package func sliced(_ slices: [AxisSlice]) -> Tensor {
    let whole = elementStrides
    var shape: [Int] = []
    var strides: [Int] = []
    shape.reserveCapacity(slices.count)
    strides.reserveCapacity(slices.count)
    var at = offset
    for (axis, slice) in slices.enumerated() {
      if slice.isDropped || slice.count > 0 { at += slice.start * whole[axis] }
      if slice.isDropped { continue }
      shape.append(slice.count)
      strides.append(whole[axis] * slice.step)
    }
    return view(shape: shape, strides: strides, offset: at)
  }

  /// The flat positions at which a bool tensor is true.
  package func truePositions() throws -> [Int] {
    let condition = try contiguous()
    return try condition.withElements(as: UInt8.self) { elements in
      // Counted first, so that a long list need not be copied where it grows.
      var trueCount = 0
      for start in stride(from: 0, to: count, by: 1 << 16) {
        for position in start..<Swift.min(start + 1 << 16, count) where elements[position] != 0 {
          trueCount += 1
        }
        try Machine.checkStop()
      }
      try Memory.checkRoom(trueCount * 8, for: "a list of \(trueCount) positions")
      return try Disposal.making { (result: inout [Int]) in
        result.reserveCapacity(trueCount)
        for start in stride(from: 0, to: count, by: 1 << 16) {
          for position in start..<Swift.min(start + 1 << 16, count) where elements[position] != 0 {
            result.append(position)
          }
          try Machine.checkStop()
        }
      }
    }
  }
}

/// An index is outside its axis; `flat` counts in the index tensor's row-major order.
package struct IndexOutOfRange: Error {
  package let flat: Int
}

/// What is read along one axis.
package struct AxisSlice: Sendable, Equatable {
  package var start: Int
  package var count: Int
  package var step: Int
  /// One position; the result lacks the axis.
  package var isDropped: Bool

  package static func all(_ size: Int) -> AxisSlice {
    AxisSlice(start: 0, count: size, step: 1, isDropped: false)
  }
  package static func at(_ index: Int) -> AxisSlice {
    AxisSlice(start: index, count: 1, step: 1, isDropped: true)
  }
  package init(start: Int, count: Int, step: Int, isDropped: Bool) {
    self.start = start
    self.count = count
    self.step = step
    self.isDropped = isDropped
  }
}
