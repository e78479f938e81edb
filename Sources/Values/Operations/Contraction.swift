import Autodiff
import Shapes
import Support
import Tensors

/// The product of two tensors whose axes carry labels, summed over the labels that both have and
/// that are not kept: how it is done, which the labels alone determine.
///
/// Labels in both that are kept are batch axes; those in one alone are rows (of `a`) or columns (of
/// `b`), which the caller has summed away beforehand where they are not needed. With something to sum
/// it is one matrix product: ascending fused multiply-adds over the contracted axes, row-major in
/// the order in which `a` has them. With nothing to sum it is an elementwise product. Operands are
/// viewed, not copied, wherever their strides allow.
package struct Contraction {
  /// The labels of the result.
  package let axes: [Int]
  /// Each operand's axes in the order in which they take part.
  private let left: [Int]
  private let right: [Int]
  private let form: Form

  private enum Form {
    /// One matrix product, whose sides are groups of axes behind those of the batch. Where it is transposed,
    /// the rows are those of `b`, and `left` is its order.
    case product(batch: Int, outer: Int, contracted: Int, inner: Int, isTransposed: Bool)
    /// Of each axis of the result, where its size is seen, and of each operand, which axes it has; `nil`
    /// where they are a trailing part.
    case elementwise(sizes: [(isLeft: Bool, axis: Int)], left: [Bool]?, right: [Bool]?)
  }

  /// - Parameter order: where the axes of the result are wanted. The result comes as near to it as
  ///   costs nothing.
  package init(_ aAxes: [Int], _ bAxes: [Int], keeping: Set<Int>, order: [Int] = []) {
    let shared = aAxes.filter(bAxes.contains)
    let contracted = shared.filter { !keeping.contains($0) }
    let batch = shared.filter(keeping.contains)
    let rows = aAxes.filter { !bAxes.contains($0) }
    let columns = bAxes.filter { !aAxes.contains($0) }
    func positions(_ labels: [Int], in axes: [Int]) -> [Int] { labels.map { axes.firstIndex(of: $0)! } }
    guard !contracted.isEmpty else {
      let axes = Self.elementwise(batch + rows + columns, aAxes, bAxes, order)
      func places(of own: [Int]) -> [Int] { positions(axes.filter(own.contains), in: own) }
      func presence(of own: [Int]) -> [Bool]? {
        axes.suffix(own.count).allSatisfy(own.contains) ? nil : axes.map(own.contains)
      }
      (left, right) = (places(of: aAxes), places(of: bAxes))
      form = .elementwise(
        sizes: axes.map { label in
          aAxes.firstIndex(of: label).map { (true, $0) } ?? (false, bAxes.firstIndex(of: label)!)
        }, left: presence(of: aAxes), right: presence(of: bAxes))
      self.axes = axes
      return
    }
    var isTransposed = false
    if let row = rows.first, let column = columns.first, let rowPlace = order.firstIndex(of: row),
      let columnPlace = order.firstIndex(of: column)
    {
      isTransposed = columnPlace < rowPlace
    }
    let (first, second) = isTransposed ? (bAxes, aAxes) : (aAxes, bAxes)
    let (outer, inner) = isTransposed ? (columns, rows) : (rows, columns)
    axes = batch + outer + inner
    left = positions(batch + outer + contracted, in: first)
    right = positions(batch + contracted + inner, in: second)
    form = .product(
      batch: batch.count, outer: outer.count, contracted: contracted.count, inner: inner.count,
      isTransposed: isTransposed)
  }

  /// The order wanted, else that of an operand that has all axes, so that it need not be transposed.
  private static func elementwise(_ axes: [Int], _ a: [Int], _ b: [Int], _ order: [Int]) -> [Int] {
    let wanted = order.filter(axes.contains)
    if wanted.count == axes.count { return wanted }
    if a.count == axes.count { return a }
    return b.count == axes.count ? b : axes
  }

  /// - Parameter leavesPending: the product is read by a softmax and a weighted sum, and by nothing
  ///   else.
  package func apply(_ a: Variable, _ b: Variable, leavesPending: Bool = false) throws -> Variable {
    switch form {
    case .product(let batch, let outer, let contracted, let inner, let isTransposed):
      let x = (isTransposed ? b : a).transposed(left)
      let y = (isTransposed ? a : b).transposed(right)
      let rows = try x.grouped(behind: batch, outer, contracted)
      let columns = try y.grouped(behind: batch, contracted, inner)
      let product = try leavesPending ? Variable.scores(rows, columns) : Variable.product(rows, columns)
      if outer == 1, inner == 1 { return product }
      return try product.reshaped(Array(x.shape[..<(batch + outer)] + y.shape[(batch + contracted)...]))
    case .elementwise(let sizes, let leftAxes, let rightAxes):
      let shape = sizes.map { $0.isLeft ? a.shape[$0.axis] : b.shape[$0.axis] }
      return try a.transposed(left).spread(leftAxes, to: shape)
        * b.transposed(right).spread(rightAxes, to: shape)
    }
  }
}

extension Variable {
  /// The axes behind the first few in two groups, each as one axis.
  fileprivate func grouped(behind batch: Int, _ first: Int, _ second: Int) throws -> Variable {
    if first == 1, second == 1 { return self }
    let (middle, end) = (shape[batch..<(batch + first)], shape[(batch + first)...])
    return try reshaped(shape[..<batch] + [middle.reduce(1, *), end.reduce(1, *)])
  }

  /// Repeated to a shape along the axes that it lacks.
  fileprivate func spread(_ present: [Bool]?, to shape: [Int]) throws -> Variable {
    guard let present else { return self }
    // Its numbers are needed.
    try materialize()
    try Tensor.checkShape(shape)
    return try reshaped(zip(present, shape).map { $0 ? $1 : 1 }).expanded(to: shape)
  }

  /// The axes, which carry labels, in another order.
  package func arranged(_ axes: [Int], _ order: [Int]) -> Variable {
    transposed(order.map { label in axes.firstIndex(of: label)! })
  }
}
