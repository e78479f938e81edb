import Autodiff
import Builtins
import Host
import Support
import Syntax
import Tensors
import Values

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
    let range = RangeValue(
      try integer(lower, "a range's start", &frame), try integer(upper, "a range's end", &frame),
      by: step)
    guard !range.isTooLong else {
      throw Diagnostic("a range this long can't be counted", at: span)
    }
    return .range(range)
  }
}

/// Evaluates a node to a whole number.
func integer(_ node: Node, _ what: String, _ frame: inout Frame) throws -> Int {
  try integer(node.evaluate(&frame), node, what)
}

/// What a node gave, as a whole number.
func integer(_ value: Value, _ node: Node, _ what: String) throws -> Int {
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
    let values = try items.map { try $0.evaluate(&frame) }
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
    .record(Record(labels: labels, values: try items.map { try $0.evaluate(&frame) }))
  }
}

final class ComprehensionNode: Node {
  let element: Node
  let targets: LoopTargets
  let sequence: Node
  let filter: Node?
  init(_ element: Node, _ targets: [Target], _ sequence: Node, filter: Node?, _ span: Span) {
    self.element = element
    self.targets = LoopTargets(targets)
    self.sequence = sequence
    self.filter = filter
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    .list(
      try Disposal.making { (result: inout [Value]) in
        try iterate(sequence, &frame) { item, frame in
          try targets.bind(item, of: sequence, &frame)
          if let filter, try !filter.condition(&frame) { return true }
          try result.appendWithRoom(element.evaluate(&frame))
          return true
        }
      })
  }
}

/// Goes through a sequence's items until `body` says false.
func iterate(
  _ sequence: Node, _ frame: inout Frame, _ body: (Value, inout Frame) throws -> Bool
) throws {
  let value = try sequence.evaluate(&frame)
  let host = frame.interpreter.host
  func poll() throws {
    if host.loops.isInterrupted() { throw Interruption() }
  }
  let shown = ShownLoop(host)
  defer { shown?.end() }
  func goThrough(_ count: Int, _ item: (Int) throws -> Value) throws {
    for index in 0..<count {
      try poll()
      shown?.update(index, count)
      guard try body(item(index), &frame) else { return }
    }
  }
  switch value {
  case .range(let range): try goThrough(range.count) { .int(range.item(at: $0)) }
  case .lazy(let list):
    let interpreter = frame.interpreter
    try goThrough(list.count) { index in try interpreter.located(sequence.span) { try list.item(index) } }
  case .tensor(let x) where x.rank > 0: try goThrough(x.shape[0]) { .tensor(x.selected(at: $0)) }
  default:
    guard let items = try frame.interpreter.located(sequence.span, { try value.items() }) else {
      throw Diagnostic(
        "can't go through \(value.described)", at: sequence.span,
        hint: value.asInt == nil ? nil : "0..n goes through the numbers below n")
    }
    try goThrough(items.count) { items[$0] }
  }
}

/// The outermost loop over a sequence, whose progress is shown where there is somebody to see it.
private final class ShownLoop {
  private let host: Capabilities
  private let progress: any ProgressReporter

  init?(_ host: Capabilities) {
    guard let progress = host.loops.progress, host.loops.count.outer == nil, host.loops.count.depth == 0
    else {
      return nil
    }
    self.host = host
    self.progress = progress
    host.loops.count.outer = (0, 0)
  }

  func update(_ done: Int, _ total: Int) {
    host.loops.count.outer = (done, total)
    progress.update("for", done: done, total: total, unit: "round", note: "")
  }

  func end() {
    host.loops.count.outer = nil
    progress.finish()
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
