import Tensors

extension Variable {
  /// Matrix products over equal leading axes: `[..., m, k] × [..., k, n] → [..., m, n]`.
  package static func product(_ a: Variable, _ b: Variable) throws -> Variable {
    if let weights = a.pending, let y = try weights.attended(b, isTurned: false) { return y }
    if let weights = b.pending, let y = try weights.attended(a, isTurned: true) { return y }
    try a.settle()
    try b.settle()
    let y = try Tensor.product(a.tensor, b.tensor)
    guard a.isTracked || b.isTracked else { return Variable(y) }
    let operands = ProductOperands(a, b)
    return make(y, [a, b]) { dy, wants in
      try operands.gradients(dy, wants)
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
  private let isATurned: Bool
  private let isBTurned: Bool

  init(_ a: Variable, _ b: Variable) {
    self.a = b.isTracked ? a : nil
    self.b = a.isTracked ? b : nil
    (isATurned, isBTurned) = (a.tensor.isTurned, b.tensor.isTurned)
  }

  func gradients(_ dy: Variable, _ wants: Demand) throws -> [Variable?] {
    let forA = { (b: Variable) throws -> Variable in
      try isATurned ? .product(b, dy.swapped()).swapped() : .product(dy, b.swapped())
    }
    let forB = { (a: Variable) throws -> Variable in
      try isBTurned ? .product(dy.swapped(), a).swapped() : .product(a.swapped(), dy)
    }
    return [wants[0] ? try b.map(forA) : nil, wants[1] ? try a.map(forB) : nil]
  }
}
