import Autodiff
import Builtins
import Support
import Syntax
import Tensors
import Values

/// A piece of resolved code: names are slots, operators are functions.
///
/// The compiler makes nodes once; running them only evaluates.
class Node {
  let span: Span

  init(_ span: Span) { self.span = span }

  func evaluate(_ frame: inout Frame) throws -> Value {
    preconditionFailure("every node evaluates")
  }

  /// The value as a condition.
  final func condition(_ frame: inout Frame) throws -> Bool {
    let value = try evaluate(&frame)
    if case .bool(let flag) = value { return flag }
    if let flag = value.asBool { return flag }
    throw Diagnostic(
      "a condition is true or false, not \(value.kind)", at: span,
      hint: value.variable?.dtype == .bool
        ? "any(x) or all(x) makes one condition of many" : nil)
  }
}

/// The variables of one running function, or of a statement at top level.
struct Frame {
  var locals: ContiguousArray<Value>
  /// What a `break`, `continue` or `return` on its way out asks of the statements around it.
  var signal = Signal.none
  let interpreter: Interpreter
  /// The model whose `apply` is running.
  let model: Model?
  /// The observer of bound names; as a rule there is none.
  let observer: (any NameObserver)?

  enum Signal { case none, breakLoop, continueLoop, returnValue }

  init(_ interpreter: Interpreter, slots: Int, model: Model? = nil) {
    // Filled one by one: `init(repeating:count:)` looks the array's type up each time.
    locals = []
    locals.reserveCapacity(slots)
    for _ in 0..<slots { locals.append(.undefined) }
    self.interpreter = interpreter
    self.model = model
    observer = interpreter.observer
  }

  /// Arguments where the parameters of a call stand.
  mutating func place(_ values: [Value], _ code: FunctionCode, _ plan: BindingPlan) {
    for (value, parameter) in zip(values, plan.parameters) {
      locals[code.parameterSlots[parameter]] = value
    }
  }
}

/// A name at top level. Code holds the cell, so that the name is resolved when it is used.
final class GlobalCell {
  let name: String
  @exclusivity(unchecked) var value = Value.undefined

  init(name: String) { self.name = name }
}

// MARK: Literals and names

final class ConstantNode: Node {
  let value: Value
  init(_ value: Value, _ span: Span) {
    self.value = value
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) -> Value { value }
}

final class LocalNode: Node {
  let slot: Int
  let name: String
  init(_ name: String, slot: Int, _ span: Span) {
    self.name = name
    self.slot = slot
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    let value = frame.locals[slot]
    if case .undefined = value {
      throw Diagnostic("\(name) has no value yet here", at: span)
    }
    return value
  }
}

final class GlobalNode: Node {
  let cell: GlobalCell
  let module: Module
  /// The slot in which index notation of the same statement leaves the extent of this name.
  let extentSlot: Int?

  private let isInFunction: Bool
  /// The primitive of that name, which a name of the script hides; found once.
  private let builtin: Builtin?

  init(
    _ cell: GlobalCell, _ module: Module, extentSlot: Int?, isInFunction: Bool = false, _ span: Span
  ) {
    self.cell = cell
    self.module = module
    self.extentSlot = extentSlot
    self.isInFunction = isInFunction
    builtin = module.primitive(cell.name)
    super.init(span)
  }

  override func evaluate(_ frame: inout Frame) throws -> Value {
    if let extentSlot, case .int(let extent) = frame.locals[extentSlot] {
      // In a function the formula means its own index; at top level a name that says otherwise
      // would silently change it.
      if case .undefined = cell.value { return .int(extent) }
      if isInFunction || cell.value.asInt == extent { return .int(extent) }
      throw Diagnostic(
        "\(cell.name) is the index's extent here, \(extent), and also a name whose value is "
          + cell.value.described, at: span, hint: "give one of them another name")
    }
    if case .undefined = cell.value {} else { return cell.value }
    if let builtin { return .builtin(builtin) }
    if let value = try module.outer(cell.name) { return value }
    if extentSlot != nil {
      throw Diagnostic(
        "the extent of \(cell.name) is not known before the part that binds it", at: span,
        hint: "write that part first, or give the size by name")
    }
    throw frame.interpreter.unknownName(cell.name, span, module)
  }

  /// In call position a variable that can't be called doesn't hide a builtin.
  func callee(_ frame: inout Frame) throws -> Value {
    switch cell.value {
    case .function, .builtin, .model, .modelType: return cell.value
    case .undefined: return try evaluate(&frame)
    default: return try module.outer(cell.name) ?? cell.value
    }
  }
}

/// A field of the model whose `apply` is running.
final class FieldNode: Node {
  let position: Int
  init(_ position: Int, _ span: Span) {
    self.position = position
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) -> Value {
    frame.model?.fields[position].read ?? .undefined
  }
}

/// A parameter, such as `width`, of the model whose `apply` is running.
final class ModelArgumentNode: Node {
  let position: Int
  init(_ position: Int, _ span: Span) {
    self.position = position
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) -> Value {
    frame.model?.arguments[position] ?? .undefined
  }
}

/// A method of the model whose `apply` or other method is running.
final class MethodNode: Node {
  let position: Int
  init(_ position: Int, _ span: Span) {
    self.position = position
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) -> Value { frame.model?.method(position) ?? .undefined }
}

/// `self`: the model whose `apply` or other method is running.
final class SelfNode: Node {
  override func evaluate(_ frame: inout Frame) -> Value { frame.model.map(Value.model) ?? .undefined }
}

/// Whether the model whose `apply` is running is one that `training` gave.
final class TrainingFlagNode: Node {
  override func evaluate(_ frame: inout Frame) -> Value { .bool(frame.model?.isTraining ?? false) }
}

final class StringNode: Node {
  enum Part {
    case text(String)
    case value(Node, format: String?)
  }
  let parts: [Part]
  init(_ parts: [Part], _ span: Span) {
    self.parts = parts
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    var result = ""
    for part in parts {
      switch part {
      case .text(let text): result += text
      case .value(let node, let format):
        let value = try node.evaluate(&frame)
        if let format {
          do { result += try value.formatted(format) } catch let error as BuiltinError {
            throw Diagnostic(error.message, at: node.span, hint: error.hint)
          }
        } else {
          result += value.text(digits: frame.interpreter.host.output.digits, quoted: false)
        }
        try Machine.checkStop()
      }
    }
    return .string(result)
  }
}

extension Value {
  /// What messages call a value, numbers by their digits.
  var described: String {
    switch self {
    case .int, .float, .bool: text()
    case .string(let text) where text.count <= 20: quoted(text)
    default: kind
    }
  }
}
