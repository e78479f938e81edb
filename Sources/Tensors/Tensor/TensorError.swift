/// What an operation can't do with the operands it was given.
///
/// The message names operand `n` as `{n}`: the evaluator, which knows how the user wrote the operands,
/// puts their names in, and underlines those listed in `operands`.
package struct TensorError: Error, Sendable {
  package var message: String
  package var operands: [Int]
  package var hint: String?

  @inline(never)
  package init(_ message: String, operands: [Int] = [], hint: String? = nil) {
    self.message = message
    self.operands = operands
    self.hint = hint
  }
}

/// `f32[2, 3]`; a bare `f32` for rank 0.
package func describe(_ dtype: DType, _ shape: [Int]) -> String {
  shape.isEmpty ? dtype.name : "\(dtype.name)\(shape)"
}
