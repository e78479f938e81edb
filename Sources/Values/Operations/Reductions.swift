import Autodiff
import Shapes
import Support
import Tensors

/// The reductions themselves, over tensors.
///
/// Those with `keep` work over the last axis, where index notation has brought it: what is not kept
/// takes no part, by selection. Sums along that axis are in lanes (docs/numerics.md).
package enum Reductions {
  /// One axis after the other; axes stand highest first.
  package static func over(
    _ axes: [Int], _ x: Variable, _ step: (Variable, Int) throws -> Variable
  ) throws -> Variable {
    try axes.reduce(x, step)
  }

  /// The mean over several axes; nothing gives 0.
  package static func mean(_ x: Variable, _ axes: [Int]) throws -> Variable {
    let count = axes.reduce(1) { $0 * x.shape[$1] }
    let total = try over(axes, x) { try $0.sum(axis: $1) }
    return count <= 1 ? total : try total / Double(count)
  }

  /// The mean squared distance from the mean; nothing gives 0.
  package static func variance(_ x: Variable, _ axes: [Int]) throws -> Variable {
    var kept = x.shape
    for axis in axes { kept[axis] = 1 }
    let centre = try mean(x, axes).reshaped(kept).expanded(to: x.shape)
    let distance = try x - centre
    return try mean(distance * distance, axes)
  }

  // MARK: Over the last axis

  package static func sum(_ x: Variable, _ keep: Tensor?) throws -> Variable {
    try x.selected(keep, else: 0).sum(axis: x.rank - 1, order: .lanes)
  }

  package static func mean(_ x: Variable, _ keep: Tensor?) throws -> Variable {
    guard let keep else { return try x.mean(axis: x.rank - 1, order: .lanes) }
    return try sum(x, keep) / counts(keep, x.dtype)
  }

  package static func product(_ x: Variable, _ keep: Tensor?) throws -> Variable {
    try x.selected(keep, else: 1).product(axis: x.rank - 1)
  }

  package static func extreme(_ x: Variable, _ keep: Tensor?, largest: Bool) throws -> Variable {
    if !x.dtype.isFloat, x.dtype != .bool {
      // There is no integer infinity to give for nothing.
      let isEmpty =
        x.shape[x.rank - 1] == 0 && x.tensor.count == 0 && x.shape.dropLast().allSatisfy { $0 > 0 }
      let hasGap = try keep.map { try $0.reduced(.any, axis: x.rank - 1).integers().contains(0) } ?? false
      guard !isEmpty, !hasGap else {
        throw BuiltinError(
          "nothing is kept, and integers have no infinity to give", at: ["x"],
          hint: "convert to f32 first, where the result is \(largest ? "-inf" : "inf")")
      }
    }
    return try x.selected(keep, else: x.dtype.farthest(largest: !largest))
      .extreme(largest: largest, axis: x.rank - 1)
  }

  package static func logSumExp(_ x: Variable, _ keep: Tensor?) throws -> Variable {
    try x.selected(keep, else: -.infinity).logSumExp(axis: x.rank - 1)
  }

  package static func holds(_ x: Variable, _ keep: Tensor?, anywhere: Bool) throws -> Variable {
    let x = try Domain.conditions.of(x).selected(keep, else: anywhere ? 0 : 1)
    return Variable(try x.tensor.reduced(anywhere ? .any : .all, axis: x.rank - 1))
  }

  package static func position(_ x: Variable, _ keep: Tensor?, largest: Bool) throws -> Variable {
    let axis = x.rank - 1
    guard let keep else {
      return Variable(try x.tensor.positions(ofLargest: largest, axis: axis))
    }
    let hasAny = try keep.reduced(.any, axis: axis)
    if let row = try hasAny.integers().firstIndex(of: 0) {
      let at = hasAny.rank == 0 ? "" : " at position \(coordinates(of: row, in: hasAny.shape))"
      throw BuiltinError("nothing is kept\(at), so there is no position", at: ["x"])
    }
    // The first that is kept and equals the best; a nan is best, and the only one unlike itself.
    let best = try extreme(x, keep, largest: largest).tensor
    let spread = try best.reshaped(best.shape + [1]).expanded(to: x.shape)
    let isNaN = try x.tensor.compare(.notEqual, x.tensor)
    let isBest = try x.tensor.compare(.equal, spread).binary(.or, isNaN).binary(.and, keep)
    return Variable(try isBest.converted(to: .i32).positions(ofLargest: true, axis: axis))
  }

  package static func cumulativeSum(_ x: Variable, _ keep: Tensor?) throws -> Variable {
    try x.selected(keep, else: 0).cumulativeSum(axis: x.rank - 1)
  }

  /// (x − mean) / sqrt(variance + epsilon) of what is kept, 0 elsewhere.
  package static func normalize(_ x: Variable, _ keep: Tensor?, epsilon: Double) throws -> Variable {
    guard let keep else { return try x.normalized(epsilon: epsilon) }
    let kept = x.shape.dropLast() + [1]
    let n = try counts(keep, x.dtype)
    func mean(_ value: Variable) throws -> Variable {
      try (sum(value, nil) / n).reshaped(Array(kept)).expanded(to: x.shape)
    }
    let present = try x.selected(keep, else: 0)
    let distance = try (present - mean(present)).selected(keep, else: 0)
    // Selected once more, so that nothing flows back from where nothing is kept.
    return try (distance / (mean(distance * distance) + epsilon).unary(.sqrt)).selected(keep, else: 0)
  }

  /// How many are kept in each row, at least 1.
  private static func counts(_ keep: Tensor, _ dtype: DType) throws -> Variable {
    let counts = try keep.converted(to: .i64).reduced(.sum, axis: keep.rank - 1)
    return Variable(try counts.binary(.maximum, .scalar(1)).converted(to: dtype))
  }
}

extension Variable {
  /// This tensor where `keep` holds, a number elsewhere.
  fileprivate func selected(_ keep: Tensor?, else number: Double) throws -> Variable {
    guard let keep else { return self }
    return try .select(Variable(keep), self, Variable(dtype.element(number)))
  }
}

extension DType {
  /// The largest value of a dtype, or the least.
  fileprivate func farthest(largest: Bool) -> Double {
    switch self {
    case .f32, .f64: largest ? .infinity : -.infinity
    case .i32: Double(largest ? Int32.max : Int32.min)
    case .i64: largest ? 0x1p63 : -0x1p63
    case .bool: largest ? 1 : 0
    }
  }

  /// One element; what is too large for i64 is its largest value.
  fileprivate func element(_ number: Double) throws -> Tensor {
    if self == .i64, number == 0x1p63 { return try .scalar(Int.max) }
    return try .scalar(number, self)
  }
}
