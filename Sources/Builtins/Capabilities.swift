import Autodiff
import Host
import Support
import Values

/// What primitives may reach beyond their arguments, one capability each. One serves a session; a primitive
/// gets those that its declaration names.
package final class Capabilities {
  package let random = Randomness()
  package let output = Output()
  package let loops = Loops()
  package let tape = Tape()
  package var files = Files()
  /// Calls a function, primitive or model; `Language` sets it.
  package var call: (Value, [Value]) throws -> Value = { _, _ in .none }

  package init() {}
}

/// A capability that a declaration names: `uses: [.random]`.
package struct Capability: OptionSet, Sendable {
  package let rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }

  /// The stream of random numbers.
  package static let random = Capability(rawValue: 1)
  /// What is printed and drawn, and with how many digits.
  package static let output = Capability(rawValue: 2)
  /// Reading and writing files.
  package static let files = Capability(rawValue: 4)
  /// Loops that the user may interrupt, and their progress.
  package static let loops = Capability(rawValue: 8)
  /// The bar of long work.
  package static let progress = Capability(rawValue: 64)
  /// The tape of gradients.
  package static let tape = Capability(rawValue: 16)
  /// Calls of functions that are given as arguments.
  package static let calls = Capability(rawValue: 32)
}

extension Arguments {
  package var random: Randomness { allowed(.random).random }
  package var output: Output { allowed(.output).output }
  package var loops: Loops { allowed(.loops).loops }
  package var tape: Tape { allowed(.tape).tape }
  package var progress: (any ProgressReporter)? { allowed(.progress).loops.progress }
  package var call: (Value, [Value]) throws -> Value { allowed(.calls).call }

  /// Runs `body` with the session's files; its errors point at the first parameter that is a path.
  package func reading<Result>(_ body: (Files) throws -> Result) throws -> Result {
    let capabilities = allowed(.files)
    var files = capabilities.files
    let progress = capabilities.loops.progress
    if let progress {
      progress.update("load", done: 0, total: 0, unit: "MB", note: "")
      files.watch = { done, total in
        progress.update("load", done: done >> 20, total: total >> 20, unit: "MB", note: "")
      }
    }
    defer { progress?.finish() }
    do {
      return try body(files)
    } catch var error as BuiltinError {
      let names = builtin.parameterNames
      let position = names.firstIndex { $0 == "path" || $0 == "folder" }
      if error.parameters.isEmpty, let position { error.parameters = [names[position]] }
      throw error
    }
  }

  /// Runs another primitive with values for all of its parameters.
  package func call(_ other: Builtin, _ values: [Value]) throws -> Value {
    let arguments = Arguments(other, values, capabilities)
    try arguments.deriveShape()
    return try other.body(arguments)
  }

  private func allowed(_ capability: Capability) -> Capabilities {
    precondition(builtin.uses.contains(capability), "\(builtin.name) uses what it does not declare")
    return capabilities
  }
}
