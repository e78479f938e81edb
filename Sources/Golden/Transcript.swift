import Syntax

/// A script's top-level statements with the output recorded under each.
package struct Transcript {
  package struct Entry {
    package var statement: Statement
    /// The `#>` lines, without the mark; `nil` where none is recorded.
    package var recorded: [String]?
  }

  package var entries: [Entry]

  package init(_ script: Script) {
    let outputs = script.comments.filter { $0.kind == .output }
    var next = outputs.startIndex
    entries = script.statements.enumerated().map { index, statement in
      let limit =
        index + 1 < script.statements.count ? script.statements[index + 1].span.start : Int.max
      var lines: [String] = []
      while next < outputs.endIndex, outputs[next].span.start < limit {
        lines.append(outputs[next].text)
        next += 1
      }
      return Entry(statement: statement, recorded: lines.isEmpty ? nil : lines)
    }
  }
}
