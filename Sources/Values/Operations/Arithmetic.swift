import Autodiff
import Drawing
import Shapes
import Support
import Tensors

/// The operators over values of every kind.
///
/// Two tensors combine when their shapes are equal, one is a scalar, or one's shape is a trailing
/// part of the other's. A number never promotes a float tensor; a `Float` with an integer tensor
/// gives f32, as `/` does.
package enum Arithmetic: String, Sendable, CaseIterable {
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  case floorDivide = "//"
  case remainder = "%"
  case power = "^"

  var function: BinaryFunction {
    switch self {
    case .add: .add
    case .subtract: .subtract
    case .multiply: .multiply
    case .divide: .divide
    case .floorDivide: .floorDivide
    case .remainder: .remainder
    case .power: .power
    }
  }

  package func callAsFunction(_ a: Value, _ b: Value) throws -> Value {
    switch (a, b) {
    case (.int(let a), .int(let b)): return try integers(a, b)
    case (.float(let a), .float(let b)): return .float(try floats(a, b))
    case (.int(let a), .float(let b)): return .float(try floats(Double(a), b))
    case (.float(let a), .int(let b)):
      if self == .power, b == 2 { return .float(a * a) }
      return .float(try floats(a, Double(b)))
    case (.string(let a), .string(let b)) where self == .add:
      return .string(a.utf8.count + b.utf8.count < 1 << 20 ? a + b : try .joining([a, b]))
    default:
      if let x = a.variable {
        if let y = b.variable { return .tensor(try tensors(x, y)) }
        if let y = try b.number(besides: x, self) { return .tensor(try tensors(x, y)) }
      } else if let y = b.variable, let x = try a.number(besides: y, self) {
        return .tensor(try tensors(x, y))
      }
      throw mismatch(a, b)
    }
  }

  // MARK: Numbers

  private func integers(_ a: Int, _ b: Int) throws -> Value {
    func checked(_ result: (partialValue: Int, overflow: Bool)) throws -> Value {
      guard !result.overflow else { throw overflow(a, b) }
      return .int(result.partialValue)
    }
    switch self {
    case .add: return try checked(a.addingReportingOverflow(b))
    case .subtract: return try checked(a.subtractingReportingOverflow(b))
    case .multiply: return try checked(a.multipliedReportingOverflow(by: b))
    case .divide:
      return .float(Double(a) / Double(b))
    case .floorDivide, .remainder:
      guard b != 0 else { throw BuiltinError("integer division by zero", at: ["y"]) }
      let (quotient, overflow) = a.dividedReportingOverflow(by: b)
      guard !overflow else {
        if self == .remainder { return .int(0) }
        throw self.overflow(a, b)
      }
      let remainder = a % b
      let isRoundedUp = remainder != 0 && (remainder < 0) != (b < 0)
      if self == .remainder { return .int(isRoundedUp ? remainder + b : remainder) }
      return .int(isRoundedUp ? quotient - 1 : quotient)
    case .power:
      guard b >= 0 else { return .float(Tensors.power(Double(a), Double(b))) }
      var result = 1
      var base = a
      var rest = b
      while rest > 0 {
        if rest & 1 == 1 {
          let (product, overflow) = result.multipliedReportingOverflow(by: base)
          guard !overflow else { throw self.overflow(a, b) }
          result = product
        }
        rest >>= 1
        guard rest > 0 else { break }
        let (square, overflow) = base.multipliedReportingOverflow(by: base)
        guard !overflow else { throw self.overflow(a, b) }
        base = square
      }
      return .int(result)
    }
  }

  private func overflow(_ a: Int, _ b: Int) -> BuiltinError {
    BuiltinError(
      "integer overflow: \(a) \(rawValue) \(b) does not fit in 64 bits", at: ["x", "y"],
      hint: "with a Float, as in \(a).0 \(rawValue) \(b), it is a Float")
  }

  private func floats(_ a: Double, _ b: Double) throws -> Double {
    switch self {
    case .add: return a + b
    case .subtract: return a - b
    case .multiply: return a * b
    case .divide: return a / b
    case .floorDivide: return wholeQuotient(a, b)
    case .remainder:
      // Of the divisor's sign, zeros too.
      let remainder = a.truncatingRemainder(dividingBy: b)
      if remainder == 0 { return Double(signOf: b, magnitudeOf: 0) }
      return (remainder < 0) != (b < 0) ? remainder + b : remainder
    case .power: return Tensors.power(a, b)
    }
  }

  /// As the kernel has it: the whole number nearest to (a - remainder) / b; a / b where b is 0.
  private func wholeQuotient(_ a: Double, _ b: Double) -> Double {
    if b == 0 { return a / b }
    let remainder = a.truncatingRemainder(dividingBy: b)
    let isBelow = remainder != 0 && (remainder < 0) != (b < 0)
    let quotient = (a - remainder) / b - (isBelow ? 1 : 0)
    if quotient == 0 { return Double(signOf: a / b, magnitudeOf: 0) }
    let whole = quotient.rounded(.down)
    return quotient - whole > 0.5 ? whole + 1 : whole
  }

  // MARK: Tensors

  package func tensors(_ a: Variable, _ b: Variable) throws -> Variable {
    var dtype = DType.common(a.dtype, b.dtype)
    if dtype == .bool { dtype = .i64 }
    if self == .divide, !dtype.isFloat { dtype = .f32 }
    let x = try a.converted(to: dtype)
    let y = try b.converted(to: dtype)
    // x ^ 2 is x · x, to the bit.
    if self == .power, y.rank == 0, y.tensor.item == 2, !y.isTracked { return try x * x }
    return try x.binary(function, y)
  }

  package typealias OfTensors = (Variable, Variable) throws -> Variable

  /// The operation for tensors with the dtypes of these, which are not asked again.
  package func ready(for a: Variable, _ b: Variable) -> OfTensors {
    guard self != .power, a.dtype == b.dtype, a.dtype.isFloat else { return tensors }
    let function = function
    return { try $0.binary(function, $1) }
  }

  // MARK: Errors

  private func mismatch(_ a: Value, _ b: Value) -> BuiltinError {
    var hint: String?
    switch (a, b) {
    case (.string, _), (_, .string):
      if self == .add { hint = "put values into text with braces: \"loss {loss}\"" }
    case (.list, .list) where self == .add: hint = "concat([a, b]) joins lists"
    case (.list, _), (_, .list): hint = "tensor(list) makes a tensor of a list of numbers"
    case (.none, _), (_, .none): hint = "none stands for nothing: there is no value to compute with"
    case (.function, _), (_, .function), (.builtin, _), (_, .builtin):
      hint = "a function is called with parentheses"
    default: break
    }
    return BuiltinError("can't combine \(a.kind) and \(b.kind)", at: ["x", "y"], hint: hint)
  }
}

