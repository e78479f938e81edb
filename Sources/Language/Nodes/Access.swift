import Autodiff
import Builtins
import Support
import Syntax
import Tensors
import Values

/// `x.name`
final class MemberNode: Node {
  let base: Node
  let name: Name
  @exclusivity(unchecked) private var member = MemberCache()
  init(_ base: Node, _ name: Name, _ span: Span) {
    self.base = base
    self.name = name
    super.init(span)
  }
  override func evaluate(_ frame: inout Frame) throws -> Value {
    let value = try base.evaluate(&frame)
    if let field = member.value(name.text, of: value) { return field }
    if name.text == "T", let x = value.variable {
      guard x.rank >= 2 else {
        throw Diagnostic(
          "T swaps the last two axes, and \(x.description) has \(count(x.rank, "axis", "axes"))",
          at: span)
      }
      return .tensor(x.swapped())
    }
    var problem = frame.interpreter.unknownMember(name, of: value)
    if frame.interpreter.primitives.named[name.text] != nil {
      problem.message = "\(value.kind) has no field \(name.text)"
      problem.hint = "\(name.text) is a function: \(base.span.text).\(name.text)()"
    }
    throw problem
  }
}

/// What stands between brackets.
enum SubscriptItem {
  case expression(Node)
  case range(Node?, Node?, step: Node?, Span)
  case ellipsis
}

/// A subscript's value.
enum Position {
  case at(Int, Span)
  case range(Int?, Int?, step: Int, Span)
  case tensor(Tensor, Span)
  case ellipsis
}

func evaluate(_ items: [SubscriptItem], _ frame: inout Frame) throws -> [Position] {
  try items.map { item in
    switch item {
    case .ellipsis: return .ellipsis
    case .range(let lower, let upper, let step, let span):
      let by = try step.map { try integer($0, "a step", &frame) } ?? 1
      guard by != 0 else { throw Diagnostic("a range's step can't be 0", at: span) }
      return .range(
        try lower.map { try integer($0, "a position", &frame) },
        try upper.map { try integer($0, "a position", &frame) }, step: by, span)
    case .expression(let node): return try position(node.evaluate(&frame), node.span)
    }
  }
}

/// A value in brackets as a position.
private func position(_ value: Value, _ span: Span) throws -> Position {
  if case .range(let range) = value {
    return .range(range.lower, range.upper, step: range.step, span)
  }
  if let tensor = value.variable?.tensor, tensor.rank > 0, !tensor.dtype.isFloat {
    return .tensor(tensor, span)
  }
  if case .list(let items) = value, items.allSatisfy({ $0.asInt != nil }) {
    return .tensor(try Tensor(items.compactMap(\.asInt), [items.count]), span)
  }
  guard let position = value.asInt else {
    throw Diagnostic("a position is a whole number, a range or a mask, not \(value.described)", at: span)
  }
  return .at(position, span)
}

/// `x[...]`
final class SubscriptNode: Node {
  let base: Node
  let items: [SubscriptItem]
  init(_ base: Node, _ items: [SubscriptItem], _ span: Span) {
    self.base = base
    self.items = items
    super.init(span)
  }

