import Builtins
import Drawing
import Language
import Support
import Syntax
import Tensors
import Values

/// Expressions that leave nothing behind: `:time`, `:page`, `?path`.
extension Shell {
  /// The value of an expression; the stream of random numbers is put back. `nil` where it failed,
  /// which has been said then.
  ///
  /// - Parameter finish: what else is part of the work.
  func evaluate(_ text: String, finish: (Value) throws -> Void = { _ in }) throws(BuiltinError) -> Value? {
    var text = text
    var script = Parser.parse(Source(text))
    if let problem = script.problems.first {
      screen.report(problem.rendered() + "\n")
      return nil
    }
    guard script.statements.count == 1, case .expression = script.statements[0].kind else {
      throw BuiltinError(
        "this takes one expression, whose value is shown and not kept",
        hint: "of name = f(x), write f(x)")
    }
    if let rewritten = try naming(results: script.statements[0], text) {
      text = rewritten
      script = Parser.parse(Source(text))
    }
    let host = session.host
    let random = host.random.state
    let digits = host.output.digits
    recorder.begin()
    defer {
      host.random.state = random
      host.output.digits = digits
      host.loops.count.nextLimit = nil
    }
    // A value that is muted is finished as well.
    var statement = script.statements[0]
    statement.isMuted = false
    switch session.run(statement, show: finish) {
    case .value(let value):
      if let message = roundsOfInterruption { screen.report(message + "\n") }
      return value
    case .failed(let diagnostic): screen.report(diagnostic.rendered() + "\n")
    case .interrupted: screen.report("interrupted\n")
    }
    return nil
  }

  func time(_ text: String) throws(BuiltinError) {
    let profile = Profile(hasLines: false)
    Profile.current = profile
    defer { Profile.current = nil }
    Memory.resetPeak()
    let held = Memory.liveBytes
    let allocations = Memory.allocations
    let start = ContinuousClock.now
    let evaluated = try evaluate(text) { value in
      // The time includes deferred operations, so materialize the value here.
      value.variable?.tensor.materialize()
      try Machine.checkStop()
    }
    guard let value = evaluated else { return }
    let all = ContinuousClock.now - start
    let made = Memory.allocations - allocations
    if !value.isNone { screen.note("  \(value.summary)") }
    screen.write(
      "\(all.readable), \(count(made, "allocation", "allocations")), "
        + "\(Memory.readable(max(0, Memory.peakBytes - held))) at the peak\n")
    let costs = profile.operations.sorted { $0.value.seconds > $1.value.seconds }.prefix(8)
    let width = costs.map { displayWidth($0.key) }.max() ?? 0
    for (name, cost) in costs {
      let percent = Int((100 * cost.seconds / max(all.seconds, 1e-9)).rounded())
      guard percent > 0 || cost.seconds > 1e-3 else { continue }
      screen.write(
        "  \(name.padded(to: width))  \(String(repeating: " ", count: percent < 10 ? 2 : percent < 100 ? 1 : 0))"
          + "\(percent)%  \(Duration.seconds(cost.seconds).readable)  \(count(cost.calls, "call", "calls"))\n"
      )
    }
  }

  func page(_ text: String) throws(BuiltinError) {
    guard let value = try evaluate(text) else { return }
    let whole = value.wholeText(digits: session.host.output.digits) + "\n"
    guard !Machine.isStopRequested else { throw BuiltinError("the writing was stopped") }
    let file = try TemporaryText(whole, name: "value.txt")
    let pager = screen.environment("PAGER").flatMap { $0.isEmpty ? nil : $0 } ?? "less -S"
    let status = withExtendedLifetime(file) { screen.run("\(pager) \"$1\"", file.path) }
    if status == 127 {
      screen.report("error: the pager can't be run: \(pager)\n  hint: the variable PAGER names it\n")
    }
  }
}

extension Duration {
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }

  /// `1.23 s`, `45.6 ms`, `789 µs`
  var readable: String {
    func three(_ value: Double, _ unit: String) -> String {
      let scale = value < 10 ? 100.0 : value < 100 ? 10 : 1
      let rounded = (value * scale).rounded() / scale
      return scale == 1 ? "\(Int(rounded)) \(unit)" : "\(rounded) \(unit)"
    }
    if seconds >= 1 { return three(seconds, "s") }
    return seconds >= 1e-3 ? three(seconds * 1e3, "ms") : three(seconds * 1e6, "µs")
  }
}
