import Syntax

/// A script or a Markdown page as a test: statements, each with the output recorded under it.
package struct Document {
  package let source: Source
  package let entries: [Entry]

  package struct Entry {
    package enum Content {
      case statement(Statement)
      /// A mistake in the text, which may be what the page shows.
      case problem(Diagnostic)
      /// Recorded output with no statement above it.
      case stray
    }
    package var content: Content
    package var span: Span
    /// The `#>` lines without the mark.
    package var recorded: [Recorded] = []
    package var tolerance: Tolerance?
    /// What stands behind a `#~` and is no tolerance.
    package var wrongTolerance: String?
    package var directive: Directive?

    package struct Recorded {
      package var text: String
      package var span: Span
    }

    package var line: Int { span.line + 1 }
  }

  package enum Directive: Equatable {
    case skip(String)
    case expectFailure(String)
  }

  /// - Parameter name: the path; a name that ends in `.md` is read as Markdown.
  package init(_ text: String, name: String) {
    let isMarkdown = name.lowercased().hasSuffix(".md")
    source = Source(isMarkdown ? Self.code(inMarkdown: text) : text, name: name)
    let script = Parser.parse(source)
    // A statement with a mistake in its text is not run: only the mistake is shown.
    let broken = script.problems.compactMap(\.spans.first)
    let whole = script.statements.filter { statement in
      !broken.contains {
        $0.line >= statement.span.line && $0.line <= script.source.line(at: statement.span.end)
      }
    }
    var entries =
      whole.map { Entry(content: .statement($0), span: $0.span) }
      + script.problems.compactMap { problem in
        problem.spans.first.map { Entry(content: .problem(problem), span: $0) }
      }
    entries.sort { $0.span.start < $1.span.start }
    self.entries = Self.attach(script.comments, to: entries)
  }

  /// Every byte outside ```` ```attn ```` blocks blanked, so that offsets and lines stay the page's.
  private static func code(inMarkdown text: String) -> String {
    var isCode = false
    var fence = ""
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
      let blank = String(repeating: " ", count: line.utf8.count)
      let trimmed = line.drop { $0 == " " }
      if fence.isEmpty {
        let marks = trimmed.prefix { $0 == "`" }
        guard marks.count >= 3 else { return blank }
        fence = String(marks)
        let word = trimmed.dropFirst(marks.count).prefix { !$0.isWhitespace && $0 != "{" }
        isCode = word == "attn"
        return blank
      }
      if trimmed.hasPrefix(fence), trimmed.allSatisfy({ $0 == "`" || $0.isWhitespace }) {
        fence = ""
        isCode = false
        return blank
      }
      return isCode ? String(line) : blank
    }.joined(separator: "\n")
  }

  private static func attach(_ comments: [Comment], to entries: [Entry]) -> [Entry] {
    var entries = entries
    var strays: [Entry.Recorded] = []
    for comment in comments {
      let above = entries.lastIndex { $0.span.start <= comment.span.start }
      switch comment.kind {
      case .output:
        if let above {
          entries[above].recorded.append(.init(text: comment.text, span: comment.span))
        } else {
          strays.append(.init(text: comment.text, span: comment.span))
        }
      case .tolerance:
        guard let above else { continue }
        entries[above].tolerance = Tolerance(comment.text)
        if entries[above].tolerance == nil { entries[above].wrongTolerance = comment.text }
      case .plain:
        guard let directive = Directive(comment.text) else { continue }
        if comment.isTrailing, let above {
          entries[above].directive = directive
        } else if let next = entries.firstIndex(where: { $0.span.start > comment.span.start }) {
          entries[next].directive = directive
        }
      case .documentation, .cell: continue
      }
    }
    guard let first = strays.first else { return entries }
    return [Entry(content: .stray, span: first.span, recorded: strays)] + entries
  }
}

extension Document.Directive {
  /// `skip: why` or `expect-failure: why`.
  init?(_ text: String) {
    func why(_ word: String) -> String? {
      guard text.hasPrefix(word) else { return nil }
      return String(text.dropFirst(word.count).drop { $0 == " " })
    }
    if let why = why("skip:") {
      self = .skip(why)
    } else if let why = why("expect-failure:") {
      self = .expectFailure(why)
    } else {
      return nil
    }
  }
}
