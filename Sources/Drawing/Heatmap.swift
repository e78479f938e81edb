import Support
import Tensors

/// A heat map of a tensor's two axes: digits in plain text, colours on a terminal.
///
/// A digit 0...9 says where a value lies between the ends that the legend names; an exact zero is
/// `·`, as what a mask left out. A vector is one row. Above 64 rows or columns, cells show means. A
/// tensor of higher rank becomes a grid with a map for each position of its leading axes.
package func heatmap(
  _ tensor: Tensor, rows: [String]? = nil, columns: [String]? = nil, title: String? = nil,
  style: Style = .plain
) -> String {
  if tensor.rank > 2 { return heatmapGrid(heatmapSlices(of: tensor), title: title, style: style) }
  let cells = HeatmapCells(tensor, rows: rows, columns: columns, limit: 64)
  let heading = title.map { [visible($0)] } ?? []
  guard !cells.isEmpty else {
    return (heading + ["\(tensor.description) is empty"]).joined(separator: "\n")
  }
  let scale = HeatmapScale([cells], style: style)
  let map = HeatmapText(cells, scale: scale, style: style)
  let legend = heatmapLegend(scale, style: style, note: cells.reductionText)
  return (heading + map.lines.map(style.line) + legend).joined(separator: "\n")
}

/// What the digits or colours mean, and the marks beside them that occur.
func heatmapLegend(_ scale: HeatmapScale, style: Style, note: String) -> [String] {
  let (low, high) = scale.ends
  var pieces: [Piece]
  if style == .plain {
    pieces = [Piece(scale.low < scale.high ? "0 = \(low) … 9 = \(high)" : "0 = \(low)")]
  } else {
    let bar = (0..<24).map { Piece(" ", on: scale.colours.colour(Double($0) / 23)) }
    pieces = [Piece("\(low) ")] + bar + [Piece(" \(high)")]
  }
  for special in scale.specials {
    pieces += [
      Piece("   "), Piece(special.mark, style == .plain ? nil : special.colour),
      Piece(" = \(special.name)"),
    ]
  }
  if !note.isEmpty { pieces.append(Piece("   \(note)")) }
  return [style.line(pieces)]
}

/// One map as lines of pieces: labels and cells, without title and legend.
struct HeatmapText {
  private(set) var lines: [[Piece]] = []
  /// The columns that the widest line takes.
  private(set) var width: Int

  private let cells: HeatmapCells
  private let scale: HeatmapScale
  private let style: Style
  private let labelWidth: Int
  private let cellWidth: Int

  /// Two columns a cell where 80 hold them, or `compact` isn't set; half blocks, with two rows in
  /// one line, where colours allow and no row has a label.
  init(_ cells: HeatmapCells, scale: HeatmapScale, style: Style, compact: Bool = false) {
    self.cells = cells
    self.scale = scale
    self.style = style
    let widest = cells.rows?.map(displayWidth).max() ?? 0
    labelWidth = widest == 0 ? 0 : min(widest, 16) + 1
    let hasWideLabel = cells.columns?.contains { $0.contains { displayWidth(of: $0) > 1 } } ?? false
    let fits = labelWidth + 2 * cells.columnCount <= 80 && !compact
    cellWidth = fits || hasWideLabel ? 2 : 1
    width = labelWidth + cellWidth * cells.columnCount
    lines = columnLabels
    if style != .plain, cellWidth == 1, cells.rows == nil {
      lines += stride(from: 0, to: cells.rowCount, by: 2).map(halfBlocks)
    } else {
      lines += cells.values.indices.map(row)
    }
  }

  /// The column labels, written downwards and ending above their cells.
  private var columnLabels: [[Piece]] {
    guard let columns = cells.columns else { return [] }
    let tallest = 10
    let labels = columns.map { label in
      label.count > tallest ? Array(label.prefix(tallest - 1)) + ["⋮"] : Array(label)
    }
    let height = labels.map(\.count).max() ?? 0
    return (0..<height).map { line in
      [Piece(blanks(labelWidth))]
        + labels.map { label in
          let index = line - (height - label.count)
          return Piece(leftAligned(index >= 0 ? String(label[index]) : "", cellWidth))
        }
    }
  }

  private func row(_ row: Int) -> [Piece] {
    var pieces: [Piece] = []
    if let rows = cells.rows, labelWidth > 0 {
      pieces.append(Piece(rightAligned(abbreviated(rows[row], to: 16), labelWidth - 1) + " "))
    }
    return pieces + cells.values[row].map(cell)
  }

  private func cell(_ value: Double) -> Piece {
    if let special = HeatmapSpecial(value) {
      let text = leftAligned(special.mark, cellWidth)
      return style == .plain ? Piece(text) : Piece(text, special.colour)
    }
    if style == .plain { return Piece(leftAligned(String(scale.digit(value)), cellWidth)) }
    return Piece(blanks(cellWidth), on: scale.colour(value))
  }

  private func halfBlocks(_ row: Int) -> [Piece] {
    (0..<cells.columnCount).map { column in
      let upper = halfColour(cells.values[row][column])
      let lower = row + 1 < cells.rowCount ? halfColour(cells.values[row + 1][column]) : nil
      if let upper { return Piece("▀", upper, on: lower) }
      return lower == nil ? Piece(" ") : Piece("▄", lower)
    }
  }

  /// Half a block has no room for a mark: what is masked stays bare.
  private func halfColour(_ value: Double) -> Colour? {
    switch HeatmapSpecial(value) {
    case .zero, .negativeInfinity: nil
    case .nan, .positiveInfinity: .warning
    case nil: scale.colour(value)
    }
  }
}
