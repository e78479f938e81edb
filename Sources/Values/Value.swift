import Autodiff
import Support
import Tensors

/// A value of the language. Values are immutable; names can be bound again.
package enum Value {
  /// A name that nothing has been assigned to yet; never seen by a script.
  case undefined
  case none
  case bool(Bool)
  case int(Int)
  case float(Double)
  case string(String)
  case tensor(Variable)
  /// A trainable tensor in a model's field. Reading the field gives the tensor.
  case parameter(Parameter)
  case list([Value])
  case record(Record)
  case range(RangeValue)
  case dtype(DType)
  case function(any Function)
  case builtin(any Primitive)
  case modelType(any ModelType)
  case model(Model)
  /// A list whose items are made when they are read.
  case lazy(LazyList)
}

/// Labelled values in order. A tuple is a record without labels.
package final class Record {
  package let labels: [String?]
  package let values: [Value]

  package init(labels: [String?], values: [Value]) {
    self.labels = labels
    self.values = values
  }

  package convenience init(_ fields: [(String, Value)]) {
    self.init(labels: fields.map(\.0), values: fields.map(\.1))
  }

  package convenience init(tuple values: [Value]) {
    self.init(labels: values.map { _ in nil }, values: values)
  }

  package var isTuple: Bool { labels.allSatisfy { $0 == nil } }

  package subscript(label: String) -> Value? {
    labels.firstIndex(of: label).map { values[$0] }
  }
}

/// `lower..upper by step`, half open; items are `Int`.
package final class RangeValue {
  package let lower: Int
  package let upper: Int
  package let step: Int

  package init(_ lower: Int, _ upper: Int, by step: Int) {
    self.lower = lower
    self.upper = upper
    self.step = step
  }

  package var count: Int {
    let (low, high) = step > 0 ? (lower, upper) : (upper, lower)
    guard low < high else { return 0 }
    let distance = UInt(bitPattern: high) &- UInt(bitPattern: low)
    return Int(clamping: (distance - 1) / step.magnitude + 1)
  }

  /// Whether there are more items than a whole number can count.
  package var isTooLong: Bool { count == Int.max }

  /// The item at a position of `0..<count`; the distance to it alone may be beyond the whole numbers.
  package func item(at position: Int) -> Int { lower &+ position &* step }

  /// Where a number stands among the items.
  package func position(of number: Int) -> Int? {
    let isInside = step > 0 ? number >= lower && number < upper : number <= lower && number > upper
    guard isInside else { return nil }
    let (low, high) = step > 0 ? (lower, number) : (number, lower)
    let (position, rest) = (UInt(bitPattern: high) &- UInt(bitPattern: low))
      .quotientAndRemainder(dividingBy: step.magnitude)
    return rest == 0 ? Int(clamping: position) : nil
  }
}

/// A function written in attn, or in Swift. `Language` knows how to call it.
package protocol Function: AnyObject {
  /// Empty for a lambda.
  var name: String { get }
  var parameterNames: [String] { get }
  var documentation: String? { get }
}

/// A list whose item `i` is computed from `i` alone when it is read.
package final class LazyList {
  package let count: Int
  package let description: String
  /// Items at and beyond `count` can be read too where this holds.
  package let isUnbounded: Bool
  package let item: (Int) throws -> Value

  package init(
    count: Int, isUnbounded: Bool, description: String, item: @escaping (Int) throws -> Value
  ) {
    self.count = count
    self.isUnbounded = isUnbounded
    self.description = description
    self.item = item
  }
}

/// A tensor that training changes. Its identity tells two fields that hold one parameter.
package final class Parameter {
  package let value: Variable
  package let isFrozen: Bool

  package init(_ value: Variable, isFrozen: Bool = false) {
    self.value = value
    self.isFrozen = isFrozen
  }
}

extension Value {
  /// The tensor, where it is one.
  package var variable: Variable? {
    switch self {
    case .tensor(let variable): variable
    case .parameter(let parameter): parameter.value
    default: nil
    }
  }

  /// What reading a field or a name gives: parameters are plain tensors outside their model.
  package var read: Value {
    if case .parameter(let parameter) = self { return .tensor(parameter.value) }
    return self
  }

  /// An `Int`, or an integer tensor of rank 0.
  package var asInt: Int? {
    switch self {
    case .int(let value): return value
    case .float(let value): return Int(exactly: value)
    default:
      guard let tensor = variable?.tensor, tensor.rank == 0 else { return nil }
      return tensor.dtype.isInteger ? tensor.integerItem : Int(exactly: tensor.item)
    }
  }

  /// A number, or a tensor of rank 0.
  package var asDouble: Double? {
    switch self {
    case .int(let value): return Double(value)
    case .float(let value): return value
    default:
      guard let tensor = variable?.tensor, tensor.rank == 0, tensor.dtype != .bool else {
        return nil
      }
      return tensor.item
    }
  }

  /// A `Bool`, or a bool tensor of rank 0.
  package var asBool: Bool? {
    switch self {
    case .bool(let value): return value
    default:
      guard let tensor = variable?.tensor, tensor.rank == 0, tensor.dtype == .bool else {
        return nil
      }
      return tensor.integerItem != 0
    }
  }

  package var isNone: Bool {
    if case .none = self { return true }
    return false
  }

  /// What messages call it: "an Int", "f32[2, 3]", "a list".
  package var kind: String {
    switch self {
    case .undefined: "nothing"
    case .none: "none"
    case .bool: "a Bool"
    case .int: "an Int"
    case .float: "a Float"
    case .string: "a String"
    case .tensor(let variable): variable.description
    case .parameter(let parameter): parameter.value.description
    case .list(let items): "a list of \(items.count)"
    case .record(let record): record.isTuple ? "a tuple of \(record.values.count)" : "a record"
    case .range: "a range"
    case .dtype: "a dtype"
    case .function(let function):
      function.name.isEmpty ? "a function" : "the function \(function.name)"
    case .builtin(let builtin): "the function \(builtin.name)"
    case .modelType(let type): "the model \(type.name), not yet made"
    case .model(let model): withArticle(model.type.name)
    case .lazy(let list): list.description
    }
  }
}

extension Value {
  /// What `type` says.
  package var typeName: String {
    switch self {
    case .undefined, .none: "none"
    case .bool: "Bool"
    case .int: "Int"
    case .float: "Float"
    case .string: "String"
    case .tensor, .parameter: "Tensor"
    case .list: "List"
    case .record: "Record"
    case .range: "Range"
    case .dtype: "DType"
    case .function, .builtin, .modelType: "Function"
    case .model: "Model"
    case .lazy: "Batches"
    }
  }
}
