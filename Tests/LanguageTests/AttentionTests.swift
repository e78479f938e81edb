import Builtins
import Families
import Language
import Tensors
import Testing

/// Formulas of attention that become one kernel. That the bits don't change is recorded in
/// `Tests/Scripts/indexnotation`; here is that no matrix of scores is ever made.
@Suite(.serialized) struct AttentionTests {
  private static let definitions = """
    fn steps(q[..., t, d], k[..., s, d], v[..., s, e], keep: none) {
      score[..., t, s] = sum[d](q[..., t, d] * k[..., s, d]) / sqrt(d)
      w[..., t, s]     = softmax[s](score[..., t, s] where keep[..., t, s])
      out[..., t, e]   = sum[s](w[..., t, s] * v[..., s, e])
    }
    fn weights(q[..., t, d], k[..., s, d], v[..., s, e], keep: none) {
      w[..., t, s]   = softmax[s](sum[d](q[..., t, d] * k[..., s, d]) / sqrt(d) where keep[..., t, s])
      out[..., t, e] = sum[s](w[..., t, s] * v[..., s, e])
    }
    fn scores(q[..., t, d], k[..., s, d], v[..., s, e], keep: none) {
      score[..., t, s] = sum[d](k[..., s, d] * q[..., t, d])
      out[..., t, e]   = sum[s](v[..., s, e] * softmax[s](score[..., t, s] * 0.25 where keep[..., t, s]))
    }
    fn whole(q[..., t, d], k[..., s, d], v[..., s, e], keep: none) {
      out[..., t, e] = sum[s](softmax[s](sum[d](q[..., t, d] * k[..., s, d]) / sqrt(d) where keep[..., t, s]) * v[..., s, e])
    }
    fn call(q, k, v, keep: none) = attention(q, k, v, keep: keep)
    layer = MultiHeadAttention(64, 4)
    fn model(q, k, v, keep: none) {
      x[t, (h d)] = q[h, t, d]
      layer(x, keep: keep)
    }
    fn kept(q[..., t, d], k[..., s, d], v[..., s, e], keep: none) {
      score[..., t, s] = sum[d](q[..., t, d] * k[..., s, d]) / sqrt(d)
      w[..., t, s]     = softmax[s](score[..., t, s] where keep[..., t, s])
      out[..., t, e]   = sum[s](w[..., t, s] * v[..., s, e])
      (w, out)[1]
    }
    """

  /// Inputs, and the bytes of one matrix of scores.
  private static func inputs(
    heads: Int, length: Int, _ dtype: DType = .f32
  ) -> (text: String, scores: Int) {
    let input = "randn(\(heads), \(length), 16, dtype: \(dtype))"
    return (
      "n = \(length); q = \(input); k = \(input); v = \(input);",
      heads * length * length * dtype.size
    )
  }

  private func peak(_ text: String, in session: Session) throws -> Int {
    Memory.resetPeak()
    let before = Memory.liveBytes
    try session.evaluate(text)
    return Memory.peakBytes - before
  }

  @Test(arguments: ["steps", "weights", "scores", "whole", "call", "model"])
  func makesNoMatrixOfScores(_ function: String) throws {
    try makesNoMatrixOfScores(function, .f32)
  }

  @Test(arguments: ["steps", "call"])
  func makesNoMatrixOfWideScores(_ function: String) throws {
    try makesNoMatrixOfScores(function, .f64)
  }

  private func makesNoMatrixOfScores(_ function: String, _ dtype: DType) throws {
    let session = Session(.standard)
    // Far more than what other tests take at the same time.
    let (inputs, scores) = Self.inputs(heads: 4, length: 7000, dtype)
    try session.evaluate(Self.definitions + "\n" + inputs)
    #expect(try peak("\(function)(q, k, v, keep: causal(n));", in: session) < scores / 2)
    let gradient = "grad(q -> sum(\(function)(q, k, v, keep: causal(n))), q);"
    #expect(try peak(gradient, in: session) < scores / 2)
  }

  @Test func makesThemForWhoeverReadsThem() throws {
    let session = Session(.standard)
    let (inputs, scores) = Self.inputs(heads: 4, length: 3000)
    try session.evaluate(Self.definitions + "\n" + inputs)
    #expect(try peak("kept(q, k, v);", in: session) >= scores)
    session.host.tape.fusesAttention = false
    #expect(try peak("steps(q, k, v);", in: session) >= scores)
  }

  @Test func turningItOffChangesNoBit() throws {
    let text = """
      seed(3)
      m = GPT(vocab: 50, context: 40, width: 32, heads: 4, layers: 2)
      ids = randint(0, 50, 3, 40)
      hash((value_and_grad(m -> cross_entropy(m(ids), ids), m), m(ids)))
      """
    let fused = try Session(.standard).evaluate(text)
    let plain = Session(.standard)
    plain.host.tape.fusesAttention = false
    #expect(try fused.text() == plain.evaluate(text).text())
  }
}
