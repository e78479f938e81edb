/// An SVG image that is being written, element by element.
struct SVG {
  private var body: [String] = []
  private let width: Double
  private let height: Double
  private let title: String?

  init(width: Double, height: Double, title: String?) {
    self.width = width
    self.height = height
    self.title = title.map(visible)
    rectangle(0, 0, width, height, "#FFFFFF")
    if let title = self.title { text(title, 16, 28, size: 16) }
  }

  /// The whole document.
  var finished: String {
    let size = "width=\"\(coordinate(width))\" height=\"\(coordinate(height))\""
    let box = "viewBox=\"0 0 \(coordinate(width)) \(coordinate(height))\""
    let font = "font-family=\"system-ui, sans-serif\""
    let name = title.map { ["<title>\(escapedMarkup($0))</title>"] } ?? []
    let lines =
      ["<svg xmlns=\"http://www.w3.org/2000/svg\" \(size) \(box) \(font) role=\"img\">"]
      + name + body + ["</svg>"]
    return lines.joined(separator: "\n")
  }

  mutating func text(
    _ text: String, _ x: Double, _ y: Double, anchor: String = "start", size: Double = 13,
    isUpwards: Bool = false
  ) {
    let place = "\(coordinate(x)) \(coordinate(y))"
    let turn = isUpwards ? " transform=\"rotate(-90 \(place))\"" : ""
    body.append(
      "<text x=\"\(coordinate(x))\" y=\"\(coordinate(y))\" font-size=\"\(coordinate(size))\" "
        + "text-anchor=\"\(anchor)\" fill=\"#222222\"\(turn)>\(escapedMarkup(text))</text>")
  }

  /// `tip` shows when the rectangle is pointed at.
  mutating func rectangle(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ fill: String, tip: String? = nil
  ) {
    let tag =
      "<rect x=\"\(coordinate(x))\" y=\"\(coordinate(y))\" width=\"\(coordinate(width))\" "
      + "height=\"\(coordinate(height))\" fill=\"\(fill)\" shape-rendering=\"crispEdges\""
    body.append(tip.map { "\(tag)><title>\(escapedMarkup($0))</title></rect>" } ?? "\(tag)/>")
  }

  mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ stroke: String) {
    body.append(
      "<line x1=\"\(coordinate(x1))\" y1=\"\(coordinate(y1))\" x2=\"\(coordinate(x2))\" "
        + "y2=\"\(coordinate(y2))\" stroke=\"\(stroke)\"/>")
  }

  /// A line through the points; a dot where there is only one.
  mutating func path(_ points: [(x: Double, y: Double)], _ stroke: String) {
    if points.count == 1 {
      let place = "cx=\"\(coordinate(points[0].x))\" cy=\"\(coordinate(points[0].y))\""
      body.append("<circle \(place) r=\"3\" fill=\"\(stroke)\"/>")
      return
    }
    let text = points.map { "\(coordinate($0.x)),\(coordinate($0.y))" }.joined(separator: " ")
    body.append(
      "<polyline points=\"\(text)\" fill=\"none\" stroke=\"\(stroke)\" stroke-width=\"2\" "
        + "stroke-linejoin=\"round\" stroke-linecap=\"round\"/>")
  }
}

/// A length in pixels, to the hundredth.
private func coordinate(_ value: Double) -> String {
  let hundredths = Int((value * 100).rounded())
  let text = Decimal(hundredths, exponent: -2).fixed(2)
  return text.hasSuffix(".00") ? String(text.dropLast(3)) : text
}

/// A string for XML and HTML: markup escaped, and the control characters that they forbid replaced.
package func escapedMarkup(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "'": result += "&#39;"
    case "\r": result += "&#13;"
    case "\t", "\n": result.unicodeScalars.append(scalar)
    case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}
