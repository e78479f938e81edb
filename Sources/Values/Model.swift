import Autodiff
import Tensors

/// A declared model: `Language` knows how to make and apply one.
package protocol ModelType: AnyObject {
  var name: String { get }
  var parameterNames: [String] { get }
  /// What a call of a model of this type takes.
  var applyParameterNames: [String] { get }
  var fieldNames: [String] { get }
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

  package func replacing(fields: [Value]) -> Model {
    Model(type: type, arguments: arguments, fields: fields, isTraining: isTraining)
  }

  /// A copy in which dropout acts, in every part, or doesn't.
  package func training(_ isTraining: Bool) -> Model {
    func change(_ value: Value) -> Value {
      switch value {
      case .model(let model): .model(model.training(isTraining))
      case .list(let items): .list(items.map(change))
      case .record(let record):
        .record(Record(labels: record.labels, values: record.values.map(change)))
      default: value
      }
    }
    return Model(
      type: type, arguments: arguments, fields: fields.map(change), isTraining: isTraining)
  }
}

/// What a place in a model's tree of fields holds.
package struct Leaf {
  /// `blocks[0].attention.query.weight`
  package var path: String
  package var variable: Variable
  package var isParameter: Bool
  package var isFrozen: Bool

  /// The path as other programs write it: `blocks.0.attention.query.weight`.
  package var dottedPath: String {
    path.filter { $0 != "]" }.split(separator: "[").joined(separator: ".")
  }
}

extension Value {
  /// Every tensor inside, in order: of a model its parameters and buffers, of a record or list
  /// those of its parts.
  package func leaves(path: String = "") -> [Leaf] {
    func join(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
    switch self {
    case .tensor(let variable):
      return [Leaf(path: path, variable: variable, isParameter: false, isFrozen: false)]
    case .parameter(let parameter):
      return [
        Leaf(
          path: path, variable: parameter.value, isParameter: true, isFrozen: parameter.isFrozen)
      ]
    case .list(let items):
      return items.enumerated().flatMap { $1.leaves(path: "\(path)[\($0)]") }
    case .record(let record):
      return record.values.enumerated().flatMap {
        $1.leaves(path: record.labels[$0].map(join) ?? "\(path)[\($0)]")
      }
    case .model(let model):
      return zip(model.type.fieldNames, model.fields).flatMap { $1.leaves(path: join($0)) }
    default:
      return []
    }
  }

  /// The same value with its tensors replaced, in the order of `leaves`.
  package func mapLeaves(
    path: String = "", _ transform: (Leaf) throws -> Variable
  ) rethrows -> Value {
    func join(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
    switch self {
    case .tensor(let variable):
      return .tensor(
        try transform(Leaf(path: path, variable: variable, isParameter: false, isFrozen: false)))
    case .parameter(let parameter):
      let leaf = Leaf(
        path: path, variable: parameter.value, isParameter: true, isFrozen: parameter.isFrozen)
      let result = try transform(leaf)
      return result === parameter.value
        ? self : .parameter(Parameter(result, isFrozen: parameter.isFrozen))
    case .list(let items):
      return .list(
        try items.enumerated().map { try $1.mapLeaves(path: "\(path)[\($0)]", transform) })
    case .record(let record):
      return .record(
        Record(
          labels: record.labels,
          values: try record.values.enumerated().map {
            try $1.mapLeaves(path: record.labels[$0].map(join) ?? "\(path)[\($0)]", transform)
          }))
    case .model(let model):
      return .model(
        model.replacing(
          fields: try zip(model.type.fieldNames, model.fields).map {
            try $1.mapLeaves(path: join($0), transform)
          }))
    default:
      return self
    }
  }

  /// The trainable tensors' counterpart: a record shaped like a model that holds, at each
  /// parameter that is trained, what `transform` gives; parts without parameters are left out.
  package func parameterRecord(
    path: String = "", _ transform: (Leaf) throws -> Value
  ) rethrows -> Value? {
    func join(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
    switch self {
    case .parameter(let parameter):
      guard !parameter.isFrozen else { return nil }
      return try transform(
        Leaf(path: path, variable: parameter.value, isParameter: true, isFrozen: false))
    case .list(let items):
      let parts = try items.enumerated().map {
        try $1.parameterRecord(path: "\(path)[\($0)]", transform)
      }
      guard parts.contains(where: { $0 != nil }) else { return nil }
      return .list(parts.map { $0 ?? .none })
    case .record(let record):
      let parts = try record.values.enumerated().map {
        try $1.parameterRecord(path: record.labels[$0].map(join) ?? "\(path)[\($0)]", transform)
      }
      guard parts.contains(where: { $0 != nil }) else { return nil }
      return .record(Record(labels: record.labels, values: parts.map { $0 ?? .none }))
    case .model(let model):
      var fields: [(String, Value)] = []
      for (name, field) in zip(model.type.fieldNames, model.fields) {
        if let part = try field.parameterRecord(path: join(name), transform) {
          fields.append((name, part))
        }
      }
      return fields.isEmpty ? nil : .record(Record(fields))
    default:
      return nil
    }
  }
}
