import Builtins
import Drawing
import Host
import Language
import Support
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
        "  "
          + prose(
            "\(failed) of them \(failed == 1 ? "fails" : "fail"), as recorded: attn test goes on there, "
              + "attn run stops", indent: "  "))
    }
    noteFiles(of: path, written)
  }

  /// Says which files the script will not find, or may not read as a test, where it lies.
  private func noteFiles(of path: String, _ written: String) {
    let folder = Files.absolute(Files.folder(of: path))
    var elsewhere: [String] = []
    var outside: [String] = []
    for entry in notebook.entries where entry.kind == .statement && entry.namesFile(session.primitives) {
      for name in entry.strings where !name.isEmpty && !name.hasPrefix("tmp:") {
        let isAbsolute = name.hasPrefix("/")
        let place = Files.absolute(isAbsolute ? name : entry.folder + "/" + name)
        guard (try? Files().kind(place)) != .missing else { continue }
        if !isAbsolute, place != Files.absolute(folder + "/" + name) {
          if !elsewhere.contains(name) { elsewhere.append(name) }
        } else if !place.hasPrefix(folder + "/"), !outside.contains(name) {
          outside.append(name)
        }
      }
    }
    if !elsewhere.isEmpty {
      let (them, lie) = elsewhere.count == 1 ? ("it", "it lies") : ("them", "they lie")
      screen.report(
        prose(
          "warning: a script's paths are relative to its own folder, where \(listed(elsewhere)) "
            + "would not be found") + "\n"
          + "  " + prose("hint: copy \(them) there, or save the script where \(lie)", indent: "  ") + "\n")
    }
    if !outside.isEmpty {
      screen.report(
        prose("warning: attn test reads in the script's folder alone, and not \(listed(outside))") + "\n"
          + "  hint: a copy there can be read\n")
    }
  }

  private func listed(_ names: [String]) -> String {
    let shown = names.prefix(3).joined(separator: ", ")
    return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
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
    let base = session.host.files.base
    session.host.files.base = Files.folder(of: path)
    defer { session.host.files.base = base }
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
    // What could not be run the last time is opened again.
    let file: TemporaryText
    if let left = unfinishedEdits[name], (try? Files().kind(left.path)) == .file {
      file = left
    } else {
      file = try TemporaryText(before, name: name.isEmpty ? "session.attn" : "\(name).attn")
    }
    let editor =
      [screen.environment("VISUAL"), screen.environment("EDITOR")].compactMap(\.self)
      .first { !$0.isEmpty } ?? "vi"
    let status = screen.run("\(editor) \"$1\"", file.path)
    guard status == 0 else {
      throw BuiltinError(
        "the editor has not run well: \(editor)", hint: "the variable EDITOR names it")
    }
    // What can't be run must not be lost.
    unfinishedEdits[name] = file
    let after = try file.read()
    let code = Transcript.statements(in: after)
    guard after != before else {
      unfinishedEdits[name] = nil
      return screen.note("  nothing has changed")
    }
    if Parser.parse(Source(code)).problems.isEmpty {
      guard name.isEmpty else {
        run(code: code)
        unfinishedEdits[name] = nil
        return
      }
      if begin(with: code) {
        unfinishedEdits[name] = nil
        return
      }
    } else {
      run(code: code)
      screen.report("nothing was run\n")
    }
    screen.report(prose("the text is in \(file.path), and :edit opens it again") + "\n")
  }

  func rerun() {
    guard !notebook.entries.isEmpty else { return screen.note("  nothing has been run yet") }
    _ = begin(with: notebook.source, folder: notebook.folder(session.primitives))
  }

  /// Begins an empty session and runs a script in it, also behind statements that fail.
  ///
  /// Where the user interrupts it, the method restores the earlier session and returns false.
  private func begin(with code: String, folder: String? = nil) -> Bool {
    let before = state
    let initial = takeInitial()
    wasInterrupted = false
    reset()
    putBack(initial)
    let base = session.host.files.base
    session.host.files.base = folder ?? base
    run(code: code, goesOn: true)
    session.host.files.base = base
    guard wasInterrupted else { return true }
    state = before
    screen.report("the session is as it was before\n")
    return false
  }
}

extension Notebook.Entry {
  /// The names that it assigns.
  var assigned: [String] {
    Parser.parse(Source(text)).statements.flatMap { NameUse($0).assigned }
  }

  /// The strings in it that are written out.
  var strings: [String] {
    var strings: [String] = []
    var rest = text[...]
    while let start = rest.firstIndex(of: "\"") {
      rest = rest[rest.index(after: start)...]
      guard let end = rest.firstIndex(of: "\"") else { break }
      strings.append(String(rest[..<end]))
      rest = rest[rest.index(after: end)...]
    }
    return strings
  }

  /// Whether it reads or writes files.
  func namesFile(_ primitives: PrimitiveTable) -> Bool {
    let reads = Parser.parse(Source(text)).statements.flatMap { NameUse($0).reads.map(\.text) }
    return text.contains("import \"")
      || reads.contains { primitives.named[$0]?.uses.contains(.files) == true }
  }
}
