import Language
import Tensors
import Testing

/// A gradient keeps of the forward pass what its derivatives read, and nothing else.
///
/// Other tests run at the same time and count too, so twelve rounds over 16 MB are looked at.
@Suite(.serialized) struct GradientMemoryTests {
  @Test(arguments: [
    // A matrix that nothing is wanted for: neither sums nor products with it read what they were made of.
    ("x + x @ w", 0), ("x - x @ w", 0), ("(x @ w) / 2.0", 0), ("concat([x, x @ w])[65536..]", 0),
    // The result alone, or the operand alone, which is the result of the round before.
    ("exp(x @ w)", 1), ("tanh(x @ w)", 1), ("relu(x @ w)", 1), ("layer_norm(x)", 1), ("x + gelu(x @ w)", 1),
  ])
  func keepsWhatIsRead(_ round: String, _ kept: Int) throws {
    let session = Session()
    try session.evaluate(
      """
      w = randn(64, 64) / 8.0; x = randn(65536, 64)
      fn f(x) { for i in 0..12 { x = \(round) }; sum(x) }
      """)
    Memory.resetPeak()
    let before = Memory.liveBytes
    try session.evaluate("grad(f, x);")
    let megabytes = (Memory.peakBytes - before) >> 20
    // Beside them a few at a time, of the operation that runs.
    #expect(megabytes < 16 * (12 * kept + 9), "\(megabytes) MB")
  }
}
