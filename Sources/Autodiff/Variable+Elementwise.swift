import Tensors

extension Variable {
  // MARK: Operators

  package static func + (a: Variable, b: Variable) throws -> Variable { try a.binary(.add, b) }
  package static func - (a: Variable, b: Variable) throws -> Variable { try a.binary(.subtract, b) }
  package static func * (a: Variable, b: Variable) throws -> Variable { try a.binary(.multiply, b) }
  package static func / (a: Variable, b: Variable) throws -> Variable { try a.binary(.divide, b) }
  package static prefix func - (a: Variable) throws -> Variable { try a.unary(.negate) }

  package static func + (a: Variable, b: Double) throws -> Variable { try a + b.like(a) }
  package static func - (a: Variable, b: Double) throws -> Variable { try a - b.like(a) }
  package static func - (a: Double, b: Variable) throws -> Variable { try a.like(b) - b }
  package static func * (a: Variable, b: Double) throws -> Variable { try a * b.like(a) }
  package static func / (a: Variable, b: Double) throws -> Variable { try a / b.like(a) }

  // MARK: Functions of one operand

  package func unary(_ function: UnaryFunction) throws -> Variable {
    try settle()
    let y = try tensor.unary(function)
    guard isTracked else { return Variable(y) }
    return .make(
      y, [self], reading: { [self] y, dy, _ in [try derivative(of: function, y: y, dy: dy)] })
  }

  /// dy · f′(x). The fused kernels give the same values as the formulas in one pass; the formulas
  /// stand in where this gradient is itself being differentiated.
  private func derivative(of function: UnaryFunction, y: Variable, dy: Variable) throws -> Variable? {
    let x = self
    let isDifferentiated = dy.isTracked || y.isTracked
    func fused(_ gradient: BinaryFunction, _ operand: Variable) throws -> Variable {
      Variable(try operand.tensor.contiguous().binary(gradient, dy.tensor))
    }
    switch function {
    case .negate: return try -dy
    case .abs: return try dy * Variable(x.tensor.unary(.sign))
    case .exp: return try dy * y
    case .log: return try dy / x
    case .sqrt: return try dy / (y * 2)
    case .sin: return try dy * x.unary(.cos)
    case .cos: return try -(dy * x.unary(.sin))
    case .erf: return try dy * (-(x * x)).unary(.exp) * 1.1283791670955126  // 2/√π
    case .softplus: return try dy * x.unary(.sigmoid)
    case .tanh:
      return try isDifferentiated ? dy * (1 - y * y) : fused(.tanhGradient, y)
    case .sigmoid:
      return try isDifferentiated ? dy * (y * (1 - y)) : fused(.sigmoidGradient, y)
    case .relu:
      guard isDifferentiated else { return try fused(.reluGradient, x) }
      let zero = try Variable(Tensor.scalar(0, x.dtype))
      let isPositive = try Variable(x.tensor.compare(.greater, zero.tensor))
      return try .select(isPositive, dy, zero)
    case .silu:
      guard isDifferentiated else { return try fused(.siluGradient, x) }
      let s = try x.unary(.sigmoid)
      return try dy * (s * (x * (1 - s) + 1))
    case .gelu:
      guard isDifferentiated else { return try fused(.geluGradient, x) }
      // Φ(x) + x·φ(x)
      let cumulative = try ((x * 0.7071067811865476).unary(.erf) + 1) * 0.5
      let density = try (x * x * -0.5).unary(.exp) * 0.3989422804014327
      return try dy * (cumulative + x * density)
    case .geluTanh:
      guard isDifferentiated else { return try fused(.geluTanhGradient, x) }
      let c = 0.7978845608028654  // √(2/π)
      let t = try ((x + x * x * x * 0.044715) * c).unary(.tanh)
      let slope = try (x * x * (3 * 0.044715) + 1) * c
      return try dy * ((t + 1) * 0.5 + x * 0.5 * (1 - t * t) * slope)
    case .sign, .floor, .ceil, .round, .not: return nil
    }
  }

  // MARK: Functions of two operands

  package func binary(_ function: BinaryFunction, _ other: Variable) throws -> Variable {
    if let scores = pending?.scaled(function, by: other) { return Variable(scores) }
    if function == .multiply, let scores = other.pending?.scaled(.multiply, by: self) {
      return Variable(scores)
    }
    try settle()
    try other.settle()
    let y = try tensor.binary(function, other.tensor)
    guard isTracked || other.isTracked else { return Variable(y) }
    let a = self
    let b = other
    return .make(
      y, [a, b],
      reading: { y, dy, wants in
        try Self.derivatives(of: function, a, b, y: y, dy: dy, wants)
      })
  }

