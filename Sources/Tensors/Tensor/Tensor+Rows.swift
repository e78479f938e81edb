import CKernels

/// Row kernels: the last axis is a row of contiguous elements.
extension Tensor {
  private var rowLength: Int { shape[rank - 1] }
  private var rowCount: Int { rowLength == 0 ? 0 : count / rowLength }

  /// Softmax over the last axis of the elements that the mask `keep`, of this shape, keeps; `nil` keeps all.
  package func softmax(log: Bool = false, keep: Tensor? = nil) throws -> Tensor {
    let x = try contiguous()
    defer { extendLifetime(x) }
    let result = try Tensor(uninitialized: dtype, shape)
    guard count > 0 else { return result }
    let timer = Profile.timer()
    defer { timer?.stop(log ? "log_softmax" : "softmax", bytes: 2 * byteCount) }
    guard let keep else {
      // SAFETY: both buffers hold rows·n elements; there is no mask.
      attn_softmax(
        dtype.kernel, log, Int64(rowCount), Int64(rowLength), x.pointer, nil, nil, 0, result.pointer
      )
      try Machine.checkStop()
      return result
    }
    precondition(keep.dtype == .bool && keep.shape == shape, "the mask has the shape of its operand")
    let mask = try keep.withPlainRows()
    defer { extendLifetime(mask) }
    try withOffsets(rowCount) { offsets in
      try mask.writeOffsets(ofAxesBefore: rank - 1, to: offsets)
      // SAFETY: row r of the mask lies inside its buffer at offsets[r].
      attn_softmax(
        dtype.kernel, log, Int64(rowCount), Int64(rowLength), x.pointer,
        mask.pointer.assumingMemoryBound(to: UInt8.self), offsets,
        Int32(mask.strides?[rank - 1] ?? 1), result.pointer)
    }
    try Machine.checkStop()
    return result
  }

  /// This mask with rows whose stride is 0 or 1: a view where possible, else a copy.
  func withPlainRows() throws -> Tensor {
    guard var strides, let inner = strides.popLast() else { return self }
    if inner == -1, rowLength > 1, storage.byteCount <= count {
      // A view of one line along two axes: reversed, the line has rows of stride 1.
      let line = Tensor(
        storage: storage, shape: [storage.byteCount], dtype: .bool, count: storage.byteCount)
      let reversed = try line.sliced(axis: 0, start: line.count - 1, count: line.count, step: -1)
        .contiguous()
      return try reversed.view(
        shape: shape, strides: (strides + [inner]).map { -$0 }, offset: line.count - 1 - offset
      ).withPlainRows()
    }
    if inner == 0 || inner == 1 { return self }
    if rowLength == 1 { return view(shape: shape, strides: strides + [0], offset: offset) }
    // A broadcast axis is copied once.
    let slices = zip(shape, strides + [inner]).map {
      AxisSlice(start: 0, count: $1 == 0 ? Swift.min($0, 1) : $0, step: 1, isDropped: false)
    }
    return try sliced(slices).contiguous().expanded(to: shape).withPlainRows()
  }

  /// The gradient of `softmax` from its result y, which this tensor is.
  package func softmaxBackward(_ dy: Tensor, log: Bool = false) throws -> Tensor {
    let y = try contiguous()
    let dy = try dy.contiguous()
    defer { extendLifetime((y, dy)) }
    let result = try Tensor(uninitialized: dtype, shape)
    if count > 0 {
      let timer = Profile.timer()
      defer { timer?.stop("softmax backward", bytes: 3 * byteCount) }
      // SAFETY: all three buffers hold rows·n elements.
      attn_softmax_backward(
        dtype.kernel, log, Int64(rowCount), Int64(rowLength), y.pointer, dy.pointer, result.pointer)
      try Machine.checkStop()
    }
    return result
  }

  /// What a normalisation saves of each row for its gradient.
  package struct Moments: Sendable {
    let mean: Tensor
    let rstd: Tensor
  }

