import Autodiff
import Support
import Tensors

/// What a place in a value holds.
package struct Leaf {
  /// `blocks[0].attention.query.weight`
  package var path: String
  package var variable: Variable
  package var isParameter: Bool
  package var isFrozen: Bool

  /// Whether training changes it: a parameter that is not frozen.
  package var isTrained: Bool { isParameter && !isFrozen }

  /// The path as other programs write it: `blocks.0.attention.query.weight`.
  package var dottedPath: String {
    path.filter { $0 != "]" }.split(separator: "[").joined(separator: ".")
  }

  /// `nil` for what is no tensor.
  fileprivate init?(_ value: Value, path: String) {
    self.path = path
    switch value {
    case .tensor(let variable):
      (self.variable, isParameter, isFrozen) = (variable, false, false)
    case .parameter(let parameter):
      (variable, isParameter, isFrozen) = (parameter.value, true, parameter.isFrozen)
    default: return nil
    }
  }
}

extension Value {
  /// The one walk over what a value holds: through lists and records by their items, through models by their
  /// fields, in order.
  ///
  /// - Parameters:
  ///   - entersModels: else a model has no parts.
  ///   - leaf: makes something of what has no parts, at its path.
  ///   - whole: makes something of a list, record or model from what its parts gave, at its path.
  package func walk<Result>(
    path: String = "", entersModels: Bool = true, leaf: (Value, String) throws -> Result,
    whole: (Value, [Result], String) throws -> Result
  ) rethrows -> Result {
    func join(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
    switch self {
    case .list(let items):
      let parts = try items.enumerated().map {
        try $1.walk(path: "\(path)[\($0)]", entersModels: entersModels, leaf: leaf, whole: whole)
      }
      return try whole(self, parts, path)
    case .record(let record):
      let parts = try record.values.enumerated().map {
        try $1.walk(
          path: record.labels[$0].map(join) ?? "\(path)[\($0)]", entersModels: entersModels, leaf: leaf,
          whole: whole)
      }
      return try whole(self, parts, path)
    case .model(let model) where entersModels:
      let parts = try zip(model.type.fieldNames, model.fields).map {
        try $1.walk(path: join($0), entersModels: entersModels, leaf: leaf, whole: whole)
      }
      return try whole(self, parts, path)
    default: return try leaf(self, path)
    }
  }

  /// A list, record or model with other parts.
  private func with(parts: [Value]) -> Value {
    switch self {
    case .list: .list(parts)
    case .record(let record): .record(Record(labels: record.labels, values: parts))
    case .model(let model): .model(model.replacing(fields: parts))
    default: self
    }
  }

  /// The same value with what has no parts replaced.
  package func replacingLeaves(
    entersModels: Bool = true, _ transform: (Value, _ path: String) throws -> Value
  ) rethrows -> Value {
    try walk(entersModels: entersModels, leaf: transform) { whole, parts, _ in whole.with(parts: parts) }
  }

  /// Every tensor inside, in order: of a model its parameters and buffers, of a record or list
  /// those of its parts.
  package func leaves() -> [Leaf] {
    var leaves: [Leaf] = []
    walk { value, path in
      if let leaf = Leaf(value, path: path) { leaves.append(leaf) }
    } whole: { _, _, _ in
    }
    return leaves
  }

  /// The same value with its tensors replaced, in the order of `leaves`.
  package func mapLeaves(_ transform: (Leaf) throws -> Variable) rethrows -> Value {
    try replacingLeaves { value, path in
      guard let leaf = Leaf(value, path: path) else { return value }
      let result = try transform(leaf)
      guard case .parameter(let parameter) = value else { return .tensor(result) }
      return result === parameter.value
        ? value : .parameter(Parameter(result, isFrozen: parameter.isFrozen))
    }
  }

  /// The same value with its parameters replaced.
  package func mapParameters(_ transform: (_ path: String, Parameter) throws -> Parameter) rethrows -> Value {
    try replacingLeaves { value, path in
      guard case .parameter(let parameter) = value else { return value }
      return .parameter(try transform(path, parameter))
    }
  }

  /// The trainable tensors' counterpart: a record shaped like a model that holds, at each
  /// parameter that is trained, what `transform` gives; parts without parameters are left out.
  package func parameterRecord(_ transform: (Leaf) throws -> Value) rethrows -> Value? {
    try walk { value, path in
      guard let leaf = Leaf(value, path: path), leaf.isTrained else { return nil }
      return try transform(leaf)
    } whole: { (whole: Value, parts: [Value?], _) -> Value? in
      guard parts.contains(where: { $0 != nil }) else { return nil }
      guard case .model(let model) = whole else { return whole.with(parts: parts.map { $0 ?? .none }) }
      let fields = zip(model.type.fieldNames, parts).compactMap { name, part in part.map { (name, $0) } }
      return .record(Record(fields))
    }
  }

  /// The same value with every `Float` in it, but for those in models, as a tensor of rank 0 in f64.
  package func withFloatsAsTensors() throws -> Value {
    try replacingLeaves(entersModels: false) { value, _ in
      if case .float(let number) = value { return .tensor(Variable(try Tensor.scalar(number, .f64))) }
      return value
    }
  }

  /// Models in it as ones in which dropout acts, in every part, or doesn't.
  package func training(_ isTraining: Bool) -> Value {
    walk { value, _ in
      value
    } whole: { whole, parts, _ in
      guard case .model(let model) = whole else { return whole.with(parts: parts) }
      return .model(model.replacing(fields: parts, isTraining: isTraining))
    }
  }

  /// The paths of two fields that hold one parameter, where there are any.
  package func doubledParameter() -> (String, String)? {
    var seen: [ObjectIdentifier: String] = [:]
    var doubled: (String, String)?
    walk { value, path in
      guard case .parameter(let parameter) = value else { return }
      if let first = seen.updateValue(path, forKey: ObjectIdentifier(parameter)), doubled == nil {
        doubled = (first, path)
      }
    } whole: { _, _, _ in
    }
    return doubled
  }

  /// The same value with what `transform` makes of its leaves, each given with what stands at its path in
  /// other values. The leaves of a model are the parameters that are trained; of anything else, its tensors,
  /// and its `Float`s as tensors of rank 0.
  package func mapTogether(
    with others: [Value], _ transform: (_ path: String, [Value]) throws -> Value
  ) throws -> Value {
    let found = try others.map { try $0.trainedByPath() }
    let isModel = if case .model = self { true } else { false }
    if !isModel, !others.isEmpty {  // a model may have frozen parameters, of which the others know
      let own = Set(try trainedLeaves().map(\.path))
      for (number, leaves) in found.enumerated() {
        guard own.isSubset(of: leaves.keys), let extra = Set(leaves.keys).subtracting(own).min() else {
          continue
        }
        throw BuiltinError("value \(number + 2) has \(extra), and value 1 has nothing there", at: ["more"])
      }
    }
    return try replacingLeaves { value, path in
      guard value.isLeaf(ofModel: isModel) else { return value }
      let given = try found.enumerated().map { number, leaves in
        guard let other = leaves[path] else {
          throw BuiltinError(
            "value \(number + 2) has nothing at \(path.isEmpty ? "its place" : path)", at: ["more"])
        }
        return other
      }
      let result = try transform(path, [value.asLeaf()] + given).read
      guard case .parameter(let parameter) = value else { return result }
      guard let variable = result.variable else {
        throw BuiltinError("f gave \(result.kind) for \(path), and a parameter is a tensor", at: ["f"])
      }
      return .parameter(Parameter(variable, isFrozen: parameter.isFrozen))
    }
  }

  /// The leaves that `mapTogether` goes through, in order.
  package func trainedLeaves() throws -> [(path: String, value: Value)] {
    let isModel = if case .model = self { true } else { false }
    var leaves: [(String, Value)] = []
    try walk { value, path in
      if value.isLeaf(ofModel: isModel) { leaves.append((path, try value.asLeaf())) }
    } whole: { _, _, _ in
    }
    return leaves
  }

  private func trainedByPath() throws -> [String: Value] {
    Dictionary(try trainedLeaves().map { ($0.path, $0.value) }) { first, _ in first }
  }

  /// A tensor; a `Float` as one of rank 0 in f64.
  private func asLeaf() throws -> Value {
    if case .float(let number) = self { return .tensor(Variable(try Tensor.scalar(number, .f64))) }
    return read
  }

  private func isLeaf(ofModel isModel: Bool) -> Bool {
    switch self {
    case .parameter(let parameter): !isModel || !parameter.isFrozen
    case .tensor, .float: !isModel
    default: false
    }
  }
}
