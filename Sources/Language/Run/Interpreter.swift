import Autodiff
import Builtins
import Host
import Shapes
import Support
import Syntax
import Tensors
import Values

/// Runs code: calls functions, applies models, and turns what goes wrong into diagnostics.
final class Interpreter {
  let host = Capabilities()
  let primitives: PrimitiveTable
  /// Looks on in the frames that begin from here on.
  @exclusivity(unchecked) var observer: (any NameObserver)?
  /// Values given on the command line for script parameters, by name.
  var scriptArguments: [String: Value] = [:]
  /// Whether a loop that is interrupted keeps the rounds that it has run, as at a prompt.
  var keepsInterruptedLoops = false
  /// The names of the script.
  var mainCells: () -> [GlobalCell] = { [] }
  private(set) lazy var library = Library(self)
  /// Calls in flight.
  @exclusivity(unchecked) private var depth = 0
  /// Deep enough for any honest recursion; the stack has room for more.
  static let deepestCall = 10_000
  private var importing: [String] = []

  init(_ primitives: PrimitiveTable) {
    self.primitives = primitives
    host.call = { [unowned self] function, values in
      try call(function, values)
    }
  }

  // MARK: Calls

  /// Calls with positional arguments, from Swift.
  func call(_ function: Value, _ values: [Value]) throws -> Value {
    let plan = BindingPlan(parameters: Array(values.indices))
    switch function {
    case .function(let function):
      if let closure = function as? Closure {
        guard values.count <= closure.parameterNames.count else {
          throw BuiltinError(
            "\(closure.code.displayName) takes "
              + "\(Support.count(closure.parameterNames.count, "argument", "arguments")), and \(values.count) are given",
            at: ["f"])
        }
        return try run(closure, values, plan, at: nil)
      }
      guard let native = function as? NativeFunction else {
        preconditionFailure("functions are closures or native")
      }
      return try native.body(values)
    case .builtin(let primitive):
      let builtin = primitive.declaration
      let count = builtin.parameterNames.count
      guard values.count <= count || builtin.variadic != nil else {
        throw BuiltinError(
          "\(builtin.name) takes \(count) arguments, and \(values.count) are given", at: ["f"])
      }
      var positions = Array(values.indices)
      if let variadic = builtin.variadic {
        for index in positions.indices where index >= variadic { positions[index] = -1 }
      }
      return try run(builtin, values, BindingPlan(parameters: positions)) {
        OperandSite(
          function: builtin.name, spans: [], valueIndices: [], parameters: builtin.parameterNames,
          whole: Span(Source(""), 0, 0))
      }
    case .model(let model):
      guard let type = model.type as? ModelCode, let apply = type.apply,
        values.count <= apply.parameters.count
      else {
        throw BuiltinError(
          "\(model.type.name) can't be applied to \(values.count) arguments", at: ["f"])
      }
      return try self.apply(model, apply, values, plan, at: nil)
    case .modelType(let type):
      guard let type = type as? ModelCode, values.count <= type.parameterNames.count else {
        throw BuiltinError("\(type.name) can't be made from \(values.count) arguments", at: ["f"])
      }
      return try make(type, values, plan, at: nil)
    default:
      throw BuiltinError("\(function.described) can't be called", at: ["f"])
    }
  }

  func run(
    _ builtin: Builtin, _ values: [Value], _ plan: BindingPlan, _ site: () -> OperandSite
  ) throws -> Value {
    do {
      let count = builtin.parameterNames.count
      var bound: [Value]
      if values.count == count, plan.isInOrder {
        bound = values
      } else {
        bound = []
        bound.reserveCapacity(count)
        for position in 0..<count {
          if position == builtin.variadic {
            bound.append(
              builtin.parameterNames[position] == "named"
                ? .record(Record(labels: plan.extraLabels, values: collect(-2, values, plan)))
                : .list(collect(-1, values, plan)))
          } else if let index = plan.parameters.firstIndex(of: position) {
            bound.append(values[index])
          } else if let fallback = builtin.fallbacks[position] {
            if case .parameter(let other) = fallback {
              bound.append(bound[other])
            } else {
              bound.append(fallback.value)
            }
          } else {
            throw BuiltinError(
              "\(builtin.parameterNames[position]) is missing",
              hint: builtin.name == "clip" && position == 2
                ? "clip_norm(x, 1.0) limits the norm of all of x" : "the call is \(builtin.signature.text)")
          }
        }
      }
      if host.loops.isInterrupted() { throw Interruption() }
      let arguments = Arguments(builtin, bound, host)
      try arguments.deriveShape()
      return try builtin.body(arguments)
    } catch {
      throw diagnose(error, site(), values)
    }
  }

