import Builtins
import Shapes
import Support
import Syntax
import Tensors
import Values

/// The compiled body of a function, an `apply`, or a model's fields.
final class FunctionCode {
  struct Parameter {
    let name: String
    let slot: Int
    let fallback: Node?
    let axes: [Shapes.AxisPattern]?
    let span: Span
  }

  let name: String
  let parameters: [Parameter]
  let parameterSlots: [Int]
  private let fallbacks: [Node?]
  /// The axis names of the signature, which are sizes in the body.
  let sizes: [(name: String, slot: Int)]
  /// The model's own parameters that its `apply` uses as axis names, by position.
  let modelSizes: [(name: String, position: Int)]
  private let axisCheck: AxisCheck
  let body: Node
  let slotCount: Int
  let captureSlots: [Int]
  /// Where a function that was defined inside another finds itself.
  let selfSlot: Int?
  let span: Span
  let documentation: String?
  /// The text and scope from which index notation makes an elementwise form.
  let declaration: FunctionDeclaration
  let module: Module
  let captureNames: [String]
  var elementwise: ElementwiseBody?

  init(
    name: String, parameters: [Parameter], sizes: [(String, Int)],
    modelSizes: [(String, Int)], body: Node, slotCount: Int, captureSlots: [Int],
    captureNames: [String], selfSlot: Int?, declaration: FunctionDeclaration, module: Module
  ) {
    self.name = name
    self.parameters = parameters
    parameterSlots = parameters.map(\.slot)
    fallbacks = parameters.map(\.fallback)
    self.sizes = sizes.map { (name: $0.0, slot: $0.1) }
    self.modelSizes = modelSizes.map { (name: $0.0, position: $0.1) }
    axisCheck = AxisCheck(parameters, modelSizes: self.modelSizes, sizes: self.sizes)
    self.body = body
    self.slotCount = slotCount
    self.captureSlots = captureSlots
    self.captureNames = captureNames
    self.selfSlot = selfSlot
    span = declaration.span
    documentation = declaration.documentation
    self.declaration = declaration
    self.module = module
  }

  var displayName: String { name.isEmpty ? "a function" : name }

  /// Fills in defaults and checks the axes of what was given.
  func bind(_ frame: inout Frame, _ plan: BindingPlan, at site: CallNode?) throws {
    for position in parameterSlots.indices where !plan.parameters.contains(position) {
      guard let fallback = fallbacks[position] else {
        var problem = Diagnostic(
          "\(displayName): \(parameters[position].name) is missing", at: site?.span ?? span,
          hint: "the call is \(displayName)(\(parameters.map(\.name).joined(separator: ", ")))")
        problem.isAtCall = true
        throw problem
      }
      frame.locals[parameterSlots[position]] = try fallback.evaluate(&frame)
    }
    if axisCheck.isEmpty { return }
    do { try axisCheck.check(&frame) } catch { throw explain(error, frame, plan, site) }
  }

  private func explain(
    _ mistake: ShapeMistake, _ frame: Frame, _ plan: BindingPlan, _ site: CallNode?
  ) -> Diagnostic {
    func pattern(_ operand: Int) -> String {
      "\(parameters[operand].name)[\((parameters[operand].axes ?? []).map(\.description).joined(separator: ", "))]"
    }
    func given(_ operand: Int) -> String { frame.locals[parameters[operand].slot].kind }
    let operands: [Int]
    let message: String
    switch mistake {
    case .notATensor(let operand):
      let parameter = parameters[operand]
      return self.mistake(
        "\(displayName): \(parameter.name) is a tensor, not \(frame.locals[parameter.slot].described)",
        [operand],
        plan, site)
    case .rank(let operand, let wanted, let orMore, let found):
      operands = [operand]
      message =
        "\(pattern(operand)) wants \(Support.count(wanted, "axis", "axes"))\(orMore ? " or more" : "")"
        + ", and the tensor given has \(found): \(given(operand))"
    case .fixedSize(let operand, let axis, let size, let found):
      operands = [operand]
      message =
        "\(pattern(operand)) wants \(size) on axis \(axis), and the tensor given has \(found): \(given(operand))"
    case .size(let name, let operand, let axis, let found, let bound, let other, _) where other < 0:
      operands = [operand]
      message =
        "\(pattern(operand)): \(name) is \(bound) in this model, and axis \(axis) of the tensor given is \(found)"
    default:
      let text = mistake.text(
        .init(name: { [parameters] in parameters[$0].name }, kind: given, item: { _, _ in "a tensor" }))
      operands = text.operands
      message = parameters.indices.reduce(text.message) {
        $0.replacing("{\($1)}", with: parameters[$1].name)
      }
    }
    return self.mistake("\(displayName): \(message)", operands, plan, site, frame)
  }

  /// A mistake in the call: marked at the arguments, not inside the function.
  private func mistake(
    _ message: String, _ operands: [Int], _ plan: BindingPlan, _ site: CallNode?,
    _ frame: Frame? = nil
  ) -> Diagnostic {
    var spans: [Span] = []
    var notes: [String] = []
    for operand in operands {
      if let frame, let x = frame.locals[parameters[operand].slot].variable {
        notes.append("\(parameters[operand].name) : \(x.description)")
      }
      guard let site, let index = plan.parameters.firstIndex(of: operand) else { continue }
      let offset = plan.parameters.count - site.arguments.count
      if index >= offset { spans.append(site.arguments[index - offset].span) }
    }
    if spans.isEmpty { spans = [site?.span ?? span] }
    var problem = Diagnostic(message, at: spans, notes: notes)
    problem.isAtCall = true
    return problem
  }
}

/// A function with the values that it captured where it was made.
final class Closure: Function {
  let code: FunctionCode
  let captured: [Value]
  let model: Model?

  init(_ code: FunctionCode, captured: [Value], model: Model?) {
    self.code = code
    self.captured = captured
    self.model = model
  }

  var name: String { code.name }
  var parameterNames: [String] { code.parameters.map(\.name) }
  var documentation: String? { code.documentation }
}

/// A model declaration, compiled.
final class ModelCode: ModelType {
  /// Evaluates the fields in order; their values stay in its frame.
  let constructor: FunctionCode
  let fieldSlots: [Int]
  /// What a call of the model runs.
  let apply: FunctionCode?
  /// All methods, `apply` among them, in order.
  let methods: [(name: String, code: FunctionCode)]
  let captured: [Value]
  let span: Span
  let name: String
  let parameterNames: [String]
  let fieldNames: [String]
  let documentation: String?
  var applyParameterNames: [String] { apply?.parameters.map(\.name) ?? [] }
  /// A method that can be called by its name.
  func method(_ name: String) -> FunctionCode? {
    name == "apply" ? nil : methods.first { $0.name == name }?.code
  }
  var methodNames: [String] { methods.map(\.name).filter { $0 != "apply" } }

  init(
    _ declaration: ModelDeclaration, constructor: FunctionCode, fieldNames: [String],
    fieldSlots: [Int], methods: [(name: String, code: FunctionCode)], captured: [Value]
  ) {
    self.constructor = constructor
    self.fieldSlots = fieldSlots
    self.methods = methods
    apply = methods.first { $0.name == "apply" }?.code
    self.captured = captured
    span = declaration.span
    name = declaration.name.text
    parameterNames = constructor.parameters.map(\.name)
    self.fieldNames = fieldNames
    documentation = declaration.documentation
  }
}

extension Model {
  /// A method of this model, ready to be called.
  func method(_ position: Int) -> Value? {
    guard let type = type as? ModelCode else { return nil }
    return .function(Closure(type.methods[position].code, captured: [], model: self))
  }

}