  override func evaluate(_ frame: inout Frame) throws -> Value {
    let value = try base.evaluate(&frame)
    if case .record(let record) = value, items.count == 1, case .expression(let node) = items[0] {
      let key = try node.evaluate(&frame)
      guard case .string(let label) = key else {
        return try pick(record.values, position(key, node.span), "the record") { .record(Record(tuple: $0)) }
      }
      guard let field = record[label] else {
        throw Diagnostic("the record has no field \(quoted(label))", at: node.span)
      }
      return field
    }
    let positions = try Language.evaluate(items, &frame)
    if let x = value.variable {
      return .tensor(try frame.interpreter.located(base.span) { try select(x, positions, span) })
    }
    guard positions.count == 1 else {
      throw Diagnostic("\(value.kind) takes one position", at: span)
    }
    switch value {
    case .list(let items): return try pick(items, positions[0]) { .list($0) }
    case .record(let record):
      return try pick(record.values, positions[0]) { .record(Record(tuple: $0)) }
    case .string(let text):
      // A plain text is indexed by its bytes, not by going through its characters.
      if case .at(let position, let span) = positions[0], text.utf8.allSatisfy({ $0 < 0x80 && $0 != 0x0D }) {
        let index = try resolved(position, text.utf8.count, "the string", span)
        return .string(String(UnicodeScalar(text.utf8[text.utf8.index(text.startIndex, offsetBy: index)])))
      }
      return try pick(value.items() ?? [], positions[0], "the string") { parts in
        .string(parts.map { $0.text(quoted: false) }.joined())
      }
    case .range(let range):
      guard case .at(let position, let span) = positions[0] else {
        return try pick(try value.items() ?? [], positions[0]) { .list($0) }
      }
      let index = try resolved(position, range.count, "the range", span)
      return .int(range.item(at: index))
    case .lazy(let list):
      guard case .at(let position, let span) = positions[0] else {
        throw Diagnostic("\(list.description) takes one position at a time", at: self.span)
      }
      guard position >= 0, position < list.count || list.isUnbounded else {
        throw Diagnostic("position \(position) is out of range for \(list.description)", at: span)
      }
      return try frame.interpreter.located(span) { try list.item(position) }
    default:
      throw Diagnostic("\(value.described) has no positions", at: base.span)
    }
  }

  private func pick(
    _ items: [Value], _ position: Position, _ what: String = "the list", _ many: ([Value]) -> Value
  ) throws -> Value {
    switch position {
    case .at(let position, let span):
      return items[try resolved(position, items.count, what, span)].read
    case .range(let lower, let upper, let step, _):
      let slice = sliceOf(lower, upper, step: step, size: items.count)
      return many(try [Value](count: slice.count) { items[slice.start + $0 * slice.step].read })
    case .tensor(let positions, let span):
      if positions.dtype == .bool {
        guard positions.shape == [items.count] else {
          throw Diagnostic(
            "the mask is \(positions.description), and the list has \(items.count) items", at: span)
        }
        let chosen = try positions.truePositions()
        return many(try [Value](count: chosen.count) { items[chosen[$0]].read })
      }
      let chosen = try positions.integers()
      return many(
        try [Value](count: chosen.count) { items[try resolved(chosen[$0], items.count, what, span)].read })
    case .ellipsis: return many(items)
    }
  }
}

/// A possibly negative position as one of `0..<size`.
private func resolved(_ position: Int, _ size: Int, _ what: String, _ span: Span) throws -> Int {
  guard position >= -size, position < size else {
    throw Diagnostic(
      size == 0
        ? "position \(position) is out of range: \(what) is empty"
        : "position \(position) is out of range: \(what) has positions 0 to \(size - 1)", at: span)
  }
  return position < 0 ? position + size : position
}

/// The positions of a range in an axis; ends beyond it are cut off, negatives count from the end.
private func sliceOf(_ lower: Int?, _ upper: Int?, step: Int, size: Int) -> AxisSlice {
  func end(_ value: Int) -> Int { value < 0 ? value + size : value }
  // A step beyond the axis reads one element, however large it is.
  let step = min(max(step, -size - 1), size + 1)
  if step > 0 {
    let start = min(max(end(lower ?? 0), 0), size)
    let stop = min(max(upper.map(end) ?? size, 0), size)
    return AxisSlice(
      start: start, count: max(0, (stop - start + step - 1) / step), step: step, isDropped: false)
  }
  // Downwards: from `lower` (the last by default) to above `upper` (through the first by default).
  let start = min(max(end(lower ?? size - 1), -1), size - 1)
  let stop = min(max(upper.map(end) ?? -1, -1), size - 1)
  return AxisSlice(
    start: max(start, 0), count: max(0, (start - stop - step - 1) / -step), step: step,
    isDropped: false)
}

