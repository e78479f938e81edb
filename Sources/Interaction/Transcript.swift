import Drawing

/// Texts as they stand on a screen: prompts, marks of further lines, recorded output.
package enum Transcript {
  package static let prompt = "attn> "
  /// What stands in front of each further line of an entry. It is as wide as the prompt and part of
  /// the line that is edited, since libedit draws one prompt only.
  package static let mark = "  ... "

  /// The statements that a text holds: without prompts and marks, without recorded output.
  ///
  /// Where a line begins with the prompt, only such lines and those with a mark hold statements. Of
  /// recorded output one line is kept, `#> error:`, which tells that a statement is meant to fail. In
  /// Markdown the blocks of code count.
  package static func statements(in text: String) -> String {
    var lines = withoutFences(
      text.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
        .split(separator: "\n", omittingEmptySubsequences: false))
    let hasPrompts = lines.contains { afterPrompt($0) != nil }
    var result: [Substring] = []
    if !hasPrompts, let first = lines.first, afterMark(first) == nil {
      result.append(first)
      lines.removeFirst()
      if first.isRecordedOutput { result[0] = first.expectation ?? "" }
    }
    for line in lines {
      if line.isRecordedOutput {
        if let expectation = line.expectation { result.append(expectation) }
      } else if let rest = afterPrompt(line) ?? afterMark(line) {
        result.append(rest)
      } else if !hasPrompts {
        result.append(line)
      } else if line.hasPrefix("error: ") {
        result.append("#> " + line)
      }
    }
    while result.last?.allSatisfy(\.isWhitespace) == true { result.removeLast() }
    while result.first?.allSatisfy(\.isWhitespace) == true { result.removeFirst() }
    return result.joined(separator: "\n")
  }

  /// An entry as the editor shows it: a mark in front of every line but the first.
  package static func shown(_ text: String) -> String {
    text.replacing("\n", with: "\n" + mark)
  }

  /// What stands between the fences of Markdown, where there are some. Of a block that was copied
  /// without one of its fences, all lines count but the other fence.
  private static func withoutFences(_ lines: [Substring]) -> [Substring] {
    guard lines.contains(where: { $0.fence != nil }) else { return lines }
    var inside: [Substring] = []
    var open: (indent: Int, fence: Substring)?
    for line in lines {
      let fence = line.fence
      if let current = open {
        if let fence, fence.hasPrefix(current.fence), fence.allSatisfy({ $0 == "`" }) {
          open = nil
        } else {
          let indent = line.prefix(current.indent).prefix { $0 == " " }
          inside.append(line.dropFirst(indent.count))
        }
      } else if let fence {
        open = (line.count - line.drop { $0 == " " }.count, fence.prefix { $0 == "`" })
      }
    }
    return open == nil ? inside : lines.filter { $0.fence == nil }
  }

  /// The rest of a line that begins with the prompt.
  private static func afterPrompt(_ line: Substring) -> Substring? {
    let trimmed = line.drop { $0 == " " }
    if trimmed.hasPrefix(prompt) { return trimmed.dropFirst(prompt.count) }
    return trimmed == prompt.dropLast() ? "" : nil
  }

  /// The rest of a line that begins with a mark. A mark ends in a blank or ends the line, which tells
  /// it from the leading axes of index notation, behind which a comma or bracket stands.
  private static func afterMark(_ line: Substring) -> Substring? {
    let trimmed = line.drop { $0 == " " }
    let indent = line.count - trimmed.count
    guard indent <= 2, trimmed.hasPrefix("...") else { return nil }
    let rest = trimmed.dropFirst(3)
    guard let next = rest.first else { return rest }
    return next == " " ? rest.dropFirst() : nil
  }
}

extension Substring {
  /// The line from its fence on, if it is one.
  fileprivate var fence: Substring? {
    let text = drop { $0 == " " }
    return text.hasPrefix("```") ? text : nil
  }

  fileprivate var isRecordedOutput: Bool {
    let trimmed = drop { $0 == " " }
    return trimmed.hasPrefix("#>") || trimmed.hasPrefix("#~")
  }

  fileprivate var expectation: Substring? {
    let trimmed = drop { $0 == " " }
    return trimmed.hasPrefix("#> error:") ? trimmed : nil
  }
}
