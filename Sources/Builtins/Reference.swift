/// The reference of the primitives, made from their declarations.
package enum Reference {
  /// `docs/builtins.md`
  package static func page(of table: PrimitiveTable) -> String {
    var lines = [
      "# Primitives", "",
      "Made from the declarations in `Sources/Builtins` by `attn doc`; a test keeps it in step.",
      "Functions and layers written in attn itself are shown by `attn doc NAME`.", "",
    ]
    for (title, family) in table.families {
      lines += ["## \(title)", ""]
      for builtin in family {
        lines += [
          "### \(builtin.name)", "", "```text", builtin.signatureText, "```", "", builtin.summary, "",
        ]
        let examples = builtin.examples.map(lines(of:))
        if !examples.isEmpty { lines += ["```attn"] + examples.joined() + ["```", ""] }
      }
    }
    return lines.joined(separator: "\n")
  }

  /// What `?name` shows.
  ///
  /// - Parameter prose: breaks the summary into lines.
  package static func help(_ builtin: Builtin, prose: (String) -> String = { $0 }) -> String {
    var lines = [builtin.signatureText, "", prose(builtin.summary)]
    let examples = builtin.examples.map(lines(of:))
    if !examples.isEmpty { lines += [""] + examples.joined() }
    return lines.joined(separator: "\n") + "\n"
  }

  /// An example as a recorded script; of an error only the message is shown.
  private static func lines(of example: Builtin.Example) -> [String] {
    switch example {
    case .prints(let text, let output):
      [text]
        + output.split(separator: "\n", omittingEmptySubsequences: false).map {
          $0.isEmpty ? "#>" : "#> \($0)"
        }
    case .fails(let text, let message): [text, "#> error: \(message)", "#> ..."]
    }
  }
}