  /// Layer norm, or with `rms` root-mean-square norm, of the last axis.
  package func normalized(
    rms: Bool = false, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double, saving: Bool
  ) throws -> (y: Tensor, moments: Moments?) {
    let x = try contiguous()
    let y = try Tensor(uninitialized: dtype, shape)
    let leading = saving ? Array(shape.dropLast()) : []
    let moments =
      saving
      ? Moments(
        mean: try Tensor(uninitialized: dtype, leading), rstd: try Tensor(uninitialized: dtype, leading))
      : nil
    let weight = try weight?.contiguous()
    let bias = try bias?.contiguous()
    defer { extendLifetime((x, weight, bias)) }
    if count > 0 {
      let timer = Profile.timer()
      defer { timer?.stop(rms ? "rms_norm" : "layer_norm", bytes: 2 * byteCount) }
      // SAFETY: x and y hold rows·n elements, mean and rstd, if saved, rows, weight and bias n.
      attn_layer_norm(
        dtype.kernel, rms, Int64(rowCount), Int64(rowLength), epsilon, x.pointer, weight?.pointer,
        bias?.pointer, y.pointer, moments?.mean.pointer, moments?.rstd.pointer)
      try Machine.checkStop()
    }
    return (y, moments)
  }

  /// The gradients of `normalized` for x, weight and bias.
  package func normalizedBackward(
    _ moments: Moments, rms: Bool, weight: Tensor?, dy: Tensor, wantsX: Bool, wantsWeight: Bool,
    wantsBias: Bool
  ) throws -> (dx: Tensor?, dweight: Tensor?, dbias: Tensor?) {
    let x = try contiguous()
    let dy = try dy.contiguous()
    let weight = try weight?.contiguous()
    defer { extendLifetime((x, dy, weight)) }
    let dx = wantsX ? try Tensor(uninitialized: dtype, shape) : nil
    let dweight = wantsWeight ? try Tensor.full([rowLength], 0, dtype) : nil
    let dbias = wantsBias ? try Tensor.full([rowLength], 0, dtype) : nil
    if count > 0 {
      let timer = Profile.timer()
      defer { timer?.stop(rms ? "rms_norm backward" : "layer_norm backward", bytes: 3 * byteCount) }
      // SAFETY: as in `normalized`.
      attn_layer_norm_backward(
        dtype.kernel, rms, Int64(rowCount), Int64(rowLength), x.pointer, weight?.pointer,
        moments.mean.pointer, moments.rstd.pointer, dy.pointer, dx?.pointer, dweight?.pointer,
        dbias?.pointer)
      try Machine.checkStop()
    }
    return (dx, dweight, dbias)
  }

  /// Cross-entropy of each row of logits, and the log-sum-exp that its gradient reads.
  package func crossEntropy(
    _ targets: Tensor, ignore: Int?, smoothing: Double
  ) throws -> (losses: Tensor, lse: Tensor) {
    let x = try contiguous()
    let targets = try targets.converted(to: .i64).contiguous()
    defer { extendLifetime((x, targets)) }
    let leading = Array(shape.dropLast())
    let losses = try Tensor(uninitialized: dtype, leading)
    let lse = try Tensor(uninitialized: dtype, leading)
    guard losses.count > 0 else { return (losses, lse) }
    guard rowLength > 0 else {
      throw TensorError("{0} has no classes: its last axis is empty", operands: [0])
    }
    var position: Int64 = 0
    let timer = Profile.timer()
    // SAFETY: x holds rows·n elements, the others rows.
    let status = attn_cross_entropy(
      dtype.kernel, Int64(rowCount), Int64(rowLength), x.pointer,
      targets.pointer.assumingMemoryBound(to: Int64.self), ignore.map(Int64.init) ?? Int64.min,
      smoothing, losses.pointer, lse.pointer, &position)
    timer?.stop("cross_entropy", bytes: byteCount)
    try Machine.checkStop()
    guard status == ATTN_OK else {
      let at = coordinates(of: Int(position), in: leading)
      let value = targets.integer(at: at)
      throw TensorError(
        "the target \(value)\(at.isEmpty ? "" : " at position \(at)") is not a class of 0..\(rowLength)",
        operands: [1])
    }
    return (losses, lse)
  }

