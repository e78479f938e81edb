import FoundationEssentials
import Golden
import Testing

/// Recorded lines against printed ones: what must differ does.
@Suite struct ComparisonTests {
  private func isEqual(_ recorded: [String], _ printed: [String], _ tolerance: String? = nil) -> Bool {
    Golden.Comparison(
      recorded: recorded, printed: printed, tolerance: tolerance.flatMap { Tolerance($0) }
    ).isEqual
  }

  @Test func withoutAToleranceEveryCharacterCounts() {
    #expect(isEqual([], []))
    #expect(isEqual(["f32[2]", " 1.0000  2.0000"], ["f32[2]", " 1.0000  2.0000"]))
    for printed in ["1.0001", "1.000", " 1.0000", "-1.0000", "1.0000 1", "nan", "", "1.0000e0"] {
      #expect(!isEqual(["1.0000"], [printed]), "\(printed)")
    }
  }

  @Test func tolerancesAreRead() {
    #expect(Tolerance("1e-3")?.relative == 1e-3)
    #expect(Tolerance("1e-3")?.absolute == 0)
    #expect(Tolerance("abs 1e-6")?.absolute == 1e-6)
    #expect(Tolerance("abs 1e-6")?.relative == 0)
    for text in ["", "abs", "-1", "abs -1", "much", "1e-3 1e-3", "nan", "abs nan", "rel 1"] {
      #expect(Tolerance(text) == nil, "\(text)")
    }
  }

  /// Each pair just holds, and just does not.
  @Test(
    arguments: [
      ("1e-3", "2.0", "2.0019", "2.0021"), ("1e-3", "-2.0", "-1.9981", "-1.9979"),
      ("1e-3", "1500.0", "1501.4", "1501.6"), ("abs 1e-3", "0.5", "0.5009", "0.5011"),
      ("abs 1e-3", "1500.0", "1500.0009", "1500.0011"), ("abs 1e-3", "0.0", "-0.0009", "-0.0011"),
      ("1e-3", "1.0e-20", "1.0009e-20", "1.0011e-20"), ("0.5", "0.0", "-0.0", "0.0001"),
    ]
  )
  func tolerancesHoldJustSoFar(_ tolerance: String, _ recorded: String, _ holds: String, _ fails: String) {
    #expect(isEqual(["x = \(recorded);"], ["x = \(holds);"], tolerance))
    #expect(!isEqual(["x = \(recorded);"], ["x = \(fails);"], tolerance))
    #expect(!isEqual([recorded], [holds]))
  }

  @Test(
    arguments: [
      ("3", "4"), ("i64[3]", "i64[4]"), ("step 1 of 3", "step 2 of 3"), ("1.0", "nan"), ("nan", "1.0"),
      ("1.0", "inf"), ("inf", "-inf"), ("1.0", "-1.0"), ("1.0 2.0", "1.0"), ("1.0", "1.0 2.0"),
      ("1.0", "1"), ("1", "1.0"), ("loss 1.0", "cost 1.0"), ("x1 1.0", "x2 1.0"), ("true", "false"),
      ("[1.0]", "(1.0)"), ("1.0", ""), ("", "1.0"), ("a", "1.0"), ("1.0%", "1.0"), ("1.0 + 2.0", "1.0 - 2.0"),
      ("2.0 e", "2.0 f"), ("1.0, 2.0", "1.0; 2.0"), ("f32[2]", "f64[2]"),
    ]
  )
  func theWidestToleranceKeepsTheRest(_ recorded: String, _ printed: String) {
    #expect(!isEqual([recorded], [printed], "abs 0.9"))
    #expect(!isEqual([recorded], [printed], "0.4"))
  }

  @Test func blanksDoNotCountUnderATolerance() {
    #expect(isEqual(["  1.0000   20.0000"], [" 1.0000  20.0001"], "1e-3"))
    #expect(!isEqual(["  1.0000   20.0000"], [" 1.0000  20.0000"]))
    #expect(isEqual(["-1.5"], ["-1.5001"], "1e-3"))
    #expect(isEqual(["2-1.5"], ["2-1.5"], "1e-3"))
  }

  @Test func linesAreCounted() {
    for tolerance in [nil, "0.5"] {
      #expect(!isEqual(["a", "b"], ["a"], tolerance))
      #expect(!isEqual(["a"], ["a", "b"], tolerance))
      #expect(!isEqual([], ["a"], tolerance))
      #expect(!isEqual(["a"], [], tolerance))
      #expect(!isEqual(["a", "b"], ["b", "a"], tolerance))
      #expect(!isEqual(["a", ""], ["a"], tolerance))
    }
  }

  @Test func wildcardLines() {
    #expect(isEqual(["..."], []))
    #expect(isEqual(["..."], ["a", "b"]))
    #expect(isEqual(["a", "...", "d"], ["a", "d"]))
    #expect(isEqual(["a", "...", "d"], ["a", "b", "c", "d"]))
    #expect(isEqual(["a", "...", "d"], ["a", "d", "d"]))
    #expect(isEqual(["...", "c", "..."], ["a", "c", "d", "e"]))
    #expect(isEqual(["a", "...", "2.0"], ["a", "b", "2.0001"], "1e-3"))
    #expect(!isEqual(["a", "...", "d"], ["a", "b", "c"]))
    #expect(!isEqual(["a", "...", "d"], ["b", "d"]))
    #expect(!isEqual(["...", "a"], ["a", "b"]))
    #expect(!isEqual(["a", "...", "d"], ["a"]))
    // Three dots inside a line are text.
    #expect(!isEqual(["a ..."], ["a b"]))
  }

  @Test func theLargestDifferencesAreKept() throws {
    let comparison = Golden.Comparison(
      recorded: ["1.0 200.0", "0.5"], printed: ["1.5 201.0", "0.5"], tolerance: nil)
    #expect(comparison.largest?.absolute == 1)
    #expect(comparison.largest?.relative == 0.5)
    #expect(comparison.largest?.count == 2)
    let same = Golden.Comparison(recorded: ["1.0"], printed: ["1.0"], tolerance: nil)
    #expect(same.isEqual && same.largest == nil)
  }
}
