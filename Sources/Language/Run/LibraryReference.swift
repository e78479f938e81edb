import Builtins
import Syntax

/// The reference of the library, made from the comments above its functions and models.
package enum LibraryReference {
  /// `docs/library.md`
  package static var page: String {
    var lines = [
      "# Library", "",
      "The functions and models that are written in attn and carried in the program, made from the comments in",
      "`Sources/Builtins/Library` by `attn doc --library`; a test keeps it in step. `attn doc NAME` shows the source",
      "too.", "",
    ]
    for file in EmbeddedLibrary.files {
      lines += ["## \(file.name)", ""]
      for entry in entries(of: file) {
        lines += ["### \(entry.name)", "", "```text", entry.head, "```", ""]
        if !entry.documentation.prose.isEmpty { lines += [entry.documentation.prose, ""] }
        if !entry.documentation.examples.isEmpty {
          lines += ["```attn"] + entry.documentation.recorded + ["```", ""]
        }
      }
    }
    return lines.joined(separator: "\n")
  }

  /// What `attn doc NAME` shows; `nil` where the library has no such name.
  package static func help(_ name: String) -> String? {
    guard !name.hasPrefix("_"), let file = EmbeddedLibrary.file(defining: name),
      let entry = entries(of: file).first(where: { $0.name == name })
    else { return nil }
    var parts = [
      entry.documentation.prose, entry.documentation.recorded.joined(separator: "\n"), entry.source,
    ]
    parts.removeAll(where: \.isEmpty)
    return parts.joined(separator: "\n\n") + "\n"
  }

  private struct Entry {
    var name: String
    /// Its name and parameters.
    var head: String
    var documentation: Documentation
    var source: String
  }

  private static func entries(of file: EmbeddedLibrary.File) -> [Entry] {
    Parser.parse(Source(file.text, name: "\(file.name).attn", isLibrary: true)).statements.compactMap {
      statement in
      let name: Name
      let documentation: String?
      let head: String
      switch statement.kind {
      case .function(let declaration):
        (name, documentation) = (declaration.name, declaration.documentation)
        head = "fn " + heading(declaration.span, declaration.name)
      case .model(let declaration):
        (name, documentation) = (declaration.name, declaration.documentation)
        head = "model " + heading(declaration.span, declaration.name)
      default: return nil
      }
      guard !name.text.hasPrefix("_") else { return nil }
      return Entry(
        name: name.text, head: head, documentation: Documentation(documentation ?? ""),
        source: statement.span.text)
    }
  }

  /// `name(parameters)`, on one line.
  private static func heading(_ declaration: Span, _ name: Name) -> String {
    let text = declaration.source.text(name.span.start..<declaration.end)
    var depth = 0
    var head = ""
    for character in text {
      if character == "(" { depth += 1 }
      head.append(character == "\n" ? " " : character)
      guard character == ")" else { continue }
      depth -= 1
      if depth == 0 { break }
    }
    return head.split(separator: " ").joined(separator: " ")
  }
}
