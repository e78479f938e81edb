import Builtins
import Drawing
import Language
import Syntax
import Tensors
import Values

/// A session at a prompt: runs entries, keeps the notebook, knows what is stale.
///
/// It touches no terminal. It writes to a `Screen`, and its owner reads the entries.
package final class Shell {
  package internal(set) var session: Session
  package internal(set) var notebook = Notebook()
  package internal(set) var bindings = Bindings()
  package internal(set) var tour: Tour?
  /// Values of the expressions so far, the latest last; a long session releases the oldest.
  var results: [Value] = []
  var droppedResults = 0
  /// What `ans` and `out[n]` are called in what is written, by number.
  var resultNames: [Int: String] = [:]
  let recorder = Recorder()
  package let screen: Screen
  /// Sets up each session: interruptions, progress.
  private let configure: (Session) -> Void
  /// The init file, which every session begins with.
  private var initial: Initial?
  /// The file, and the line, that is run as part of it.
  var origin: (file: String, line: Int)?
  var isInitial: Bool { origin != nil }
  /// What was edited and could not be run, by the name that was edited; `:reset` forgets it.
  var unfinishedEdits: [String: TemporaryText] = [:]
  /// The user interrupted the current statement.
  var wasInterrupted = false

  struct Initial {
    var text: String
    var name: String
  }

  /// Results that can be asked for.
  static let resultLimit = 100

  package init(
    _ primitives: PrimitiveTable, screen: Screen, configure: @escaping (Session) -> Void = { _ in }
  ) {
    session = Session(primitives)
    self.screen = screen
    self.configure = configure
    prepare()
  }

  /// What is to happen after an entry.
  package enum Outcome { case goOn, leave }

  /// The init file, taken away while a session begins whose script holds its statements already.
  func takeInitial() -> Initial? {
    defer { initial = nil }
    return initial
  }

  func putBack(_ file: Initial?) { initial = file }

  /// Begins anew: no names, no results, no notebook; then the init file.
  func reset() {
    session = Session(session.primitives)
    notebook = Notebook()
    bindings = Bindings()
    results = []
    droppedResults = 0
    resultNames = [:]
    prepare()
    if let initial { run(initial) }
  }

  /// All that a session has come to.
  struct State {
    fileprivate var session: Session
    fileprivate var notebook: Notebook
    fileprivate var bindings: Bindings
    fileprivate var results: [Value]
    fileprivate var droppedResults: Int
    fileprivate var resultNames: [Int: String]
  }

  var state: State {
    get {
      State(
        session: session, notebook: notebook, bindings: bindings, results: results,
        droppedResults: droppedResults, resultNames: resultNames)
    }
    set {
      session = newValue.session
      notebook = newValue.notebook
      bindings = newValue.bindings
      results = newValue.results
      droppedResults = newValue.droppedResults
      resultNames = newValue.resultNames
    }
  }

  private func prepare() {
    session.keepsInterruptedLoops = true
    let host = session.host
    host.output.style = screen.style
    host.output.write = { [unowned self] text in
      screen.write(text)
      recorder.add(text)
    }
    host.output.draw = { [unowned self] picture in
      let text = picture.text(session.host.output.style) + "\n"
      // After a cancellation the picture may be incomplete: the shell doesn't show it.
      guard !Machine.isStopRequested else { return }
      screen.write(text)
      recorder.add(picture)
    }
    host.output.length = { [unowned self] in recorder.length }
    host.output.cut = { [unowned self] in recorder.cut(to: $0) }
    configure(session)
  }

  /// Runs the init file: its statements are the first of the notebook, so that what is saved replays.
  /// A statement that fails is told with its place, and the rest runs.
  package func runInitial(_ text: String, name: String) {
    let file = Initial(text: text, name: name)
    initial = file
    run(file)
  }

  private func run(_ file: Initial) {
    defer { origin = nil }
    for segment in Segment.all(in: file.text.replacing("\r\n", with: "\n")) {
      origin = (file.name, segment.line)
      switch segment {
      case .code(let code, _): run(code: code, goesOn: true)
      case .command(let line, _): _ = Command.run(line, in: self)
      case .question(let name, let wantsSource, _): help(name, wantsSource: wantsSource)
      }
      if wasInterrupted { return }
    }
  }

  /// Runs what was entered: statements, and lines for the prompt itself.
  package func submit(_ text: String) -> Outcome {
    let entry = Transcript.statements(in: text)
    let segments = Segment.all(in: entry)
    if segments.isEmpty { run(code: entry) }
    for segment in segments {
      // A command may leave a deferred error behind, which must not fail the next segment.
      LateFailure.forget()
      switch segment {
      case .code(let code, _):
        if code.trimmed == "out", session["out"] == nil {
          showResults()
        } else if !run(code: code) {
          tour?.note(entry, self)
          return .goOn
        }
      case .command(let line, _):
        if Command.run(line, in: self) == .leave { return .leave }
      case .question(let name, let wantsSource, _):
        help(name, wantsSource: wantsSource)
      }
    }
    tour?.note(entry, self)
    return .goOn
  }

  /// An error that is no statement's: of a command, of a name.
  func complain(_ message: String, hint: String? = nil) {
    let place = origin.map { "\($0.file):\($0.line + 1): " } ?? ""
    screen.report("\(place)error: \(message)\n" + (hint.map { "  hint: \($0)\n" } ?? ""))
  }

  private func showResults() {
    guard !results.isEmpty else { return screen.note("there is no result yet") }
    for (offset, value) in results.enumerated() {
      screen.note("  out[\(droppedResults + offset)]  \(value.summary)")
    }
  }
}
