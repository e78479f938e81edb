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

  /// Each gradient lies as its operand does, so that a weight used as Wᵀ gets one in W's own order: a
  /// product and the transpose of the turned one have the same bits.
  static func productGradients(
    _ a: Variable, _ b: Variable, _ dy: Variable, _ wants: Demand
  ) throws -> [Variable?] {
    let forA = { try a.tensor.isTurned ? product(b, dy.swapped()).swapped() : product(dy, b.swapped()) }
    let forB = { try b.tensor.isTurned ? product(dy.swapped(), a).swapped() : product(a.swapped(), dy) }
    return [wants[0] ? try forA() : nil, wants[1] ? try forB() : nil]
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
