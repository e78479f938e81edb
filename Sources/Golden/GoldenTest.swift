import Builtins
import Language
import Syntax
import Tensors

/// Runs a document as a test: text in, results out.
///
/// ```swift
/// let report = GoldenTest(text, name: "attention.attn", folder: "Tests/Scripts").run()
/// #expect(report.failures.isEmpty, "\(report.text)")
/// ```
package struct GoldenTest {
  package let document: Document
  private let folder: String
  private let text: String
  private let configure: (Session) -> Void

  /// - Parameters:
  ///   - folder: against which the script's paths are resolved; nothing outside it and the session's
  ///     temporary folder, `tmp:`, is read or written.
  ///   - configure: changes the session before it runs, for a host's own names.
  package init(
    _ text: String, name: String, folder: String, sandboxed: Bool = true,
    configure: @escaping (Session) -> Void = { _ in }
  ) {
    self.text = text
    self.folder = folder
    document = Document(text, name: name)
    self.configure = { session in
      session.context.files.base = folder
      session.context.files.workingFolder = folder
      if sandboxed { session.context.files.sandbox = [folder] }
      configure(session)
    }
  }

  package struct Result {
    package enum Status: Equatable {
      case passed
      case failed
      case skipped(String)
    }
    package var entry: Document.Entry
    package var status: Status
    package var printed: [String]
    package var comparison: Comparison?
    /// Why it failed where that is not a difference: an unexpected pass.
    package var reason: String?
  }

  package struct Report {
    package let name: String
    package let results: [Result]

    package var failures: [Result] { results.filter { $0.status == .failed } }
    package var isPassed: Bool { failures.isEmpty }
    /// The failures as a person wants to read them.
    package var text: String { failures.map { describe($0, in: name) }.joined(separator: "\n") }
  }

  /// Runs every statement from an empty session, failed ones included.
  package func run() -> Report {
    Machine.withDeepStack {
      let session = Session()
      configure(session)
      var printed = ""
      session.context.output = { printed += $0 }
      let results = document.entries.map { entry in
        printed = ""
        return run(entry, session) { printed }
      }
      return Report(name: document.source.name ?? "", results: results)
    }
  }

  private func run(
    _ entry: Document.Entry, _ session: Session, _ output: () -> String
  ) -> Result {
    if case .skip(let why)? = entry.directive {
      return Result(entry: entry, status: .skipped(why), printed: [])
    }
    var text: String
    switch entry.content {
    case .problem(let problem): text = problem.rendered() + "\n"
    case .statement(let statement):
      let outcome = session.run(statement)
      text = output()
      switch outcome {
      case .value: break
      case .failed(let diagnostic): text += diagnostic.rendered() + "\n"
      case .interrupted: text += "interrupted\n"
      }
    }
    if text.hasSuffix("\n") { text.removeLast() }
    let printed =
      text.isEmpty ? [] : text.split(separator: "\n", omittingEmptySubsequences: false).map { trimEnd($0) }
    let recorded = entry.recorded.map { trimEnd($0.text[...]) }
    let comparison = Comparison(recorded: recorded, printed: printed, tolerance: entry.tolerance)
    var result = Result(
      entry: entry, status: comparison.isEqual ? .passed : .failed, printed: printed,
      comparison: comparison)
    if case .expectFailure(let why)? = entry.directive {
      if comparison.isEqual {
        result.status = .failed
        result.reason = "passed, and was expected to fail: \(why)"
      } else {
        result.status = .skipped("fails as expected: \(why)")
      }
    }
    return result
  }

  // MARK: Updating

  /// The document's text with the output of a run recorded wherever it differs.
  package func updated(_ report: Report) -> String {
    var bytes = Array(text.utf8)
    for result in report.results.reversed() where result.status == .failed && result.reason == nil {
      let entry = result.entry
      let indent = Self.indent(of: entry.span, in: bytes)
      let lines = result.printed.map { indent + ($0.isEmpty ? "#>" : "#> " + $0) }
      if let first = entry.recorded.first, let last = entry.recorded.last {
        var start = Self.lineStart(first.span.start, bytes)
        var end = Self.lineEnd(last.span.end, bytes)
        if lines.isEmpty {
          if end < bytes.count { end += 1 } else if start > 0 { start -= 1 }
        }
        bytes.replaceSubrange(start..<end, with: Array(lines.joined(separator: "\n").utf8))
      } else {
        let end = Self.lineEnd(entry.span.end, bytes)
        bytes.insert(contentsOf: Array(("\n" + lines.joined(separator: "\n")).utf8), at: end)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func lineStart(_ offset: Int, _ bytes: [UInt8]) -> Int {
    var at = min(offset, bytes.count)
    while at > 0, bytes[at - 1] != 0x0A { at -= 1 }
    return at
  }

  private static func lineEnd(_ offset: Int, _ bytes: [UInt8]) -> Int {
    var at = min(offset, bytes.count)
    while at < bytes.count, bytes[at] != 0x0A { at += 1 }
    return at
  }

  private static func indent(of span: Span, in bytes: [UInt8]) -> String {
    let start = lineStart(span.start, bytes)
    return String(decoding: bytes[start...].prefix { $0 == 0x20 }, as: UTF8.self)
  }
}

private func trimEnd(_ line: Substring) -> String {
  var line = line
  while line.last == " " || line.last == "\r" { line.removeLast() }
  return String(line)
}

/// A difference as a person wants to see it.
package func describe(_ result: GoldenTest.Result, in name: String) -> String {
  let code = result.entry.span.text.split(separator: "\n").first.map(String.init) ?? ""
  var lines = ["\(name):\(result.entry.line): \(code)"]
  if let reason = result.reason {
    lines.append("  \(reason)")
    return lines.joined(separator: "\n")
  }
  let recorded = result.entry.recorded.map { trimEnd($0.text[...]) }
  if recorded.isEmpty {
    lines.append("  printed, and nothing is recorded:")
    lines += result.printed.map { "    + \($0)" }
    return lines.joined(separator: "\n")
  }
  // Equal lines stand once; the others in pairs, with the figures that changed underlined.
  let same = recorded.count == result.printed.count
  if same {
    for (expected, found) in zip(recorded, result.printed) {
      if expected == found {
        lines.append("      \(found)")
      } else {
        lines.append("    - \(expected)")
        lines.append("    + \(found)")
        lines.append("      \(marks(expected, found))")
      }
    }
  } else {
    lines.append("  expected:")
    lines += recorded.map { "    - \($0)" }
    lines.append("  got:")
    lines += result.printed.map { "    + \($0)" }
  }
  if let absolute = result.comparison?.largestAbsolute, let relative = result.comparison?.largestRelative {
    lines.append("  largest difference: \(absolute) absolute, \(relative) relative")
  }
  return lines.joined(separator: "\n")
}

/// Carets under the characters of the second line that differ from the first.
private func marks(_ a: String, _ b: String) -> String {
  let (x, y) = (Array(a), Array(b))
  var result = ""
  for index in 0..<max(x.count, y.count) {
    let isSame = index < x.count && index < y.count && x[index] == y[index]
    result.append(isSame ? " " : "^")
  }
  return trimEnd(result[...])
}
