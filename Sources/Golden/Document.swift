import Drawing
import Syntax

/// A script or a Markdown page as a test: statements, each with the output recorded under it.
package struct Document {
  package let source: Source
  package let entries: [Entry]

  /// What one output belongs to: a statement, or all that begin on the line on which another ends.
  package struct Entry {
    package enum Part {
      case statement(Statement)
      /// A mistake in the text, which may be what the page shows.
      case problem(Diagnostic)
    }
    /// Nothing, for recorded output with no statement above it.
    package var parts: [Part]
    package var span: Span
    /// The `#>` lines without the mark.
    package var recorded: [Recorded] = []
    package var tolerance: Tolerance?
    /// Where the tolerance stands.
    package var toleranceSpan: Span?
    /// What stands behind a `#~` and is no tolerance.
    package var wrongTolerance: String?
    package var directive: Directive?

    package struct Recorded {
      package var text: String
      package var span: Span
    }

    package var line: Int { span.line + 1 }
    package var lastLine: Int { span.source.line(at: max(span.start, span.end - 1)) + 1 }
  }

  package enum Directive: Equatable {
    case skip(String)
    case expectFailure(String)
  }

  /// - Parameter name: the path; a name that ends in `.md` is read as Markdown.
  package init(_ text: String, name: String) {
    source = Source(text, name: name)
    // Each block of a page is a text of its own: no statement runs across a fence.
    let texts = name.lowercased().hasSuffix(".md") ? Markdown.blocks(text) : [text]
    entries = texts.flatMap { text in Self.entries(Parser.parse(Source(text, name: name))) }
  }

  private static func entries(_ script: Script) -> [Entry] {
    // A statement with a mistake in its text is not run: only the mistake is shown.
    let broken = script.problems.compactMap(\.spans.first)
    let whole = script.statements.filter { statement in
      !broken.contains {
        $0.line >= statement.span.line && $0.line <= script.source.line(at: statement.span.end)
      }
    }
    let single =
      whole.map { Entry(parts: [.statement($0)], span: $0.span) }
      + script.problems.compactMap { problem in
        problem.spans.first.map { Entry(parts: [.problem(problem)], span: $0) }
      }
    var entries: [Entry] = []
    for entry in single.sorted(by: { $0.span.start < $1.span.start }) {
      if let last = entries.last, last.lastLine == entry.line {
        entries[entries.count - 1].parts += entry.parts
        entries[entries.count - 1].span = last.span.through(entry.span)
      } else {
        entries.append(entry)
      }
    }
    return attach(script.comments, to: entries)
  }

  private static func attach(_ comments: [Comment], to entries: [Entry]) -> [Entry] {
    var entries = entries
    var strays: [Entry.Recorded] = []
    // Comments come in their order, so that one walk along the entries serves them all.
    var next = 0
    for comment in comments {
      while next < entries.count, entries[next].span.start <= comment.span.start { next += 1 }
      let above = next > 0 ? next - 1 : nil
      switch comment.kind {
      case .output:
        let recorded = Entry.Recorded(text: comment.text, span: comment.span)
        if let above { entries[above].recorded.append(recorded) } else { strays.append(recorded) }
      case .tolerance:
        // Behind the output it is not for it: it must not loosen what was recorded without it.
        guard let above, entries[above].recorded.isEmpty else { continue }
        entries[above].tolerance = Tolerance(comment.text)
        entries[above].toleranceSpan = comment.span
        entries[above].wrongTolerance = entries[above].tolerance == nil ? comment.text : nil
      case .plain:
        guard let directive = Directive(comment.text) else { continue }
        // Inside a statement, a function's body say, it is a remark.
        if let above, comment.span.start < entries[above].span.end { continue }
        if comment.isTrailing, let above {
          entries[above].directive = directive
        } else if next < entries.count {
          entries[next].directive = directive
        }
      case .documentation, .cell: continue
      }
    }
    guard let first = strays.first else { return entries }
    return [Entry(parts: [], span: first.span, recorded: strays)] + entries
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
