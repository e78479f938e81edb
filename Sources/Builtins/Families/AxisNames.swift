import Autodiff
import Drawing
import Support
import Tensors

/// One side of a pattern such as `b t (h d)`: axes by name, each the merger of one or more.
///
/// The rules are those of einops: parentheses merge axes, `1` and `()` are an axis of size 1, `...`
/// stands for any number of axes.
struct AxisNames {
  /// The names that each axis merges; none for an axis of size 1.
  var groups: [[String]] = []
  /// Where `...` stands by itself; inside parentheses it merges what it stands for.
  private(set) var ellipsisGroup: Int?
  /// Sizes of axes that are written as a number.
  var fixed: [String: Int] = [:]

  static let ellipsis = "..."

  var names: [String] { groups.flatMap { $0 } }

  /// - Parameter mark: what sets unnamed axes of this side apart from those of other sides.
  init(_ text: Substring, in pattern: String, mark: String) throws {
    func wrong(_ fact: String) -> BuiltinError {
      BuiltinError("the pattern \(quoted(pattern)) \(fact)")
    }
    var rest = text
    var isInside = false
    func add(_ names: [String]) {
      if isInside { groups[groups.count - 1] += names } else { groups.append(names) }
    }
    while let first = rest.first {
      if first == " " {
        rest.removeFirst()
      } else if rest.hasPrefix(Self.ellipsis) {
        rest.removeFirst(3)
        if !isInside { ellipsisGroup = groups.count }
        add([Self.ellipsis])
      } else if first == "(" || first == ")" {
        guard isInside == (first == ")") else { throw wrong("has parentheses that don't match") }
        isInside.toggle()
        if isInside { groups.append([]) }
        rest.removeFirst()
      } else {
        let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        guard !word.isEmpty else { throw wrong("has a \"\(first)\", which means nothing there") }
        rest.removeFirst(word.count)
        guard word.first?.isNumber == true else {
          add([String(word)])
          continue
        }
        guard let size = Int(word), size > 0 else {
          throw wrong("has a \"\(word)\", which is no axis")
        }
        let name = "\(word)\(mark)\(fixed.count)"
        if size != 1 { fixed[name] = size }
        add(size == 1 ? [] : [name])
      }
    }
    guard !isInside else { throw wrong("has parentheses that don't match") }
    if let name = firstTwice(names) { throw wrong("names \(name) twice on one side") }
  }

  /// Replaces `...` by one name for each axis that it stands for.
  mutating func expandEllipsis(_ count: Int) {
    let axes = (0..<count).map { Self.ellipsis + String($0) }
    groups = groups.enumerated().flatMap { position, group -> [[String]] in
      if position == ellipsisGroup { return axes.map { [$0] } }
      return [group.flatMap { $0 == Self.ellipsis ? axes : [$0] }]
    }
  }

  /// `t`, `(h d)`, or `1`
  static func text(_ group: [String]) -> String {
    if group.isEmpty { return "1" }
    return group.count == 1 ? group[0] : "(\(group.joined(separator: " ")))"
  }
}

/// The two sides of a pattern with `->`.
func sides(of pattern: String) throws -> (left: Substring, right: Substring) {
  let parts = pattern.split(separator: "->", omittingEmptySubsequences: false)
  guard parts.count == 2 else {
    throw BuiltinError(
      "the pattern \(quoted(pattern)) has \(parts.count < 2 ? "no" : "more than one") ->",
      hint: parts.count < 2 ? "axes before and after, as in \"b t d -> b d t\"" : nil)
  }
  return (parts[0], parts[1])
}
