/// A primitive as a value of the language: `Builtins` declares what it does.
package protocol Primitive: AnyObject, Sendable {
  var name: String { get }
  /// Its name, parameters and result in the language's own grammar.
  var signatureText: String { get }
}