/// What positions read of a tensor: slices first, which are views, then masks and gathers.
private func select(_ x: Variable, _ positions: [Position], _ span: Span) throws -> Variable {
  let plan = try SelectionPlan(x.shape, positions, span)
  var result = x.sliced(plan.slices)
  for (axis, tensor, span) in plan.gathers {
    if tensor.dtype == .bool {
      let kept = Array(result.shape[axis..<(axis + tensor.rank)])
      guard kept == tensor.shape else {
        throw Diagnostic(
          "the mask is \(tensor.description), and the axes that it selects from are \(kept)",
          at: span)
      }
      let shape = result.shape
      let flat = Array(shape[..<axis]) + [kept.reduce(1, *)] + shape[(axis + tensor.rank)...]
      let chosen = try tensor.truePositions()
      let rows = try Tensor(chosen, [chosen.count])
      result = try gatherAxis(result.reshaped(flat), axis, rows)
    } else {
      let size = result.shape[axis]
      for (number, bad) in try tensor.integers().enumerated() {
        try Machine.checkStop(round: number)
        guard bad < 0 || bad >= size else { continue }
        throw Diagnostic(
          "position \(bad) is out of range: axis \(axis) has positions 0 to \(size - 1)", at: span)
      }
      result = try gatherAxis(result, axis, tensor.converted(to: .i64))
    }
  }
  return result
}

/// An axis replaced by the axes of an index tensor.
func gatherAxis(_ x: Variable, _ axis: Int, _ indices: Tensor) throws -> Variable {
  let gathered = try x.moved(axis: axis, to: 0).gatheredRows(indices)
  // The new axes come first; they belong where the old one was.
  var order = Array(indices.rank..<(indices.rank + axis))
  order += 0..<indices.rank
  order += (indices.rank + axis)..<gathered.rank
  return gathered.transposed(order)
}

private struct SelectionPlan {
  var slices: [AxisSlice] = []
  /// Axes of the sliced tensor with what they are gathered by, last first.
  var gathers: [(axis: Int, Tensor, Span)] = []

  init(_ shape: [Int], _ positions: [Position], _ span: Span) throws {
    var used = 0
    var hasEllipsis = false
    for position in positions {
      switch position {
      case .at, .range: used += 1
      case .tensor(let tensor, _): used += tensor.dtype == .bool ? tensor.rank : 1
      case .ellipsis:
        guard !hasEllipsis else { throw Diagnostic("... stands once", at: span) }
        hasEllipsis = true
      }
    }
    guard used <= shape.count else {
      throw Diagnostic(
        "\(count(used, "position", "positions")) for a tensor with \(count(shape.count, "axis", "axes")): \(shape)",
        at: span)
    }
    var axis = 0
    var kept = 0
    func whole(_ n: Int) -> [AxisSlice] {
      defer {
        axis += n
        kept += n
      }
      return shape[axis..<(axis + n)].map(AxisSlice.all)
    }
    for position in positions {
      switch position {
      case .ellipsis: slices += whole(shape.count - used)
      case .at(let index, let span):
        let size = shape[axis]
        guard index >= -size, index < size else {
          throw Diagnostic(
            size == 0
              ? "position \(index) is out of range: axis \(axis) is empty"
              : "position \(index) is out of range: axis \(axis) has positions 0 to \(size - 1)",
            at: span)
        }
        slices.append(.at(index < 0 ? index + size : index))
        axis += 1
      case .range(let lower, let upper, let step, _):
        slices.append(sliceOf(lower, upper, step: step, size: shape[axis]))
        axis += 1
        kept += 1
      case .tensor(let tensor, let span):
        gathers.insert((kept, tensor, span), at: 0)
        slices += whole(tensor.dtype == .bool ? tensor.rank : 1)
      }
    }
    slices += whole(shape.count - axis)
  }
}

/// `base with path = value`: a changed copy.
final class UpdateNode: Node {
  enum Step {
    case member(Name)
    case subscripts([SubscriptItem], Span)
  }
  let base: Node
  let path: [Step]
  let value: Node
  init(_ base: Node, _ path: [Step], _ value: Node, _ span: Span) {
    self.base = base
    self.path = path
    self.value = value
    super.init(span)
  }

  override func evaluate(_ frame: inout Frame) throws -> Value {
    let base = try base.evaluate(&frame)
    let new = try value.evaluate(&frame)
    return try changed(base, path[...], new, &frame)
  }

