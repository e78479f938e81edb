import Autodiff
import Drawing
import Tensors

/// What a primitive may reach beyond its arguments. One serves a session.
package final class Context {
  package let tape = Tape()
  package var random = RandomState()
  /// Where `print` and the like write.
  package var output: (String) -> Void = { _ in }
  /// Calls a function, builtin or model; `Language` sets it.
  package var call: (Value, [Value]) throws -> Value = { _, _ in .none }
  /// How pictures are drawn: colours on a terminal, digits elsewhere.
  package var style = Drawing.Style.plain
  package var files = Files()
  /// Decimals of printed tensors.
  package var digits = 4
  package var progress: (any ProgressReporter)?
  /// Whether scores and weights that nothing else reads may be computed inside one kernel, a strip
  /// at a time. The bits are the same; only who wants to see the scores themselves turns it off.
  package var fusesAttention: Bool {
    get { fuses }
    set { fuses = newValue }
  }
  /// Whether the user has asked to stop; asked between operations.
  package var isInterrupted: () -> Bool {
    get { interruption }
    set { interruption = newValue }
  }
  // Read at every call; the attribute counts inside this module only.
  @exclusivity(unchecked) private var fuses = true
  @exclusivity(unchecked) private var interruption: () -> Bool = { false }
  /// Tells that an interruption was answered by stopping a loop early.
  package var noteInterruption: () -> Void = {}
  /// Shows a picture; as text in the output where a host wants nothing else.
  package var draw: ((Picture) -> Void)?
  /// How much output is recorded, and how it is cut back to that: what a dropped round of a loop
  /// wrote is no part of the record.
  package var outputLength: () -> Int = { 0 }
  package var cutOutput: (Int) -> Void = { _ in }
  package var loops = LoopState()

  package init() {}

  /// Ends the loops of the statement at hand, after an interruption.
  package func stopLoops() {
    loops.isStopping = true
    noteInterruption()
    LateFailure.forget()
  }
}

/// How far the loops of the statement at hand have come: those of `iterate`, outermost calls only,
/// and a loop that is itself the statement. Only these end early and keep what they have.
package struct LoopState {
  /// Rounds that have begun and were not dropped.
  package var rounds = 0
  /// After how many rounds the loops end as if the user had asked.
  package var limit: Int?
  /// The limit of the statement to come.
  package var nextLimit: Int?
  /// Loops that have begun.
  package var started = 0
  /// A loop has ended early: those that follow in the statement do not begin.
  package var isStopping = false
  /// Calls of `iterate` in flight.
  package var depth = 0
  /// How far the outermost `for` or comprehension has come, for the progress that is shown.
  package var outer: (done: Int, total: Int)?

  /// What progress is called: `train`, or `2/5 train` in the second round of five.
  package func label(_ name: String) -> String {
    outer.map { "\($0.done + 1)/\($0.total) \(name)" } ?? name
  }

  /// Counts a round, unless the loops are to end before it.
  package mutating func begin() -> Bool {
    if rounds == limit { isStopping = true }
    guard !isStopping else { return false }
    rounds += 1
    return true
  }

  package mutating func beginStatement() {
    self = LoopState(limit: nextLimit)
  }
}

/// A drawing, which can be shown as text in any style and as an SVG image.
package struct Picture {
  package let text: (Drawing.Style) -> String
  package let svg: () -> String

  package init(_ text: @escaping (Drawing.Style) -> String, svg: @escaping () -> String) {
    self.text = text
    self.svg = svg
  }
}

/// Shows how far a long loop has come. Nothing of it reaches stdout.
package protocol ProgressReporter: AnyObject {
  /// Whether the next update will be drawn: what costs time to say need not be said otherwise.
  var isDue: Bool { get }
  /// - unit: what is counted: `step`, `round`, `MB`.
  func update(_ label: String, done: Int, total: Int, unit: String, note: String)
  func finish()
}
