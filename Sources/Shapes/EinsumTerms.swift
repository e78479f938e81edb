import Support

/// The names of an einsum pattern, `t d, s d -> t s`, as numbers, with their sizes.
package struct EinsumTerms<S: Size>: Sendable {
  /// The label of each axis of each operand.
  package private(set) var operands: [[Int]] = []
  /// The labels of the result.
  package private(set) var result: [Int] = []
  package private(set) var shape: [S] = []

  private var numbers: [String: Int] = [:]
  private var sizes: [Int: (size: S, operand: Int, axis: Int)] = [:]
  /// How many axes `...` stands for, where an operand has any.
  private var extra = 0

  package init(_ pattern: String, _ shapes: [[S]]) throws(EinsumProblem) {
    let arrows = pattern.ranges(of: "->")
    guard arrows.count == 1 else { throw .arrows(pattern, hasNone: arrows.isEmpty) }
    let terms = pattern[..<arrows[0].lowerBound].split(separator: ",", omittingEmptySubsequences: false)
    guard terms.count == shapes.count else { throw .terms(terms.count, operands: shapes.count) }
    for (operand, term) in terms.enumerated() { operands.append(try read(term, operand, shapes[operand])) }
    result = try readResult(pattern[arrows[0].upperBound...])
    shape = result.map { sizes[$0]?.size ?? S(1) }
  }

  /// The axes that a term names, `...` as one.
  private func words(_ term: Substring) throws(EinsumProblem) -> [String] {
    let axes: [AxisPattern]
    do { axes = try PatternReader.axes(of: term) } catch { throw .notAName(Self.firstUnreadable(term)) }
    var words: [String] = []
    for axis in axes {
      switch axis {
      case .named, .ellipsis: words.append(axis.description)
      case .fixed, .merged, .sum, .spread: throw .notAName(axis.description)
      }
    }
    return words
  }

  private static func firstUnreadable(_ term: Substring) -> String {
    term.split(separator: " ").first { word in
      word != "..." && !word.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" }
    }.map(String.init) ?? String(term)
  }

  private mutating func read(_ term: Substring, _ operand: Int, _ shape: [S]) throws(EinsumProblem) -> [Int] {
    let words = try words(term)
    let ellipses = words.count { $0 == "..." }
    let leading = shape.count - words.count + ellipses
    guard ellipses == 0 ? leading == 0 : leading >= 0 && ellipses == 1 else {
      throw .rank(operand: operand, shape: text(shape), words)
    }
    if leading > 0 {
      guard extra == 0 || extra == leading else {
        throw .ellipses(leading, operand: operand, earlier: extra)
      }
      extra = leading
    }
    let names = words.flatMap { $0 == "..." ? (0..<leading).map { "...\($0)" } : [$0] }
    var labels: [Int] = []
    for (axis, name) in names.enumerated() {
      let label = numbers[name] ?? numbers.count
      numbers[name] = label
      if let bound = sizes[label], bound.size.differs(from: shape[axis]) {
        throw .sizes(
          name.hasPrefix("...") ? "..." : name, "\(bound.size)", axis: bound.axis, operand: bound.operand,
          "\(shape[axis])", otherAxis: axis, otherOperand: operand)
      }
      sizes[label] = sizes[label] ?? (shape[axis], operand, axis)
      labels.append(label)
    }
    return labels
  }

  private func readResult(_ term: Substring) throws(EinsumProblem) -> [Int] {
    let words = try words(term)
    if let name = firstTwice(words) { throw .twice(name) }
    guard extra == 0 || words.contains("...") else { throw .ellipsisLost(words) }
    var labels: [Int] = []
    for word in words {
      if word == "..." {
        labels += (0..<extra).compactMap { numbers["...\($0)"] }
      } else {
        guard let label = numbers[word] else { throw .onTheRight(word) }
        labels.append(label)
      }
    }
    return labels
  }
}

/// What an einsum pattern has wrong, by itself or for its operands.
package enum EinsumProblem: Error, Equatable, Sendable {
  case arrows(String, hasNone: Bool)
  case terms(Int, operands: Int)
  case notAName(String)
  case rank(operand: Int, shape: String, [String])
  case ellipses(Int, operand: Int, earlier: Int)
  case sizes(
    String, String, axis: Int, operand: Int, String, otherAxis: Int, otherOperand: Int)
  case twice(String)
  case ellipsisLost([String])
  case onTheRight(String)

  func text(_ parameter: Int) -> ShapeMistake.Text {
    switch self {
    case .arrows(let text, let hasNone):
      return PatternProblem.arrows(text, hasNone: hasNone).text(operand: parameter, parameter: parameter) {
        _ in ""
      }
    case .terms(let terms, let operands):
      return .init(
        "the pattern has \(count(terms, "term", "terms")) for \(count(operands, "operand", "operands"))",
        at: [parameter])
    case .notAName(let word): return .init("\"\(word)\" in the pattern is no axis name", at: [parameter])
    case .rank(let operand, let shape, let words):
      let rank = shape.split(separator: ",").count
      let isRun = words.count == 1 && words[0].count == rank
      return .init(
        "operand \(operand) has shape \(shape), and its term \"\(words.joined(separator: " "))\" names "
          + count(words.count, "axis", "axes"), at: [parameter],
        hint: isRun ? "names stand apart: \"\(words[0].map(String.init).joined(separator: " "))\"" : nil)
    case .ellipses(let leading, let operand, let earlier):
      return .init(
        "... stands for \(count(leading, "axis", "axes")) of operand \(operand), and for \(earlier) of an earlier one",
        at: [parameter])
    case .sizes(let name, let size, let axis, let operand, let other, let otherAxis, let otherOperand):
      return .init(
        "\(name) is \(size) on axis \(axis) of operand \(operand) and \(other) on axis \(otherAxis) of operand "
          + "\(otherOperand)", at: [parameter])
    case .twice(let name): return .init("the pattern has \(name) twice on the right", at: [parameter])
    case .ellipsisLost(let words):
      return .init(
        "the pattern has ... on the left only", at: [parameter],
        hint: "carry it along: -> ... \(words.joined(separator: " "))")
    case .onTheRight(let name): return .init("the pattern has \(name) on the right only", at: [parameter])
    }
  }
}
