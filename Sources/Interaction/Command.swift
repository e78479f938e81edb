import Builtins
import Drawing
import Language
import Support
import Tensors

/// A line for the prompt itself, such as `:save s.attn`: a row of the one table from which `:help`,
/// completion and the page docs/prompt.md come.
package struct Command: Sendable {
  package let name: String
  /// What follows the name, as the help shows it.
  package let arguments: String
  /// One sentence that ends with a period.
  package let summary: String
  /// What completes its arguments.
  let completion: Completes
  let action: @Sendable (Shell, String) throws(BuiltinError) -> Shell.Outcome

  enum Completes: Sendable { case nothing, files, names, code, settings, tour }

  init(
    _ name: String, _ arguments: String, _ summary: String, _ completion: Completes = .nothing,
    _ action: @escaping @Sendable (Shell, String) throws(BuiltinError) -> Void
  ) {
    self.name = name
    self.arguments = arguments
    self.summary = summary
    self.completion = completion
    self.action = { shell, text throws(BuiltinError) in
      try action(shell, text)
      return .goOn
    }
  }

  private init(leaving name: String, _ summary: String) {
    self.name = name
    arguments = ""
    self.summary = summary
    completion = .nothing
    action = { _, _ in .leave }
  }

  package static let table: [Command] = [
    Command("help", "[NAME]", "Shows these commands, or what a name stands for.", .names) { shell, name in
      name.isEmpty ? shell.showCommands() : shell.help(name, wantsSource: false)
    },
    Command("tour", "[stop]", "Walks through the first ten minutes, one line at a time.", .tour) {
      shell, word throws(BuiltinError) in
      try shell.startTour(word)
    },
    Command("vars", "", "Lists the names: type, shape, bytes, and what is stale.") { shell, _ in
      shell.showVariables()
    },
    Command(
      "time", "EXPRESSION", "Evaluates an expression: time, allocations, peak memory, what costs most.",
      .code
    ) { shell, text throws(BuiltinError) in try shell.time(text) },
    Command("page", "EXPRESSION", "Opens all of a value, nothing left out, in the pager.", .code) {
      shell, text throws(BuiltinError) in
      try shell.page(text)
    },
    Command("source", "NAME", "Shows the text of a function or model.", .names) { shell, name in
      shell.help(name, wantsSource: true)
    },
    Command("save", "FILE", "Writes the session as a script (.attn) or a page (.md, .html).", .files) {
      shell, path throws(BuiltinError) in
      try shell.save(path)
    },
    Command("load", "FILE", "Runs the statements of a script or a saved page.", .files) {
      shell, path throws(BuiltinError) in
      try shell.load(path)
    },
    Command("edit", "[NAME]", "Opens the session, or one definition, in the editor and runs it.", .names) {
      shell, name throws(BuiltinError) in
      try shell.edit(name)
    },
    Command("rerun", "", "Runs all statements again, from an empty session.") { shell, _ in shell.rerun() },
    Command("reset", "", "Forgets all names, results and statements.") { shell, _ in
      shell.reset()
      shell.unfinishedEdits = [:]
      shell.screen.note("  an empty session")
    },
    Command("set", "[NAME VALUE]", "Shows or changes a setting: digits, seed.", .settings) {
      shell, text throws(BuiltinError) in
      try shell.set(text)
    },
    Command(leaving: "quit", "Leaves; so does Ctrl-D."),
  ]

  package static func named(_ name: String) -> Command? {
    // A beginning that only one command has will do.
    if let command = table.first(where: { $0.name == name }) { return command }
    let candidates = table.filter { $0.name.hasPrefix(name) }
    return candidates.count == 1 && !name.isEmpty ? candidates[0] : nil
  }

  static func run(_ line: String, in shell: Shell) -> Shell.Outcome {
    let name = line.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
    let rest = line.dropFirst(name.count).trimmed
    guard let command = named(String(name)) else {
      let candidates = name.isEmpty ? [] : table.map(\.name).filter { $0.hasPrefix(name) }
      if candidates.isEmpty {
        shell.complain(
          "there is no command :\(name)",
          hint: nearest(String(name), among: table.map(\.name)).map { "did you mean :\($0)?" }
            ?? ":help lists the commands")
      } else {
        shell.complain(
          "several commands begin with :\(name)",
          hint: candidates.map { ":\($0)" }.joined(separator: ", "))
      }
      return .goOn
    }
    do throws(BuiltinError) {
      guard !rest.isEmpty || command.arguments.isEmpty || command.arguments.hasPrefix("[") else {
        throw BuiltinError(":\(command.name) is written :\(command.name) \(command.arguments)")
      }
      guard rest.isEmpty || !command.arguments.isEmpty else {
        throw BuiltinError(":\(command.name) takes nothing behind it")
      }
      return try command.action(shell, rest)
    } catch {
      if Machine.isStopRequested {
        shell.screen.report("interrupted\n")
      } else {
        shell.complain(error.message, hint: error.hint)
      }
      return .goOn
    }
  }

  /// `:save FILE`
  package var usage: String { ":\(name)\(arguments.isEmpty ? "" : " \(arguments)")" }
}

