import Autodiff
import Builtins
import Shapes
import Support
import Syntax
import Tensors
import Values

/// Sums, products, softmax and the like over index variables.
extension IndexRun {
  mutating func reduce(
    _ builtin: Builtin, _ indices: [Int], _ body: IndexExpression, _ condition: IndexExpression?,
    _ span: Span, _ mask: Indexed?
  ) throws -> Indexed {
    guard let reducer = builtin.reducerName else { preconditionFailure("compiled as a reducer") }
    let mask = reducer.isAlong ? try ofWholeRows(mask, indices) : mask
    var keep = Indexed.none
    if let condition {
      keep = try evaluate(condition, mask: mask)
      if case .tensor(let x, _) = keep, x.dtype != .bool {
        throw Diagnostic(
          "a condition is true or false, not \(x.dtype.name)", at: condition.span,
          hint: "compare it with something: \(condition.span.text) > 0")
      }
      if case .scalar(let value) = keep {
        guard case .bool(let flag) = value else {
          throw Diagnostic(
            "a condition is true or false, not \(value.described)", at: condition.span)
        }
        keep = flag ? .none : .tensor(Variable(try Tensor([false], [])), [])
      }
    }
    if reducer == .sum, case .none = keep {
      return try sumOfProducts(indices, factors(body), span, mask)
    }
    var inner = mask
    if case .tensor = keep { inner = try both(mask, keep) }
    // The reducer itself applies its mask, so a plain read needs no validity mask for it.
    if case .read(_, let subscripts, _) = body, !subscripts.contains(where: \.isExpression) {
      inner = mask
    }
    return try reduce(builtin, indices, evaluate(body, mask: inner), keep, span, of: body.span)
  }

  /// The validity mask for the body of a reducer that keeps its indices, such as `softmax` or `cumsum`.
  ///
  /// Such a reducer computes each result from a whole row, the elements along `indices`. So a row is valid as
  /// a whole where `mask` is true for any of its elements: the method reduces `mask` with `any` along
  /// `indices`. It returns a mask without these indices as it is.
  private func ofWholeRows(_ mask: Indexed?, _ indices: [Int]) throws -> Indexed? {
    guard case .tensor(let keep, let labels)? = mask, labels.contains(where: indices.contains) else {
      return mask
    }
    let outer = labels.filter { !indices.contains($0) }
    let along = labels.filter(indices.contains)
    let shape = outer.map(extent) + [along.map(extent).reduce(1, *)]
    let rows = try aligned(keep, labels, to: outer + along).tensor.reshaped(shape)
    return .tensor(Variable(try rows.reduced(.any, axis: outer.count)), outer)
  }

  /// The factors of a product, from left to right.
  func factors(_ expression: IndexExpression) -> [IndexExpression] {
    if case .arithmetic(.multiply, let left, let right, _) = expression {
      return factors(left) + factors(right)
    }
    return [expression]
  }

  /// A sum of products over indices.
  ///
  /// Factors without the index stay outside the sum. Exactly two tensors that both have it make a matrix
  /// product, summed ascending. Anything else is multiplied and then summed in lanes.
  mutating func sumOfProducts(
    _ indices: [Int], _ expressions: [IndexExpression], _ span: Span, _ mask: Indexed?,
    leavesPending: Bool = false
  ) throws -> Indexed {
    var factors = try expressions.map { try operand($0, mask: mask) }
    // A Bool counts as 0 or 1, also where one value stands for all elements.
    if factors.count == 1, case .scalar(.bool(let flag)) = factors[0] {
      factors = [.scalar(.int(flag ? 1 : 0))]
    }
    func uses(_ factor: Indexed, _ index: Int) -> Bool {
      if case .tensor(_, let labels) = factor { return labels.contains(index) }
      return false
    }
    var open = indices
    while let index = open.last {
      let using = factors.indices.filter { uses(factors[$0], index) }
      var group = [index]
      let part: Indexed
      if using.count == 2, case .tensor(let a, let aLabels) = factors[using[0]],
        case .tensor(let b, let bLabels) = factors[using[1]], a.dtype != .bool, b.dtype != .bool
      {
        // Several indices that the same two factors share are summed in one product.
        group = open.filter { other in factors.indices.filter { uses(factors[$0], other) } == using }
        let dtype = DType.common(a.dtype, b.dtype)
        let (x, y) = try (a.converted(to: dtype), b.converted(to: dtype))
        recorder?.record(x, a) { try $0.converted(to: dtype) }
        recorder?.record(y, b) { try $0.converted(to: dtype) }
        let contraction = Contraction(aLabels, bLabels, keeping: Set(aLabels + bLabels).subtracting(group))
        let product = try interpreter.located(span) {
          try contraction.apply(x, y, leavesPending: leavesPending)
        }
        recorder?.record(product, x, y) { try contraction.apply($0, $1, leavesPending: leavesPending) }
        part = .tensor(product, contraction.axes)
      } else {
        var product: Indexed?
        for at in using {
          product =
            try product.map {
              try combined($0, factors[at], span, [expressions[at], expressions[at]], .multiply)
            }
            ?? factors[at]
        }
        let whole = product ?? .scalar(.int(1))
        part = try reduce(interpreter.primitives.sum, [index], whole, .none, span, of: span)
      }
      factors = factors.indices.filter { !using.contains($0) }.map { factors[$0] }
      factors.insert(part, at: 0)
      open.removeAll(where: group.contains)
    }
    var result = factors[0]
    for factor in factors.dropFirst() {
      result = try combined(result, factor, span, [.input(0, span), .input(0, span)], .multiply)
    }
    return result
  }

