import Autodiff
import Builtins
import Language
import Support
import Syntax
import Tensors
import Values

/// A value of attn, as a Swift program sees it.
public struct Value: CustomStringConvertible {
  let value: Values.Value

  init(_ value: Values.Value) { self.value = value }

  /// What a prompt would show.
  public var description: String { value.text() }

  /// A whole number, or a tensor of one.
  public var int: Int {
    get throws { try unwrap(value.asInt, "a whole number") }
  }

  /// A number, or a tensor of one.
  public var double: Double {
    get throws { try unwrap(value.asDouble, "a number") }
  }

  public var bool: Bool {
    get throws { try unwrap(value.asBool, "true or false") }
  }

  public var string: String {
    get throws {
      guard case .string(let text) = value else { throw wrong("a String") }
      return text
    }
  }

  /// A tensor, or a number as one; its elements are computed and copied out now.
  ///
  /// - Throws: `AttnError` for another value, and where memory does not hold the elements.
  public var tensor: Attn.Tensor {
    get throws {
      if let variable = value.variable { return try Attn.Tensor(variable.tensor) }
      if let number = value.asDouble { return try Attn.Tensor([number], shape: []) }
      throw wrong("a tensor")
    }
  }

  /// The items of a list or tuple.
  public var list: [Attn.Value] {
    get throws { try unwrap(value.items(), "a list").map(Attn.Value.init) }
  }

  /// A field of a record or model, by its label.
  public subscript(label: String) -> Attn.Value? {
    switch value {
    case .record(let record): record[label].map(Attn.Value.init)
    case .model(let model): model.member(label).map(Attn.Value.init)
    default: nil
    }
  }

  public var isNone: Bool { value.isNone }

  private func unwrap<Result>(_ result: Result?, _ wanted: String) throws -> Result {
    guard let result else { throw wrong(wanted) }
    return result
  }

  private func wrong(_ wanted: String) -> AttnError {
    AttnError(
      message: "the value is \(value.kind), not \(wanted)",
      description: "the value is \(value.kind), not \(wanted)")
  }
}

/// A tensor with its elements copied out as numbers.
public struct Tensor: Sendable, Equatable {
  /// The name of the element type: `f32`, `f64`, `i32`, `i64`, `bool`.
  public let dtype: String
  public let shape: [Int]
  /// The elements in row-major order; true is 1.
  public let elements: [Double]

  /// An `f32` tensor; with `dtype` another.
  ///
  /// - Throws: `AttnError` where the shape does not hold as many elements.
  public init(_ elements: [Double], shape: [Int], dtype: String = "f32") throws {
    guard shape.allSatisfy({ $0 >= 0 }),
      shape.reduce(1, { $0.multipliedReportingOverflow(by: $1).partialValue }) == elements.count
    else {
      throw AttnError("the shape \(shape) does not hold \(elements.count) elements")
    }
    guard DType(name: dtype) != nil else {
      throw AttnError("the dtype \(dtype) is not f32, f64, i32, i64 or bool")
    }
    self.elements = elements
    self.shape = shape
    self.dtype = dtype
  }

  init(_ tensor: Tensors.Tensor) throws {
    dtype = tensor.dtype.name
    shape = tensor.shape
    do { elements = try tensor.doubles() } catch { throw AttnError(error) }
  }
}

/// What can be given to a session.
public protocol AttnConvertible {
  func attnValue() throws -> SessionValue
}

/// A value on its way into a session; made by `attnValue()` of the types that conform.
public struct SessionValue {
  let value: Values.Value
}

extension AttnConvertible {
  func attnValue() throws -> Values.Value {
    let wrapped: SessionValue = try attnValue()
    return wrapped.value
  }
}

extension Value: AttnConvertible {
  public func attnValue() throws -> SessionValue { SessionValue(value: value) }
}
extension Int: AttnConvertible {
  public func attnValue() -> SessionValue { SessionValue(value: .int(self)) }
}
extension Double: AttnConvertible {
  public func attnValue() -> SessionValue { SessionValue(value: .float(self)) }
}
extension Bool: AttnConvertible {
  public func attnValue() -> SessionValue { SessionValue(value: .bool(self)) }
}
extension String: AttnConvertible {
  public func attnValue() -> SessionValue { SessionValue(value: .string(self)) }
}
extension Array: AttnConvertible where Element: AttnConvertible {
  public func attnValue() throws -> SessionValue {
    SessionValue(value: .list(try map { try $0.attnValue() }))
  }
}
extension Attn.Tensor: AttnConvertible {
  public func attnValue() throws -> SessionValue {
    guard let dtype = DType(name: dtype) else { throw AttnError("the dtype \(dtype) is not known") }
    let tensor = try Tensors.Tensor(elements, shape).converted(to: dtype)
    return SessionValue(value: .tensor(Variable(tensor)))
  }
}

/// What went wrong in a session: the message alone, and the whole with its place and hint.
public struct AttnError: Error, CustomStringConvertible {
  public let message: String
  public let description: String

  /// An error that a function defined by the host throws.
  public init(_ message: String) { self.init(message: message, description: message) }

  init(message: String, description: String) {
    self.message = message
    self.description = description
  }

  init(_ error: any Error) {
    switch error {
    case let error as AttnError: self = error
    case let diagnostic as Diagnostic:
      self.init(message: diagnostic.message, description: diagnostic.rendered(location: .full))
    case let error as BuiltinError: self.init(error.message)
    case let error as TensorError: self.init(error.message)
    default: self.init("\(error)")
    }
  }
}
