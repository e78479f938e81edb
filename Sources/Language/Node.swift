import Autodiff
import Builtins
import Syntax
import Tensors

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

  enum Signal { case none, breakLoop, continueLoop, returnValue }

  init(_ interpreter: Interpreter, slots: Int, model: Model? = nil) {
    locals = ContiguousArray(repeating: .undefined, count: slots)
    self.interpreter = interpreter
    self.model = model
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

  init(
    _ cell: GlobalCell, _ module: Module, extentSlot: Int?, isInFunction: Bool = false, _ span: Span
  ) {
    self.cell = cell
    self.module = module
    self.extentSlot = extentSlot
    self.isInFunction = isInFunction
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
    if let value = module.outer(cell.name) { return value }
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
    default: return module.outer(cell.name) ?? cell.value
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
          result += value.text(digits: frame.interpreter.context.digits, quoted: false)
        }
      }
    }
    return .string(result)
  }
}

// MARK: Operators

/// `+ - * / // % ^` over any values, quick for plain numbers.
final class ArithmeticNode: Node {
  let operation: Arithmetic
  let left: Node
  let right: Node
  private lazy var site = OperatorSite(operation.rawValue, [left, right], span)

  init(_ operation: Arithmetic, _ left: Node, _ right: Node, _ span: Span) {
    self.operation = operation
    self.left = left
    self.right = right
    super.init(span)
  }

  override func evaluate(_ frame: inout Frame) throws -> Value {
    let a = try left.evaluate(&frame)
    let b = try right.evaluate(&frame)
    switch (a, b) {
    case (.int(let x), .int(let y)):
      switch operation {
      case .add:
        let (sum, overflow) = x.addingReportingOverflow(y)
        if !overflow { return .int(sum) }
      case .subtract:
        let (difference, overflow) = x.subtractingReportingOverflow(y)
        if !overflow { return .int(difference) }
      case .multiply:
        let (product, overflow) = x.multipliedReportingOverflow(by: y)
        if !overflow { return .int(product) }
      default: break
      }
    case (.float(let x), .float(let y)):
      switch operation {
      case .add: return .float(x + y)
      case .subtract: return .float(x - y)
      case .multiply: return .float(x * y)
      case .divide: return .float(x / y)
      default: break
      }
    default: break
    }
    do { return try operation(a, b) } catch {
      throw site.diagnose(error, [a, b], frame.interpreter)
    }
  }
}

final class MatmulNode: Node {
  let left: Node
  let right: Node
  private lazy var site = OperatorSite("@", [left, right], span)

  init(_ left: Node, _ right: Node, _ span: Span) {
    self.left = left
    self.right = right
    super.init(span)
  }

  override func evaluate(_ frame: inout Frame) throws -> Value {
    let a = try left.evaluate(&frame)
    let b = try right.evaluate(&frame)
    do {
      guard let x = a.variable, let y = b.variable else {
        let wrong = a.variable == nil ? 0 : 1
        throw BuiltinError(
          "@ multiplies tensors, not \((wrong == 0 ? a : b).kind)", at: [wrong],
          hint: "numbers multiply with *")
      }
      return .tensor(try matmul(x, y))
    } catch {
      throw site.diagnose(error, [a, b], frame.interpreter)
    }
  }
}

final class ComparisonNode: Node {
  let first: Node
  let rest: [(Comparison, Node)]
  private lazy var sites: [OperatorSite] = {
    var previous = first
    return rest.map { comparison, node in
      defer { previous = node }
      return OperatorSite(comparison.symbol, [previous, node], span)
    }
  }()

  init(_ first: Node, _ rest: [(Comparison, Node)], _ span: Span) {
    self.first = first
    self.rest = rest
    super.init(span)
  }

  override func evaluate(_ frame: inout Frame) throws -> Value {
    var left = try first.evaluate(&frame)
    if rest.count == 1 {
      return try compared(0, left, rest[0].1.evaluate(&frame), frame.interpreter)
    }
    var result = Value.bool(true)
    for index in rest.indices {
      let right = try rest[index].1.evaluate(&frame)
      let holds = try compared(index, left, right, frame.interpreter)
      if case .bool(false) = holds { return holds }
      do { result = try combine(.and, result, holds) } catch {
        throw sites[index].diagnose(error, [left, right], frame.interpreter)
      }
      left = right
    }
    return result
  }

