import Syntax

/// An entry's code, taken apart: each statement with the comments that belong to it.
enum Piece: Equatable {
  case remark(String)
  /// - at: where its text begins.
  /// - isOnSameLine: it stands on the line of the one before.
  /// - isMeantToFail: an error was recorded under it.
  case statement(String, at: Place, isOnSameLine: Bool, isMeantToFail: Bool)

  /// A line and a column, from 0.
  struct Place: Equatable {
    var line = 0
    var column = 0
  }

  static func all(in script: Script) -> [Piece] {
    let source = script.source
    var pieces: [Piece] = []
    var at = 0
    for (index, statement) in script.statements.enumerated() {
      let comments = script.comments
      let next =
        index + 1 < script.statements.count
        ? script.statements[index + 1].span.start : source.bytes.count
      let end = end(of: statement, before: next, source, comments)
      let (remarks, lead) = lead(of: statement, from: at, comments)
      pieces += remarks.map { .remark($0) }
      let expected = comments.first { $0.kind == .output && $0.span.start >= end }
      let isMeantToFail = expected.map { $0.span.start < next } ?? false
      let between = source.text(at..<statement.span.start)
      // The comments above may have stood further up; it is the statement that is told about.
      let place = Place(
        line: max(0, statement.span.line - lead.count { $0.isNewline }),
        column: lead.isEmpty ? statement.span.column : 0)
      pieces.append(
        .statement(
          lead + source.text(statement.span.start..<end), at: place,
          isOnSameLine: index > 0 && !between.contains("\n"), isMeantToFail: isMeantToFail))
      at = end
    }
    return pieces + remarks(script.comments.filter { $0.span.start >= at }).map { .remark($0) }
  }

  /// Behind the statement, the `;` that mutes it and a comment on its line.
  private static func end(
    of statement: Statement, before next: Int, _ source: Source, _ comments: [Comment]
  ) -> Int {
    var end = statement.span.end
    func skipBlanks(_ from: Int) -> Int {
      var at = from
      while at < next, source.bytes[at] == 0x20 || source.bytes[at] == 0x09 { at += 1 }
      return at
    }
    var at = skipBlanks(end)
    if at < source.bytes.count, at < next, source.bytes[at] == UInt8(ascii: ";") {
      end = at + 1
      at = skipBlanks(end)
    }
    if let comment = comments.first(where: { $0.span.start == at }), at < next || at == end,
      comment.kind == .plain || comment.kind == .documentation, !comment.text.hasPrefix("expect-failure:")
    {
      end = comment.span.end
    }
    return end
  }

  /// The comments above a statement: up to the last cell's title a remark of their own, the others
  /// part of it.
  private static func lead(
    of statement: Statement, from start: Int, _ comments: [Comment]
  ) -> (remarks: [String], lead: String) {
    let above = comments.filter { $0.span.start >= start && $0.span.start < statement.span.start }
    let cell = above.lastIndex { $0.kind == .cell }
    let before = remarks(cell.map { Array(above[...$0]) } ?? [])
    let own = remarks(cell.map { Array(above[($0 + 1)...]) } ?? above)
    return (before, own.map { $0 + "\n" }.joined())
  }

  /// Comments as remarks: a cell's title is one of its own.
  private static func remarks(_ comments: [Comment]) -> [String] {
    var remarks: [String] = []
    var isOpen = false
    for comment in comments {
      switch comment.kind {
      case .output, .tolerance: continue
      case .plain where comment.text.hasPrefix("expect-failure:"): continue
      case .cell:
        remarks.append(comment.span.text)
        isOpen = false
      case .plain, .documentation:
        if isOpen, let last = remarks.popLast() {
          remarks.append(last + "\n" + comment.span.text)
        } else {
          remarks.append(comment.span.text)
        }
        isOpen = true
      }
    }
    return remarks
  }
}
