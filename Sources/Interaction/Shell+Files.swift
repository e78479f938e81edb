import Builtins
import Golden
import Language
import Syntax
import Tensors

/// `:save`, `:load`, `:edit`, `:rerun`.
extension Shell {
  func save(_ written: String) throws(BuiltinError) {
    let path = place(of: written)
    guard !notebook.entries.isEmpty else { throw BuiltinError("there is nothing to save yet") }
    let text: String
    if path.hasSuffix(".md") {
      text = notebook.markdown
    } else if path.hasSuffix(".html") {
      text = notebook.html(title: title(of: path))
    } else if path.hasSuffix(".attn") {
      text = notebook.script
    } else {
      throw BuiltinError(
        "\(written) says no kind of file", hint: "a script ends in .attn, a page in .md or .html")
    }
    guard !Machine.isStopRequested else { throw BuiltinError("the writing was stopped") }
    try Files().write(Array(text.utf8), to: path)
    let statements = notebook.entries.count { $0.kind == .statement }
    screen.note("  \(count(statements, "statement", "statements")) in \(written)")
    let failed = notebook.entries.count { $0.hasFailed }
    if failed > 0, path.hasSuffix(".attn") {
      screen.note(
        "  \(failed) of them \(failed == 1 ? "fails" : "fail"), as recorded: attn test goes on there, "
          + "attn run stops")
    }
    if Files.folder(of: path) != ".", notebook.entries.contains(where: \.namesFile) {
      screen.note("  paths in it are relative to its folder, \(Files.folder(of: written))")
    }
  }

  private func title(of path: String) -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return String(name.dropLast(5))
  }

  /// A path as the user means it: `~` is the home folder.
  private func place(of path: String) -> String {
    var path = path
    if path.count > 1, path.hasPrefix("\""), path.hasSuffix("\"") {
      path = String(path.dropFirst().dropLast())
    }
    guard path.hasPrefix("~/"), let home = screen.environment("HOME") else { return path }
    return home + path.dropFirst(1)
  }

  func load(_ written: String) throws(BuiltinError) {
    let path = place(of: written)
    let text = try Files().readText(path)
    let code: String
    if path.hasSuffix(".md") {
      code = Page.code(inMarkdown: text)
    } else if path.hasSuffix(".html") {
      guard let script = Page.code(inHTML: text) else {
        throw BuiltinError("\(written) is no page that :save has written")
      }
      code = script
    } else {
      code = text
    }
    // Paths in a script are relative to it.
    let base = session.context.files.base
    session.context.files.base = Files.folder(of: path)
    defer { session.context.files.base = base }
    if !run(code: Transcript.statements(in: code)) { screen.report("\(written) was left there\n") }
  }

  func edit(_ name: String) throws(BuiltinError) {
    let before: String
    if name.isEmpty {
      before = notebook.source
    } else if let source = session.source(of: name) {
      before = source + "\n"
    } else if let entry = notebook.entries.last(where: { $0.assigned.contains(name) }) {
      before = entry.text + "\n"
    } else {
      throw BuiltinError("there is no definition of \(name) to edit")
    }
    let file = try TemporaryText(before, name: name.isEmpty ? "session.attn" : "\(name).attn")
    let editor =
      [screen.environment("VISUAL"), screen.environment("EDITOR")].compactMap(\.self)
      .first { !$0.isEmpty } ?? "vi"
    let status = screen.run("\(editor) \"$1\"", file.path)
    guard status == 0 else {
      file.remove()
      throw BuiltinError(
        "the editor has not run well: \(editor)", hint: "the variable EDITOR names it")
    }
    let after = try file.read()
    let code = Transcript.statements(in: after)
    guard after != before else {
      file.remove()
      return screen.note("  nothing has changed")
    }
    // What can't be run must not be lost: the text stays where it is.
    guard Parser.parse(Source(code)).problems.isEmpty else {
      run(code: code)
      return screen.report("nothing was run; the text is in \(file.path)\n")
    }
    file.remove()
    if name.isEmpty { begin(with: code) } else { run(code: code) }
  }

  func rerun() {
    guard !notebook.entries.isEmpty else { return screen.note("  nothing has been run yet") }
    begin(with: notebook.source)
  }

  /// An empty session that runs a script, past what fails.
  private func begin(with code: String) {
    let initial = takeInitial()
    reset()
    putBack(initial)
    run(code: code, goesOn: true)
  }
}

extension Notebook.Entry {
  /// The names that it assigns.
  var assigned: [String] {
    Parser.parse(Source(text)).statements.flatMap { NameUse($0).assigned }
  }

  /// Whether it reads or writes a file whose path is relative.
  var namesFile: Bool {
    let reads = Parser.parse(Source(text)).statements.flatMap { NameUse($0).reads.map(\.text) }
    let families = Builtin.fileFamily + Builtin.savingFamily.filter { $0.name != "hash" }
    return text.contains("import \"") || families.contains { reads.contains($0.name) }
  }
}
