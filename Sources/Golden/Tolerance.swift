import Drawing

/// How far recorded numbers may be from those of a run: `#~ 1e-3` relative, `#~ abs 1e-6`.
public struct Tolerance: Sendable, Equatable {
  public var relative = 0.0
  public var absolute = 0.0

  /// `nil` where the text is not a tolerance.
  public init?(_ text: String) {
    let words = text.split(separator: " ")
    func number(_ word: Substring) -> Double? {
      guard word.allSatisfy({ "0123456789.e-+".contains($0) }) else { return nil }
      return Double(word).flatMap { $0 >= 0 && $0.isFinite ? $0 : nil }
    }
    if words.count == 1, let value = number(words[0]) {
      relative = value
    } else if words.count == 2, words[0] == "abs", let value = number(words[1]) {
      absolute = value
    } else {
      return nil
    }
  }

  func allows(_ expected: Double, _ found: Double) -> Bool {
    abs(expected - found) <= max(relative * abs(expected), absolute)
  }
}
