import Autodiff
import Builtins
import Shapes
import Support
import Syntax
import Tensors
import Values

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
    do {
      return try operation(a, b)
    } catch {
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
          "@ multiplies tensors, not \((wrong == 0 ? a : b).kind)", at: [wrong == 0 ? "x" : "y"],
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
    do { return try isNot ? Values.negate(value) : negative(value) } catch {
      throw site.diagnose(error, [value], frame.interpreter)
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
