import Support
import Tensors

/// A tensor as `print` and the prompt show it: a header, then rows.
///
/// Rank 0 is a bare number. Floats have `digits` decimals while the largest finite magnitude lies in
/// 1e-3 to 1e5; otherwise the header names one power of ten for all: `f32[3] × 1e-5`. From rank 3
/// on, each block of the last two axes stands under its position. A tensor of more than 200 elements
/// keeps three positions at each end of its long axes. No terminal has a say in the width.
///
/// - Parameter isWhole: leaves nothing out, however long the axes are.
package func text(of tensor: Tensor, digits: Int = 4, isWhole: Bool = false) -> String {
  if tensor.rank == 0 { return scalarText(of: tensor) }
  if tensor.count == 0 { return tensor.description }
  return TensorText(tensor, digits: digits, isWhole: isWhole).text
}

/// The only element, a float as the shortest text that reads back as the same bits of its dtype.
private func scalarText(of tensor: Tensor) -> String {
  switch tensor.dtype {
  case .f32:
    let value = Float(tensor.number(at: []))
    return value.isNaN ? "nan" : value.description
  case .f64: return text(of: tensor.number(at: []))
  case .i32, .i64: return String(tensor.integer(at: []))
  case .bool: return tensor.integer(at: []) == 0 ? "false" : "true"
  }
}

private struct TensorText {
  private let tensor: Tensor
  private let digits: Int
  /// The power of ten that the header takes out of every element.
  private let power: Int?

  private let isWhole: Bool

  init(_ tensor: Tensor, digits: Int, isWhole: Bool) {
    self.tensor = tensor
    self.isWhole = isWhole
    self.digits = min(max(digits, 0), 100)
    let largest = tensor.dtype.isFloat ? tensor.largestMagnitude : 0
    let isPlain = largest == 0 || (1e-3...1e5).contains(largest)
    power = isPlain ? nil : Decimal(largest).scientific(self.digits).exponent
  }

  var text: String {
    let isLong = tensor.count > 200 && !isWhole
    let leading = tensor.shape.dropLast(2)
    let blocks = shown(of: leading.reduce(1, *), limit: isLong ? 10 : .max)
    let rows =
      tensor.rank == 1 ? [0] : shown(of: tensor.shape[tensor.rank - 2], limit: isLong ? 10 : .max)
    let columns = shown(of: tensor.shape[tensor.rank - 1], limit: isWhole ? .max : isLong ? 12 : 20)

    let entries = blocks.map { block in
      rows.map { row in
        // After a cancellation the caller doesn't show the text: skip the work.
        Machine.isStopRequested
          ? []
          : columns.map { column -> String in
            guard let block, let row, let column else { return "…" }
            let last = tensor.rank == 1 ? [column] : [row, column]
            return entry(at: position(block, in: leading) + last)
          }
      }
    }
    let width = entries.joined().joined().reduce(0) { $1 == "…" ? $0 : max($0, $1.utf8.count) }

    var lines = [tensor.description + (power.map { " × 1e\($0)" } ?? "")]
    for (block, blockEntries) in zip(blocks, entries) {
      guard let block else {
        lines.append("…")
        continue
      }
      if tensor.rank > 2 { lines.append("\(position(block, in: leading))") }
      for (row, rowEntries) in zip(rows, blockEntries) {
        guard row != nil else {
          lines.append(" …")
          continue
        }
        let cells = zip(columns, rowEntries).map { column, entry in
          column == nil ? entry : String(repeating: " ", count: width - entry.utf8.count) + entry
        }
        lines.append(" " + cells.joined(separator: "  "))
      }
    }
    return lines.joined(separator: "\n")
  }

  private func entry(at position: [Int]) -> String {
    switch tensor.dtype {
    case .f32, .f64:
      let value = tensor.number(at: position)
      guard value.isFinite else { return Drawing.text(of: value) }
      return Decimal(value).scaled(by: -(power ?? 0)).fixed(digits)
    case .i32, .i64: return String(tensor.integer(at: position))
    case .bool: return tensor.integer(at: position) == 0 ? "false" : "true"
    }
  }

  /// The positions of an axis that are shown, `nil` for those left out.
  private func shown(of size: Int, limit: Int) -> [Int?] {
    size <= limit ? Array(0..<size) : [0, 1, 2, nil, size - 3, size - 2, size - 1]
  }

  /// The coordinates of the block of a number, counted in row-major order.
  private func position(_ block: Int, in leading: ArraySlice<Int>) -> [Int] {
    var rest = block
    var coordinates: [Int] = []
    for size in leading.reversed() {
      coordinates.append(rest % size)
      rest /= size
    }
    return coordinates.reversed()
  }
}

extension Tensor {
  /// The largest magnitude of a finite element; 0 where there is none.
  fileprivate var largestMagnitude: Double {
    // In chunks, so that a large tensor is not copied whole.
    let most = 1 << 16
    if rank == 0 || count <= most {
      return elements.reduce(0) { $1.isFinite ? Swift.max($0, abs($1)) : $0 }
    }
    let inner = count / shape[0]
    guard inner <= most else {
      return (0..<shape[0]).reduce(0) { Swift.max($0, selected(axis: 0, at: $1).largestMagnitude) }
    }
    let rows = most / inner
    return stride(from: 0, to: shape[0], by: rows).reduce(0) { largest, start in
      let part = sliced(axis: 0, start: start, count: Swift.min(rows, shape[0] - start))
      return Swift.max(largest, part.largestMagnitude)
    }
  }

  /// The elements in row-major order, read one by one where memory is too short for a copy in order.
  ///
  /// There are none after a cancellation, since the caller then shows no picture.
  var elements: [Double] {
    if Machine.isStopRequested { return [] }
    if let values = try? doubles() { return values }
    if Machine.isStopRequested { return [] }
    if rank == 0 { return [number(at: [])] }
    return (0..<shape[0]).flatMap { selected(axis: 0, at: $0).elements }
  }
}