  func reduce(
    _ builtin: Builtin, _ indices: [Int], _ body: Indexed, _ keep: Indexed, _ span: Span,
    of place: Span
  ) throws -> Indexed {
    guard let reducer = builtin.reducerName, let reduction = builtin.reduction else {
      preconditionFailure("compiled as a reducer")
    }
    var x: Variable
    var labels: [Int]
    switch body {
    case .tensor(let tensor, let own): (x, labels) = (tensor, own)
    case .scalar(let value):
      let dtype: DType
      switch value {
      case .int: dtype = .i64
      case .bool: dtype = .bool
      default: dtype = .f32
      }
      (x, labels) = (try number(value, dtype, place), [])
    case .none: throw Diagnostic("there is nothing to reduce: the expression is none", at: place)
    }
    var union = labels
    if case .tensor(_, let own) = keep { union = Self.union(union, own) }
    let outer = union.filter { !indices.contains($0) }
    // The order of what stays is the body's; the reduced indices come last.
    let order = outer + indices
    x = try aligned(x, labels, to: order)
    func apply(_ x: Variable, _ condition: Tensor?) throws -> Variable {
      do { return try reduction.apply(x, condition) } catch {
        // What the body has wrong is told there.
        let isOfBody = (error as? BuiltinError)?.message.contains("{x}") ?? false
        return try interpreter.located(isOfBody ? place : span) { throw error }
      }
    }
    var condition: Variable?
    if case .tensor(let mask, let own) = keep { condition = try aligned(mask, own, to: order) }
    /// Merges the reduced axes into one, reduces it, and passes the result and the body's shape to `finish`.
    func applied(_ finish: @escaping (Variable, [Int]) throws -> Variable) throws -> Variable {
      let body = x
      let kept = outer.count
      func flat(_ shape: [Int]) -> [Int] { shape[..<kept] + [shape[kept...].reduce(1, *)] }
      let shape = flat(body.shape)
      let result = try finish(
        apply(body.reshaped(shape), condition?.tensor.reshaped(shape)), body.shape)
      if let condition {
        recorder?.record(result, body, condition) {
          let shape = flat($0.shape)
          return try finish(reduction.apply($0.reshaped(shape), $1.tensor.reshaped(shape)), $0.shape)
        }
      } else if indices.count == 1 {
        recorder?.record(result, body) { try finish(reduction.apply($0, nil), $0.shape) }
      } else {
        recorder?.record(result, body) {
          try finish(reduction.apply($0.reshaped(flat($0.shape)), nil), $0.shape)
        }
      }
      return result
    }
    if reducer == .sum, condition == nil, indices.count > 1 {
      for _ in indices {
        let whole = x
        x = try apply(x, nil)
        recorder?.record(x, whole) { try reduction.apply($0, nil) }
      }
      return .tensor(x, outer)
    }
    return reducer.isAlong
      ? .tensor(try applied { try $0.reshaped($1) }, order)
      : .tensor(try applied { result, _ in result }, outer)
  }
}
