import Builtins
import Drawing
import Host
import Syntax

/// What has been run in a session, with what it printed: enough to write it down as a script that
/// replays, and as a page to read.
package struct Notebook {
  package private(set) var entries: [Entry] = []

  package init() {}

  package struct Entry {
    package enum Kind: Equatable {
      case statement
      /// Comments alone: cells' titles, remarks.
      case remark
      /// Not run, because a comment said so.
      case skipped
    }
    package var kind = Kind.statement
    /// A statement with the comments above and behind it, as it was run.
    package var text: String
    /// What it printed, before its own value or its error.
    package var printed = ""
    /// Whether more was printed than is kept.
    package var isCut = false
    /// The value that was shown, or the error.
    package var echo = ""
    package var pictures: [Picture] = []
    package var hasFailed = false
    /// After how many rounds its loop was interrupted, where `stop_after` has to say so.
    package var rounds: Int?
    /// The number of its value among the results.
    package var result: Int?
    /// What the value is called, once `ans` or `out[n]` has been used for it.
    package var resultName: String?
    /// Where the expression stands in the text, in UTF-8.
    package var expression: Range<Int>?
    /// It was written on the line of the one before, and both were silent.
    package var joinsPrevious = false
    /// What its paths were relative to.
    package var folder = "."
    /// It comes from the init file.
    package var isInitial = false

    package init(_ text: String, kind: Kind = .statement) {
      self.text = text
      self.kind = kind
    }

    package var isSilent: Bool { printed.isEmpty && echo.isEmpty && pictures.isEmpty && !hasFailed }
  }

  package mutating func add(_ entry: Entry) { entries.append(entry) }

  mutating func changeLast(_ change: (inout Entry) -> Void) {
    if !entries.isEmpty { change(&entries[entries.count - 1]) }
  }

  /// Gives the value of an earlier statement a name in what is written.
  package mutating func name(result: Int, _ name: String) {
    guard let index = entries.lastIndex(where: { $0.result == result }) else { return }
    entries[index].resultName = name
  }

  package var isEmpty: Bool { !entries.contains { $0.kind != .remark && !$0.isInitial } }

  /// The folder that all paths were relative to, if there is one.
  func folder(_ primitives: PrimitiveTable) -> String? {
    let files = entries.lazy.filter { $0.kind == .statement && $0.namesFile(primitives) }
    let folders = Set(files.map(\.folder))
    return folders.count == 1 ? folders.first : nil
  }

  /// Whether a name occurs in what was run.
  package func mentions(_ name: String) -> Bool { entries.contains { $0.text.contains(name) } }

  // MARK: What is written

  /// A statement as a script has it, with the lines of its output.
  struct Step {
    var text: String
    var output: [String]
  }

  /// The statements that an entry becomes.
  func steps(of entry: Entry) -> [Step] {
    var steps: [Step] = []
    if let rounds = entry.rounds { steps.append(Step(text: "stop_after(\(rounds))", output: [])) }
    guard let name = entry.resultName, let place = entry.expression, !entry.hasFailed else {
      return steps + [
        Step(text: entry.text, output: entry.printedLines + RecordedOutput.recordedLines(of: entry.echo))
      ]
    }
    // The value gets its name where it is made, and is shown in a statement of its own.
    var bytes = Array(entry.text.utf8)
    bytes.insert(contentsOf: Array("\(name) = ".utf8), at: place.lowerBound)
    steps.append(
      Step(text: String(decoding: bytes, as: UTF8.self), output: entry.printedLines))
    if !entry.echo.isEmpty {
      steps.append(Step(text: name, output: RecordedOutput.recordedLines(of: entry.echo)))
    }
    return steps
  }

  static func recorded(_ output: [String]) -> [String] {
    output.map { $0.isEmpty ? "#>" : "#> \($0)" }
  }

  /// The session as a script, which passes `attn test` as it is.
  package var script: String {
    let lines = scriptLines()
    return lines.isEmpty ? "" : lines.joined(separator: "\n") + "\n"
  }

  /// The session as a script without output, for an editor.
  package var source: String {
    let lines = scriptLines(withOutput: false)
    return lines.isEmpty ? "" : lines.joined(separator: "\n") + "\n"
  }

  /// What is written, in order: comments, and statements with their output.
  enum Block {
    case remark(String)
    case statement(String, output: [String], hasFailed: Bool)
    case picture(Picture)
  }

  var blocks: [Block] {
    var blocks: [Block] = []
    for entry in entries {
      if entry.joinsPrevious, case .statement(let last, _, _)? = blocks.last {
        // `;` mutes what stands before it, and silent statements are all that is joined.
        let line = (last.hasSuffix(";") ? last + " " : last + "; ") + entry.text
        blocks[blocks.count - 1] = .statement(line, output: [], hasFailed: false)
        continue
      }
      guard entry.kind == .statement else {
        blocks.append(.remark(entry.text))
        continue
      }
      for step in steps(of: entry) {
        blocks.append(.statement(step.text, output: step.output, hasFailed: entry.hasFailed))
      }
      blocks += entry.pictures.map { .picture($0) }
    }
    return blocks
  }

  private func scriptLines(withOutput: Bool = true) -> [String] {
    var lines: [String] = []
    for block in blocks {
      switch block {
      case .remark(let text):
        if text.hasPrefix("# %%"), !lines.isEmpty { lines.append("") }
        lines.append(text)
      case .statement(let text, let output, let hasFailed):
        lines.append(text)
        if withOutput {
          lines += Self.recorded(output)
        } else if hasFailed, let first = output.first(where: { $0.hasPrefix("error:") }) {
          lines.append("#> \(first)")
        }
      case .picture: continue
      }
    }
    return lines
  }
}

extension Notebook.Entry {
  /// What stands recorded of what was printed; a wildcard for what is not kept.
  fileprivate var printedLines: [String] {
    RecordedOutput.recordedLines(of: printed) + (isCut ? ["..."] : [])
  }
}
