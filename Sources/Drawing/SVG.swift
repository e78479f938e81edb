import Support
import Tensors

/// A heat map as a self-contained SVG image; a tensor of higher rank becomes a grid of maps.
///
/// A small map tells each cell's value when pointed at. Above 128 rows or columns, cells show means.
package func heatmapSVG(
  _ tensor: Tensor, rows: [String]? = nil, columns: [String]? = nil, title: String? = nil
) -> String {
  if tensor.rank > 2 { return heatmapGridSVG(heatmapSlices(of: tensor), title: title) }
  let cells = HeatmapCells(tensor, rows: rows, columns: columns, limit: 128)
  return heatmapImage([("", cells)], across: 1, title: title)
}

/// Heat maps side by side on one scale; `across` of them in a row.
package func heatmapGridSVG(
  _ maps: [(title: String, tensor: Tensor)], title: String? = nil, across: Int = 4
) -> String {
  let cells = flattened(maps).map { (visible($0.title), HeatmapCells($0.tensor, limit: 64)) }
  return heatmapImage(cells, across: max(across, 1), title: title)
}

/// A line chart as a self-contained SVG image.
package func plotSVG(
  _ series: [Series], title: String? = nil, width: Int = 720, height: Int = 420
) -> String {
  let width = Double(min(max(width, 200), 4000))
  let height = Double(min(max(height, 150), 4000))
  let runs = series.map(finiteRuns)
  let points = runs.joined().joined()
  let x = Axis(points.map(\.x), count: Int(width / 90), extended: false)
  let y = Axis(points.map(\.y), count: Int(height / 60), extended: true)
  let left = 20 + 8 * Double(y.ticks.map(\.label.count).max() ?? 1)
  let top = title == nil ? 16.0 : 44.0
  let right = width - 20
  let isNamed = series.count > 1
  let bottom = height - (isNamed ? 64.0 : 36.0)
  func across(_ value: Double) -> Double { left + x.fraction(value) * (right - left) }
  func down(_ value: Double) -> Double { bottom - y.fraction(value) * (bottom - top) }

  var image = SVG(width: width, height: height, title: title)
  for tick in y.ticks {
    image.line(left, down(tick.value), right, down(tick.value), "#DDDDDD")
    image.text(tick.label, left - 6, down(tick.value) + 4, anchor: "end")
  }
  for tick in x.ticks {
    image.line(across(tick.value), bottom, across(tick.value), bottom + 5, "#444444")
    image.text(tick.label, across(tick.value), bottom + 20, anchor: "middle")
  }
  image.line(left, top, left, bottom, "#444444")
  image.line(left, bottom, right, bottom, "#444444")
  var legend = left
  for (index, (series, runs)) in zip(series, runs).enumerated() {
    let colour = Colour.series[index % Colour.series.count].hex
    for run in runs { image.path(run.map { (across($0.x), down($0.y)) }, colour) }
    guard isNamed else { continue }
    let name = visible(series.name)
    image.path([(legend, height - 19), (legend + 20, height - 19)], colour)
    image.text(name, legend + 26, height - 15)
    legend += 50 + 8 * Double(displayWidth(name))
  }
  if points.isEmpty { image.text("there are no finite points to plot", left + 12, top + 24) }
  return image.finished
}

/// A page of its own around an image, readable without a network.
package func htmlPage(title: String, svg: String) -> String {
  """
  <!DOCTYPE html>
  <html lang="en">
  <head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <title>\(escapedMarkup(title))</title>
  <style>body { margin: 2em; background: #FFFFFF; } svg { max-width: 100%; height: auto; }</style>
  </head>
  <body>
  \(svg)
  </body>
  </html>

  """
}

