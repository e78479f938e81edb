import Tensors

extension Variable {
  /// Matrix products over equal leading axes: `[..., m, k] × [..., k, n] → [..., m, n]`.
  package static func product(_ a: Variable, _ b: Variable) throws -> Variable {
    if let weights = a.pending, let y = try weights.attended(b, isTransposed: false) { return y }
    if let weights = b.pending, let y = try weights.attended(a, isTransposed: true) { return y }
    try a.materialize()
    try b.materialize()
    let y = try Tensor.product(a.tensor, b.tensor)
    guard a.isTracked || b.isTracked else { return Variable(y) }
    let operands = ProductOperands(a, b)
    return make(y, [a, b]) { dy, needed in
      try operands.gradients(dy, needed)
    }
  }

  /// A product that stays lazy where a fused attention may absorb it: scores, to be scaled, to go through a
  /// softmax, and to be multiplied with values.
  ///
  /// The caller ensures that no other operation will read the scores and the weights.
  package static func scores(_ a: Variable, _ b: Variable) throws -> Variable {
    if let pending = PendingScores(a, b) { return Variable(pending) }
    return try product(a, b)
  }
}

/// What the gradients of a product read: of each operand the other, where that is wanted.
///
/// Each gradient lies as its operand does, so that a weight used as Wᵀ gets one in W's own order: a
/// product and the transpose of the transposed product have the same bits.
struct ProductOperands {
  private let a: Variable?
  private let b: Variable?
  private let isATransposed: Bool
  private let isBTransposed: Bool

  init(_ a: Variable, _ b: Variable) {
    self.a = b.isTracked ? a : nil
    self.b = a.isTracked ? b : nil
    (isATransposed, isBTransposed) = (a.tensor.isTransposed, b.tensor.isTransposed)
  }

  func gradients(_ dy: Variable, _ needed: NeededGradients) throws -> [Variable?] {
    let forA = { (b: Variable) throws -> Variable in
      try isATransposed ? .product(b, dy.swapped()).swapped() : .product(dy, b.swapped())
    }
    let forB = { (a: Variable) throws -> Variable in
      try isBTransposed ? .product(dy.swapped(), a).swapped() : .product(a.swapped(), dy)
    }
    return [needed[0] ? try b.map(forA) : nil, needed[1] ? try a.map(forB) : nil]
  }
}