  private func changed(
    _ old: Value, _ path: ArraySlice<Step>, _ new: Value, _ frame: inout Frame
  ) throws -> Value {
    guard let step = path.first else { return try fitted(new, old) }
    let rest = path.dropFirst()
    switch step {
    case .member(let name):
      switch old {
      case .model(let model):
        guard let position = model.type.position(ofField: name.text) else {
          if model.type.parameterNames.contains(name.text) {
            throw Diagnostic(
              "\(name.text) is a parameter of \(model.type.name), which is fixed when the model is made",
              at: name.span, hint: "make another: \(model.type.name)(...)")
          }
          throw frame.interpreter.unknownMember(name, of: old)
        }
        var fields = model.fields
        fields[position] = try changed(fields[position], rest, new, &frame)
        return .model(model.replacing(fields: fields))
      case .record(let record):
        var values = record.values
        var labels = record.labels
        if let position = labels.firstIndex(of: name.text) {
          values[position] = try changed(values[position], rest, new, &frame)
        } else if rest.isEmpty {
          labels.append(name.text)
          values.append(new)
        } else {
          throw frame.interpreter.unknownMember(name, of: old)
        }
        return .record(Record(labels: labels, values: values))
      default: throw frame.interpreter.unknownMember(name, of: old)
      }
    case .subscripts(let items, let span):
      let positions = try Language.evaluate(items, &frame)
      if let x = old.variable {
        guard rest.isEmpty else { throw Diagnostic("a tensor's elements have no parts", at: span) }
        let result = try replaced(x, positions, new, span, frame.interpreter)
        if case .parameter(let parameter) = old {
          return .parameter(Parameter(result, isFrozen: parameter.isFrozen))
        }
        return .tensor(result)
      }
      if case .list(var list) = old, positions.count == 1,
        case .at(let index, let at) = positions[0]
      {
        let position = try resolved(index, list.count, "the list", at)
        list[position] = try changed(list[position], rest, new, &frame)
        return .list(list)
      }
      throw Diagnostic("\(old.described) has no positions to change", at: span)
    }
  }

  /// A trained tensor is replaced by one of its shape and stays trained.
  private func fitted(_ new: Value, _ old: Value) throws -> Value {
    guard case .parameter(let parameter) = old else { return new }
    guard let z = new.variable, z.shape == parameter.value.shape else {
      throw Diagnostic(
        "the field is \(old.kind), and the new value \(new.described)", at: value.span)
    }
    return .parameter(
      Parameter(try z.converted(to: parameter.value.dtype), isFrozen: parameter.isFrozen))
  }

  private func replaced(
    _ x: Variable, _ positions: [Position], _ new: Value, _ span: Span, _ interpreter: Interpreter
  ) throws -> Variable {
    try interpreter.located(self.span) {
      let z: Variable
      if let tensor = new.variable {
        z = try tensor.converted(to: x.dtype)
      } else if new.isNumberOrBool {
        guard let element = try new.element(of: x.dtype) else {
          throw Diagnostic(
            "the new value is \(try new.numberText()), which \(x.dtype.name) does not hold", at: value.span,
            hint: new.asInt == nil ? "make the tensor one of floats first: .to(f32)" : nil)
        }
        z = Variable(element)
      } else {
        throw Diagnostic("a tensor's elements are numbers, not \(new.described)", at: value.span)
      }
      if positions.count == 1, case .tensor(let mask, let at) = positions[0], mask.dtype == .bool {
        guard x.shape.prefix(mask.rank).elementsEqual(mask.shape), z.rank == 0 else {
          throw Diagnostic("a mask selects leading axes, and one number is written there", at: at)
        }
        let wide = try mask.reshaped(mask.shape + [Int](repeating: 1, count: x.rank - mask.rank))
          .expanded(to: x.shape)
        return try .select(Variable(wide), z, x)
      }
      let plan = try SelectionPlan(x.shape, positions, span)
      guard plan.gathers.isEmpty else {
        throw Diagnostic("with takes numbers, ranges and ... in brackets, or one mask", at: span)
      }
      let shape = plan.slices.filter { !$0.isDropped }.map(\.count)
      guard (try? Tensor.combinedShape(shape, z.shape)) == shape else {
        throw Diagnostic(
          "the place is \(describe(x.dtype, shape)), and the new value \(z.description)",
          at: value.span)
      }
      return try x.replacing(plan.slices, with: z.expanded(to: shape))
    }
  }
}