  private func compared(
    _ index: Int, _ a: Value, _ b: Value, _ interpreter: Interpreter
  ) throws -> Value {
    if case .int(let x) = a, case .int(let y) = b {
      switch rest[index].0 {
      case .less: return .bool(x < y)
      case .lessOrEqual: return .bool(x <= y)
      case .greater: return .bool(x > y)
      case .greaterOrEqual: return .bool(x >= y)
      case .equal: return .bool(x == y)
      case .notEqual: return .bool(x != y)
      }
    }
    do { return try compare(rest[index].0, a, b) } catch {
      throw sites[index].diagnose(error, [a, b], interpreter)
    }
  }
}

final class LogicalNode: Node {
  let function: BinaryFunction
  let left: Node
  let right: Node
  private lazy var site = OperatorSite(function == .and ? "and" : "or", [left, right], span)

  init(_ function: BinaryFunction, _ left: Node, _ right: Node, _ span: Span) {
    self.function = function
    self.left = left
    self.right = right
    super.init(span)
  }

  override func evaluate(_ frame: inout Frame) throws -> Value {
    let a = try left.evaluate(&frame)
    if case .bool(let flag) = a, flag == (function == .or) { return a }
    let b = try right.evaluate(&frame)
    do { return try combine(function, a, b) } catch {
      throw site.diagnose(error, [a, b], frame.interpreter)
    }
  }
}

final class UnaryNode: Node {
  let isNot: Bool
  let operand: Node
  private lazy var site = OperatorSite(isNot ? "not" : "-", [operand], span)

  init(isNot: Bool, _ operand: Node, _ span: Span) {
    self.isNot = isNot
    self.operand = operand
    super.init(span)
  }

  override func evaluate(_ frame: inout Frame) throws -> Value {
    let value = try operand.evaluate(&frame)
    do { return try isNot ? Builtins.negate(value) : negative(value) } catch {
      throw site.diagnose(error, [value], frame.interpreter)
    }
  }
}

// MARK: Sequences

final class RangeNode: Node {
  let lower: Node
  let upper: Node
  let step: Node?
  init(_ lower: Node, _ upper: Node, step: Node?, _ span: Span) {
    self.lower = lower
    self.upper = upper
    self.step = step
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    let step = try self.step.map { try integer($0, "a range's step", &frame) } ?? 1
    guard step != 0 else { throw Diagnostic("a range's step can't be 0", at: span) }
    return .range(
      RangeValue(
        try integer(lower, "a range's start", &frame), try integer(upper, "a range's end", &frame),
        by: step))
  }
}

/// Evaluates a node to a whole number.
func integer(_ node: Node, _ what: String, _ frame: inout Frame) throws -> Int {
  let value = try node.evaluate(&frame)
  if case .int(let number) = value { return number }
  guard let number = value.asInt else {
    throw Diagnostic("\(what) is a whole number, not \(value.described)", at: node.span)
  }
  return number
}

/// `[a, b]`: a tensor where all items are numbers or all are Bools, or all are list literals that
/// make tensors of one shape; otherwise a list.
final class ListNode: Node {
  let items: [Node]
  /// Which items are list literals themselves.
  let areLists: [Bool]
  init(_ items: [Node], areLists: [Bool], _ span: Span) {
    self.items = items
    self.areLists = areLists
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    let values = try items.map { try $0.evaluate(&frame).read }
    guard let first = values.first else { return .list([]) }
    do {
      switch first {
      case .int, .float:
        if let tensor = try Self.numbers(values) { return .tensor(Variable(tensor)) }
      case .bool:
        let flags = values.compactMap { if case .bool(let flag) = $0 { flag } else { nil } }
        if flags.count == values.count { return .tensor(Variable(try Tensor(flags, [flags.count]))) }
      default: break
      }
      return try rows(values) ?? .list(values)
    } catch let error as TensorError {
      throw Diagnostic(error.message, at: span)
    }
  }

  private static func numbers(_ values: [Value]) throws -> Tensor? {
    var ints: [Int] = []
    var floats: [Float] = []
    for value in values {
      switch value {
      case .int(let number):
        ints.append(number)
        floats.append(Float(number))
      case .float(let number): floats.append(Float(number))
      default: return nil
      }
    }
    if ints.count == values.count { return try Tensor(ints, [ints.count]) }
    return floats.count == values.count ? try Tensor(floats, [floats.count]) : nil
  }

