import Support

/// How a drawing may look: what the place it goes to can show.
package enum Style: Equatable, Sendable {
  /// Text alone: for a pipe, a file, a test.
  case plain
  /// Text with ANSI colours.
  case colour(depth: ColourDepth)
}

/// The colours that a terminal knows.
package enum ColourDepth: Equatable, Sendable {
  case truecolour, palette256
}

/// A colour of the screen, in sRGB.
struct Colour: Equatable {
  var red: Int
  var green: Int
  var blue: Int

  init(_ red: Int, _ green: Int, _ blue: Int) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  /// `#26A67A`
  var hex: String {
    let digits = String(red << 16 | green << 8 | blue, radix: 16, uppercase: true)
    return "#" + String(repeating: "0", count: 6 - digits.count) + digits
  }

  /// The nearest of xterm's 256: its 6 × 6 × 6 cube and its greys.
  var paletteIndex: Int {
    let levels = [0, 95, 135, 175, 215, 255]
    func nearest(_ value: Int) -> Int {
      levels.indices.min { abs(levels[$0] - value) < abs(levels[$1] - value) } ?? 0
    }
    func distance(_ other: Colour) -> Int {
      let (r, g, b) = (red - other.red, green - other.green, blue - other.blue)
      return r * r + g * g + b * b
    }
    let (r, g, b) = (nearest(red), nearest(green), nearest(blue))
    let step = min(max(((red + green + blue) / 3 - 3) / 10, 0), 23)
    let grey = 8 + 10 * step
    let isGrey =
      distance(Colour(grey, grey, grey)) < distance(Colour(levels[r], levels[g], levels[b]))
    return isGrey ? 232 + step : 16 + 36 * r + 6 * g + b
  }

  static let warning = Colour(214, 39, 40)
  static let faint = Colour(128, 128, 128)

  /// Told apart on light and dark grounds, and by most who see colours differently.
  static let series = [
    Colour(51, 131, 205), Colour(230, 126, 34), Colour(34, 160, 107), Colour(200, 76, 160),
    Colour(140, 110, 210), Colour(190, 160, 40), Colour(40, 170, 190), Colour(150, 110, 80),
  ]
}

/// Colours for the numbers 0...1.
struct ColourMap {
  private let stops: [Colour]

  /// From dark violet over teal to yellow: lightness grows evenly.
  static let sequential = ColourMap(stops: [
    Colour(46, 10, 84), Colour(56, 62, 130), Colour(42, 106, 140), Colour(30, 150, 134),
    Colour(84, 192, 100), Colour(170, 218, 50), Colour(252, 230, 60),
  ])

  /// From blue over near white in the middle to red.
  static let diverging = ColourMap(stops: [
    Colour(24, 72, 156), Colour(74, 140, 200), Colour(166, 204, 228), Colour(242, 240, 236),
    Colour(244, 180, 150), Colour(214, 100, 84), Colour(160, 20, 46),
  ])

  func colour(_ fraction: Double) -> Colour {
    let place = min(max(fraction, 0), 1) * Double(stops.count - 1)
    let index = min(Int(place), stops.count - 2)
    let (a, b) = (stops[index], stops[index + 1])
    func mixed(_ low: Int, _ high: Int) -> Int {
      low + Int((Double(high - low) * (place - Double(index))).rounded())
    }
    return Colour(mixed(a.red, b.red), mixed(a.green, b.green), mixed(a.blue, b.blue))
  }
}

/// A piece of a line, with its colours.
struct Piece {
  var text: String
  var foreground: Colour?
  var background: Colour?

  init(_ text: String, _ foreground: Colour? = nil, on background: Colour? = nil) {
    self.text = text
    self.foreground = foreground
    self.background = background
  }
}

extension Style {
  /// A line of pieces; a colour is named where it changes, and put back at the end.
  func line(_ pieces: [Piece]) -> String {
    guard case .colour(let depth) = self else { return pieces.map(\.text).joined().trimmedEnd }
    var text = ""
    var current = Piece("")
    for piece in pieces {
      if piece.foreground != current.foreground || piece.background != current.background {
        text += escape(piece, depth)
        current = piece
      }
      text += piece.text
    }
    return current.foreground == nil && current.background == nil
      ? text.trimmedEnd : text + "\u{1B}[0m"
  }

  private func escape(_ piece: Piece, _ depth: ColourDepth) -> String {
    var codes = ["0"]
    for (code, colour) in [(38, piece.foreground), (48, piece.background)] {
      guard let colour else { continue }
      switch depth {
      case .truecolour: codes.append("\(code);2;\(colour.red);\(colour.green);\(colour.blue)")
      case .palette256: codes.append("\(code);5;\(colour.paletteIndex)")
      }
    }
    return "\u{1B}[\(codes.joined(separator: ";"))m"
  }
}
