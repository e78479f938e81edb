/// An axis, or some of them, as a pattern writes it. Signatures (`x[..., t, d]`), einops' patterns
/// (`b t (h d)`) and einsum's terms are lists of these.
package indirect enum AxisPattern: Hashable, Sendable, CustomStringConvertible {
  /// `...`: any number of axes. In a signature they come first and are equal in every operand that has some.
  case ellipsis
  case named(String)
  case fixed(Int)
  /// `(h d)`: several in one, the last running fastest; none for an axis of size 1.
  case merged([AxisPattern])
  /// `sizes...` in a result: as many axes as a parameter has numbers.
  case spread(String)
  /// `past + t` in a result.
  case sum([AxisPattern])

  package var description: String {
    switch self {
    case .ellipsis: "..."
    case .named(let name): name
    case .fixed(let size): String(size)
    case .merged(let parts): "(\(parts.map(\.description).joined(separator: " ")))"
    case .spread(let name): "\(name)..."
    case .sum(let parts): parts.map(\.description).joined(separator: " + ")
    }
  }

  /// The names in it, from left to right.
  package var names: [String] {
    switch self {
    case .named(let name): [name]
    case .merged(let parts), .sum(let parts): parts.flatMap(\.names)
    case .ellipsis, .fixed, .spread: []
    }
  }
}

/// What a pattern has wrong.
package enum PatternMistake: Error, Equatable, Sendable {
  case unmatchedParentheses
  case unknownCharacter(Character)
  /// A number that no axis has.
  case notASize(String)
}

/// The one reader of axis patterns, whether commas or blanks stand between the axes.
package struct PatternReader {
  private var rest: Substring

  package init(_ text: some StringProtocol) { rest = Substring(text) }

  /// The axes of a whole text.
  package static func axes(of text: some StringProtocol) throws(PatternMistake) -> [AxisPattern] {
    var reader = PatternReader(text)
    var axes: [AxisPattern] = []
    while let axis = try reader.axis() { axes.append(axis) }
    return axes
  }

  /// The next axis; `nil` at the end.
  private mutating func axis(isInside: Bool = false) throws(PatternMistake) -> AxisPattern? {
    skip(while: { $0 == " " || $0 == "," })
    guard let first = rest.first else { return nil }
    if first == ")" { throw .unmatchedParentheses }
    if accept("...") { return .ellipsis }
    if accept("(") {
      guard !isInside else { throw .unmatchedParentheses }
      return .merged(try parts())
    }
    var terms = [try term(first)]
    while acceptPlus() {
      guard let first = rest.first else { throw .unknownCharacter("+") }
      terms.append(try term(first))
    }
    if terms.count > 1 { return .sum(terms) }
    if case .named(let name) = terms[0], accept("...") { return .spread(name) }
    return terms[0]
  }

  private mutating func parts() throws(PatternMistake) -> [AxisPattern] {
    var parts: [AxisPattern] = []
    while true {
      skip(while: { $0 == " " })
      if accept(")") { return parts }
      guard let part = try axis(isInside: true) else { throw .unmatchedParentheses }
      parts.append(part)
    }
  }

  private mutating func term(_ first: Character) throws(PatternMistake) -> AxisPattern {
    let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
    guard !word.isEmpty else { throw .unknownCharacter(first) }
    rest.removeFirst(word.count)
    guard first.isNumber else { return .named(String(word)) }
    guard let size = Int(word), size > 0 else { throw .notASize(String(word)) }
    return .fixed(size)
  }

  private mutating func acceptPlus() -> Bool {
    let before = rest
    skip(while: { $0 == " " })
    if accept("+") {
      skip(while: { $0 == " " })
      return true
    }
    rest = before
    return false
  }

  private mutating func accept(_ literal: String) -> Bool {
    guard rest.hasPrefix(literal) else { return false }
    rest.removeFirst(literal.count)
    return true
  }

  private mutating func skip(while isSkipped: (Character) -> Bool) { rest = rest.drop(while: isSkipped) }
}
