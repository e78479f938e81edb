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
  package var fusesAttention = true
  /// Whether the user has asked to stop; asked between operations.
  package var isInterrupted: () -> Bool = { false }
  /// Tells that an interruption was answered by stopping a loop early.
  package var noteInterruption: () -> Void = {}

  package init() {}
}

/// Shows how far a long loop has come. Nothing of it reaches stdout.
package protocol ProgressReporter: AnyObject {
  /// Whether the next update will be drawn: what costs time to say need not be said otherwise.
  var isDue: Bool { get }
  func update(_ label: String, done: Int, total: Int, note: String)
  func finish()
}

/// The user asked to stop.
package struct Interruption: Error {
  package init() {}
}
