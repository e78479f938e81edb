/// "1 axis", "2 axes".
package func count(_ n: Int, _ singular: String, _ plural: String) -> String {
  n == 1 ? "1 \(singular)" : "\(n) \(plural)"
}

/// "a Linear", "an Embedding".
package func withArticle(_ name: String) -> String {
  (name.first.map { "AEIOaeio".contains($0) } ?? false ? "an " : "a ") + name
}

/// 1234567 as 1,234,567.
package func grouped(_ number: Int) -> String {
  var digits = String(number.magnitude)
  var result = ""
  while digits.count > 3 {
    result = "," + digits.suffix(3) + result
    digits.removeLast(3)
  }
  return (number < 0 ? "-" : "") + digits + result
}

extension StringProtocol {
  /// Without white space at both ends.
  package var trimmed: String {
    var rest = self[...]
    while rest.first?.isWhitespace == true { rest.removeFirst() }
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return String(rest)
  }

  /// Without blanks at the end.
  package var trimmedEnd: String {
    var rest = self[...]
    while rest.last == " " { rest.removeLast() }
    return String(rest)
  }
}

/// The first that stands in a list a second time.
package func firstTwice<Element: Hashable>(_ items: [Element]) -> Element? {
  var seen = Set<Element>()
  return items.first { !seen.insert($0).inserted }
}

extension StringProtocol {
  /// Without the blanks at its end, which no recorded line keeps.
  package var trimmedLine: String {
    var line = self[...]
    while line.last == " " || line.last == "\r" { line.removeLast() }
    return String(line)
  }
}
