import Tensors

extension Variable {
  /// Matrix products over equal leading axes: `[..., m, k] × [..., k, n] → [..., m, n]`.
  package static func product(_ a: Variable, _ b: Variable) throws -> Variable {
    if let weights = a.pending, let y = try weights.attended(b, isTurned: false) { return y }
    if let weights = b.pending, let y = try weights.attended(a, isTurned: true) { return y }
    try a.settle()
    try b.settle()
    return make(try Tensor.product(a.tensor, b.tensor), [a, b]) { dy, wants in
      try productGradients(a, b, dy, wants)
    }
  }

  static func productGradients(
    _ a: Variable, _ b: Variable, _ dy: Variable, _ wants: Demand
  ) throws -> [Variable?] {
    [
      wants[0] ? try product(dy, b.swapped()) : nil,
      wants[1] ? try product(a.swapped(), dy) : nil,
    ]
  }

  /// A product that is left pending where it may become part of a fused attention: scores, to be
  /// scaled, to go through a softmax, and to be multiplied with values.
  ///
  /// Whoever calls this knows that nothing else will read the scores and the weights.
  package static func scores(_ a: Variable, _ b: Variable) throws -> Variable {
    if let pending = PendingScores(a, b) { return Variable(pending) }
    return try product(a, b)
  }
}
