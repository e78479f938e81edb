import Builtins
import Syntax
import Tensors
import Values

/// Statements of a block, of which the last gives the value.
final class BlockNode: Node {
  let statements: [Node]
  init(_ statements: [Node], _ span: Span) {
    self.statements = statements
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    var value = Value.none
    for statement in statements {
      value = try statement.evaluate(&frame)
      if frame.signal != .none { return value }
    }
    return value
  }
}

final class AssignNode: Node {
  let target: Target
  let value: Node
  init(_ target: Target, _ value: Node, _ span: Span) {
    self.target = target
    self.value = value
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    try target.bind(self.value.evaluate(&frame), &frame)
  }
}

/// `xs = xs.push(v)`: the list is handed over, so that growing it does not copy it.
final class GrowNode: Node {
  let target: Target
  let name: Node
  let item: Node
  let general: Node
  /// Where a function of the user's would stand that takes the place of the primitive.
  let push: GlobalCell

  init(
    _ target: Target, _ name: Node, item: Node, general: Node, push: GlobalCell, _ span: Span
  ) {
    self.push = push
    self.target = target
    self.name = name
    self.item = item
    self.general = general
    super.init(span)
  }

  override func evaluate(_ frame: inout Frame) throws -> Value {
    guard !push.value.isCallable, case .list = try name.evaluate(&frame) else {
      return try target.bind(general.evaluate(&frame), &frame)
    }
    let item = try item.evaluate(&frame)
    guard case .list(var items) = target.take(&frame) else {
      preconditionFailure("the list was there before its new item was evaluated")
    }
    do { try items.appendWithRoom(item) } catch {
      try target.bind(.list(items), &frame)
      throw error
    }
    try target.bind(.list(items), &frame)
    // As the statement's value it would be held a second time, and be copied to grow.
    return .none
  }
}

final class UnpackNode: Node {
  let targets: [Target]
  let value: Node
  init(_ targets: [Target], _ value: Node, _ span: Span) {
    self.targets = targets
    self.value = value
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    let value = try self.value.evaluate(&frame)
    for (target, part) in zip(targets, try unpack(value, into: targets.count, at: self.value.span)) {
      try target.bind(part, &frame)
    }
    return value
  }
}

final class ConditionalNode: Node {
  let test: Node
  let then: Node
  let otherwise: Node?
  init(_ test: Node, _ then: Node, _ otherwise: Node?, _ span: Span) {
    self.test = test
    self.then = then
    self.otherwise = otherwise
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    if try test.condition(&frame) { return try then.evaluate(&frame) }
    return try otherwise?.evaluate(&frame) ?? .none
  }
}

final class ForNode: Node {
  let targets: LoopTargets
  let sequence: Node
  let body: Node
  /// Whether it is itself a statement at top level, which ends early and keeps what it has.
  var isStatement = false
  init(_ targets: [Target], _ sequence: Node, _ body: Node, _ span: Span) {
    self.targets = LoopTargets(targets)
    self.sequence = sequence
    self.body = body
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    var result = Value.none
    guard isStatement else {
      try iterate(sequence, &frame) { item, frame in try round(item, &frame, &result) }
      return result
    }
    let guardian = LoopGuard(frame.interpreter)
    try guardian.run {
      try iterate(sequence, &frame) { item, frame in
        if !guardian.begin() { return false }
        return try round(item, &frame, &result)
      }
    }
    return result
  }

  /// One round; false where it leaves the loop.
  @inline(__always)
  private func round(_ item: Value, _ frame: inout Frame, _ result: inout Value) throws -> Bool {
    try targets.bind(item, of: sequence, &frame)
    let value = try body.evaluate(&frame)
    switch frame.signal {
    case .none: return true
    case .continueLoop:
      frame.signal = .none
      return true
    case .breakLoop:
      frame.signal = .none
      return false
    case .returnValue:
      result = value
      return false
    }
  }
}

final class WhileNode: Node {
  let test: Node
  let body: Node
  /// As in `ForNode`.
  var isStatement = false
  init(_ test: Node, _ body: Node, _ span: Span) {
    self.test = test
    self.body = body
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    guard isStatement else { return try rounds(&frame, nil) }
    let guardian = LoopGuard(frame.interpreter)
    var result = Value.none
    try guardian.run { result = try rounds(&frame, guardian) }
    return result
  }

  private func rounds(_ frame: inout Frame, _ guardian: LoopGuard?) throws -> Value {
    while try test.condition(&frame) {
      if frame.interpreter.host.loops.isInterrupted() { throw Interruption() }
      if let guardian, !guardian.begin() { return .none }
      let value = try body.evaluate(&frame)
      switch frame.signal {
      case .none: continue
      case .continueLoop: frame.signal = .none
      case .breakLoop:
        frame.signal = .none
        return .none
      case .returnValue: return value
      }
    }
    return .none
  }
}

final class SignalNode: Node {
  let signal: Frame.Signal
  let value: Node?
  init(_ signal: Frame.Signal, _ value: Node?, _ span: Span) {
    self.signal = signal
    self.value = value
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    let value = try self.value?.evaluate(&frame) ?? .none
    frame.signal = signal
    return value
  }
}

final class AssertNode: Node {
  let test: Node
  let message: Node?
  init(_ test: Node, _ message: Node?, _ span: Span) {
    self.test = test
    self.message = message
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    guard try !test.condition(&frame) else { return .none }
    let why = try message?.evaluate(&frame).text(quoted: false)
    throw Diagnostic.assertion(why, at: test.span)
  }
}

/// A `fn` or `model` statement: binds the name.
final class DefineNode: Node {
  let target: Target
  let make: (inout Frame) -> Value
  init(_ target: Target, _ span: Span, make: @escaping (inout Frame) -> Value) {
    self.target = target
    self.make = make
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    try target.bind(make(&frame), &frame)
    return .none
  }
}

final class ImportNode: Node {
  let path: Node
  let module: Module
  init(_ path: Node, _ module: Module, _ span: Span) {
    self.path = path
    self.module = module
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    guard case .string(let path) = try path.evaluate(&frame) else {
      throw Diagnostic("import takes a path in quotes", at: self.path.span)
    }
    try frame.interpreter.importFile(path, into: module, at: self.path.span)
    return .none
  }
}

final class ScriptParameterNode: Node {
  let name: String
  let target: Target
  let fallback: Node
  init(_ name: String, _ target: Target, _ fallback: Node, _ span: Span) {
    self.name = name
    self.target = target
    self.fallback = fallback
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    try target.bind(frame.interpreter.argument(name) ?? fallback.evaluate(&frame), &frame)
  }
}
