import Families
import Language
import Testing
import Values

/// Every name is bound through one door.
@Suite struct NameObserverTests {
  private func names(_ text: String) throws -> [String] {
    let session = Session(.standard)
    var seen: [String] = []
    try session.observingNames { name, value in
      seen.append(name)
      return value
    } while: {
      _ = try session.evaluate(text)
    }
    return seen
  }

  @Test(arguments: [
    ("a = 1", ["a"]),
    ("a, b = (1, 2)", ["a", "b"]),
    ("w[i] = [1.0, 2.0][i]", ["w"]),
    ("for i in 0..2 { x = i }", ["i", "x", "i", "x"]),
    ("for i, c in enumerate(\"ab\") { }", ["i", "c", "i", "c"]),
    ("xs = [n for n in 0..2]", ["n", "n", "xs"]),
    ("fn f(x) { y = x + 1; y * 2 }; f(1)", ["f", "y"]),
    ("model M(n) { w = n; apply(x) { h = x * w; h } }; M(2)(3)", ["M", "w", "h"]),
    ("xs = []; xs = xs.push(1)", ["xs", "xs"]),
    ("if true { a = 1 }", ["a"]),
  ])
  func everyBindingIsSeen(_ text: String, _ expected: [String]) throws {
    #expect(try names(text) == expected)
  }

  @Test func anotherValueTakesItsPlace() throws {
    let session = Session(.standard)
    try session.evaluate("fn f(x) { y = x + 1; y * 2 }")
    var value = Value.none
    try session.observingNames { name, value in
      name == "y" ? .int(10) : value
    } while: {
      value = try session.evaluate("f(1)")
    }
    #expect(value.asInt == 20)
    #expect(try session.evaluate("f(1)").asInt == 4)
  }
}
