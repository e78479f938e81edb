import Tensors
import Testing

/// What a request to stop leaves behind; each test in a process of its own, which all of it stops.
@Suite struct StopTests {
  /// A read that throws nothing gets no number, and is told of by the next check.
  @Test func aChainThatIsGivenUpWaits() async {
    await #expect(processExitsWith: .success) {
      let count = 1 << 16
      let x = try Tensor((0..<count).map(Double.init), [count])
      let y = try x.binary(.multiply, Tensor.scalar(2, .f64)).binary(.add, x)
      Machine.isStopRequested = true
      _ = y.number(at: [count - 1])
      Machine.isStopRequested = false
      #expect(throws: Interruption.self) { try LateFailure.check() }
      #expect(throws: Never.self) { try LateFailure.check() }
      #expect(y.number(at: [count - 1]) == Double(3 * (count - 1)))
      #expect(try y.doubles() == (0..<count).map { Double(3 * $0) })
    }
  }
}
