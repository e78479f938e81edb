import Autodiff
import Tensors

/// The product of two tensors whose axes carry labels, summed over the labels that both have and
/// that are not kept.
///
/// Labels in both that are kept are batch axes; those in one alone are rows (of `a`) or columns (of
/// `b`), which the caller has summed away beforehand where nobody needs them. With something to sum
/// it is one matrix product: ascending fused multiply-adds over the contracted axes, row-major in
/// the order in which `a` has them. With nothing to sum it is an elementwise product. Operands are
/// viewed, not copied, wherever their strides allow.
///
/// - Parameters:
///   - order: where the axes of the result are wanted. The result comes as near to it as costs
///     nothing; its own labels come with it.
///   - leavesPending: the product is read by a softmax and a weighted sum, and by nothing else.
package func contract(
  _ a: Variable, _ aAxes: [Int], _ b: Variable, _ bAxes: [Int], keeping: Set<Int>,
  order: [Int] = [], leavesPending: Bool = false
) throws -> (product: Variable, axes: [Int]) {
  let shared = aAxes.filter(bAxes.contains)
  let contracted = shared.filter { !keeping.contains($0) }
  let batch = shared.filter(keeping.contains)
  let rows = aAxes.filter { !bAxes.contains($0) }
  let columns = bAxes.filter { !aAxes.contains($0) }
  if contracted.isEmpty {
    return try multiplied(a, aAxes, b, bAxes, axes: batch + rows + columns, order: order)
  }
  if let row = rows.first, let column = columns.first, let rowPlace = order.firstIndex(of: row),
    let columnPlace = order.firstIndex(of: column), columnPlace < rowPlace
  {
    return try product(
      b, bAxes, a, aAxes, batch, columns, contracted, rows, leavesPending: leavesPending)
  }
  return try product(
    a, aAxes, b, bAxes, batch, rows, contracted, columns, leavesPending: leavesPending)
}

/// [batch..., rows] × [batch..., columns] by way of (batch, m, k) × (batch, k, n).
private func product(
  _ a: Variable, _ aAxes: [Int], _ b: Variable, _ bAxes: [Int], _ batch: [Int], _ rows: [Int],
  _ contracted: [Int], _ columns: [Int], leavesPending: Bool
) throws -> (product: Variable, axes: [Int]) {
  func sizes(_ axes: [Int], _ x: Variable, _ xAxes: [Int]) -> [Int] {
    axes.map { x.shape[xAxes.firstIndex(of: $0)!] }
  }
  let batchSizes = sizes(batch, a, aAxes)
  let rowSizes = sizes(rows, a, aAxes)
  let columnSizes = sizes(columns, b, bAxes)
  let m = rowSizes.reduce(1, *)
  let n = columnSizes.reduce(1, *)
  let k = sizes(contracted, a, aAxes).reduce(1, *)
  let left = try a.arranged(aAxes, batch + rows + contracted).reshaped(batchSizes + [m, k])
  let right = try b.arranged(bAxes, batch + contracted + columns).reshaped(batchSizes + [k, n])
  let result = try leavesPending ? Variable.scores(left, right) : Variable.product(left, right)
  return (try result.reshaped(batchSizes + rowSizes + columnSizes), batch + rows + columns)
}

/// The elementwise product over the axes of both.
private func multiplied(
  _ a: Variable, _ aAxes: [Int], _ b: Variable, _ bAxes: [Int], axes: [Int], order: [Int]
) throws -> (product: Variable, axes: [Int]) {
  // The order wanted, else that of an operand that has all axes, so that it need not be turned.
  var axes = axes
  let wanted = order.filter(axes.contains)
  if wanted.count == axes.count {
    axes = wanted
  } else if aAxes.count == axes.count {
    axes = aAxes
  } else if bAxes.count == axes.count {
    axes = bAxes
  }
  let shape = axes.map { label in
    aAxes.firstIndex(of: label).map { a.shape[$0] } ?? b.shape[bAxes.firstIndex(of: label)!]
  }
  /// A trailing part of the shape, or all of it with what is missing repeated.
  func spread(_ x: Variable, _ xAxes: [Int]) throws -> Variable {
    let present = axes.filter(xAxes.contains)
    let x = x.arranged(xAxes, present)
    if axes.suffix(present.count).elementsEqual(present) { return x }
    let kept = zip(axes, shape).map { xAxes.contains($0) ? $1 : 1 }
    try x.settle()
    return try x.reshaped(kept).expanded(to: shape)
  }
  return (try spread(a, aAxes) * spread(b, bAxes), axes)
}

extension Variable {
  /// The axes, which carry labels, in another order.
  package func arranged(_ axes: [Int], _ order: [Int]) -> Variable {
    transposed(order.map { label in axes.firstIndex(of: label)! })
  }
}
