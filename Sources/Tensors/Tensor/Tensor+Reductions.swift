import CKernels

package enum Reduction: String, Sendable, CaseIterable {
  case sum, prod, max, min, any, all, logsumexp

  var kernel: attn_reduce_op {
    switch self {
    case .sum: ATTN_SUM
    case .prod: ATTN_PROD
    case .max: ATTN_REDUCE_MAX
    case .min: ATTN_REDUCE_MIN
    case .any: ATTN_ANY
    case .all: ATTN_ALL
    case .logsumexp: ATTN_LOGSUMEXP
    }
  }
}

/// The order in which a sum adds, which determines its bits: docs/numerics.md.
package enum SummationOrder: Sendable {
  /// 16 virtual lanes along the axis.
  case lanes
  /// One accumulator.
  case ascending

  /// The last axis of a tensor sums in lanes, any other ascending.
  package static func positional(axis: Int, rank: Int) -> SummationOrder {
    axis == rank - 1 ? .lanes : .ascending
  }

  var kernel: attn_order {
    switch self {
    case .lanes: ATTN_LANES
    case .ascending: ATTN_ASCENDING
    }
  }
}

extension Tensor {
  /// The sizes before, at and behind an axis.
  func split(at axis: Int) -> (outer: Int, n: Int, inner: Int) {
    (shape[..<axis].reduce(1, *), shape[axis], shape[(axis + 1)...].reduce(1, *))
  }

  package func reduced(_ reduction: Reduction, axis: Int, order: SummationOrder? = nil) throws
    -> Tensor
  {
    let order = order ?? .positional(axis: axis, rank: rank)
    if axis == rank - 1, let place = placeOfLast {
      // The sum runs along the axis where it lies, in the order asked for.
      let moved = transposed(Array(0..<place) + [axis] + Array(place..<axis))
      return try moved.reduced(reduction, axis: place, order: order)
    }
    let (outer, n, inner) = split(at: axis)
    var shape = shape
    shape.remove(at: axis)
    if inner == 1, order == .lanes, strides == nil, offset == 0,
      let result = try Chain.reduced(storage, reduction, rows: outer, n, shape)
    {
      return result
    }
    let x = try contiguous()
    defer { extendLifetime(x) }
    let result = try Tensor(uninitialized: dtype, shape)
    let timer = Profile.timer()
    // SAFETY: x holds outer·n·inner elements and the result outer·inner.
    let status = attn_reduce(
      reduction.kernel, dtype.kernel, order.kernel, Int64(outer), Int64(n), Int64(inner), x.pointer,
      result.pointer)
    timer?.stop(reduction.rawValue, bytes: byteCount + result.byteCount)
    try check(status)
    return result
  }

  /// The place to which the last axis of a permuted view would have to move for the elements to lie in
  /// row-major order.
  private var placeOfLast: Int? {
    guard let strides, rank > 1, count > 0, shape[rank - 1] > 1 else { return nil }
    var place = rank - 1
    while place > 0, shape[place - 1] == 1 || strides[place - 1] < strides[rank - 1] { place -= 1 }
    guard place < rank - 1 else { return nil }
    return transposed(Array(0..<place) + [rank - 1] + Array(place..<(rank - 1))).isContiguous ? place : nil
  }

  /// The positions of the largest or smallest elements along an axis that is not empty.
  package func positions(ofLargest largest: Bool, axis: Int) throws -> Tensor {
    let x = try contiguous()
    defer { extendLifetime(x) }
    let (outer, n, inner) = split(at: axis)
    guard n > 0 else {
      throw TensorError(
        "axis \(axis) of {0} is empty, so it has no \(largest ? "largest" : "smallest") element",
        operands: [0])
    }
    var shape = shape
    shape.remove(at: axis)
    let result = try Tensor(uninitialized: .i64, shape)
    let timer = Profile.timer()
    // SAFETY: as in `reduced`.
    attn_arg_reduce(
      largest, dtype.kernel, Int64(outer), Int64(n), Int64(inner), x.pointer,
      result.pointer.assumingMemoryBound(to: Int64.self))
    timer?.stop(largest ? "argmax" : "argmin", bytes: byteCount + result.byteCount)
    try Machine.checkStop()
    return result
  }

  package func cumulativeSum(axis: Int, reversed: Bool = false) throws -> Tensor {
    let x = try contiguous()
    defer { extendLifetime(x) }
    let (outer, n, inner) = split(at: axis)
    let result = try Tensor(uninitialized: dtype, shape)
    let timer = Profile.timer()
    defer { timer?.stop("cumsum", bytes: 2 * byteCount) }
    // SAFETY: both buffers hold outer·n·inner elements.
    let status = attn_cumsum(
      reversed, dtype.kernel, Int64(outer), Int64(n), Int64(inner), x.pointer, result.pointer)
    try check(status)
    return result
  }

  /// The stable order of the last axis: positions, not values.
  package func sortedPositions(descending: Bool) throws -> Tensor {
    let x = try contiguous()
    defer { extendLifetime(x) }
    let n = shape[rank - 1]
    let result = try Tensor(uninitialized: .i64, shape)
    if count > 0 {
      let timer = Profile.timer()
      defer { timer?.stop("sort", bytes: byteCount + result.byteCount) }
      let work = attn_sort_work(Int64(count / n), Int64(n))
      let space = work > 0 ? try Storage(byteCount: Int(work)) : nil
      defer { extendLifetime(space) }
      // SAFETY: both buffers hold rows·n elements, and there is as much space as the kernel asks for.
      attn_sort_positions(
        descending, dtype.kernel, Int64(count / n), Int64(n), x.pointer,
        result.pointer.assumingMemoryBound(to: Int64.self), space?.pointer,
        work)
      try Machine.checkStop()
    }
    return result
  }
}
