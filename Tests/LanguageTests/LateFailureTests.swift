import Autodiff
import Language
import Tensors
import Testing

/// Errors of what is put off, met where nothing can be thrown.
@Suite struct LateFailureTests {
  /// The next operation of the thread throws it, once; other threads never.
  @Test func theNextOperationThrows() throws {
    let x = try Tensor([1, 2] as [Float], [2])
    Machine.withDeepStack {
      LateFailure.note(TensorError("out of memory: too much"))
      #expect(throws: TensorError.self) { _ = try x.compare(.less, x) }
      #expect(throws: Never.self) { _ = try x.compare(.less, x) }
    }
    #expect(throws: Never.self) { _ = try x.compare(.less, x) }
  }

  /// A statement does not end well behind it.
  @Test func theStatementFails() throws {
    Machine.withDeepStack {
      let session = Session()
      LateFailure.note(TensorError("out of memory: too much"))
      #expect(throws: (any Error).self) { try session.evaluate("x = 1") }
      #expect(throws: Never.self) { try session.evaluate("x = 1") }
    }
  }

  /// Scores that fit nowhere, read in ways that fused attention is not: an error, and the session goes on.
  @Test(
    arguments: [
      "o = score[0, 0]", "o = score.T", "o = score[0..2]", "o = stack([score])",
      "o[t] = softmax[t](score[t, t])", "o = score + 1.0", "o = hash(score)", "o = \"{score}\"",
      "o = gelu(score)",
      "o = top_k(score, 2)", "o = score.to(f64)", "o = where(score > 0.0, score, score)", "o = len(score)",
    ]
  )
  func scoresThatDoNotFit(_ read: String) {
    Machine.withDeepStack {
      let session = Session()
      let script = """
        q = ones(300000, 2)
        fn f(q) {
          score[t, s] = sum[d](q[t, d] * q[s, d]) / sqrt(d)
          \(read)
          o
        }
        """
      #expect(throws: Never.self) { try session.evaluate(script) }
      #expect(throws: (any Error).self, "\(read)") { try session.evaluate("f(q)") }
      #expect(throws: Never.self) { try session.evaluate("x = [1.0, 2.0] + 1.0") }
    }
  }
}
