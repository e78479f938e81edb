import Tensors

extension Variable {
  package func reshaped(_ shape: [Int]) throws -> Variable {
    if shape == self.shape { return self }
    if let scores = pending?.reshaped(shape) { return Variable(scores) }
    try materialize()
    let y = try tensor.reshaped(shape)
    guard isTracked else { return Variable(y) }
    let original = self.shape
    return .make(y, [self]) { dy, _ in [try dy.reshaped(original)] }
  }

  /// Axis `i` of the result is axis `order[i]` of this tensor.
  package func transposed(_ order: [Int]) -> Variable {
    if order.elementsEqual(0..<rank) { return self }
    if let pending { return Variable(pending.transposed(order)) }
    guard isTracked else {
      if rank == 2, let transposedView { return transposedView }
      let y = Variable(tensor.transposed(order))
      // A chain of them would live as long as its first. There is none: of such a matrix the transposed
      // view is not contiguous.
      if rank == 2, tensor.isContiguous, shape[0] > 1, shape[1] > 1 { transposedView = y }
      return y
    }
    let y = tensor.transposed(order)
    return .make(y, [self]) { dy, _ in
      var inverse = order
      for (to, from) in order.enumerated() { inverse[from] = to }
      return [dy.transposed(inverse)]
    }
  }

  /// The last two axes swapped.
  package func swapped() -> Variable {
    var order = Array(0..<rank)
    order.swapAt(rank - 1, rank - 2)
    return transposed(order)
  }

  /// An axis moved to another place.
  package func moved(axis: Int, to target: Int) -> Variable {
    var order = Array(0..<rank)
    order.remove(at: axis)
    order.insert(axis, at: target)
    return transposed(order)
  }

  /// Broadcast along leading axes, and along axes where this tensor has 1.
  package func expanded(to target: [Int]) -> Variable {
    if shape == target { return self }
    let y = tensor.expanded(to: target)
    guard isTracked else { return Variable(y) }
    let original = shape
    return .make(y, [self]) { dy, _ in
      var gradient = dy
      let missing = target.count - original.count
      for axis in stride(from: original.count - 1, through: 0, by: -1)
      where original[axis] != target[axis + missing] {
        gradient = try gradient.sum(axis: axis + missing)
        var shape = gradient.shape
        shape.insert(1, at: axis + missing)
        gradient = try gradient.reshaped(shape)
      }
      return [try gradient.summed(to: original)]
    }
  }

  package func sliced(_ slices: [AxisSlice]) -> Variable {
    let y = tensor.sliced(slices)
    guard isTracked else { return Variable(y) }
    let original = shape
    return .make(y, [self]) { dy, _ in
      [try dy.scattered(into: original, slices)]
    }
  }

  /// Zeros of a shape with this tensor at the places that slices read.
  func scattered(into shape: [Int], _ slices: [AxisSlice]) throws -> Variable {
    .make(try tensor.scattered(into: shape, slices: slices), [self]) { dy, _ in [dy.sliced(slices)]
    }
  }

  /// This tensor with the places that slices read replaced by `part`.
  package func replacing(_ slices: [AxisSlice], with part: Variable) throws -> Variable {
    let result = try part.tensor.scattered(into: shape, over: tensor, slices: slices)
    let partShape = part.shape
    return .make(result, [self, part]) { dy, needed in
      let zeros = try Variable(Tensor.full(partShape, 0, dy.dtype))
      return [
        needed[0] ? try dy.replacing(slices, with: zeros) : nil,
        needed[1] ? dy.sliced(slices) : nil,
      ]
    }
  }

  package func padded(axis: Int, before: Int, after: Int, value: Double) throws -> Variable {
    let size = shape[axis]
    return .make(
      try tensor.padded(axis: axis, before: before, after: after, value: value), [self]
    ) { dy, _ in
      var slices = dy.shape.map(AxisSlice.all)
      slices[axis] = AxisSlice(start: before, count: size, step: 1, isDropped: false)
      return [dy.sliced(slices)]
    }
  }

  package static func concatenated(_ parts: [Variable], axis: Int) throws -> Variable {
    let y = try Tensor.concatenated(parts.map(\.tensor), axis: axis)
    guard parts.contains(where: \.isTracked) else { return Variable(y) }
    let lengths = parts.map { $0.shape[axis] }
    return make(y, parts) { dy, needed in
      var at = 0
      return lengths.enumerated().map { position, length in
        defer { at += length }
        guard needed[position] else { return nil }
        var slices = dy.shape.map(AxisSlice.all)
        slices[axis] = AxisSlice(start: at, count: length, step: 1, isDropped: false)
        return dy.sliced(slices)
      }
    }
  }

  /// The diagonal of two axes of equal size; the result keeps `first` and lacks `second`.
  package func diagonal(_ first: Int, _ second: Int) throws -> Variable {
    let original = shape
    try materialize()
    return .make(tensor.diagonal(first, second), [self]) { dy, _ in
      // Zero off the diagonal: dy broadcast along the dropped axis, where both positions agree.
      let n = original[first]
      var withSecond = dy.shape
      withSecond.insert(1, at: second)
      let spread = try dy.reshaped(withSecond).expanded(to: original)
      var along = [Int](repeating: 1, count: original.count)
      along[first] = n
      var across = [Int](repeating: 1, count: original.count)
      across[second] = n
      let isDiagonal = try Tensor.range(n).reshaped(along).expanded(to: original)
        .compare(.equal, Tensor.range(n).reshaped(across).expanded(to: original))
      let zero = try Variable(Tensor.scalar(0, dy.dtype))
      return [try .select(Variable(isDiagonal), spread, zero)]
    }
  }

  /// Rows of this tensor (its first axis) at integer positions, 0 where `keep` is false.
  package func gatheredRows(_ indices: Tensor, keep: Tensor? = nil) throws -> Variable {
    let y = try tensor.gatheredRows(indices, keep: keep)
    guard isTracked else { return Variable(y) }
    let original = shape
    return .make(y, [self]) { dy, _ in
      let zeros = try Variable(Tensor.full(original, 0, dy.dtype))
      return [try zeros.addingRows(dy, at: indices, keep: keep)]
    }
  }

  /// This tensor with rows added at positions that are in range, in ascending order.
  package func addingRows(_ rows: Variable, at indices: Tensor, keep: Tensor? = nil) throws
    -> Variable
  {
    .make(try tensor.addingRows(rows.tensor, at: indices, keep: keep), [self, rows]) { dy, needed in
      [dy, needed[1] ? try dy.gatheredRows(indices, keep: keep) : nil]
    }
  }
}
