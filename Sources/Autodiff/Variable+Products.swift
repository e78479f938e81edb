import Tensors

extension Variable {
  /// Matrix products over equal leading axes: `[..., m, k] × [..., k, n] → [..., m, n]`.
  package static func product(_ a: Variable, _ b: Variable) throws -> Variable {
    make(try Tensor.product(a.tensor, b.tensor), [a, b]) { dy, wants in
      [
        wants[0] ? try product(dy, b.swapped()) : nil,
        wants[1] ? try product(a.swapped(), dy) : nil,
      ]
    }
  }
}
