import CKernels

/// Strides of row-major order.
package func rowMajorStrides(_ shape: [Int]) -> [Int] {
  // A copy of `shape` to overwrite: `Array(repeating:count:)` looks its type up at each call.
  var strides = shape
  var next = 1
  for axis in shape.indices.reversed() {
    strides[axis] = next
    next &*= shape[axis]
  }
  return strides
}

/// The product of sizes that a user wrote; `Int.max` where it overflows, which no tensor can have.
@inline(__always) package func product(ofGiven sizes: some Sequence<Int>) -> Int {
  var product = 1
  for size in sizes {
    let (next, overflow) = product.multipliedReportingOverflow(by: size)
    if overflow { return .max }
    product = next
  }
  return product
}

extension Tensor {
  var elementStrides: [Int] { strides ?? rowMajorStrides(shape) }

  /// The strides of the last two axes.
  var matrixStrides: (row: Int64, column: Int64) {
    guard let strides else { return (Int64(shape[rank - 1]), 1) }
    return (Int64(strides[rank - 2]), Int64(strides[rank - 1]))
  }

  /// The axis that a possibly negative number names.
  package func axis(_ axis: Int) throws -> Int {
    guard axis >= -rank, axis < rank else {
      throw TensorError("axis \(axis) is out of range for \(description)", operands: [0])
    }
    return axis < 0 ? axis + rank : axis
  }

  /// Whether both are the same view of one buffer.
  package func isSameView(_ other: Tensor) -> Bool {
    storage === other.storage && offset == other.offset && shape == other.shape
      && elementStrides == other.elementStrides
  }

  /// A view of the same buffer; row-major strides become `nil`.
  func view(shape: [Int], strides: [Int], offset: Int) -> Tensor {
    var expected = 1
    var isContiguous = true
    var count = 1
    for axis in stride(from: shape.count - 1, through: 0, by: -1) {
      if shape[axis] != 1, strides[axis] != expected { isContiguous = false }
      expected *= shape[axis]
      count *= shape[axis]
    }
    return Tensor(
      storage: storage, offset: offset, shape: shape,
      strides: isContiguous || count <= 1 ? nil : strides, dtype: dtype, count: count)
  }

  /// The same elements in row-major order; this tensor itself where it is contiguous.
  package func contiguous() throws -> Tensor {
    guard let strides else { return self }
    let result = try Tensor(uninitialized: dtype, shape)
    try copy(strides: strides, to: result, strides: rowMajorStrides(shape), offset: 0)
    return result
  }

  /// Writes this tensor into a strided region of a new one, which no reader has seen yet.
  func copy(strides: [Int], to target: Tensor, strides targetStrides: [Int], offset: Int) throws {
    guard count > 0 else { return }
    let timer = Profile.timer()
    withKernelInts(shape, strides, targetStrides) { shape, from, to in
      // SAFETY: both index spaces lie inside their buffers, as the callers compute them.
      attn_copy(
        Int32(dtype.size), Int32(rank), shape, from, pointer, to,
        target.pointer + offset * dtype.size)
    }
    timer?.stop("copy", bytes: 2 * byteCount)
    try Machine.checkStop()
  }

  /// The same elements under another shape of the same count.
  package func reshaped(_ shape: [Int]) throws -> Tensor {
    if shape == self.shape { return self }
    guard try Self.elementCount(shape, dtype) == count else {
      throw TensorError("\(description) can't have the shape \(shape)", operands: [0])
    }
    if isContiguous {
      return Tensor(storage: storage, offset: offset, shape: shape, dtype: dtype, count: count)
    }
    if let strides = stridesReshaped(to: shape) {
      return view(shape: shape, strides: strides, offset: offset)
    }
    return try contiguous().reshaped(shape)
  }

  /// Strides that show this view under another shape without a copy, where there are any.
  private func stridesReshaped(to newShape: [Int]) -> [Int]? {
    let strides = elementStrides
    // Axes of size 1 carry no order; what is left is matched in groups of equal products.
    let old = zip(shape, strides).filter { $0.0 != 1 }
    var result = [Int](repeating: 1, count: newShape.count)
    var from = 0
    var to = 0
    while to < newShape.count {
      if newShape[to] == 1 {
        to += 1
        continue
      }
      guard from < old.count else { return nil }
      var oldSize = old[from].0
      var newSize = newShape[to]
      let firstOld = from
      let firstNew = to
      while oldSize != newSize {
        if oldSize < newSize {
          from += 1
          guard from < old.count else { return nil }
          oldSize *= old[from].0
        } else {
          to += 1
          guard to < newShape.count else { return nil }
          newSize *= newShape[to]
        }
      }
      for at in firstOld..<from where old[at].1 != old[at + 1].1 * old[at + 1].0 { return nil }
      var stride = old[from].1
      for at in Swift.stride(from: to, through: firstNew, by: -1) {
        result[at] = stride
        stride *= newShape[at]
      }
      from += 1
      to += 1
    }
    return result
  }