  private func collect(_ kind: Int, _ values: [Value], _ plan: BindingPlan) -> [Value] {
    zip(values, plan.parameters).filter { $1 == kind }.map(\.0)
  }

  func run(_ native: NativeFunction, _ values: [Value], at span: Span) throws -> Value {
    try located(span) { try native.body(values) }
  }

  func run(_ closure: Closure, _ values: [Value], _ plan: BindingPlan, at site: CallNode?) throws
    -> Value
  {
    var frame = frame(for: closure)
    frame.place(values, closure.code, plan)
    return try run(closure.code, in: &frame, plan, at: site)
  }

  /// The frame of a call, for its arguments.
  func frame(for closure: Closure) -> Frame {
    var frame = Frame(self, slots: closure.code.slotCount, model: closure.model)
    for (slot, value) in zip(closure.code.captureSlots, closure.captured) {
      frame.locals[slot] = value
    }
    if let slot = closure.code.selfSlot { frame.locals[slot] = .function(closure) }
    return frame
  }

  /// Runs a function, or a method of a model, whose arguments stand in its frame: with the files beside the
  /// script that it stands in.
  func run(_ code: FunctionCode, in frame: inout Frame, _ plan: BindingPlan, at site: CallNode?) throws
    -> Value
  {
    guard !folders.isEmpty, let (_, folder) = folders[ObjectIdentifier(code.span.source)] else {
      return try invoke(code, plan, &frame, at: site)
    }
    let base = host.files.base
    host.files.base = folder
    defer { host.files.base = base }
    return try invoke(code, plan, &frame, at: site)
  }

  func apply(
    _ model: Model, _ code: FunctionCode, _ values: [Value], _ plan: BindingPlan, at site: CallNode?
  ) throws -> Value {
    var frame = frame(for: model, code)
    frame.place(values, code, plan)
    return try run(code, in: &frame, plan, at: site)
  }

  func frame(for model: Model, _ code: FunctionCode) -> Frame {
    Frame(self, slots: code.slotCount, model: model)
  }

  /// Runs code whose arguments stand in its frame.
  func invoke(
    _ code: FunctionCode, _ plan: BindingPlan, _ frame: inout Frame, at site: CallNode?
  ) throws -> Value {
    depth += 1
    defer { depth -= 1 }
    do {
      guard depth <= Self.deepestCall else {
        throw Diagnostic(
          "the calls are nested too deeply: \(code.displayName) is in \(Self.deepestCall) of them",
          at: site?.span ?? code.span, hint: "is there a way out of the recursion?")
      }
      if host.loops.isInterrupted() { throw Interruption() }
      for parameter in plan.parameters {
        let slot = code.parameterSlots[parameter]
        // Only now, as a later argument may have changed what an earlier one names.
        if case .parameter = frame.locals[slot] { frame.locals[slot] = frame.locals[slot].read }
      }
      try code.bind(&frame, plan, at: site)
      let value = try code.body.evaluate(&frame)
      return value.read
    } catch var diagnostic as Diagnostic {
      // A mistake in the call itself stands where the call stands, not inside.
      if let site, !diagnostic.isAtCall {
        diagnostic.leave(.init(function: code.displayName, span: site.span), of: code.name)
      }
      diagnostic.isAtCall = false
      throw diagnostic
    } catch let error as BuiltinError {
      throw Diagnostic(error.message, at: site?.span ?? code.span, hint: error.hint)
    } catch let mistake as ShapeMistake {
      throw located(mistake, site?.span ?? code.span)
    } catch let error as TensorError {
      throw Diagnostic(
        error.message.replacing("{0}", with: "the tensor").replacing("{1}", with: "the other"),
        at: site?.span ?? code.span, hint: error.hint)
    }
  }

