import Autodiff
import Families
import Language
import Syntax
import Tensors
import Testing

/// Errors of deferred operations, found where nothing can be thrown.
@Suite struct LateFailureTests {
  /// The next operation of the thread throws it, once; other threads never.
  @Test func theNextOperationThrows() throws {
    let x = try Tensor([1, 2] as [Float], [2])
    Machine.withDeepStack {
      LateFailure.record(TensorError("out of memory: too much"))
      #expect(throws: TensorError.self) { _ = try x.compare(.less, x) }
      #expect(throws: Never.self) { _ = try x.compare(.less, x) }
    }
    #expect(throws: Never.self) { _ = try x.compare(.less, x) }
  }

  /// A statement does not end well behind it.
  @Test func theStatementFails() throws {
    Machine.withDeepStack {
      let session = Session(.standard)
      LateFailure.record(TensorError("out of memory: too much"))
      #expect(throws: (any Error).self) { try session.evaluate("x = 1") }
      #expect(throws: Never.self) { try session.evaluate("x = 1") }
    }
  }

  /// Nor does a call of the host's.
  @Test func theCallFails() throws {
    Machine.withDeepStack {
      let session = Session(.standard)
      do {
        let f = try session.evaluate("() -> 1")
        LateFailure.record(TensorError("out of memory: too much"))
        #expect(throws: (any Error).self) { try session.call(f, []) }
        #expect(throws: Never.self) { try session.call(f, []) }
      } catch { Issue.record(error) }
    }
  }

  /// What a thread has left is not thrown by the next one, which often has its name.
  @Test func itEndsWithItsThread() {
    for _ in 0..<10 {
      Machine.withDeepStack { LateFailure.record(TensorError("out of memory: too much")) }
      Machine.withDeepStack {
        #expect(throws: Never.self) { try LateFailure.check() }
      }
    }
  }

  /// Scores that wait, fit nowhere, and are read in ways that fused attention is not: an error where they
  /// are read, and the session goes on.
  @Test(
    arguments: [
      (
        ["w[t, s] = softmax[s](score[t, s])", "o[s, e] = sum[t](w[t, s] * q[t, e])"],
        "o[s, e] = sum[t](w[t, s] * q[t, e])"
      ),
      (
        ["w[t, s] = softmax[t](score[t, s])", "o[t, e] = sum[s](w[t, s] * q[s, e])"],
        "o[t, e] = sum[s](w[t, s] * q[s, e])"
      ),
      (
        ["o[s, e] = sum[t](softmax[s](score[t, s]) * q[t, e])"],
        "o[s, e] = sum[t](softmax[s](score[t, s]) * q[t, e])"
      ),
      (["v = q.to(f64)", "o[t, e] = sum[s](softmax[s](score[t, s]) * v[s, e])"], "f(q)"),
    ]
  )
  func scoresThatDoNotFit(_ reads: [String], _ place: String) {
    Machine.withDeepStack {
      let session = Session(.standard)
      let script = """
        q = ones(300000, 2)
        fn f(q) {
          score[t, s] = sum[d](q[t, d] * q[s, d]) / sqrt(d)
          \(reads.joined(separator: "\n  "))
          o
        }
        """
      #expect(throws: Never.self) { try session.evaluate(script) }
      let error = #expect(throws: Diagnostic.self, "\(reads)") { try session.evaluate("f(q)") }
      #expect(error?.message == "out of memory: a tensor of 360.0 GB does not fit")
      let lines = error?.rendered().split(separator: "\n") ?? []
      #expect(lines.count > 1 && lines[1] == "  \(place)", "\(lines)")
      #expect(throws: Never.self) { try session.evaluate("x = [1.0, 2.0] + 1.0") }
    }
  }
}
