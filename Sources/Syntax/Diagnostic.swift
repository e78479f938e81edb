import Support

/// A mistake of the user's, shown with a caret under the place and a cure where one is known.
package struct Diagnostic: Error, Sendable {
  package enum Severity: String, Sendable { case error, warning }

  package var severity = Severity.error
  /// Lower case, `builtin: fact, fact`; names the operand, the axis and both sizes.
  package var message: String
  /// The places to underline. The first is the main one; those on its line are underlined too.
  package var spans: [Span]
  /// Facts about the operands, one a line: `q : f32[6, 8]`.
  package var notes: [String] = []
  package var hint: String?
  /// The calls that led here, innermost first; of many, the first four and the last four.
  package private(set) var trace: [Call] = []
  /// Calls between those four and four.
  private var omittedCalls = 0
  /// Text at whose end more was expected: at a prompt, the entry goes on.
  package var isIncomplete = false
  /// The mistake is in a call's arguments: the function called is not part of the trace.
  package var isAtCall = false
  /// What a function of the library says against its arguments: it goes to the call that gave them.
  private var refusal: String?

  package struct Call: Sendable {
    package var function: String
    package var span: Span

    package init(function: String, span: Span) {
      self.function = function
      self.span = span
    }
  }

  /// `assert` gave false: of the library it refuses the call, elsewhere it is told where it stands.
  package static func assertion(_ why: String?, at span: Span) -> Diagnostic {
    let why = why ?? "the condition is false"
    var problem = Diagnostic("assert: \(why)", at: span)
    if span.source.isLibrary { problem.refusal = why }
    return problem
  }

  /// Leaves a call: it becomes part of the trace, or the place of what the library refuses.
  package mutating func leave(_ call: Call, of name: String) {
    guard let refusal else { return add(call) }
    message = name.isEmpty ? refusal : "\(name): \(refusal)"
    spans = [call.span]
    if !call.span.source.isLibrary { self.refusal = nil }
  }

  package mutating func add(_ call: Call) {
    if trace.count == 8 {
      trace.remove(at: 4)
      omittedCalls += 1
    }
    trace.append(call)
  }

  @inline(never)
  package init(_ message: String, at spans: [Span], notes: [String] = [], hint: String? = nil) {
    self.message = message
    self.spans = spans
    self.notes = notes
    self.hint = hint
  }

  @inline(never)
  package init(_ message: String, at span: Span, notes: [String] = [], hint: String? = nil) {
    self.init(message, at: [span], notes: notes, hint: hint)
  }
}

extension Diagnostic {
  /// How much of a place is named.
  package enum Location: Sendable {
    /// `name:line:column: error: …`, and line numbers in call traces: what `attn run` shows.
    case full
    /// Nothing that moves when lines are added above: what recorded scripts hold.
    case none
  }

  /// The message, the line it is about with its places underlined, notes, hint and call trace.
  package func rendered(location: Location = .none) -> String {
    var lines: [String] = []
    let shown = message.count > 600 ? message.prefix(600) + "…" : message[...]
    var head = "\(severity.rawValue): \(shown)"
    if location == .full, let span = spans.first, let name = span.source.name {
      head = "\(name):\(span.numberInFile):\(span.columnInFile): \(head)"
    }
    lines.append(head)
    if let picture = picture() { lines += picture }
    lines += notes.map { "  " + $0 }
    if let hint { lines.append("  hint: \(hint)") }
    lines += renderedTrace(location: location)
    return lines.joined(separator: "\n")
  }

  /// The source line and the underlines; nothing where there is no text to show.
  private func picture() -> [String]? {
    guard let main = spans.first else { return nil }
    let source = main.source
    let line = main.line
    let range = source.window(around: main.start, ofLine: line)
    let (start, end) = (range.lowerBound, range.upperBound)
    let text = source.text(range)
    guard !text.allSatisfy(\.isWhitespace) else { return nil }

    var marked = [Bool](repeating: false, count: text.utf8.count + 1)
    for span in spans where span.source === source && span.line == line {
      let from = span.start - start
      let to = min(max(from + 1, min(span.end, end) - start), marked.count)
      guard from >= 0, from < to else { continue }
      for offset in from..<to { marked[offset] = true }
    }
    // Long lines are cut to what surrounds the mark, so that the picture stays readable.
    var shown = ""
    var under = ""
    var offset = 0
    for character in text {
      let width = displayWidth(of: character)
      shown.append(character == "\t" ? " " : character)
      let mark = marked[offset..<(offset + character.utf8.count)].contains(true)
      under += String(repeating: mark ? "─" : " ", count: width)
      offset += character.utf8.count
    }
    if marked[offset] { under += "─" }
    while under.last == " " { under.removeLast() }
    let indent = shown.prefix { $0 == " " }.count
    return Self.clip(
      "  " + shown.dropFirst(indent), "  " + under.dropFirst(min(indent, under.count)))
  }

  private static func clip(_ shown: String, _ under: String, width: Int = 110) -> [String] {
    guard shown.count > width, let mark = under.firstIndex(of: "─") else { return [shown, under] }
    let column = under.distance(from: under.startIndex, to: mark)
    let first = max(2, column - width / 2)
    var cut = String(shown.dropFirst(first).prefix(width))
    var cutUnder = String(under.dropFirst(first).prefix(width))
    let left = first > 2 ? "  …" : "  "
    cut = left + cut + (shown.count > first + width ? "…" : "")
    cutUnder = String(repeating: " ", count: left.count) + cutUnder
    return [cut, cutUnder]
  }

  private func renderedTrace(location: Location) -> [String] {
    func line(_ call: Call) -> String {
      let code = call.span.source.text(ofLine: call.span.line)
        .drop(while: \.isWhitespace).prefix(80)
      if location == .full, let name = call.span.source.name {
        return "  in \(call.function), called at \(name):\(call.span.numberInFile): \(code)"
      }
      return "  in \(call.function), called by: \(code)"
    }
    guard omittedCalls > 0 else { return trace.map(line) }
    return trace.prefix(4).map(line) + ["  … \(omittedCalls) more calls …"] + trace.suffix(4).map(line)
  }
}

extension Span {
  /// The 0-based column in characters.
  package var column: Int {
    source.text(source.start(ofLine: line)..<start).count
  }

  /// Line and column in the file, from 1.
  fileprivate var numberInFile: Int { source.firstLine + line + 1 }
  fileprivate var columnInFile: Int { (line == 0 ? source.firstColumn : 0) + column + 1 }
}
