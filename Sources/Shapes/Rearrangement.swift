import Support

/// A pattern of einops, `b t (h d) -> b h t d`, with the size of every axis known or a symbol.
///
/// The rules are those of einops: parentheses merge axes, `1` and `()` are an axis of size 1, `...` stands
/// for any number of axes.
package struct Rearrangement<S: Size>: Sendable {
  /// Which axes may stand on one side only.
  package enum Form: Sendable { case rearranges, reduces, repeats }

  /// The axes on the left, split, and their sizes.
  package let splitShape: [S]
  /// The positions among them of the axes that only the left has.
  package let reduced: [Int]
  /// The order in which the axes that stay stand on the right.
  package let order: [Int]
  /// The axes on the right before merging: with size 1 where they are repeated, and as they are then.
  package let unrepeatedShape: [S]
  package let repeatedShape: [S]
  package let shape: [S]

  /// - Parameters:
  ///   - named: the sizes that were given by name.
  package init(
    _ pattern: String, _ form: Form, of operandShape: [S], named: [(name: String, size: S)]
  ) throws(PatternProblem) {
    let sides = try Self.sides(of: pattern)
    var left = try Side(sides.left, pattern, mark: "<")
    var right = try Side(sides.right, pattern, mark: ">")
    guard left.ellipsis != nil || !left.names.contains(Side.ellipsisName) else {
      throw .ellipsisMerged(pattern)
    }
    let hasEllipsis = left.ellipsis != nil
    let extra = operandShape.count - left.groups.count + (hasEllipsis ? 1 : 0)
    guard hasEllipsis ? extra >= 0 : extra == 0 else {
      throw .rank(pattern, named: left.groups.count - (hasEllipsis ? 1 : 0), orMore: hasEllipsis)
    }
    left.expandEllipsis(extra)
    if hasEllipsis { right.expandEllipsis(extra) }
    let (leftNames, rightNames) = (left.names, right.names)
    for name in leftNames where !rightNames.contains(name) && form != .reduces {
      throw .onOneSide(pattern, Side.shown(name), "left")
    }
    for name in rightNames where !leftNames.contains(name) && (form != .repeats || name == Side.ellipsisName)
    {
      throw .onOneSide(pattern, Side.shown(name), "right")
    }
    var sizes: [String: S] = left.fixed.merging(right.fixed) { size, _ in size }.mapValues { S($0) }
    for (name, size) in named {
      guard leftNames.contains(name) || rightNames.contains(name) else { throw .unknownAxis(pattern, name) }
      sizes[name] = size
    }
    for (axis, group) in left.groups.enumerated() {
      let size = operandShape[axis]
      let open = group.filter { sizes[$0] == nil }
      let known = product(group.map { sizes[$0] ?? S(1) })
      if open.isEmpty {
        guard !known.differs(from: size) else {
          throw .sizeDiffers(axis: axis, size: "\(size)", Side.text(group), "\(known)")
        }
      } else if open.count == 1 {
        if let quotient = size.exactly(dividedBy: known) {
          sizes[open[0]] = quotient
        } else if size.known != nil, known.known != nil {
          throw .notDivided(axis: axis, size: "\(size)", by: "\(known)", Side.text(group))
        } else {
          sizes[open[0]] = size.floored(dividedBy: known)
        }
      } else {
        throw .open(open, axis: axis)
      }
    }
    if let name = rightNames.first(where: { sizes[$0] == nil }) { throw .unknownSize(name) }
    func size(_ name: String) -> S { sizes[name] ?? S(1) }
    splitShape = leftNames.map(size)
    reduced = leftNames.indices.filter { !rightNames.contains(leftNames[$0]) }
    let kept = leftNames.filter(rightNames.contains)
    order = rightNames.compactMap { kept.firstIndex(of: $0) }
    repeatedShape = rightNames.map(size)
    unrepeatedShape = rightNames.map { leftNames.contains($0) ? size($0) : S(1) }
    shape = right.groups.map { group in product(group.map(size)) }
  }

  /// The two sides of a pattern with `->`.
  private static func sides(of pattern: String) throws(PatternProblem) -> (left: Substring, right: Substring)
  {
    let arrows = pattern.ranges(of: "->")
    guard arrows.count == 1 else { throw .arrows(pattern, hasNone: arrows.isEmpty) }
    return (pattern[..<arrows[0].lowerBound], pattern[arrows[0].upperBound...])
  }
}

/// One side of a pattern: the names that each axis merges.
private struct Side {
  /// None for an axis of size 1.
  var groups: [[String]] = []
  /// Where `...` stands by itself; inside parentheses it merges what it stands for.
  private(set) var ellipsis: Int?
  /// Sizes of axes that are written as a number.
  var fixed: [String: Int] = [:]

  static let ellipsisName = "..."

  var names: [String] { groups.flatMap { $0 } }

