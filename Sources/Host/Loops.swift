import Support
import Tensors

/// How far the loops of the statement at hand have come: those of `iterate`, outermost calls only,
/// and a loop that is itself the statement. Only these end early and keep what they have.
package final class Loops {
  package var count = Count()
  /// Shows how far they have come, where there is a terminal.
  package var progress: (any ProgressReporter)?
  /// Tells that an interruption was answered by ending a loop early.
  package var noteInterruption: () -> Void = {}
  /// Whether the user has asked to stop; asked between operations.
  package var isInterrupted: () -> Bool {
    get { interruption }
    set { interruption = newValue }
  }
  // Read at every call; the attribute counts inside this module only.
  @exclusivity(unchecked) private var interruption: () -> Bool = { false }

  package init() {}

  /// Ends the loops of the statement at hand, after an interruption.
  package func stop() {
    count.isStopping = true
    noteInterruption()
    LateFailure.forget()
  }

  package struct Count {
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
      self = Count(limit: nextLimit)
    }
  }
}

/// Shows how far a long loop has come. Nothing of it reaches stdout.
package protocol ProgressReporter: AnyObject {
  /// Whether the reporter will draw the next update; otherwise the caller can skip costly messages.
  var isDue: Bool { get }
  /// - unit: what is counted: `step`, `round`, `MB`.
  func update(_ label: String, done: Int, total: Int, unit: String, note: String)
  func finish()
}
