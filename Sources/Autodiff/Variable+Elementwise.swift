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
    try materialize()
    let y = try tensor.unary(function)
    guard isTracked else { return Variable(y) }
    // What a derivative reads, x or y, is kept until then, and nothing else. The kernels give the same
    // values as the formulas in one pass; the formulas stand in where the gradient is itself being
    // differentiated.
    func recorded(_ derivative: @escaping (_ dy: Variable) throws -> Variable?) -> Variable {
      .make(y, [self]) { dy, _ in [try derivative(dy)] }
    }
    func recordedFromOutput(
      _ derivative: @escaping (_ y: Variable, _ dy: Variable) throws -> Variable?
    ) -> Variable {
      .make(y, [self], reading: { y, dy, _ in [try derivative(y, dy)] })
    }
    let x = self
    switch function {
    case .sign, .floor, .ceil, .round, .not: return recorded { _ in nil }
    case .negate: return recorded { try -$0 }
    case .exp: return recordedFromOutput { y, dy in try dy * y }
    case .sqrt: return recordedFromOutput { y, dy in try dy / (y * 2) }
    case .tanh:
      return recordedFromOutput { y, dy in try y.fused(.tanhGradient, dy) ?? dy * (1 - y * y) }
    case .sigmoid:
      return recordedFromOutput { y, dy in try y.fused(.sigmoidGradient, dy) ?? dy * (y * (1 - y)) }
    case .relu:
      return recordedFromOutput { y, dy in
        if let dx = try y.fused(.reluGradient, dy) { return dx }
        let zero = try Variable(Tensor.scalar(0, y.dtype))
        let isPositive = try Variable(y.tensor.compare(.greater, zero.tensor))
        return try .select(isPositive, dy, zero)
      }
    case .abs: return recorded { dy in try dy * Variable(x.tensor.unary(.sign)) }
    case .log: return recorded { dy in try dy / x }
    case .sin: return recorded { dy in try dy * x.unary(.cos) }
    case .cos: return recorded { dy in try -(dy * x.unary(.sin)) }
    case .erf:
      return recorded { dy in try dy * (-(x * x)).unary(.exp) * 1.1283791670955126 }  // 2/√π
    case .softplus: return recorded { dy in try dy * x.unary(.sigmoid) }
    case .softsign:
      return recorded { dy in
        if let dx = try x.fused(.softsignGradient, dy) { return dx }
        let scale = try x.unary(.abs) + 1
        return try dy / (scale * scale)
      }
    case .silu:
      return recorded { dy in
        if let dx = try x.fused(.siluGradient, dy) { return dx }
        let s = try x.unary(.sigmoid)
        return try dy * (s * (x * (1 - s) + 1))
      }
    case .gelu:
      return recorded { dy in
        if let dx = try x.fused(.geluGradient, dy) { return dx }
        // Φ(x) + x·φ(x)
        let cumulative = try ((x * 0.7071067811865476).unary(.erf) + 1) * 0.5
        let density = try (x * x * -0.5).unary(.exp) * 0.3989422804014327
        return try dy * (cumulative + x * density)
      }
    case .geluTanh:
      return recorded { dy in
        if let dx = try x.fused(.geluTanhGradient, dy) { return dx }
        let c = 0.7978845608028654  // √(2/π)
        let t = try ((x + x * x * x * 0.044715) * c).unary(.tanh)
        let slope = try (x * x * (3 * 0.044715) + 1) * c
        return try dy * ((t + 1) * 0.5 + x * 0.5 * (1 - t * t) * slope)
      }
    }
  }

  /// The kernel of a derivative in one pass; `nil` where it is itself being differentiated.
  private func fused(_ gradient: BinaryFunction, _ dy: Variable) throws -> Variable? {
    if dy.isTracked || isTracked { return nil }
    return Variable(try tensor.contiguous().binary(gradient, dy.tensor))
  }

  // MARK: Functions of two operands

  package func binary(_ function: BinaryFunction, _ other: Variable) throws -> Variable {
    if let scores = pending?.scaled(function, by: other) { return Variable(scores) }
    if function == .multiply, let scores = other.pending?.scaled(.multiply, by: self) {
      return Variable(scores)
    }
    try materialize()
    try other.materialize()
    let y = try tensor.binary(function, other.tensor)
    guard isTracked || other.isTracked else { return Variable(y) }
    return try .recorded(function, self, other, y)
  }

  /// What a derivative reads is kept until then, and nothing else.
  private static func recorded(
    _ function: BinaryFunction, _ a: Variable, _ b: Variable, _ y: Tensor
  ) throws -> Variable {
    let shapes = (a.shape, b.shape)
    func gradients(
      _ needed: NeededGradients, _ da: () throws -> Variable?, _ db: () throws -> Variable?
    ) throws -> [Variable?] {
      [
        needed[0] ? try da()?.summed(to: shapes.0) : nil,
        needed[1] ? try db()?.summed(to: shapes.1) : nil,
      ]
    }
    switch function {
    case .add: return make(y, [a, b]) { dy, needed in try gradients(needed, { dy }, { dy }) }
    case .subtract: return make(y, [a, b]) { dy, needed in try gradients(needed, { dy }, { try -dy }) }
    case .multiply:
      let (slopeOfA, slopeOfB) = (a.isTracked ? b : nil, b.isTracked ? a : nil)
      return make(y, [a, b]) { dy, needed in
        try gradients(needed, { try slopeOfA.map { try dy * $0 } }, { try slopeOfB.map { try dy * $0 } })
      }
    case .divide where !b.isTracked:
      return make(y, [a, b]) { dy, needed in try gradients(needed, { try dy / b }, { nil }) }
    case .divide:
      return make(
        y, [a, b],
        reading: { y, dy, needed in try gradients(needed, { try dy / b }, { try -(dy * y / b) }) })
    case .remainder where !b.isTracked:
      return make(y, [a, b]) { dy, needed in try gradients(needed, { dy }, { nil }) }
    case .remainder:
      return make(y, [a, b]) { dy, needed in
        try gradients(
          needed, { dy }, { try -(dy * Variable(a.tensor.binary(.divide, b.tensor)).unary(.floor)) })
      }
    case .maximum, .minimum:
      // The left operand counts where both are equal.
      let left = try Variable(
        a.tensor.compare(function == .maximum ? .greaterOrEqual : .lessOrEqual, b.tensor))
      return make(y, [a, b]) { dy, needed in
        let zero = try Variable(Tensor.scalar(0, dy.dtype))
        return try gradients(needed, { try select(left, dy, zero) }, { try select(left, zero, dy) })
      }
    case .power where !b.isTracked:
      return make(y, [a, b]) { dy, needed in
        try gradients(needed, { try powerGradient(ofBase: a, b, dy) }, { nil })
      }
    case .power where !a.isTracked:
      return make(
        y, [a, b],
        reading: { y, dy, needed in
          try gradients(needed, { nil }, { try powerGradient(ofExponentOf: a, y: y, dy) })
        })
    case .power:
      return make(
        y, [a, b],
        reading: { y, dy, needed in
          try gradients(
            needed, { try powerGradient(ofBase: a, b, dy) }, { try powerGradient(ofExponentOf: a, y: y, dy) })
        })
    case .floorDivide, .and, .or: return make(y, [a, b]) { _, _ in [nil, nil] }
    default:
      preconditionFailure("fused derivatives are used where nothing is recorded")
    }
  }

  /// dy · b·a^(b−1), and 0 where b is 0, a being 0 or not.
  private static func powerGradient(ofBase a: Variable, _ b: Variable, _ dy: Variable) throws -> Variable {
    let zero = try Variable(Tensor.scalar(0, a.dtype))
    let isConstant = try Variable(b.tensor.compare(.equal, zero.tensor))
    guard try isConstant.tensor.integers().contains(1) else {
      return try dy * (b * a.binary(.power, b - 1))
    }
    let one = try Variable(Tensor.scalar(1, a.dtype))
    return try dy * (b * a.binary(.power, select(isConstant, one, b) - 1))
  }

  /// dy · a^b·log(a), and 0 where a is 0.
  private static func powerGradient(ofExponentOf a: Variable, y: Variable, _ dy: Variable) throws -> Variable
  {
    let zero = try Variable(Tensor.scalar(0, a.dtype))
    let isZero = try Variable(a.tensor.compare(.equal, zero.tensor))
    let one = try Variable(Tensor.scalar(1, a.dtype))
    return try dy * (y * select(isZero, one, a).unary(.log))
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
    if let scores = a.pending?.masked(condition, else: b) { return Variable(scores) }
    try a.materialize()
    try b.materialize()
    let y = try Tensor.select(condition.tensor, a.tensor, b.tensor)
    let shapes = (a.shape, b.shape)
    return make(y, [a, b]) { dy, needed in
      let zero = try Variable(Tensor.scalar(0, dy.dtype))
      return [
        needed[0] ? try select(condition, dy, zero).summed(to: shapes.0) : nil,
        needed[1] ? try select(condition, zero, dy).summed(to: shapes.1) : nil,
      ]
    }
  }

  /// Converted to another dtype; the gradient is converted back.
  package func converted(to dtype: DType) throws -> Variable {
    if dtype == self.dtype { return self }
    try materialize()
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
