/// What a primitive can't do with its arguments. The evaluator puts the primitive's name in front,
/// the user's name for `{x}`, where x is a parameter, and underlines the parameters listed.
package struct BuiltinError: Error {
  package var message: String
  package var parameters: [String]
  package var hint: String?

  @inline(never)
  package init(_ message: String, at parameters: [String] = [], hint: String? = nil) {
    self.message = message
    self.parameters = parameters
    self.hint = hint
  }
}
