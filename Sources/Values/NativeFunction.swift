/// A function whose body is Swift: what a primitive gives back, or a host defines.
package final class NativeFunction: Function {
  package let name: String
  package let parameterNames: [String]
  package let documentation: String?
  package let body: ([Value]) throws -> Value

  package init(
    _ name: String, parameters: [String], documentation: String? = nil,
    body: @escaping ([Value]) throws -> Value
  ) {
    self.name = name
    parameterNames = parameters
    self.documentation = documentation
    self.body = body
  }
}