  /// Counts a call that index notation runs element by element.
  func enterElementwise(_ code: FunctionCode, _ span: Span) throws {
    depth += 1
    guard depth <= Self.deepestCall else {
      depth -= 1
      throw Diagnostic(
        "the calls are nested too deeply: \(code.displayName) is in \(Self.deepestCall) of them", at: span,
        hint: "an elementwise if computes both branches, so a recursion has no end there")
    }
  }

  func leaveElementwise() { depth -= 1 }

  func make(_ type: ModelCode, _ values: [Value], _ plan: BindingPlan, at site: CallNode?) throws
    -> Value
  {
    var frame = Frame(self, slots: type.constructor.slotCount)
    for (slot, value) in zip(type.constructor.captureSlots, type.captured) {
      frame.locals[slot] = value
    }
    frame.place(values, type.constructor, plan)
    _ = try invoke(type.constructor, plan, &frame, at: site)
    let arguments = type.constructor.parameters.map { frame.locals[$0.slot] }
    let fields = type.fieldSlots.map { frame.locals[$0] }
    let model = Model(type: type, arguments: arguments, fields: fields)
    if let (first, second) = Value.model(model).doubledParameter() {
      throw Diagnostic(
        "\(type.name): one param stands in two fields, \(first) and \(second)",
        at: site?.span ?? type.constructor.span,
        hint: "weights are tied by use: read \(first) where the other was meant")
    }
    return .model(model)
  }

  // MARK: Errors

  /// Gives an error of a primitive its place and the user's names.
  func diagnose(_ error: any Error, _ site: OperandSite, _ values: [Value]) -> any Error {
    switch error {
    case let error as BuiltinError:
      site.diagnostic(
        error.message, operands: error.parameters.compactMap(site.parameters.firstIndex), hint: error.hint,
        values)
    case let mistake as ShapeMistake: site.diagnostic(mistake, values)
    case let error as TensorError:
      site.diagnostic(error.message, operands: error.operands, hint: error.hint, values)
    case let error as IndexOutOfRange:
      site.diagnostic(
        "index number \(error.flat) is out of range", operands: [1], hint: nil, values)
    default: error
    }
  }

  /// A mistake in shapes of which nothing but a place is known.
  private func located(_ mistake: ShapeMistake, _ span: Span) -> Diagnostic {
    OperandSite(
      function: "", spans: [], valueIndices: [], parameters: ["x", "y"],
      shownNames: ["the tensor", "the other"], whole: span
    ).diagnostic(mistake, [])
  }

  /// Runs Swift code whose errors belong to a place.
  func located<Result>(_ span: Span, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch {
      throw diagnose(
        error,
        OperandSite(
          function: "", spans: [span, nil], valueIndices: [nil, nil], parameters: ["x", "y"],
          shownNames: [span.text, "the other"], whole: span), [])
    }
  }

  func unknownName(_ name: String, _ span: Span, _ module: Module) -> Diagnostic {
    let known = module.visibleNames
    var hint = nearest(name, among: known).map { "did you mean \($0)?" }
    if let new = FormerNames.functions[name] {
      hint = "\(name) is called \(new) now"
    } else if name == "True" || name == "False" || name == "None" {
      hint = "write \(name == "None" ? "none" : name.lowercased())"
    } else if name == "torch" || name == "np" || name == "numpy" {
      hint = "the functions stand by themselves: zeros(2, 3), softmax(x, axis: -1)"
    } else if name == "def" {
      hint = "a function is written fn name(x) { ... }"
    }
    return Diagnostic("the name \(name) is not known", at: span, hint: hint)
  }

