import Support
import Tensors

/// Small heat maps side by side within 80 columns, all on one scale, so that they compare.
///
/// `across` limits the maps of a row of the grid, as in a row for each layer. A map of more than 16
/// rows or columns is averaged down to 16.
package func heatmapGrid(
  _ maps: [(title: String, tensor: Tensor)], title: String? = nil, across: Int? = nil,
  style: Style = .plain
) -> String {
  let maps = flattened(maps)
  var lines = title.map { [visible($0)] } ?? []
  let cells = maps.map { HeatmapCells($0.tensor, limit: 16) }
  guard cells.contains(where: { !$0.isEmpty }) else {
    return (lines + ["there are no maps to draw"]).joined(separator: "\n")
  }
  let scale = HeatmapScale(cells, style: style)
  let texts = cells.map { HeatmapText($0, scale: scale, style: style, compact: $0.columnCount > 8) }
  let titles = maps.map { visible($0.title) }
  let widest = texts.map(\.width).max() ?? 0
  let width = max(widest, min(titles.map(displayWidth).max() ?? 0, 18))
  let gap = 2
  let fitting = max((80 + gap) / (width + gap), 1)
  let count = min(max(across ?? fitting, 1), fitting)

  for start in stride(from: 0, to: texts.count, by: count) {
    if start > 0 { lines.append("") }
    let band = start..<min(start + count, texts.count)
    lines.append(
      style.line(
        band.flatMap { index in
          [Piece(leftAligned(abbreviated(titles[index], to: width), width + gap))]
        }))
    let height = band.map { texts[$0].lines.count }.max() ?? 0
    for line in 0..<height {
      lines.append(
        style.line(
          band.flatMap { index -> [Piece] in
            let text = texts[index]
            guard line < text.lines.count else { return [Piece(blanks(width + gap))] }
            return text.lines[line] + [Piece(blanks(width + gap - text.width))]
          }))
    }
  }
  let reduced = cells.max { ($0.reduction?.rows ?? 0) < ($1.reduction?.rows ?? 0) }
  lines += heatmapLegend(scale, style: style, note: reduced?.reductionText ?? "")
  return lines.joined(separator: "\n")
}

/// The last two axes of a tensor at each position of its leading axes, titled `[0, 1]`.
package func heatmapSlices(of tensor: Tensor) -> [(title: String, tensor: Tensor)] {
  func slices(_ tensor: Tensor, _ position: [Int]) -> [(title: String, tensor: Tensor)] {
    guard tensor.rank > 2 else { return [(position.isEmpty ? "" : "\(position)", tensor)] }
    return (0..<tensor.shape[0]).flatMap {
      slices(tensor.selected(axis: 0, at: $0), position + [$0])
    }
  }
  return slices(tensor, [])
}

/// Every tensor of more than two axes replaced by its maps.
func flattened(
  _ maps: [(title: String, tensor: Tensor)]
) -> [(title: String, tensor: Tensor)] {
  maps.flatMap { map in
    heatmapSlices(of: map.tensor).map { slice in
      let titles = [map.title, slice.title].filter { !$0.isEmpty }
      return (titles.joined(separator: " "), slice.tensor)
    }
  }
}