extension Shell {
  func showCommands() {
    let rows =
      Command.table.map { ($0.usage, $0.summary) } + [
        ("?NAME", "Shows what a name stands for; ??NAME its source."),
        ("ans, out[3]", "The last value, and the one of that number."),
        ("expression;", "A semicolon mutes the value."),
      ]
    let width = rows.map(\.0.count).max() ?? 0
    for (usage, summary) in rows {
      // In a narrow window the summaries stand below.
      let isNarrow = screen.width() < 2 * width + 20
      let indent = String(repeating: " ", count: isNarrow ? 4 : width + 2)
      let start = isNarrow ? usage + "\n" + indent : usage.padded(to: indent.count)
      screen.write(start + prose(summary, indent: indent) + "\n")
    }
  }

  func showVariables() {
    let names = session.definedNames
    guard !names.isEmpty else { return screen.note("  no names yet") }
    var rows = names.compactMap { name -> [String]? in
      guard let value = session[name] else { return nil }
      let stale = bindings.staleness(of: name).map { "stale: \($0) has changed since" } ?? ""
      return [name, value.typeName, value.summary, Memory.readable(value.byteCount), stale]
    }
    rows.insert(["name", "type", "shape", "memory", ""], at: 0)
    // What does not fit is cut from the shapes.
    let others = [0, 1, 3].reduce(8) { sum, column in
      sum + (rows.map { displayWidth($0[column]) }.max() ?? 0)
    }
    let room = max(20, screen.width() - others)
    for index in rows.indices { rows[index][2] = rows[index][2].cut(to: room) }
    let widths = (0..<4).map { column in rows.map { displayWidth($0[column]) }.max() ?? 0 }
    for row in rows {
      var line = zip(row, widths).map { $0.padded(to: $1) }.joined(separator: "  ") + "  " + row[4]
      while line.last == " " { line.removeLast() }
      screen.write(line + "\n")
    }
  }

  func set(_ text: String) throws(BuiltinError) {
    let words = text.split(separator: " ").map(String.init)
    guard let name = words.first else {
      screen.write("digits  \(session.host.output.digits)\n")
      screen.write("seed    \(session.host.random.state.seed)\n")
      return
    }
    guard ["digits", "seed"].contains(name) else {
      throw BuiltinError("there is no setting \(name)", hint: "there are digits and seed")
    }
    guard words.count == 2, Int(words[1]) != nil else {
      throw BuiltinError(":set \(name) takes a whole number")
    }
    // A statement, so that what is saved has it.
    run(code: "\(name)(\(words[1]))")
  }
}

extension String {
  func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - displayWidth(self)))
  }
}
