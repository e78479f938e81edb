import Autodiff
import Builtins
import Support
import Syntax
import Tensors
import Values

/// A running attn: names and their values, random state, files, and where output goes.
///
/// Not for use from several threads at once.
package final class Session {
  let interpreter: Interpreter
  private(set) lazy var module = Module(interpreter)

  package init(_ primitives: PrimitiveTable) {
    interpreter = Interpreter(primitives)
    interpreter.mainCells = { [unowned self] in Array(module.cells.values) }
  }

  /// Whether a loop at top level that is interrupted keeps the rounds that it has run, and its
  /// statement completes: at a prompt. Elsewhere the interruption is the statement's outcome.
  package var keepsInterruptedLoops: Bool {
    get { interpreter.keepsInterruptedLoops }
    set { interpreter.keepsInterruptedLoops = newValue }
  }

  package var host: Capabilities { interpreter.host }
  package var primitives: PrimitiveTable { interpreter.primitives }

  /// Values for the script parameters that `arg` declares, by name.
  package var scriptArguments: [String: Value] {
    get { interpreter.scriptArguments }
    set { interpreter.scriptArguments = newValue }
  }

  // MARK: Running

  /// What running a statement came to.
  package enum Outcome {
    case value(Value)
    case failed(Diagnostic)
    case interrupted
  }

  /// Runs one top-level statement. A value that is to be shown is written to the output.
  package func run(_ statement: Statement) -> Outcome {
    run(statement) { value in
      let text = value.text(digits: host.output.digits) + "\n"
      try Machine.checkStop()
      host.output.write(text)
      try Machine.checkStop()
    }
  }

  /// - Parameter show: gets the value that is to be shown.
  package func run(_ statement: Statement, show: (Value) throws -> Void) -> Outcome {
    let random = host.random.state
    host.loops.count.beginStatement()
    let before = keepsInterruptedLoops && statement.assignsOnItsWay ? Note(interpreter) : nil
    do {
      let value = try interpreter.execute(statement, in: module)
      try LateFailure.check()
      if statement.isShown, !value.isNone { try show(value) }
      return .value(value)
    } catch {
      LateFailure.forget()
      // A failed or interrupted statement puts the stream of random numbers back.
      host.random.state = random
      if error is Interruption || host.loops.isInterrupted() {
        before?.restore(interpreter)
        return .interrupted
      }
      return .failed(diagnostic(error, statement.span))
    }
  }

  private func diagnostic(_ error: any Error, _ span: Span) -> Diagnostic {
    if let diagnostic = error as? Diagnostic { return diagnostic }
    let located = interpreter.diagnose(
      error, OperandSite(function: "", spans: [], valueIndices: [], parameters: [], whole: span),
      [])
    return located as? Diagnostic ?? Diagnostic("\(error)", at: span)
  }

  /// Runs a text to its end or its first mistake, and gives the last value.
  @discardableResult
  package func evaluate(_ text: String, name: String? = nil) throws -> Value {
    let script = Parser.parse(Source(text, name: name))
    if let problem = script.problems.first { throw problem }
    var last = Value.none
    for statement in script.statements {
      switch run(statement) {
      case .value(let value): last = value
      case .failed(let diagnostic): throw diagnostic
      case .interrupted: throw Interruption()
      }
    }
    return last
  }

  /// Calls a function of the session.
  package func call(_ function: Value, _ arguments: [Value]) throws -> Value {
    do {
      let value = try interpreter.call(function, arguments)
      try LateFailure.check()
      return value
    } catch {
      LateFailure.forget()
      throw diagnostic(error, Span(Source(""), 0, 0))
    }
  }

  // MARK: Names

  /// Looks on while names are bound during `body`, and may give them other values.
  package func observingNames(
    _ look: @escaping (_ name: String, Value) throws -> Value, while body: () throws -> Void
  ) rethrows {
    final class Observer: NameObserver {
      let look: (String, Value) throws -> Value
      init(_ look: @escaping (String, Value) throws -> Value) { self.look = look }
      func willBind(_ name: String, _ value: Value, _ frame: Frame) throws -> Value { try look(name, value) }
    }
    let before = interpreter.observer
    interpreter.observer = Observer(look)
    defer { interpreter.observer = before }
    try body()
  }

  package subscript(name: String) -> Value? {
    get {
      guard let cell = module.cells[name] else { return nil }
      if case .undefined = cell.value { return nil }
      return cell.value
    }
    set { module.cell(name).value = newValue ?? .undefined }
  }

  /// The names that the session has defined, sorted.
  package var definedNames: [String] { module.definedNames }

  /// Every name that can be used: the session's, the library's and the primitives.
  package var visibleNames: [String] { module.visibleNames }

  /// The text of a function or model, from the session or the library.
  package func source(of name: String) -> String? {
    switch self[name] {
    case .function(let function): (function as? Closure)?.code.span.text
    case .modelType(let type): (type as? ModelCode)?.span.text
    default: interpreter.library.source(of: name)
    }
  }

  /// What a function, a model or a model to be made takes.
  package func parameterNames(of callee: Value) -> [String] {
    switch callee {
    case .function(let function): function.parameterNames
    case .builtin(let primitive):
      primitive.declaration.signature.parameters.filter { !$0.isVariadic }.map(\.name)
    case .modelType(let type): type.parameterNames
    case .model(let model): (model.type as? ModelCode)?.apply?.parameters.map(\.name) ?? []
    default: []
    }
  }

  /// What a name that is not the session's own stands for.
  package func outerValue(_ name: String) -> Value? { try? module.outer(name) }

  /// The names of the embedded library.
  package var libraryNames: [String] { interpreter.library.names }
}

