import Autodiff
import Tensors

/// A declared model: `Language` knows how to make and apply one.
package protocol ModelType: AnyObject {
  var name: String { get }
  var parameterNames: [String] { get }
  /// What a call of a model of this type takes.
  var applyParameterNames: [String] { get }
  var fieldNames: [String] { get }
  /// Without `apply`.
  var methodNames: [String] { get }
  var documentation: String? { get }
}

extension ModelType {
  package func position(ofField name: String) -> Int? { fieldNames.firstIndex(of: name) }
}

/// A model: its parameters' values and its fields. Immutable; changes make copies.
package final class Model {
  package let type: any ModelType
  /// The values of the model's own parameters, such as `width`.
  package let arguments: [Value]
  package let fields: [Value]
  /// Whether dropout acts.
  package let isTraining: Bool

  package init(type: any ModelType, arguments: [Value], fields: [Value], isTraining: Bool = false) {
    self.type = type
    self.arguments = arguments
    self.fields = fields
    self.isTraining = isTraining
  }

  /// A field, or one of the model's parameters.
  package func member(_ name: String) -> Value? {
    if let position = type.position(ofField: name) { return fields[position].read }
    if let position = type.parameterNames.firstIndex(of: name) { return arguments[position] }
    return nil
  }

  package func replacing(fields: [Value], isTraining: Bool? = nil) -> Model {
    Model(
      type: type, arguments: arguments, fields: fields, isTraining: isTraining ?? self.isTraining)
  }
}