  private static func derivatives(
    of function: BinaryFunction, _ a: Variable, _ b: Variable, y: Variable, dy: Variable,
    _ wants: Demand
  ) throws -> [Variable?] {
    func pair(_ da: () throws -> Variable?, _ db: () throws -> Variable?) throws -> [Variable?] {
      [
        wants[0] ? try da()?.summed(to: a.shape) : nil,
        wants[1] ? try db()?.summed(to: b.shape) : nil,
      ]
    }
    switch function {
    case .add: return try pair({ dy }, { dy })
    case .subtract: return try pair({ dy }, { try -dy })
    case .multiply: return try pair({ try dy * b }, { try dy * a })
    case .divide: return try pair({ try dy / b }, { try -(dy * y / b) })
    case .power:
      return try pair(
        {
          // b·a^(b−1), and 0 where b is 0, a being 0 or not.
          let zero = try Variable(Tensor.scalar(0, a.dtype))
          let isConstant = try Variable(b.tensor.compare(.equal, zero.tensor))
          guard try isConstant.tensor.integers().contains(1) else {
            return try dy * (b * a.binary(.power, b - 1))
          }
          let one = try Variable(Tensor.scalar(1, a.dtype))
          let slope = try b * a.binary(.power, Variable.select(isConstant, one, b) - 1)
          return try dy * slope
        },
        {
          // a^b·log(a), and 0 where a is 0.
          let zero = try Variable(Tensor.scalar(0, a.dtype))
          let isZero = try Variable(a.tensor.compare(.equal, zero.tensor))
          let one = try Variable(Tensor.scalar(1, a.dtype))
          return try dy * (y * Variable.select(isZero, one, a).unary(.log))
        })
    case .maximum, .minimum:
      // The left operand counts where both are equal.
      let left = try Variable(
        a.tensor.compare(function == .maximum ? .greaterOrEqual : .lessOrEqual, b.tensor))
      let zero = try Variable(Tensor.scalar(0, dy.dtype))
      return try pair({ try select(left, dy, zero) }, { try select(left, zero, dy) })
    case .remainder:
      return try pair(
        { dy }, { try -(dy * Variable(a.tensor.binary(.divide, b.tensor)).unary(.floor)) })
    case .floorDivide, .and, .or: return [nil, nil]
    case .tanhGradient, .sigmoidGradient, .reluGradient, .siluGradient, .geluGradient,
      .geluTanhGradient:
      preconditionFailure("fused derivatives are used where nothing is recorded")
    }
  }

  /// The sum over the leading axes that broadcasting added, ascending; over everything for a scalar.
  func summed(to target: [Int]) throws -> Variable {
    if shape == target { return self }
    if target.isEmpty { return try sum() }
    let leading = shape.dropLast(target.count).reduce(1, *)
    return try reshaped([leading] + target).sum(axis: 0)
  }

  /// `a` where the condition holds, else `b`, by selection: no value not chosen takes part.
  package static func select(_ condition: Variable, _ a: Variable, _ b: Variable) throws -> Variable {
    if let scores = a.pending?.gated(condition, else: b) { return Variable(scores) }
    try a.settle()
    try b.settle()
    let y = try Tensor.select(condition.tensor, a.tensor, b.tensor)
    return make(y, [a, b]) { dy, wants in
      let zero = try Variable(Tensor.scalar(0, dy.dtype))
      return [
        wants[0] ? try select(condition, dy, zero).summed(to: a.shape) : nil,
        wants[1] ? try select(condition, zero, dy).summed(to: b.shape) : nil,
      ]
    }
  }

  /// Converted to another dtype; the gradient is converted back.
  package func converted(to dtype: DType) throws -> Variable {
    if dtype == self.dtype { return self }
    try settle()
    let source = self.dtype
    return .make(try tensor.converted(to: dtype), [self]) { dy, _ in
      [source.isFloat && dtype.isFloat ? try dy.converted(to: source) : nil]
    }
  }
}

extension Double {
  /// This number as a rank-0 tensor of a variable's dtype.
  func like(_ variable: Variable) throws -> Variable {
    Variable(try Tensor.scalar(self, variable.dtype))
  }
}
