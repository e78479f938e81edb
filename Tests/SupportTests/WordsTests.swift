import Support
import Testing

/// Numbers and words of messages.
@Suite struct WordsTests {
  @Test func articlesAgreeWithTheirNouns() {
    #expect(withArticle("Linear") == "a Linear")
    #expect(withArticle("Embedding") == "an Embedding")
  }

  @Test func numbersAgreeWithTheirNouns() {
    #expect(count(1, "axis", "axes") == "1 axis")
    #expect(count(0, "axis", "axes") == "0 axes")
    #expect(count(2, "axis", "axes") == "2 axes")
  }

  @Test func digitsAreGroupedByThree() {
    #expect([0, 999, 1000, 1_234_567, -1000].map(grouped) == ["0", "999", "1,000", "1,234,567", "-1,000"])
  }

  @Test func blanksAreTrimmed() {
    #expect(" \t a b \n".trimmed == "a b")
    #expect("  a  ".trimmedEnd == "  a")
  }

  @Test func theNearestNameIsFound() {
    #expect(nearest("sofmax", among: ["softplus", "softmax"]) == "softmax")
    #expect(nearest("x", among: ["softmax"]) == nil)
  }
}
