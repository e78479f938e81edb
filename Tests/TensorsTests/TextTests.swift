import Tensors
import Testing

/// Strings longer than a chunk.
@Suite struct TextTests {
  /// Equivalent pieces of different lengths move the cuts of the texts apart.
  @Test func textsThatAreCutAtDifferentPlaces() throws {
    let (whole, parts) = ("\u{E9}", "e\u{301}")
    for missing in 0..<6 {
      let x = String(repeating: "x", count: String.chunkSize - missing)
      let texts = [
        whole + "y", parts, whole + parts, parts + whole, whole + parts + "y", parts + whole + "y",
        parts + whole + "z",
      ]
      for a in texts {
        for b in texts {
          #expect(try (x + a).isEqual(to: x + b) == (a == b), "\(missing) before a cut: \(a), \(b)")
        }
      }
    }
  }
}