  /// Nested literals of numbers as one tensor; ragged ones are a mistake.
  private func rows(_ values: [Value]) throws -> Value? {
    guard areLists.contains(true) else { return nil }
    var parts: [Variable] = []
    var isMixed = false
    for (value, isList) in zip(values, areLists) {
      switch value {
      case .tensor(let part) where isList: parts.append(part)
      case .int, .float: isMixed = true
      default: return nil
      }
    }
    let odd = isMixed ? areLists.firstIndex(of: false) : parts.firstIndex { $0.shape != parts[0].shape }
    if let odd {
      throw Diagnostic(
        isMixed
          ? "a number stands among rows"
          : "the rows differ in length: \(parts[0].shape) and \(parts[odd].shape)",
        at: [items[odd].span, items[odd == 0 ? 1 : 0].span], hint: "a tensor is a full grid of numbers")
    }
    let dtype = parts.reduce(parts[0].dtype) { DType.common($0, $1.dtype) }
    guard (dtype == .bool) == parts.allSatisfy({ $0.dtype == .bool }) else { return nil }
    return .tensor(
      try .concatenated(
        try parts.map { try $0.converted(to: dtype).reshaped([1] + $0.shape) }, axis: 0))
  }
}

final class RecordNode: Node {
  let labels: [String?]
  let items: [Node]
  init(labels: [String?], _ items: [Node], _ span: Span) {
    self.labels = labels
    self.items = items
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    .record(Record(labels: labels, values: try items.map { try $0.evaluate(&frame).read }))
  }
}

final class ComprehensionNode: Node {
  let element: Node
  let slots: [Int]
  let sequence: Node
  let filter: Node?
  init(_ element: Node, slots: [Int], _ sequence: Node, filter: Node?, _ span: Span) {
    self.element = element
    self.slots = slots
    self.sequence = sequence
    self.filter = filter
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    var result: [Value] = []
    try iterate(sequence, &frame) { item, frame in
      if slots.count == 1 {
        frame.locals[slots[0]] = item
      } else {
        for (slot, part) in zip(slots, try unpack(item, into: slots.count, at: sequence.span)) {
          frame.locals[slot] = part
        }
      }
      if let filter, try !filter.condition(&frame) { return true }
      result.append(try element.evaluate(&frame))
      return true
    }
    return .list(result)
  }
}

/// Goes through a sequence's items until `body` says false.
func iterate(
  _ sequence: Node, _ frame: inout Frame, _ body: (Value, inout Frame) throws -> Bool
) throws {
  let value = try sequence.evaluate(&frame)
  func poll() throws {
    if frame.interpreter.context.isInterrupted() { throw Interruption() }
  }
  switch value {
  case .range(let range):
    var item = range.lower
    for _ in 0..<range.count {
      try poll()
      guard try body(.int(item), &frame) else { return }
      item &+= range.step
    }
  case .lazy(let list):
    for index in 0..<list.count {
      try poll()
      guard try body(frame.interpreter.located(sequence.span) { try list.item(index) }, &frame)
      else { return }
    }
  default:
    guard let items = try frame.interpreter.located(sequence.span, { try value.items() }) else {
      throw Diagnostic(
        "can't go through \(value.described)", at: sequence.span,
        hint: value.asInt == nil ? nil : "0..n goes through the numbers below n")
    }
    for item in items {
      try poll()
      guard try body(item, &frame) else { return }
    }
  }
}

/// The parts of a tuple, list or tensor, as many as there are names.
func unpack(_ value: Value, into count: Int, at span: Span) throws -> [Value] {
  if case .string = value {
  } else if let items = try value.items() {
    guard items.count == count else {
      throw Diagnostic(
        "\(count) names, and \(value.described) has \(items.count) parts", at: span)
    }
    return items
  }
  throw Diagnostic("\(value.described) has no parts for \(count) names", at: span)
}

extension Value {
  /// What messages call a value, numbers by their digits.
  var described: String {
    switch self {
    case .int, .float, .bool: text()
    case .string(let text) where text.count <= 20: Value.quote(text)
    default: kind
    }
  }
}

extension Comparison {
  var symbol: String {
    switch self {
    case .equal: "=="
    case .notEqual: "!="
    case .less: "<"
    case .lessOrEqual: "<="
    case .greater: ">"
    case .greaterOrEqual: ">="
    }
  }
}
