import Builtins
import Drawing
import Language
import Support
import Syntax
import Tensors
import Values

/// Running statements, one by one.
extension Shell {
  /// Runs code; false where what follows in the entry is not to run.
  ///
  /// - Parameter goesOn: whether to run the statements behind one that fails, as `attn test` does.
  @discardableResult
  func run(code: String, goesOn: Bool = false) -> Bool {
    let script = Parser.parse(Source(code, name: origin?.file, firstLine: origin?.line ?? 0))
    guard script.problems.isEmpty else {
      for problem in script.problems.prefix(5) { report(problem) }
      return false
    }
    var silentLine = false
    for piece in Piece.all(in: script) {
      switch piece {
      case .remark(let text):
        note(remark: text)
        silentLine = false
      case .statement(let text, let place, let isOnSameLine, let isMeantToFail):
        let before = notebook.entries.count
        let isFine = run(statement: text, at: place)
        if notebook.entries.count == before + 1, let entry = notebook.entries.last {
          let isSilent = entry.isSilent && entry.rounds == nil && entry.kind == .statement
          if isSilent, isOnSameLine, silentLine { notebook.joinLast() }
          // Behind a comment on the line nothing can follow.
          silentLine = isSilent && entry.text.split(separator: "\n").last?.contains("#") == false
        } else {
          silentLine = false
        }
        let failed = notebook.entries.count > before && notebook.entries.last?.hasFailed == true
        guard isFine || !wasInterrupted && (failed && isMeantToFail || goesOn) else { return false }
      }
    }
    return true
  }

  private func note(remark text: String) {
    var entry = Notebook.Entry(text, kind: .remark)
    entry.isInitial = isInitial
    notebook.add(entry)
  }

  /// Tells of a mistake; with its place, where the code comes from a file of the user's own start.
  private func report(_ diagnostic: Diagnostic) {
    screen.report(diagnostic.rendered(location: origin == nil ? .none : .full) + "\n")
  }

  /// Runs one statement; false where it failed or was interrupted.
  ///
  /// - Parameter place: where it stands in the code.
  private func run(statement text: String, at place: Piece.Place) -> Bool {
    func parsed(_ text: String) -> Script {
      let line = (origin?.line ?? 0) + place.line
      return Parser.parse(Source(text, name: origin?.file, firstLine: line, firstColumn: place.column))
    }
    var text = text
    var script = parsed(text)
    wasInterrupted = false
    guard let first = script.statements.first else { return true }
    if script.comments.contains(where: { $0.kind == .plain && $0.text.hasPrefix("skip:") }) {
      var entry = Notebook.Entry(text, kind: .skipped)
      entry.isInitial = isInitial
      notebook.add(entry)
      screen.note("  not run: its comment says skip")
      return true
    }
    var statement = first
    do throws(BuiltinError) {
      for rewritten in [beginningAnew, naming] {
        guard let rewritten = try rewritten(statement, text) else { continue }
        text = rewritten
        script = parsed(text)
        guard let again = script.statements.first else { return true }
        statement = again
      }
    } catch {
      complain(error.message, hint: error.hint)
      return false
    }
    let use = NameUse(statement)
    warnOfStale(use)
    var entry = Notebook.Entry(text)
    entry.isInitial = isInitial
    entry.folder = session.host.files.base
    recorder.begin()
    // The names of an import are not in the statement.
    var isImport = false
    if case .importFile = statement.kind { isImport = true }
    let known = isImport ? Set(session.definedNames) : []
    let outcome = session.run(statement) { value in
      // Text first: what is too large to show must not be half shown.
      entry.echo = value.text(digits: session.host.output.digits) + "\n"
      try Machine.checkStop()
      screen.write(entry.echo)
      try Machine.checkStop()
    }
    entry.printed = recorder.recorded
    entry.isCut = recorder.isCut
    entry.pictures = recorder.pictures
    let added = isImport ? Set(session.definedNames).subtracting(known) : []
    var isFine = true
    switch outcome {
    case .value(let value):
      note(value, of: statement, in: &entry)
      isFine = noteInterruption(statement, &entry)
      showShapes(statement, use)
    case .failed(let diagnostic):
      entry.hasFailed = true
      let loops = session.host.loops.count
      if loops.isStopping, loops.limit == nil { entry.rounds = loops.rounds }
      entry.echo = diagnostic.rendered() + "\n"
      report(diagnostic)
      isFine = false
    case .interrupted:
      wasInterrupted = true
      screen.report("interrupted\n")
      return false
    }
    notebook.add(entry)
    bindings.note(use, added: added, in: session)
    return isFine
  }

  /// Keeps the value of an expression for `ans` and `out[n]`.
  private func note(_ value: Value, of statement: Statement, in entry: inout Notebook.Entry) {
    guard case .expression(let expression) = statement.kind, !value.isNone else { return }
    if case .conditional = expression.kind, entry.echo.isEmpty, !statement.isMuted { return }
    entry.result = droppedResults + results.count
    entry.expression = expression.span.start..<expression.span.end
    results.append(value)
    if results.count > Self.resultLimit {
      results.removeFirst()
      droppedResults += 1
    }
  }

  /// The message about loops that the user interrupted; `nil` where there were none.
  var roundsOfInterruption: String? {
    let loops = session.host.loops.count
    guard loops.isStopping, loops.limit == nil else { return nil }
    return loops.rounds == 0
      ? "interrupted before a first round was done"
      : "interrupted after \(count(loops.rounds, "round", "rounds"))"
  }

  /// Says how far an interrupted loop came, and writes it into what is saved.
  private func noteInterruption(_ statement: Statement, _ entry: inout Notebook.Entry) -> Bool {
    guard let message = roundsOfInterruption else { return true }
    wasInterrupted = true
    let loops = session.host.loops.count
    screen.report(message + (loops.rounds == 0 ? "\n" : "; what they made is kept\n"))
    if loops.started == 1, let text = stoppedCall(statement, after: loops.rounds) {
      let before = statement.span.source.bytes[..<statement.span.start]
      let after = statement.span.source.bytes[statement.span.end...]
      entry.text = String(decoding: before + Array(text.utf8) + after, as: UTF8.self)
    } else {
      entry.rounds = loops.rounds
    }
    return false
  }

  /// `w : f32[6, 6]` after an assignment, where it isn't muted.
  private func showShapes(_ statement: Statement, _ use: NameUse) {
    switch statement.kind {
    case .assign, .indexAssign: break
    default: return
    }
    guard !statement.isMuted, !isInitial else { return }
    let shapes = use.assigned.compactMap { name in
      session[name].map { "\(name) : \($0.summary)" }
    }
    screen.note("  " + shapes.joined(separator: "   "))
  }

  private func warnOfStale(_ use: NameUse) {
    guard !use.isDefinition else { return }
    for name in use.readNames.sorted() where !use.assigned.contains(name) {
      if let cause = bindings.staleness(of: name), bindings.tell(name) {
        screen.note("  \(name) is stale: \(cause) has changed since")
      }
    }
  }
}

extension Notebook {
  /// Puts the last statement on the line of the one before.
  mutating func joinLast() { changeLast { $0.joinsPrevious = true } }
}
