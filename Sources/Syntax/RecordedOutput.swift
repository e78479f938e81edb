import Support

/// How output stands in a script: lines behind `#>`, of which `...` stands for any lines.
package enum RecordedOutput {
  /// The lines of an output without the blanks at their ends. Control characters are shown as their
  /// pictures, as they could not stand in a file: a carriage return would end the line.
  package static func lines(of output: String) -> [String] {
    guard !output.isEmpty else { return [] }
    var scalars = output.unicodeScalars[...]
    if scalars.last == "\n" { scalars.removeLast() }
    return scalars.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      var shown = ""
      for scalar in line {
        let isControl = scalar.value < 0x20 && scalar != "\t" || scalar.value == 0x7F
        let picture = Unicode.Scalar(scalar.value == 0x7F ? 0x2421 : 0x2400 + scalar.value)
        shown.unicodeScalars.append(isControl ? picture ?? scalar : scalar)
      }
      return shown.trimmedLine
    }
  }

  /// The lines that stand behind `#>` for an output: three dots that were printed get a backslash.
  package static func recordedLines(of output: String) -> [String] { lines(of: output).map(escaped) }

  package static func escaped(_ line: String) -> String { areDots(line) ? "\\" + line : line }

  /// Three dots, or three dots behind backslashes.
  package static func areDots(_ line: String) -> Bool {
    line.hasSuffix("...") && line.dropLast(3).allSatisfy { $0 == "\\" }
  }
}