  /// Axis `i` of the result is axis `order[i]` of this tensor.
  package func transposed(_ order: [Int]) -> Tensor {
    var seen = 0
    var isInOrder = true
    for (place, axis) in order.enumerated() {
      seen |= 1 << axis
      if axis != place { isInOrder = false }
    }
    precondition(order.count == rank && seen == 1 << rank - 1, "the order names every axis once")
    if isInOrder { return self }
    if rank == 2 {
      let (row, column) = matrixStrides
      return view(shape: [shape[1], shape[0]], strides: [Int(column), Int(row)], offset: offset)
    }
    let strides = elementStrides
    return view(shape: order.map { shape[$0] }, strides: order.map { strides[$0] }, offset: offset)
  }

  /// The last two axes swapped.
  package func swapped() -> Tensor {
    var order = Array(0..<rank)
    order.swapAt(rank - 1, rank - 2)
    return transposed(order)
  }

  /// Every `step`-th of `count` elements from `start` along an axis; `step` may be negative.
  package func sliced(axis: Int, start: Int, count: Int, step: Int = 1) -> Tensor {
    var strides = elementStrides
    var shape = shape
    let from = offset + (count > 0 ? start * strides[axis] : 0)
    shape[axis] = count
    strides[axis] *= step
    return view(shape: shape, strides: strides, offset: from)
  }

  /// One position of an axis; the result lacks that axis.
  package func selected(axis: Int, at index: Int) -> Tensor {
    var strides = elementStrides
    var shape = shape
    let from = offset + index * strides[axis]
    shape.remove(at: axis)
    strides.remove(at: axis)
    return view(shape: shape, strides: strides, offset: from)
  }

  /// Whether the rows, not the columns, of the last two axes are neighbours: a transposed view.
  package var isTransposed: Bool {
    guard let strides, rank >= 2 else { return false }
    return strides[rank - 2] == 1 && strides[rank - 1] != 1
  }

  /// Broadcast to a shape whose trailing axes equal this tensor's, except where this one has 1.
  package func expanded(to target: [Int]) -> Tensor {
    if shape == target { return self }
    let missing = target.count - rank
    let old = elementStrides
    var strides = target
    for axis in target.indices {
      let own = axis - missing
      strides[axis] = own >= 0 && shape[own] == target[axis] ? old[own] : 0
    }
    return view(shape: target, strides: strides, offset: offset)
  }

  /// A new axis of size 1 in front of `axis`.
  package func inserting(axis: Int) -> Tensor {
    var shape = shape
    shape.insert(1, at: axis)
    guard var strides else {
      return Tensor(storage: storage, offset: offset, shape: shape, dtype: dtype, count: count)
    }
    strides.insert(0, at: axis)
    return view(shape: shape, strides: strides, offset: offset)
  }

  /// The diagonal of two axes of equal size, as a view in which `first` stays.
  package func diagonal(_ first: Int, _ second: Int) -> Tensor {
    var strides = elementStrides
    var shape = shape
    strides[first] += strides[second]
    strides.remove(at: second)
    shape.remove(at: second)
    return view(shape: shape, strides: strides, offset: offset)
  }
}

// SAFETY: `Int` and `Int64` have one layout on every platform that attn supports.
func withKernelInts<Result>(
  _ a: [Int], _ body: (UnsafePointer<Int64>) throws -> Result
) rethrows -> Result {
  try a.withUnsafeBufferPointer {
    try body(UnsafeRawPointer($0.baseAddress!).assumingMemoryBound(to: Int64.self))
  }
}

func withKernelInts<Result>(
  _ a: [Int], _ b: [Int], _ c: [Int],
  _ body: (UnsafePointer<Int64>, UnsafePointer<Int64>, UnsafePointer<Int64>) throws -> Result
) rethrows -> Result {
  try withKernelInts(a) { a in
    try withKernelInts(b) { b in try withKernelInts(c) { c in try body(a, b, c) } }
  }
}