extension Value {
  /// A plain number as a rank-0 tensor beside a tensor, whose dtype it takes.
  fileprivate func number(besides x: Variable, _ operation: Arithmetic) throws -> Variable? {
    switch self {
    case .int(let value):
      if x.dtype == .bool { return Variable(try Tensor.scalar(value)) }
      if x.dtype == .i32, Int32(exactly: value) == nil {
        throw BuiltinError("\(value) does not fit in i32", at: ["x", "y"])
      }
      return Variable(try Tensor.scalar(value, x.dtype))
    case .float(let value):
      return Variable(try Tensor.scalar(value, x.dtype.isFloat ? x.dtype : .f32))
    default: return nil
    }
  }
}

/// `<`, `==` and the like over values of every kind.
package func compare(_ comparison: Comparison, _ a: Value, _ b: Value) throws -> Value {
  switch (a, b) {
  case (.int(let a), .int(let b)): return .bool(holds(comparison, a, b))
  case (.float(let a), .float(let b)): return .bool(holds(comparison, a, b))
  case (.int(let a), .float(let b)): return .bool(holds(comparison, Double(a), b))
  case (.float(let a), .int(let b)): return .bool(holds(comparison, a, Double(b)))
  case (.string(let a), .string(let b)):
    switch comparison {
    case .equal: return .bool(try a.isEqual(to: b))
    case .notEqual: return .bool(try !a.isEqual(to: b))
    default: return .bool(holds(comparison, a, b))
    }
  default: break
  }
  if a.variable != nil || b.variable != nil, !a.isNone, !b.isNone,
    let (x, y) = try comparable(a, b)
  {
    return .tensor(Variable(try x.compare(comparison, y)))
  }
  if comparison == .equal || comparison == .notEqual {
    let isEqual = try equal(a, b)
    return .bool(isEqual == (comparison == .equal))
  }
  throw BuiltinError("can't compare \(a.kind) and \(b.kind)", at: ["x", "y"])
}