private func heatmapImage(
  _ maps: [(title: String, cells: HeatmapCells)], across: Int, title: String?
) -> String {
  let scale = HeatmapScale(maps.map(\.cells), style: .colour(depth: .truecolour))
  let most = max(maps.map { max($0.cells.rowCount, $0.cells.columnCount) }.max() ?? 1, 1)
  let cell = min(max((across == 1 ? 640.0 : 200.0) / Double(most), 3), 28)
  let label = min(max(cell - 1, 7), 13)
  func longest(_ labels: [String]?) -> Double {
    guard let width = labels?.map(displayWidth).max() else { return 0 }
    return Double(min(width, 40)) * label * 0.62 + 8
  }
  let left = 16 + longest(maps.first?.cells.rows)
  let heading = longest(maps.first?.cells.columns)
  let named = maps.contains { !$0.title.isEmpty } ? 20.0 : 0
  let wide = maps.map { Double($0.cells.columnCount) * cell }.max() ?? 0
  let high = maps.map { Double($0.cells.rowCount) * cell }.max() ?? 0
  let count = max(min(across, maps.count), 1)
  let bands = (maps.count + count - 1) / count
  let stepX = wide + 16
  let stepY = named + heading + high + 12
  let top = title == nil ? 16.0 : 44.0
  let bottom = top + Double(bands) * stepY
  let note = maps.map(\.cells.reductionText).max() ?? ""
  let width = max(left + Double(count) * stepX, left + (note.isEmpty ? 400 : 640))

  var image = SVG(width: width, height: bottom + 48, title: title)
  for (index, map) in maps.enumerated() {
    let x = left + Double(index % count) * stepX
    let y = top + Double(index / count) * stepY + named
    if !map.title.isEmpty { image.text(abbreviated(map.title, to: 40), x, y - 6) }
    image.heatmap(map.cells, scale, x, y + heading, cell: cell, label: label)
  }
  image.legend(scale, note, left, bottom + 8)
  return image.finished
}

extension SVG {
  fileprivate mutating func heatmap(
    _ cells: HeatmapCells, _ scale: HeatmapScale, _ x: Double, _ y: Double, cell: Double,
    label: Double
  ) {
    for (index, name) in (cells.rows ?? []).enumerated() {
      let middle = y + (Double(index) + 0.5) * cell + label * 0.35
      text(abbreviated(name, to: 40), x - 6, middle, anchor: "end", size: label)
    }
    for (index, name) in (cells.columns ?? []).enumerated() {
      let middle = x + (Double(index) + 0.5) * cell + label * 0.35
      text(abbreviated(name, to: 40), middle, y - 6, size: label, isUpwards: true)
    }
    let hasTips = cells.rowCount * cells.columnCount <= 4096
    for (row, values) in cells.values.enumerated() {
      for (column, value) in values.enumerated() {
        let rowName = cells.rows?[row] ?? String(row)
        let columnName = cells.columns?[column] ?? String(column)
        rectangle(
          x + Double(column) * cell, y + Double(row) * cell, cell, cell, fill(value, scale),
          tip: hasTips ? "\(rowName), \(columnName): \(Drawing.text(of: value))" : nil)
      }
    }
  }

  private func fill(_ value: Double, _ scale: HeatmapScale) -> String {
    switch HeatmapSpecial(value) {
    case .zero, .negativeInfinity: "#EEEEEE"
    case .nan, .positiveInfinity: Colour.warning.hex
    case nil: scale.colour(value).hex
    }
  }

  /// The range of the colours, and the marked values that occur.
  fileprivate mutating func legend(
    _ scale: HeatmapScale, _ note: String, _ x: Double, _ y: Double
  ) {
    let ends = scale.ends
    var at = x
    func width(_ text: String) -> Double { Double(displayWidth(text)) * 8 }
    text(ends.low, at, y + 12)
    at += width(ends.low) + 4
    for step in 0..<32 {
      let colour = scale.colours.colour(Double(step) / 31).hex
      rectangle(at + Double(step) * 4, y, 4, 14, colour)
    }
    at += 134
    text(ends.high, at, y + 12)
    at += width(ends.high) + 16
    for special in scale.specials {
      let value: Double =
        switch special {
        case .zero: 0
        case .nan: .nan
        case .positiveInfinity: .infinity
        case .negativeInfinity: -.infinity
        }
      rectangle(at, y, 14, 14, fill(value, scale))
      text(special.name, at + 20, y + 12)
      at += 36 + width(special.name)
    }
    if !note.isEmpty { text(note, at, y + 12) }
  }
}
