import Tensors

extension Variable {
  /// The sum of everything: axes one after the other, innermost first.
  package func sum() throws -> Variable {
    var result = self
    for axis in stride(from: rank - 1, through: 0, by: -1) { result = try result.sum(axis: axis) }
    return result
  }

  package func sum(axis: Int, order: SummationOrder? = nil) throws -> Variable {
    let original = shape
    try materialize()
    return .make(try tensor.reduced(.sum, axis: axis, order: order), [self]) { dy, _ in
      [try dy.spread(along: axis, to: original)]
    }
  }

  /// A reduction's gradient broadcast to the operand's shape along the axis.
  func spread(along axis: Int, to shape: [Int]) throws -> Variable {
    var kept = self.shape
    kept.insert(1, at: axis)
    return try reshaped(kept).expanded(to: shape)
  }

  package func mean(axis: Int, order: SummationOrder? = nil) throws -> Variable {
    let n = shape[axis]
    let total = try sum(axis: axis, order: order)
    // Nothing to average gives 0, as a sum does.
    return n == 0 ? total : try total / Double(n)
  }

  /// The largest or smallest along an axis; the gradient goes to the first of equals.
  package func extreme(largest: Bool, axis: Int) throws -> Variable {
    let y = try tensor.reduced(largest ? .max : .min, axis: axis)
    guard isTracked, shape[axis] > 0 else { return Variable(y) }
    let original = shape
    let positions = try tensor.positions(ofLargest: largest, axis: axis)
    return .make(y, [self]) { dy, _ in
      var along = [Int](repeating: 1, count: original.count)
      along[axis] = original[axis]
      var kept = original
      kept[axis] = 1
      let isChosen = try Tensor.range(original[axis]).reshaped(along).expanded(to: original)
        .compare(.equal, positions.reshaped(kept).expanded(to: original))
      let zero = try Variable(Tensor.scalar(0, dy.dtype))
      return [try .select(Variable(isChosen), dy.spread(along: axis, to: original), zero)]
    }
  }

  package func product(axis: Int) throws -> Variable {
    let y = try tensor.reduced(.prod, axis: axis)
    guard isTracked else { return Variable(y) }
    let x = self
    return .make(y, [self]) { dy, _ in
      [try dy.spread(along: axis, to: x.shape) * x.productOfOthers(axis: axis)]
    }
  }

  /// At each element the product of the other elements along the axis, zeros among them or not.
  private func productOfOthers(axis: Int) throws -> Variable {
    let n = shape[axis]
    func at(_ index: Int) -> Variable {
      var slices = shape.map(AxisSlice.all)
      slices[axis] = AxisSlice(start: index, count: 1, step: 1, isDropped: false)
      return sliced(slices)
    }
    guard n > 0 else { return self }
    let one = try Variable(Tensor.full(at(0).shape, 1, dtype))
    var before = [one]
    for index in 0..<(n - 1) { before.append(try before[index] * at(index)) }
    var behind = [one]
    for index in 0..<(n - 1) { behind.append(try behind[index] * at(n - 1 - index)) }
    return try .concatenated(try (0..<n).map { try before[$0] * behind[n - 1 - $0] }, axis: axis)
  }

  package func logSumExp(axis: Int) throws -> Variable {
    let y = try tensor.reduced(.logsumexp, axis: axis, order: .lanes)
    guard isTracked else { return Variable(y) }
    let x = self
    return .make(
      y, [self],
      reading: { y, dy, _ in
        // exp(x − y), and exp(−∞ − 0), which is 0, where nothing was summed.
        let spread = try y.spread(along: axis, to: x.shape)
        let infinity = try Tensor.scalar(-.infinity, x.dtype)
        let isEmpty = try Variable(spread.tensor.compare(.equal, infinity))
        let zero = try Variable(Tensor.scalar(0, x.dtype))
        let weights = try (x - .select(isEmpty, zero, spread)).unary(.exp)
        return [try dy.spread(along: axis, to: x.shape) * weights]
      })
  }

  package func cumulativeSum(axis: Int, reversed: Bool = false) throws -> Variable {
    try materialize()
    return .make(try tensor.cumulativeSum(axis: axis, reversed: reversed), [self]) { dy, _ in
      [try dy.cumulativeSum(axis: axis, reversed: !reversed)]
    }
  }
}