  /// - Parameter mark: what sets unnamed axes of this side apart from those of the other.
  init(_ text: Substring, _ pattern: String, mark: String) throws(PatternProblem) {
    let axes: [AxisPattern]
    do { axes = try PatternReader.axes(of: text) } catch { throw .unreadable(pattern, error) }
    for axis in axes {
      switch axis {
      case .merged(let parts): groups.append(parts.flatMap { name($0, mark) })
      case .ellipsis:
        ellipsis = groups.count
        groups.append([Self.ellipsisName])
      case .named, .fixed: groups.append(name(axis, mark))
      case .spread, .sum: throw .unreadable(pattern, .unknownCharacter("+"))
      }
    }
    if let name = firstTwice(names) { throw .twice(pattern, name) }
  }

  private mutating func name(_ axis: AxisPattern, _ mark: String) -> [String] {
    switch axis {
    case .named(let name): return [name]
    case .ellipsis: return [Self.ellipsisName]
    case .fixed(1): return []
    case .fixed(let size):
      let name = "\(size)\(mark)\(fixed.count)"
      fixed[name] = size
      return [name]
    case .merged, .spread, .sum: return []
    }
  }

  /// Replaces `...` by one name for each axis that it stands for.
  mutating func expandEllipsis(_ count: Int) {
    let axes = (0..<count).map { Self.ellipsisName + String($0) }
    groups = groups.enumerated().flatMap { position, group -> [[String]] in
      if position == ellipsis { return axes.map { [$0] } }
      return [group.flatMap { $0 == Self.ellipsisName ? axes : [$0] }]
    }
  }

  /// `t`, `(h d)`, or `1`
  static func text(_ group: [String]) -> String {
    if group.isEmpty { return "1" }
    return group.count == 1 ? group[0] : "(\(group.joined(separator: " ")))"
  }

  static func shown(_ name: String) -> String {
    name.hasPrefix(ellipsisName) ? ellipsisName : String(name.prefix { $0 != "<" && $0 != ">" })
  }
}

/// What a pattern of einops has wrong, by itself or for the tensor that it is given.
package enum PatternProblem: Error, Equatable, Sendable {
  case arrows(String, hasNone: Bool)
  case unreadable(String, PatternMistake)
  case twice(String, String)
  case ellipsisMerged(String)
  case rank(String, named: Int, orMore: Bool)
  case onOneSide(String, String, String)
  case unknownAxis(String, String)
  case sizeDiffers(axis: Int, size: String, String, String)
  case notDivided(axis: Int, size: String, by: String, String)
  case open([String], axis: Int)
  case unknownSize(String)

  func text(operand: Int, parameter: Int, _ kind: (Int) -> String) -> ShapeMistake.Text {
    func pattern(_ text: String) -> String { "the pattern \"\(text)\"" }
    switch self {
    case .arrows(let text, let hasNone):
      return .init(
        "\(pattern(text)) has \(hasNone ? "no" : "more than one") ->", at: [],
        hint: hasNone ? "axes before and after, as in \"b t d -> b d t\"" : nil)
    case .unreadable(let text, .unmatchedParentheses):
      return .init("\(pattern(text)) has parentheses that don't match", at: [])
    case .unreadable(let text, .unknownCharacter(let character)):
      return .init("\(pattern(text)) has a \"\(character)\", which means nothing there", at: [])
    case .unreadable(let text, .notASize(let word)):
      return .init("\(pattern(text)) has a \"\(word)\", which is no axis", at: [])
    case .twice(let text, let name): return .init("\(pattern(text)) names \(name) twice on one side", at: [])
    case .ellipsisMerged(let text):
      return .init("\(pattern(text)) has ... in parentheses on the left", at: [parameter])
    case .rank(let text, let named, let orMore):
      return .init(
        "\(pattern(text)) names \(count(named, "axis", "axes"))\(orMore ? " or more" : ""), and "
          + "{\(operand)} is \(kind(operand))", at: [operand, parameter])
    case .onOneSide(let text, let name, let side):
      return .init("\(pattern(text)) has \(name) on the \(side) only", at: [parameter])
    case .unknownAxis(let text, let name):
      return .init("\(pattern(text)) has no axis \(name)", at: [parameter])
    case .sizeDiffers(let axis, let size, let group, let known):
      return .init(
        "axis \(axis) of {\(operand)} has size \(size), and \(group) in the pattern \(known)",
        at: [operand, parameter])
    case .notDivided(let axis, let size, let by, let group):
      return .init(
        "axis \(axis) of {\(operand)} has size \(size), which does not divide by \(by) for \(group)",
        at: [operand, parameter])
    case .open(let names, let axis):
      return .init(
        "the sizes of \(names.dropLast().joined(separator: ", ")) and \(names[names.count - 1]), "
          + "into which axis \(axis) of {\(operand)} splits, are not known", at: [operand, parameter],
        hint: "give \(names.count == 2 ? "one" : "all but one"): \(names[0]): 2")
    case .unknownSize(let name):
      return .init("the size of \(name) is not known", at: [parameter], hint: "give it: \(name): 2")
    }
  }
}