  func unknownMember(_ name: Name, of base: Value) -> Diagnostic {
    var hint: String?
    switch base {
    case .record(let record):
      let labels = record.labels.compactMap { $0 }
      hint =
        FormerNames.hint(field: name.text, among: labels)
        ?? nearest(name.text, among: labels).map { "did you mean \($0)?" }
        ?? (labels.isEmpty ? nil : "it has \(labels.joined(separator: ", "))")
    case .model(let model):
      // A field may carry a parameter's name.
      let fields = model.type.fieldNames
      let parameters = model.type.parameterNames.filter { !fields.contains($0) }
      let methods = model.type.methodNames
      if methods.contains(name.text) {
        return Diagnostic(
          "\(name.text) is a method of \(base.kind)", at: name.span,
          hint: "`with` changes fields: \(fields.joined(separator: ", "))")
      }
      let names = fields + parameters + methods
      hint =
        FormerNames.hint(field: name.text, among: names)
        ?? nearest(name.text, among: names).map { "did you mean \($0)?" }
        ?? "it has \(names.joined(separator: ", "))"
    default:
      hint = nearest(name.text, among: primitives.all.map(\.name)).map { "did you mean \($0)?" }
    }
    return Diagnostic(
      "\(base.kind) has no \(name.text), and there is no function of that name", at: name.span,
      hint: hint)
  }

  // MARK: Script parameters and imports

  func argument(_ name: String) -> Value? { scriptArguments[name] }

  func importFile(_ path: String, into module: Module, at span: Span) throws {
    let (text, resolved) = try located(span) {
      (try host.files.readText(path), try host.files.resolve(path))
    }
    guard !importing.contains(resolved) else {
      throw Diagnostic("\(path) imports itself", at: span)
    }
    importing.append(resolved)
    defer { importing.removeLast() }
    let script = Parser.parse(Source(text, name: path))
    if let problem = script.problems.first { throw problem }
    // Paths inside the file are relative to it.
    let base = host.files.base
    host.files.base = Files.folder(of: resolved)
    defer { host.files.base = base }
    folders[ObjectIdentifier(script.source)] = (script.source, host.files.base)
    for statement in script.statements {
      switch statement.kind {
      case .expression, .scriptParameter: continue
      default: break
      }
      _ = try execute(statement, in: module)
    }
  }

  /// Folders of imported files, against which the paths in their functions are resolved. The sources
  /// are held, so that their identities stay theirs.
  @exclusivity(unchecked) private var folders: [ObjectIdentifier: (source: Source, folder: String)] = [:]

  /// Compiles and runs one statement at top level.
  func execute(_ statement: Statement, in module: Module) throws -> Value {
    let compiler = Compiler(module: module, interpreter: self)
    let (node, slots) = try compiler.compileTopLevel(statement)
    (node as? ForNode)?.isStatement = !module.isLibrary
    (node as? WhileNode)?.isStatement = !module.isLibrary
    var frame = Frame(self, slots: slots)
    return try node.evaluate(&frame)
  }
}

/// The names of a script, with the library and the builtins around it.
final class Module {
  private(set) var cells: [String: GlobalCell] = [:]
  let isLibrary: Bool
  private unowned let interpreter: Interpreter

  init(_ interpreter: Interpreter, isLibrary: Bool = false) {
    self.interpreter = interpreter
    self.isLibrary = isLibrary
  }

  func cell(_ name: String) -> GlobalCell {
    if let cell = cells[name] { return cell }
    let cell = GlobalCell(name: name)
    cells[name] = cell
    return cell
  }

  /// What the name means where the script itself says nothing.
  func outer(_ name: String) throws -> Value? {
    if let builtin = interpreter.primitives.named[name] { return .builtin(builtin) }
    if let constant = interpreter.primitives.constants[name] { return constant.value }
    return try isLibrary ? interpreter.library.anyValue(name) : interpreter.library.value(name)
  }

  func primitive(_ name: String) -> Builtin? { interpreter.primitives.named[name] }

  func removeAll() { cells = [:] }

  var definedNames: [String] {
    cells.values.filter { if case .undefined = $0.value { false } else { true } }.map(\.name)
      .sorted()
  }

  var visibleNames: [String] {
    definedNames + interpreter.primitives.all.map(\.name) + (isLibrary ? [] : interpreter.library.names)
  }
}
