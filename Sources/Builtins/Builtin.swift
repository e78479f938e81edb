import Autodiff
import Shapes
import Syntax
import Tensors
import Values

/// A primitive, declared once: checks, help, completion, the reference page and tests derive from
/// it. CONTRIBUTING.md shows how to add one.
package final class Builtin: Primitive {
  package let signature: Signature
  /// One sentence that ends with a period, and what else there is to know.
  package let summary: String
  package let examples: [Example]
  package let gradients: [GradientCheck]
  package let traits: Traits
  /// How the shape of a tensor result follows from the arguments.
  package let shapes: ResultShape?
  /// What it reaches beyond its arguments.
  package let uses: Capability
  /// Which of the reducers of index notation it is.
  package let reducerName: ReducerName?
  /// What `name[i](...)` does in index notation, where the name is a reducer.
  package let reduction: Reduction?
  package let body: @Sendable (Arguments) throws -> Value

  package var name: String { signature.name }
  package var signatureText: String {
    guard signature.result == nil, let result = shapes?.rule.summary else { return signature.text }
    return "\(signature.text) -> \(signature.resultType ?? "")\(result)"
  }

  // Not inlined, as it would be into each declaration: that made them a third of the module's compile time.
  @inline(never)
  package init(
    _ signature: String, _ summary: String, shape rule: ShapeRule? = nil, examples: [Example] = [],
    gradients: [GradientCheck] = [], traits: Traits = [], uses: Capability = [],
    reduction: Reduction? = nil,
    body: @escaping @Sendable (Arguments) throws -> Value
  ) {
    self.signature = Signature(signature)
    self.summary = summary
    self.examples = examples
    self.gradients = gradients
    self.traits = traits
    self.uses = uses
    self.reduction = reduction
    reducerName = reduction == nil ? nil : ReducerName(rawValue: self.signature.name)
    self.body = body
    shapes = ResultShape(self.signature, rule)
    let parameters = self.signature.parameters
    parameterNames = parameters.map(\.name)
    fallbacks = parameters.map { parameter in
      guard let text = parameter.fallback else { return nil }
      if let other = parameters.firstIndex(where: { $0.name == text }) { return .parameter(other) }
      return Fallback(text)
    }
    variadic = parameters.firstIndex(where: \.isVariadic)
  }

  /// The same declaration with another body, which sees to shapes itself: tests look on with it.
  package init(_ original: Builtin, body: @escaping @Sendable (Arguments) throws -> Value) {
    signature = original.signature
    summary = original.summary
    examples = original.examples
    gradients = original.gradients
    traits = original.traits
    shapes = nil
    uses = original.uses
    reducerName = original.reducerName
    reduction = original.reduction
    self.body = body
    parameterNames = original.parameterNames
    fallbacks = original.fallbacks
    variadic = original.variadic
  }

  // What a call reads of the signature, by position.
  package let parameterNames: [String]
  package let fallbacks: [Fallback?]
  /// The parameter that takes all further arguments.
  package let variadic: Int?

  package struct Traits: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    /// Works on each element by itself, so index notation may apply it to an indexed expression.
    package static let elementwise = Traits(rawValue: 1)
  }

  package enum Example: Sendable {
    /// The expression and what it prints.
    case prints(String, String)
    /// The expression and the first line of its error, without `error: `.
    case fails(String, String)
  }

  /// An expression in x, y and z whose gradient is compared with finite differences in f64.
  package struct GradientCheck: Sendable {
    package let expression: String
    package let shapes: [[Int]]

    @inline(never)
    package static func at(_ expression: String, _ shapes: [Int]...) -> GradientCheck {
      GradientCheck(expression: expression, shapes: shapes)
    }
  }

  /// What a reducer does in index notation, over one axis that index notation has brought last.
  package struct Reduction: Sendable {
    package let apply: @Sendable (Variable, _ keep: Tensor?) throws -> Variable

    package init(_ apply: @escaping @Sendable (Variable, _ keep: Tensor?) throws -> Variable) {
      self.apply = apply
    }
  }

  /// A default of a signature, as a value that can be shared.
  package enum Fallback: Sendable {
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case string(String)
    case dtype(DType)
    /// A word that the primitive gives a meaning: `all`.
    case word(String)
    /// What another parameter, which stands before, has.
    case parameter(Int)

    init(_ text: String) {
      if text == "none" {
        self = .none
      } else if text == "true" || text == "false" {
        self = .bool(text == "true")
      } else if let value = Int(text) {
        self = .int(value)
      } else if let value = Double(text) {
        self = .float(value)
      } else if let dtype = DType(name: text) {
        self = .dtype(dtype)
      } else if text.hasPrefix("\"") {
        self = .string(String(text.dropFirst().dropLast()))
      } else {
        self = .word(text)
      }
    }

    package var value: Value {
      switch self {
      case .none: .none
      case .bool(let value): .bool(value)
      case .int(let value): .int(value)
      case .float(let value): .float(value)
      case .string(let value): .string(value)
      case .dtype(let value): .dtype(value)
      case .word(let value): .string(value)
      case .parameter: .none
      }
    }
  }
}

extension Primitive {
  package var declaration: Builtin {
    guard let builtin = self as? Builtin else { preconditionFailure("\(name) is declared as a Builtin") }
    return builtin
  }
}