  /// The gradient of `crossEntropy` for the logits; `scale` is one number, or one for each row.
  package func crossEntropyBackward(
    _ targets: Tensor, ignore: Int?, smoothing: Double, lse: Tensor, scale: Tensor
  ) throws -> Tensor {
    let x = try contiguous()
    let targets = try targets.converted(to: .i64).contiguous()
    let scale = try scale.contiguous()
    defer { extendLifetime((x, targets, scale)) }
    let result = try Tensor(uninitialized: dtype, shape)
    if count > 0 {
      let timer = Profile.timer()
      defer { timer?.stop("cross_entropy backward", bytes: 2 * byteCount) }
      // SAFETY: as in `crossEntropy`; the scale has one element or one for each row.
      attn_cross_entropy_backward(
        dtype.kernel, Int64(rowCount), Int64(rowLength), x.pointer,
        targets.pointer.assumingMemoryBound(to: Int64.self), ignore.map(Int64.init) ?? Int64.min,
        smoothing, lse.pointer, scale.pointer, scale.rank == 0 ? 0 : 1, result.pointer)
      try Machine.checkStop()
    }
    return result
  }

  /// One AdamW step of a parameter: the new values, first and second moments.
  package static func adamw(
    _ p: Tensor, gradient: Tensor, m: Tensor, v: Tensor, _ settings: AdamWStep
  ) throws -> (p: Tensor, m: Tensor, v: Tensor) {
    // The kernel applies a lazy scale of the gradient, as clipping makes it.
    let (gradient, scale) = gradient.waitingScale() ?? (gradient, 1)
    let inputs = try [p, gradient, m, v].map { try $0.contiguous() }
    defer { extendLifetime(inputs) }
    let outputs = try (0..<3).map { _ in try Tensor(uninitialized: p.dtype, p.shape) }
    let timer = Profile.timer()
    defer { timer?.stop("adamw", bytes: 7 * p.byteCount) }
    // SAFETY: all seven buffers hold the same number of elements.
    attn_adamw(
      p.dtype.kernel, Int64(p.count), inputs[0].pointer, inputs[1].pointer, inputs[2].pointer,
      inputs[3].pointer, settings.lr, settings.beta1, settings.beta2, settings.epsilon,
      settings.decay, 1 - Tensors.power(settings.beta1, Double(settings.step)),
      1 - Tensors.power(settings.beta2, Double(settings.step)), scale,
      attn_streams(Int64(3 * settings.parameterBytes)), outputs[0].pointer, outputs[1].pointer,
      outputs[2].pointer)
    try Machine.checkStop()
    return (outputs[0], outputs[1], outputs[2])
  }
}

/// The hyperparameters of one AdamW step (Loshchilov and Hutter, 2019); steps count from 1.
package struct AdamWStep: Sendable {
  package var lr: Double
  package var beta1: Double
  package var beta2: Double
  package var epsilon: Double
  package var decay: Double
  package var step: Int
  /// Bytes of all parameters that are trained together, which decide whether the kernel streams its stores.
  package var parameterBytes: Int

  package init(
    lr: Double, beta1: Double, beta2: Double, epsilon: Double, decay: Double, step: Int,
    parameterBytes: Int = 0
  ) {
    self.lr = lr
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.decay = decay
    self.step = step
    self.parameterBytes = parameterBytes
  }
}

/// The position in a shape of element `index` in row-major order.
package func coordinates(of index: Int, in shape: [Int]) -> [Int] {
  var rest = index
  var result = [Int](repeating: 0, count: shape.count)
  for axis in stride(from: shape.count - 1, through: 0, by: -1) where shape[axis] > 0 {
    result[axis] = rest % shape[axis]
    rest /= shape[axis]
  }
  return result
}
