import Autodiff
import Builtins
import Families
import Language
import Support
import Tensors
import Values

/// A running attn inside a Swift program.
///
/// ```swift
/// let session = Session()
/// try session.define("q", try Tensor([1, 0, 0, 1], shape: [2, 2]))
/// let weights = try session.evaluate("softmax(q @ q.T, axis: -1)").tensor
/// ```
///
/// A session is not for use from several threads at once. Each has its own names, random state and
/// folder.
public final class Session {
  private let session: Language.Session

  public init() { session = Language.Session(.standard) }

  package init(_ session: Language.Session) { self.session = session }

  /// Where `print`, and values that a statement shows, are written. Nothing is shown by default.
  public var output: @Sendable (String) -> Void = { _ in } {
    didSet { session.host.output.write = output }
  }

  /// The folder against which relative paths in scripts are resolved.
  public var folder: String {
    get { session.host.files.base }
    set { session.host.files.base = newValue }
  }

  /// Runs statements and gives the value of the last one.
  ///
  /// - Throws: `AttnError`, whose description shows the place and a hint.
  @discardableResult
  public func evaluate(_ text: String) throws -> Attn.Value {
    try translated { Attn.Value(try session.evaluate(text)) }
  }

  /// Gives a name a value.
  public func define(_ name: String, _ value: any AttnConvertible) throws {
    session[name] = try translated { try value.attnValue() }
  }

  /// Gives a name a function written in Swift. It is called with positional arguments, or by the
  /// parameter names given.
  ///
  /// ```swift
  /// session.define("scale", parameters: ["x"]) { arguments in
  ///   let x = try arguments[0].tensor
  ///   return try Tensor(x.elements.map { 2 * $0 }, shape: x.shape)
  /// }
  /// ```
  public func define(
    _ name: String, parameters: [String],
    _ body: @escaping @Sendable ([Attn.Value]) throws -> any AttnConvertible
  ) {
    let function = NativeFunction(name, parameters: parameters) { values in
      guard values.count == parameters.count else {
        throw BuiltinError(
          values.count < parameters.count
            ? "\(name): \(parameters[values.count]) is missing"
            : "\(name) takes \(count(parameters.count, "argument", "arguments")), and \(values.count) are given",
          hint: "the call is \(name)(\(parameters.joined(separator: ", ")))")
      }
      do {
        return try body(values.map(Attn.Value.init)).attnValue()
      } catch let error as AttnError {
        throw BuiltinError("\(name): \(error.message)")
      } catch let error as BuiltinError {
        throw error
      } catch {
        throw BuiltinError("\(name): \(error)")
      }
    }
    session[name] = .function(function)
  }

  /// The value of a name that the session has defined.
  public subscript(name: String) -> Attn.Value? {
    session[name].map(Attn.Value.init)
  }

  /// Calls a function or model of the session.
  public func call(_ function: Attn.Value, _ arguments: any AttnConvertible...) throws -> Attn.Value {
    try translated {
      Attn.Value(try session.call(function.value, try arguments.map { try $0.attnValue() }))
    }
  }

  private func translated<Result>(_ body: () throws -> Result) throws -> Result {
    var outcome: Swift.Result<Result, any Error>?
    Machine.withDeepStack { outcome = Swift.Result { try body() } }
    switch outcome {
    case .success(let value)?: return value
    case .failure(let error)?: throw AttnError(error)
    case nil: preconditionFailure("the body ran")
    }
  }
}
