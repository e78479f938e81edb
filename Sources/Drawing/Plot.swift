import Support

/// One line of a plot.
package typealias Series = (name: String, x: [Double], y: [Double])

/// A line chart in text, for loss curves.
///
/// One series, or any number in colour, is drawn in braille dots, eight to a character; several in
/// plain text get a mark each. Where a value is not finite the line has a gap.
package func plot(
  _ series: [Series], title: String? = nil, width: Int = 60, height: Int = 15, style: Style = .plain
) -> String {
  let chart = PlotText(
    series, width: min(max(width, 10), 400), height: min(max(height, 5), 200), style: style)
  let heading = title.map { [visible($0)] } ?? []
  return (heading + chart.lines).joined(separator: "\n")
}

/// The points of a series that lines join: each run without a gap.
func finiteRuns(_ series: Series) -> [[(x: Double, y: Double)]] {
  var runs: [[(x: Double, y: Double)]] = [[]]
  for point in zip(series.x, series.y) {
    if point.0.isFinite, point.1.isFinite {
      runs[runs.count - 1].append((x: point.0, y: point.1))
    } else if runs.last?.isEmpty == false {
      runs.append([])
    }
  }
  return runs.filter { !$0.isEmpty }
}

private struct PlotText {
  private let width: Int
  private let height: Int
  private let style: Style
  private let series: [Series]
  private let runs: [[[(x: Double, y: Double)]]]
  private let x: Axis
  private let y: Axis
  private let isBraille: Bool

  private static let marks: [Character] = ["•", "+", "x", "o", "*", "#", "%", "@"]

  init(_ series: [Series], width: Int, height: Int, style: Style) {
    self.series = series
    self.width = width
    self.height = height
    self.style = style
    runs = series.map(finiteRuns)
    let points = runs.joined().joined()
    x = Axis(points.map(\.x), count: max(width / 12, 2), extended: false)
    y = Axis(points.map(\.y), count: max(height / 3, 2), extended: true)
    isBraille = series.count < 2 || style != .plain
  }

  var lines: [String] {
    guard runs.contains(where: { !$0.isEmpty }) else {
      return ["there are no finite points to plot"]
    }
    var yLabels = [String?](repeating: nil, count: height)
    for tick in y.ticks { yLabels[line(of: tick.value)] = tick.label }
    let labelWidth = yLabels.compactMap { $0?.count }.max() ?? 0
    var lines = zip(yLabels, canvas).map { label, cells in
      style.line(
        [Piece(rightAligned(label ?? "", labelWidth) + (label == nil ? " │" : " ┤"))] + cells)
    }
    lines += xAxis(indent: labelWidth + 1)
    if series.count > 1 { lines.append(legend(indent: labelWidth + 2)) }
    return lines
  }

  // MARK: The canvas

  /// Dots across a character.
  private var across: Int { isBraille ? 2 : 1 }
  /// Dots down a character.
  private var down: Int { isBraille ? 4 : 1 }

  private func place(_ point: (x: Double, y: Double)) -> (column: Int, row: Int) {
    (
      Int((x.fraction(point.x) * Double(width * across - 1)).rounded()),
      Int(((1 - y.fraction(point.y)) * Double(height * down - 1)).rounded())
    )
  }

  private func line(of value: Double) -> Int { place((x.low, value)).row / down }

  private var canvas: [[Piece]] {
    var dots = [[UInt32]](repeating: Array(repeating: 0, count: width), count: height)
    var owners = [[Int?]](repeating: Array(repeating: nil, count: width), count: height)
    for (index, runs) in runs.enumerated() {
      for run in runs {
        var last = place(run[0])
        for point in run {
          let next = place(point)
          draw(from: last, to: next) { column, row in
            let bits: [UInt32] = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80]
            dots[row / down][column / across] |= bits[row % down * 2 + column % across]
            owners[row / down][column / across] = index
          }
          last = next
        }
      }
    }
    return zip(dots, owners).map { dots, owners in
      zip(dots, owners).map { dots, owner in
        guard let owner else { return Piece(" ") }
        if !isBraille { return Piece(String(mark(owner))) }
        let braille = Unicode.Scalar(0x2800 + dots).map { String(Character($0)) } ?? " "
        return Piece(braille, colour(owner))
      }
    }
  }

  private func draw(
    from start: (column: Int, row: Int), to end: (column: Int, row: Int), _ dot: (Int, Int) -> Void
  ) {
    let (dx, dy) = (end.column - start.column, end.row - start.row)
    let count = max(abs(dx), abs(dy))
    for step in 0...count {
      let part = count == 0 ? 0 : Double(step) / Double(count)
      dot(
        start.column + Int((Double(dx) * part).rounded()),
        start.row + Int((Double(dy) * part).rounded()))
    }
  }

  private func mark(_ index: Int) -> Character { Self.marks[index % Self.marks.count] }

  private func colour(_ index: Int) -> Colour? {
    style == .plain ? nil : Colour.series[index % Colour.series.count]
  }

  // MARK: Around it

  private func xAxis(indent: Int) -> [String] {
    var rule = [Character](repeating: "─", count: width)
    var labels = ""
    for tick in x.ticks {
      let column = place((tick.value, y.low)).column / across
      rule[column] = "┬"
      // Centred under its tick, where the label before it leaves space.
      let start = max(indent + 1 + column - tick.label.count / 2, 0)
      guard start > labels.count || labels.isEmpty else { continue }
      labels += blanks(start - labels.count) + tick.label
    }
    return [blanks(indent) + "└" + String(rule), labels]
  }

  private func legend(indent: Int) -> String {
    var pieces = [Piece(blanks(indent))]
    for (index, series) in series.enumerated() {
      let mark = isBraille ? "⠒⠒" : String(mark(index))
      if index > 0 { pieces.append(Piece("   ")) }
      pieces += [Piece(mark, colour(index)), Piece(" " + visible(series.name))]
    }
    return style.line(pieces)
  }
}
