import Autodiff
import Builtins
import Syntax
import Tensors

/// Masks that depend on the distance of two indices alone, such as `s <= t` and `t - 9 < s <= t`.
///
/// Such a mask is a strided view of one line of Bools, one for each distance. So a causal mask takes memory
/// in proportion to the length, not to its square.
extension IndexRun {
  /// A sum of index variables and a whole number, with the labels that arithmetic would give it.
  private struct Offset {
    var variable: Int?
    /// Of the variable, 1, or of another one, -1.
    var subtracted: Int?
    var constant: Int
    var labels: [Int]
  }

  /// The mask, where all comparisons of a chain are of that kind and of the same two indices.
  func band(
    _ first: IndexExpression, _ rest: [(Comparison, IndexExpression)]
  ) throws -> Indexed? {
    guard var left = offset(first) else { return nil }
    var pair: (row: Int, column: Int)?
    var labels: [Int] = []
    var line: Tensor?
    for (comparison, next) in rest {
      guard let right = offset(next), let distance = distance(left, right) else { return nil }
      let (row, column) = (distance.from, distance.to)
      if let pair, Set([pair.row, pair.column]) != [row, column] { return nil }
      let axes = pair ?? (row, column)
      labels = Self.union(labels, Self.union(left.labels, right.labels))
      pair = axes
      // row - column + constant against 0, over every distance that occurs, ascending.
      let isTransposed = axes.row != row
      let (rows, columns) = (extents[axes.row], extents[axes.column])
      guard rows > 0, columns > 0 else { return nil }
      try Tensor.checkShape([rows, columns])
      var distances = try Tensor.range(rows + columns - 1)
        .binary(.subtract, .scalar(columns - 1))
      if isTransposed { distances = try distances.unary(.negate) }
      let holds = try distances.compare(comparison, .scalar(-distance.constant))
      line = try line.map { try $0.binary(.and, holds) } ?? holds
      left = right
    }
    guard let pair, let line, labels.count == 2 else { return nil }
    let view = line.banded(rows: extents[pair.row], columns: extents[pair.column])
    let condition = Variable(labels == [pair.row, pair.column] ? view : view.swapped())
    recorder?.constant(condition)
    return .tensor(condition, labels)
  }

  /// `left - right` as the difference of two indices and a number.
  private func distance(
    _ left: Offset, _ right: Offset
  ) -> (from: Int, to: Int, constant: Int)? {
    let constant = left.constant - right.constant
    let added = [left.variable, right.subtracted].compactMap { $0 }
    let taken = [left.subtracted, right.variable].compactMap { $0 }
    guard added.count == 1, taken.count == 1, added != taken else { return nil }
    return (added[0], taken[0], constant)
  }

  private func offset(_ expression: IndexExpression) -> Offset? {
    let limit = 1 << 40
    switch expression {
    case .variable(let variable, _):
      return Offset(variable: variable, subtracted: nil, constant: 0, labels: [variable])
    case .extent(let variable, _):
      return Offset(variable: nil, subtracted: nil, constant: extents[variable], labels: [])
    case .input(let input, _):
      guard case .int(let number) = values[input], number.magnitude < limit else { return nil }
      return Offset(variable: nil, subtracted: nil, constant: number, labels: [])
    case .arithmetic(.add, let a, let b, _):
      guard let x = offset(a), let y = offset(b) else { return nil }
      return sum(x, y, y.variable, y.subtracted, y.constant)
    case .arithmetic(.subtract, let a, let b, _):
      guard let x = offset(a), let y = offset(b) else { return nil }
      return sum(x, y, y.subtracted, y.variable, -y.constant)
    default: return nil
    }
  }

  private func sum(
    _ x: Offset, _ y: Offset, _ variable: Int?, _ subtracted: Int?, _ constant: Int
  ) -> Offset? {
    guard x.variable == nil || variable == nil, x.subtracted == nil || subtracted == nil,
      (x.constant + constant).magnitude < 1 << 40
    else { return nil }
    return Offset(
      variable: x.variable ?? variable, subtracted: x.subtracted ?? subtracted,
      constant: x.constant + constant, labels: Self.union(x.labels, y.labels))
  }
}
