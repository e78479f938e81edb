import Builtins
import Language
import Syntax
import Tensors

/// Running statements, one by one.
extension Shell {
  /// Runs code; false where what follows in the entry is not to run.
  ///
  /// - Parameter goesOn: past statements that fail, as `attn test` does.
  @discardableResult
  func run(code: String, goesOn: Bool = false) -> Bool {
    let script = Parser.parse(Source(code))
    guard script.problems.isEmpty else {
      for problem in script.problems.prefix(5) { screen.report(problem.rendered() + "\n") }
      return false
    }
    var silentLine = false
    for piece in Piece.all(in: script) {
      switch piece {
      case .remark(let text):
        note(remark: text)
        silentLine = false
      case .statement(let text, let isOnSameLine, let isMeantToFail):
        let before = notebook.entries.count
        let isFine = run(statement: text)
        if notebook.entries.count == before + 1, let entry = notebook.entries.last {
          let isSilent = entry.isSilent && entry.rounds == nil && entry.kind == .statement
          if isSilent, isOnSameLine, silentLine { notebook.joinLast() }
          // Behind a comment on the line nothing can follow.
          silentLine = isSilent && entry.text.split(separator: "\n").last?.contains("#") == false
        } else {
          silentLine = false
        }
        let failed = notebook.entries.count > before && notebook.entries.last?.hasFailed == true
        guard isFine || failed && (isMeantToFail || goesOn) else { return false }
      }
    }
    return true
  }

  private func note(remark text: String) {
    var entry = Notebook.Entry(text, kind: .remark)
    entry.isInitial = isInitial
    notebook.add(entry)
  }

  /// Runs one statement; false where it failed or was interrupted.
  private func run(statement text: String) -> Bool {
    var text = text
    var script = Parser.parse(Source(text))
    guard let parsed = script.statements.first else { return true }
    if script.comments.contains(where: { $0.kind == .plain && $0.text.hasPrefix("skip:") }) {
      var entry = Notebook.Entry(text, kind: .skipped)
      entry.isInitial = isInitial
      notebook.add(entry)
      screen.note("  not run: its comment says skip")
      return true
    }
    var statement = parsed
    do throws(BuiltinError) {
      if let rewritten = try naming(results: statement, text) {
        text = rewritten
        script = Parser.parse(Source(text))
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
    recorder.begin()
    let known = Set(session.definedNames)
    let outcome = session.run(statement) { value in
      // Text first: what is too large to show must not be half shown.
      entry.echo = value.text(digits: session.context.digits) + "\n"
      try Machine.checkStop()
      screen.write(entry.echo)
      try Machine.checkStop()
    }
    entry.printed = recorder.recorded
    entry.isCut = recorder.isCut
    entry.pictures = recorder.pictures
    let added = Set(session.definedNames).subtracting(known)
    var isFine = true
    switch outcome {
    case .value(let value):
      note(value, of: statement, in: &entry)
      isFine = noteInterruption(statement, &entry)
      showShapes(statement, use)
    case .failed(let diagnostic):
      entry.hasFailed = true
      let loops = session.context.loops
      if loops.isStopping, loops.limit == nil { entry.rounds = loops.rounds }
      entry.echo = diagnostic.rendered() + "\n"
      screen.report(entry.echo)
      isFine = false
    case .interrupted:
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

  /// Says how far an interrupted loop came, and writes it into what is saved.
  private func noteInterruption(_ statement: Statement, _ entry: inout Notebook.Entry) -> Bool {
    let loops = session.context.loops
    guard loops.isStopping, loops.limit == nil else { return true }
    let rounds = loops.rounds
    screen.report(
      rounds == 0
        ? "interrupted before a first round was done\n"
        : "interrupted after \(count(rounds, "round", "rounds")); what they made is kept\n")
    if loops.started == 1, let text = statement.replacingSteps(by: rounds, in: session) {
      let before = statement.span.source.bytes[..<statement.span.start]
      let after = statement.span.source.bytes[statement.span.end...]
      entry.text = String(decoding: before + Array(text.utf8) + after, as: UTF8.self)
    } else {
      entry.rounds = rounds
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

extension Statement {
  /// The text with the number of steps that a training run or a text came to, where the statement is
  /// a plain call of `train` or `generate`.
  func replacingSteps(by rounds: Int, in session: Session) -> String? {
    let value: Expression
    switch kind {
    case .assign(_, let expression), .expression(let expression): value = expression
    default: return nil
    }
    guard case .call(let callee, let arguments) = value.kind, case .name(let name) = callee.kind,
      let parameter = ["train": "steps", "generate": "length"][name], session[name] == nil,
      !arguments.contains(where: { $0.label?.text == "checkpoint" })
    else { return nil }
    let offset = span.start
    var bytes = Array(span.text.utf8)
    if let given = arguments.first(where: { $0.label?.text == parameter }) {
      let place = given.value.span
      bytes.replaceSubrange(
        (place.start - offset)..<(place.end - offset), with: Array("\(rounds)".utf8))
    } else {
      guard arguments.allSatisfy({ $0.label != nil }) || arguments.count(where: { $0.label == nil }) < 3
      else { return nil }
      bytes.insert(
        contentsOf: Array(", \(parameter): \(rounds)".utf8), at: value.span.end - offset - 1)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