/// The parameters that a script declares with `arg`.
package struct ScriptParameter {
  package var name: String
  package var fallback: String
  package var help: String?

  package static func all(in script: Script) -> [ScriptParameter] {
    script.statements.compactMap { statement in
      guard case .scriptParameter(let name, let value) = statement.kind else { return nil }
      return ScriptParameter(
        name: name.text, fallback: value.span.text, help: statement.documentation)
    }
  }

  /// A word of the command line as a value of the kind that the default has.
  package static func value(
    of text: String, like fallback: Value, _ primitives: PrimitiveTable
  ) throws -> Value {
    switch fallback {
    case .int:
      if let value = Int(text.filter { $0 != "_" }) { return .int(value) }
      throw BuiltinError("takes a whole number, not \(text)")
    case .float:
      if let value = Double(text) { return .float(value) }
      throw BuiltinError("takes a number, not \(text)")
    case .bool:
      switch text {
      case "true", "yes", "on": return .bool(true)
      case "false", "no", "off": return .bool(false)
      default: throw BuiltinError("takes true or false, not \(text)")
      }
    case .string: return .string(text)
    case .tensor, .list, .record:
      guard let value = try? Session(primitives).evaluate(text), value.read.isLike(fallback) else {
        throw BuiltinError("takes a value like \(fallback.text().split(separator: "\n")[0]), not \(text)")
      }
      return value
    default:
      if let value = Int(text) { return .int(value) }
      if let value = Double(text) { return .float(value) }
      if text == "true" || text == "false" { return .bool(text == "true") }
      return text == "none" ? .none : .string(text)
    }
  }
}

extension Statement {
  /// Whether it can change a name and go on after that.
  fileprivate var assignsOnItsWay: Bool {
    switch kind {
    case .forLoop, .whileLoop, .importFile: true
    case .expression(let expression): expression.hasConditional
    case .assign, .indexAssign, .function, .model, .breakLoop, .continueLoop, .returnValue, .assertion,
      .scriptParameter:
      false
    }
  }

  /// Whether its value is echoed: an expression's is, unless `;` mutes it. An `if` whose branches end
  /// in assignments is there for those.
  fileprivate var isShown: Bool {
    guard case .expression(let expression) = kind, !isMuted else { return false }
    return expression.isShown
  }
}

extension Expression {
  fileprivate var isShown: Bool {
    guard case .conditional(_, let then, let otherwise) = kind else { return true }
    return [then, otherwise].compactMap { $0?.statements.last }.allSatisfy { last in
      guard case .expression(let value) = last.kind else { return false }
      return value.isShown
    }
  }
}

extension Value {
  /// Whether it is of the same kind as another.
  fileprivate func isLike(_ other: Value) -> Bool {
    switch (self, other) {
    case (.tensor, .tensor), (.list, .list), (.record, .record): true
    default: false
    }
  }
}
