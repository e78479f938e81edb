import Tensors

/// Where a computation's time goes: for each operation its calls and the time spent in it, without
/// that of the operations that it called in turn.
package final class Profile {
  package struct Cost: Sendable {
    package var calls = 0
    package var time = Duration.zero
  }
  package private(set) var costs: [String: Cost] = [:]
  /// Time of the operations called by each of those in flight.
  private var inner: [Duration] = []

  package init() {}

  package func measure<Result>(_ name: @autoclosure () -> String, _ body: () throws -> Result) rethrows
    -> Result
  {
    let start = ContinuousClock.now
    inner.append(.zero)
    defer {
      let all = ContinuousClock.now - start
      let own = all - (inner.popLast() ?? .zero)
      if !inner.isEmpty { inner[inner.count - 1] += all }
      costs[name(), default: Cost()].calls += 1
      costs[name(), default: Cost()].time += own
    }
    return try body()
  }
}

extension Context {
  /// Runs an operation, and writes its time down where that is asked for.
  package func measured<Result>(_ name: @autoclosure () -> String, _ body: () throws -> Result) rethrows
    -> Result
  {
    guard let profile else { return try body() }
    return try profile.measure(name(), body)
  }
}
