import Builtins
import Shapes
import Syntax
import Values

/// Functions and models: their parameters, what they capture, their bodies.
extension Compiler {
  enum Source {
    case local(Int)
    case global(GlobalCell)

    func read(_ frame: Frame) -> Value {
      switch self {
      case .local(let slot): frame.locals[slot]
      case .global(let cell): cell.value
      }
    }
  }

  func compile(
    _ declaration: FunctionDeclaration, name: String
  ) throws -> (FunctionCode, [Source]) {
    let inner = Scope(parent: scope)
    // A function inside a function knows itself by its name.
    let isNested = !scope.isTopLevel && !name.isEmpty
    let selfSlot = isNested ? inner.declare(name) : nil
    let code = try compileBody(declaration, name: name, inner, selfSlot: selfSlot)
    return (code, inner.captures.map { $0.source.source })
  }

  private func compileBody(
    _ declaration: FunctionDeclaration, name: String, _ inner: Scope, selfSlot: Int?,
    isConstructor: Bool = false
  ) throws -> FunctionCode {
    let compiler = Compiler(module: module, interpreter: interpreter, scope: inner)
    let slots = declaration.parameters.map { inner.declare($0.name.text) }
    var sizes: [(String, Int)] = []
    var modelSizes: [(String, Int)] = []
    for parameter in declaration.parameters {
      for axis in parameter.axes ?? [] {
        guard case .size(let size) = axis else { continue }
        inner.signatureSizes.insert(size.text)
        if let position = inner.model?.parameters[size.text] {
          if !modelSizes.contains(where: { $0.0 == size.text }) {
            modelSizes.append((size.text, position))
          }
        } else if !sizes.contains(where: { $0.0 == size.text }),
          !declaration.parameters.contains(where: { $0.name.text == size.text })
        {
          sizes.append((size.text, inner.declare(size.text)))
        }
      }
    }
    for assigned in declaration.body.assignedNames { inner.declare(assigned) }
    let parameters = try zip(declaration.parameters, slots).map { parameter, slot in
      FunctionCode.Parameter(
        name: parameter.name.text, slot: slot,
        fallback: try parameter.fallback.map(compiler.compile),
        axes: try patterns(parameter), span: parameter.name.span)
    }
    if !isConstructor { inner.pendingStatements = AttentionChains(declaration).pending }
    let body = try compiler.compile(declaration.body, wantsValue: true)
    return FunctionCode(
      name: name, parameters: parameters, sizes: sizes, modelSizes: modelSizes, body: body,
      slotCount: inner.slotCount, captureSlots: inner.captures.map(\.slot),
      captureNames: inner.captures.map(\.name), selfSlot: selfSlot, declaration: declaration,
      module: module)
  }

  private func patterns(_ parameter: Syntax.Parameter) throws -> [Shapes.AxisPattern]? {
    guard let axes = parameter.axes else { return nil }
    return try axes.enumerated().map { index, axis in
      switch axis {
      case .ellipsis(let span):
        guard index == 0 else {
          throw Diagnostic("... comes first and stands for leading axes", at: span)
        }
        return .ellipsis
      case .size(let name): return .named(name.text)
      case .literal(let size, _): return .fixed(size)
      }
    }
  }

  /// What names mean inside a model, which a field of that name would hide.
  private static let meanings = ["self": "the model itself", "apply": "what a call of the model runs"]

  func compile(_ declaration: ModelDeclaration, _ span: Span) throws -> Node {
    let fieldScope = Scope(parent: scope)
    fieldScope.model = nil
    var fieldNames: [String] = []
    for field in declaration.fields {
      let names: [Name]
      switch field.kind {
      case .assign(let targets, _): names = targets
      case .indexAssign(let name, _, _): names = [name]
      default: names = []
      }
      for name in names {
        if fieldNames.contains(name.text) {
          throw Diagnostic("the field \(name.text) is there already", at: name.span)
        }
        if let meaning = Self.meanings[name.text] {
          throw Diagnostic(
            "a field can't be called \(name.text), which is \(meaning)", at: name.span,
            hint: "\(name.text)_ is free")
        }
        if declaration.parameters.contains(where: { $0.name.text == name.text }) {
          fieldScope.renamingFields.insert(field.span.start)
        }
        fieldNames.append(name.text)
      }
    }
    let constructorDeclaration = FunctionDeclaration(
      name: declaration.name, parameters: declaration.parameters,
      body: Block(statements: declaration.fields, span: declaration.span),
      documentation: declaration.documentation, span: declaration.span)
    let constructor = try compileBody(
      constructorDeclaration, name: declaration.name.text, fieldScope, selfSlot: nil,
      isConstructor: true)
    let fieldSlots = fieldNames.map { fieldScope.declare($0) }

    let names = Scope.ModelNames(
      fields: Dictionary(uniqueKeysWithValues: fieldNames.enumerated().map { ($1, $0) }),
      parameters: Dictionary(
        uniqueKeysWithValues: declaration.parameters.enumerated().map { ($1.name.text, $0) }),
      methods: Dictionary(
        declaration.methods.enumerated().map { ($1.name.text, $0) }, uniquingKeysWith: { first, _ in first }))
    let methods = try declaration.methods.map { method in
      if fieldNames.contains(method.name.text) {
        throw Diagnostic("\(method.name.text) is a field of the model already", at: method.name.span)
      }
      let inner = Scope(parent: scope)
      inner.model = names
      let isApply = method.name.text == "apply"
      let code = try compileBody(
        method, name: isApply ? declaration.name.text : "\(declaration.name.text).\(method.name.text)", inner,
        selfSlot: nil)
      if let capture = inner.captures.first {
        throw Diagnostic(
          "\(method.name.text) can't see \(capture.name) of the function around the model", at: span,
          hint: "give it to the model as a parameter")
      }
      return (name: method.name.text, code: code)
    }
    let sources = fieldScope.captures.map { $0.source.source }
    return DefineNode(target(declaration.name), span) { [fieldNames] frame in
      .modelType(
        ModelCode(
          declaration, constructor: constructor, fieldNames: fieldNames, fieldSlots: fieldSlots,
          methods: methods, captured: sources.map { $0.read(frame) }))
    }
  }
}

extension Scope.CaptureSource {
  fileprivate var source: Compiler.Source {
    switch self {
    case .local(let slot): .local(slot)
    case .global(let cell): .global(cell)
    }
  }
}
