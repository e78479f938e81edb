import Drawing
import Tensors

/// Where a program writes and draws, and how numbers look there.
package final class Output {
  package var write: (String) -> Void = { _ in }
  /// Shows a picture; as text in the output where a host wants nothing else.
  package var draw: ((Picture) -> Void)?
  /// How pictures are drawn: colours on a terminal, digits elsewhere.
  package var style = Drawing.Style.plain
  /// Decimals of printed tensors.
  package var digits = 4
  /// How much output is recorded, and how it is cut back to that: what a dropped round of a loop
  /// wrote is no part of the record.
  package var length: () -> Int = { 0 }
  package var cut: (Int) -> Void = { _ in }

  package init() {}

  package func show(_ picture: Picture) throws {
    if let draw {
      draw(picture)
    } else {
      let text = picture.text(style)
      try Machine.checkStop()
      write(text + "\n")
    }
    try Machine.checkStop()
  }
}

/// A drawing, which can be shown as text in any style and as an SVG image.
package struct Picture {
  package let text: (Drawing.Style) -> String
  package let svg: () -> String

  package init(_ text: @escaping (Drawing.Style) -> String, svg: @escaping () -> String) {
    self.text = text
    self.svg = svg
  }
}
