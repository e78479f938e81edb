/// What a primitive can't do with its arguments. The evaluator puts the primitive's name in front,
/// the user's names for `{0}`, `{1}`, …, and underlines the parameters listed.
package struct BuiltinError: Error {
  package var message: String
  package var parameters: [Int]
  package var hint: String?

  @inline(never)
  package init(_ message: String, at parameters: [Int] = [], hint: String? = nil) {
    self.message = message
    self.parameters = parameters
    self.hint = hint
  }
}
