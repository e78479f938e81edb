import Tensors

/// Operations over the last axis, each with a kernel of its own forward and backward.
extension Variable {
  /// Softmax, or its logarithm, over the last axis of the elements that the mask `keep` keeps.
  package func softmax(log: Bool = false, keep: Tensor? = nil) throws -> Variable {
    if !log, let weights = pending?.softmax(keep: keep) { return Variable(weights) }
    try materialize()
    let y = try tensor.softmax(log: log, keep: keep)
    guard isTracked else { return Variable(y) }
    let axis = rank - 1
    return .make(
      y, [self],
      reading: { y, dy, _ in
        guard dy.isTracked || y.isTracked else {
          return [Variable(try y.tensor.softmaxBackward(dy.tensor, log: log))]
        }
        // dx = y ⊙ (dy − Σ(dy ⊙ y)); of the logarithm: dx = dy − exp(y) ⊙ Σ dy.
        if log {
          let total = try dy.sum(axis: axis).spread(along: axis, to: y.shape)
          return [try dy - y.unary(.exp) * total]
        }
        let total = try (y * dy).sum(axis: axis).spread(along: axis, to: y.shape)
        return [try y * (dy - total)]
      })
  }

  /// Layer norm (Ba, Kiros, Hinton 2016), or root-mean-square norm (Zhang, Sennrich 2019), over the
  /// last axis: `(x − mean) / sqrt(mean((x − mean)²) + epsilon) · weight + bias`.
  package func normalized(
    rms: Bool = false, weight: Variable? = nil, bias: Variable? = nil, epsilon: Double
  ) throws -> Variable {
    let isRecorded = isTracked || weight?.isTracked == true || bias?.isTracked == true
    let (y, moments) = try tensor.normalized(
      rms: rms, weight: weight?.tensor, bias: bias?.tensor, epsilon: epsilon, saving: isRecorded)
    guard let moments else { return Variable(y) }
    let inputs = [self, weight, bias].compactMap { $0 }
    let x = self
    let hasWeight = weight != nil
    return .make(y, inputs) { dy, needed in
      let wantsWeight = hasWeight && needed[1]
      let wantsBias = bias != nil && needed[hasWeight ? 2 : 1]
      var gradients: [Variable?]
      if dy.isTracked || x.isTracked || weight?.isTracked == true {
        gradients = try x.normalizedGradient(rms, weight, epsilon, dy)
      } else {
        let fused = try x.tensor.normalizedBackward(
          moments, rms: rms, weight: weight?.tensor, dy: dy.tensor, wantsX: needed[0],
          wantsWeight: wantsWeight, wantsBias: wantsBias)
        gradients = [fused.dx, fused.dweight, fused.dbias].map { $0.map(Variable.init) }
      }
      if bias == nil { gradients.remove(at: 2) }
      if !hasWeight { gradients.remove(at: 1) }
      return gradients
    }
  }

  /// The formula of the fused kernel, for gradients of gradients.
  private func normalizedGradient(
    _ rms: Bool, _ weight: Variable?, _ epsilon: Double, _ dy: Variable
  ) throws -> [Variable?] {
    let axis = rank - 1
    func mean(_ value: Variable) throws -> Variable {
      try value.mean(axis: axis).spread(along: axis, to: shape)
    }
    let centred = try rms ? self : self - mean(self)
    let rstd = try 1.0.like(self) / (mean(centred * centred) + epsilon).unary(.sqrt)
    let unit = try centred * rstd
    let g = try weight.map { try dy * $0 } ?? dy
    var dx = try g - unit * mean(g * unit)
    if !rms { dx = try dx - mean(g) }
    return try [
      dx * rstd, weight.map { try (dy * unit).summed(to: $0.shape) },
      dy.summed(to: [shape[axis]]),
    ]
  }

  /// The mean cross-entropy of rows of logits against class numbers.
  ///
  /// Rows whose target is `ignore` don't count; if none counts, the result is 0.
  package func crossEntropy(_ targets: Tensor, ignore: Int?, smoothing: Double) throws -> Variable {
    let (losses, lse) = try tensor.crossEntropy(targets, ignore: ignore, smoothing: smoothing)
    var counted = losses.count
    if let ignore { counted = try targets.integers().count { $0 != ignore } }
    let total = try Variable(losses).sum().tensor
    let n = try Tensor.scalar(Double(max(counted, 1)), dtype)
    let mean = try total.binary(.divide, n)
    let x = self
    return .make(mean, [self]) { dy, _ in
      if dy.isTracked || x.isTracked {
        return [
          try x.crossEntropyGradient(targets, ignore: ignore, smoothing: smoothing)
            * (dy / Double(max(counted, 1)))
        ]
      }
      let scale = try dy.tensor.binary(.divide, n)
      return [
        Variable(
          try x.tensor.crossEntropyBackward(
            targets, ignore: ignore, smoothing: smoothing, lse: lse, scale: scale))
      ]
    }
  }

  /// softmax(x) less the target's weights, 0 in ignored rows: for gradients of gradients.
  private func crossEntropyGradient(
    _ targets: Tensor, ignore: Int?, smoothing: Double
  ) throws -> Variable {
    let classes = shape[rank - 1]
    let kept = targets.shape + [1]
    let ids = try targets.converted(to: .i64).reshaped(kept).expanded(to: shape)
    let isTarget = try Tensor.range(classes).expanded(to: shape).compare(.equal, ids)
    let high = try Tensor.scalar(1 - smoothing + smoothing / Double(classes), dtype)
    let low = try Tensor.scalar(smoothing / Double(classes), dtype)
    let weights = try Variable(Tensor.select(isTarget, high, low))
    let gradient = try softmax() - weights
    guard let ignore else { return gradient }
    let isIgnored = try ids.compare(.equal, Tensor.scalar(ignore))
    return try .select(Variable(isIgnored), Variable(Tensor.scalar(0, dtype)), gradient)
  }
}