private func holds<T: Comparable>(_ comparison: Comparison, _ a: T, _ b: T) -> Bool {
  switch comparison {
  case .equal: a == b
  case .notEqual: a != b
  case .less: a < b
  case .lessOrEqual: a <= b
  case .greater: a > b
  case .greaterOrEqual: a >= b
  }
}

/// Two operands as tensors of one dtype, where both are tensors or numbers.
private func comparable(_ a: Value, _ b: Value) throws -> (Tensor, Tensor)? {
  func tensor(_ value: Value, besides other: Value) throws -> Tensor? {
    if let variable = value.variable { return variable.tensor }
    guard let other = other.variable?.tensor else { return nil }
    switch value {
    case .int(let number):
      return try Tensor.scalar(number, other.dtype.isFloat ? other.dtype : .i64)
    case .float(let number):
      return try Tensor.scalar(number, other.dtype.isFloat ? other.dtype : .f64)
    case .bool(let flag): return try Tensor([flag], [])
    default: return nil
    }
  }
  guard let x = try tensor(a, besides: b), let y = try tensor(b, besides: a) else { return nil }
  let dtype = DType.common(x.dtype, y.dtype)
  return (try x.converted(to: dtype), try y.converted(to: dtype))
}

/// `a and b`, `a or b` where neither is a plain Bool that decides: masks and absent conditions.
package func combine(_ function: BinaryFunction, _ a: Value, _ b: Value) throws -> Value {
  // A condition that is none keeps everything.
  if a.isNone { return function == .and ? b : .none }
  if b.isNone { return function == .and ? a : .none }
  let word = function == .and ? "and" : "or"
  func condition(_ value: Value, _ position: Int) throws -> Tensor {
    if case .bool(let flag) = value { return try Tensor([flag], []) }
    guard let tensor = value.variable?.tensor, tensor.dtype == .bool else {
      throw BuiltinError("\(word) takes conditions, not \(value.kind)", at: [position == 0 ? "x" : "y"])
    }
    return tensor
  }
  if case .bool(let x) = a, case .bool(let y) = b {
    return .bool(function == .and ? x && y : x || y)
  }
  let x = try condition(a, 0)
  let y = try condition(b, 1)
  return .tensor(Variable(try x.binary(function, y)))
}

/// `not a`
package func negate(_ a: Value) throws -> Value {
  if case .bool(let flag) = a { return .bool(!flag) }
  guard let tensor = a.variable?.tensor, tensor.dtype == .bool else {
    throw BuiltinError("not takes a condition, not \(a.kind)", at: ["x"])
  }
  return .tensor(Variable(try tensor.unary(.not)))
}

/// `-a`
package func negative(_ a: Value) throws -> Value {
  switch a {
  case .int(let value):
    guard value != Int.min else {
      throw BuiltinError("integer overflow: -(\(value)) does not fit in 64 bits", at: ["x"])
    }
    return .int(-value)
  case .float(let value): return .float(-value)
  default:
    guard let x = a.variable else { throw BuiltinError("can't negate \(a.kind)", at: ["x"]) }
    return .tensor(try x.dtype == .bool ? -x.converted(to: .i64) : -x)
  }
}

/// `a @ b`: matrix product of the last two axes; vectors count as a row and a column.
package func matmul(_ a: Variable, _ b: Variable) throws -> Variable {
  let shape = try Shapes.matrixProduct(a.shape, b.shape)
  let dtype = DType.common(a.dtype, b.dtype)
  let common = dtype == .bool ? DType.i64 : dtype
  var x = try a.converted(to: common)
  var y = try b.converted(to: common)
  let k = x.shape[x.rank - 1]
  if y.rank == 1 { y = try y.reshaped([k, 1]) }
  if x.rank == 1 { x = try x.reshaped([1, k]) }
  if y.rank == 2 {
    // One matrix for all leading axes: their rows are the rows of one product.
    if x.rank == 2, a.rank == 2, b.rank == 2 { return try .product(x, y) }
    let rows = x.shape.dropLast().reduce(1, *)
    return try .product(x.reshaped([rows, k]), y).reshaped(shape)
  }
  let leading = shape.prefix(Swift.max(x.rank, y.rank) - 2)
  let (xShape, yShape) = (leading + x.shape.suffix(2), leading + y.shape.suffix(2))
  try Tensor.checkShape(Array(xShape))
  try Tensor.checkShape(Array(yShape))
  x = x.expanded(to: Array(xShape))
  y = y.expanded(to: Array(yShape))
  let product = try Variable.product(x, y)
  return product.shape == shape ? product : try product.reshaped(shape)
}
