/// What the `##` lines above a declaration say: prose, and examples that run. An example is a line of code
/// behind `> `, and the lines that follow are what it prints.
package struct Documentation: Sendable {
  package struct Example: Sendable, Equatable {
    package var code: String
    package var output: [String]
  }

  package private(set) var prose = ""
  package private(set) var examples: [Example] = []

  package init(_ text: String) {
    var lines: [Substring] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("> ") {
        examples.append(Example(code: String(line.dropFirst(2)), output: []))
      } else if examples.isEmpty {
        lines.append(line)
      } else {
        examples[examples.count - 1].output.append(String(line))
      }
    }
    while lines.last?.isEmpty == true { lines.removeLast() }
    prose = lines.joined(separator: "\n")
  }

  /// The examples as a recorded script.
  package var recorded: [String] {
    examples.flatMap { example in [example.code] + example.output.map { $0.isEmpty ? "#>" : "#> \($0)" } }
  }
}
