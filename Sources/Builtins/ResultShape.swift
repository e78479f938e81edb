import Shapes
import Values

/// How the shape of a primitive's tensor result follows from its arguments: by the axes of its signature, or by
/// a rule that they can't say.
package final class ResultShape: Sendable {
  package let rule: ShapeRule
  private let signature: Signature
  /// The parameters that are read, and what for.
  package let positions: [Int]
  package let roles: [ShapeRule.Role?]
  /// Whether there is anything to find out: a result shaped like an operand of any shape has nothing.
  package let isRun: Bool

  init?(_ signature: Signature, _ rule: ShapeRule?) {
    self.signature = signature
    if let rule {
      self.rule = rule
      positions = rule.parameters.map { name in
        guard let position = signature.parameters.firstIndex(where: { $0.name == name }) else {
          preconditionFailure("\(signature.name) has no parameter \(name), which its shape rule reads")
        }
        return position
      }
      let own = rule.roles
      roles = positions.indices.map { own[min($0, own.count - 1)] }
    } else {
      guard signature.result != nil || signature.parameters.contains(where: { $0.axes != nil }) else {
        return nil
      }
      let open = signature.parameters.indices.filter { signature.parameters[$0].axes != nil }
      if signature.result == [.ellipsis], open.count == 1, signature.parameters[open[0]].axes == [.ellipsis] {
        self.rule = ShapeRule(.same, signature.parameters[open[0]].name)
        positions = open
        roles = [.operand]
      } else {
        self.rule = ShapeRule(.axes)
        positions = Array(signature.parameters.indices)
        roles = signature.roles
      }
    }
    isRun = self.rule.kind != .same && self.rule.kind != .dataDependent
  }

  /// The shape for arguments in the order of `positions`.
  package func result<S: Size>(of arguments: [ShapeArgument<S>]) throws(ShapeMistake) -> ShapeResult<S>? {
    if rule.kind == .axes { return try signature.shape(of: arguments).map { ShapeResult($0) } }
    return try rule.result(of: arguments, at: positions)
  }

  /// The same for the values of a call.
  func result(of values: [Value]) throws(ShapeMistake) -> ShapeResult<Int>? {
    var arguments: [ShapeArgument<Int>] = []
    arguments.reserveCapacity(positions.count)
    for place in positions.indices {
      if let role = roles[place] {
        arguments.append(values[positions[place]].shapeArgument(role))
      } else {
        arguments.append(.other)
      }
    }
    if rule.kind == .axes { return try signature.numbers(of: arguments).map { ShapeResult($0) } }
    return try rule.numbers(of: arguments, at: positions)
  }
}

extension Value {
  /// What a shape rule reads of a value.
  package func shapeArgument(_ role: ShapeRule.Role) -> ShapeArgument<Int> {
    if isNone { return .none }
    switch role {
    case .operand:
      if let variable { return .shape(variable.shape) }
      return isNumberOrBool ? .shape([]) : .other
    case .number: return asInt.map { .number($0) } ?? .other
    case .numbers:
      guard case .list(let given) = self else { return .other }
      let items = given.count == 1 ? given[0].wholeNumberItems ?? given : given
      return Self.wholeNumbers(items).map { .numbers($0) } ?? .other
    case .axes:
      switch self {
      case .string("all"): return .all
      case .builtin(let primitive) where primitive.name == "all": return .all
      default: break
      }
      if let number = asInt { return .number(number) }
      return wholeNumberItems.flatMap(Self.wholeNumbers).map { .numbers($0) } ?? .other
    case .list:
      let items: [Value]
      switch self {
      case .list(let own): items = own
      case .record(let record): items = record.values
      default: return .other
      }
      // Plain numbers are one row, however many.
      guard let first = items.first, !first.isNumberOrBool else { return .other }
      return .list(items.map(\.itemArgument))
    case .string: if case .string(let text) = self { return .string(text) } else { return .other }
    case .named:
      guard case .record(let record) = self else { return .other }
      var named: [(name: String, size: Int)] = []
      for (label, value) in zip(record.labels, record.values) {
        guard let label, let size = value.asInt, size >= 0 else { return .other }
        named.append((label, size))
      }
      return .named(named)
    case .flag: return asBool.map { .flag($0) } ?? .other
    }
  }

  private var itemArgument: ShapeArgument<Int> {
    if case .string(let text) = self { return .string(text) }
    if case .list = self { return shapeArgument(.list) }
    if isNumberOrBool { return .number(0) }
    return shapeArgument(.operand)
  }

  /// `nil` where one of them is something else.
  private static func wholeNumbers(_ items: [Value]) -> [Int]? {
    var numbers: [Int] = []
    numbers.reserveCapacity(items.count)
    for item in items {
      guard let number = item.asInt else { return nil }
      numbers.append(number)
    }
    return numbers
  }

  /// The items of a list, tuple or row of whole numbers.
  private var wholeNumberItems: [Value]? {
    switch self {
    case .list(let items): items
    case .record(let record): record.values
    case .range(let range): range.count <= 64 ? (0..<range.count).map { .int(range.item(at: $0)) } : nil
    default:
      if let x = variable?.tensor, x.rank == 1, x.dtype.isInteger, x.count <= 64 {
        (try? x.integers())?.map(Value.int)
      } else {
        nil
      }
    }
  }
}
