import Autodiff
import Tensors

/// The product of two tensors whose axes carry labels, summed over the labels that both have and
/// that are not kept: how it is done, which shapes and labels determine.
///
/// Labels in both that are kept are batch axes; those in one alone are rows (of `a`) or columns (of
/// `b`), which the caller has summed away beforehand where nobody needs them. With something to sum
/// it is one matrix product: ascending fused multiply-adds over the contracted axes, row-major in
/// the order in which `a` has them. With nothing to sum it is an elementwise product. Operands are
/// viewed, not copied, wherever their strides allow.
package struct Contraction {
  /// An operand's axes in order, and the shape in which it takes part.
  private struct Arrangement {
    var order: [Int]
    var shape: [Int]
    /// The shape to repeat it to.
    var expanded: [Int]?
    /// A product's operand takes part as it lies; an elementwise one's numbers are needed.
    func apply(_ x: Variable) throws -> Variable {
      let turned = x.transposed(order)
      guard let expanded else { return try turned.reshaped(shape) }
      try turned.settle()
      return try turned.reshaped(shape).expanded(to: expanded)
    }
  }

  /// The labels of the result.
  package let axes: [Int]
  private let shape: [Int]
  private let left: Arrangement
  private let right: Arrangement
  private let isProduct: Bool
  /// The rows of the product are those of `b`.
  private let isTurned: Bool

  /// - Parameter order: where the axes of the result are wanted. The result comes as near to it as
  ///   costs nothing.
  package init(
    _ aShape: [Int], _ aAxes: [Int], _ bShape: [Int], _ bAxes: [Int], keeping: Set<Int>, order: [Int] = []
  ) {
    let shared = aAxes.filter(bAxes.contains)
    let contracted = shared.filter { !keeping.contains($0) }
    let batch = shared.filter(keeping.contains)
    let rows = aAxes.filter { !bAxes.contains($0) }
    let columns = bAxes.filter { !aAxes.contains($0) }
    func size(_ label: Int) -> Int {
      aAxes.firstIndex(of: label).map { aShape[$0] } ?? bShape[bAxes.firstIndex(of: label)!]
    }
    func positions(_ labels: [Int], in axes: [Int]) -> [Int] { labels.map { axes.firstIndex(of: $0)! } }
    func count(_ labels: [Int]) -> Int { labels.reduce(1) { $0 * size($1) } }
    isProduct = !contracted.isEmpty
    guard isProduct else {
      isTurned = false
      axes = Self.elementwise(batch + rows + columns, aAxes, bAxes, order)
      shape = axes.map(size)
      let (axes, shape) = (axes, shape)
      /// A trailing part of the shape, or all of it with what is missing repeated.
      func spread(_ own: [Int]) -> Arrangement {
        let present = axes.filter(own.contains)
        let order = positions(present, in: own)
        if axes.suffix(present.count).elementsEqual(present) {
          return Arrangement(order: order, shape: present.map(size))
        }
        return Arrangement(
          order: order, shape: axes.map { own.contains($0) ? size($0) : 1 }, expanded: shape)
      }
      (left, right) = (spread(aAxes), spread(bAxes))
      return
    }
    if let row = rows.first, let column = columns.first, let rowPlace = order.firstIndex(of: row),
      let columnPlace = order.firstIndex(of: column)
    {
      isTurned = columnPlace < rowPlace
    } else {
      isTurned = false
    }
    let (first, second) = isTurned ? (bAxes, aAxes) : (aAxes, bAxes)
    let (outer, inner) = isTurned ? (columns, rows) : (rows, columns)
    axes = batch + outer + inner
    shape = axes.map(size)
    let sizes = batch.map(size)
    left = Arrangement(
      order: positions(batch + outer + contracted, in: first),
      shape: sizes + [count(outer), count(contracted)])
    right = Arrangement(
      order: positions(batch + contracted + inner, in: second),
      shape: sizes + [count(contracted), count(inner)])
  }

  /// The order wanted, else that of an operand that has all axes, so that it need not be turned.
  private static func elementwise(_ axes: [Int], _ a: [Int], _ b: [Int], _ order: [Int]) -> [Int] {
    let wanted = order.filter(axes.contains)
    if wanted.count == axes.count { return wanted }
    if a.count == axes.count { return a }
    return b.count == axes.count ? b : axes
  }

  /// - Parameter leavesPending: the product is read by a softmax and a weighted sum, and by nothing
  ///   else.
  package func apply(_ a: Variable, _ b: Variable, leavesPending: Bool = false) throws -> Variable {
    guard isProduct else { return try left.apply(a) * right.apply(b) }
    let x = try left.apply(isTurned ? b : a)
    let y = try right.apply(isTurned ? a : b)
    return try (leavesPending ? Variable.scores(x, y) : Variable.product(x, y)).reshaped(shape)
  }
}

extension Variable {
  /// The axes, which carry labels, in another order.
  package func arranged(_ axes: [Int], _ order: [Int]) -> Variable {
    transposed(order.map { label in axes.firstIndex(of: label)! })
  }
}
