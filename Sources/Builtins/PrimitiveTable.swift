import Tensors
import Values

/// Every primitive, by family in the order of the reference page. `Families` declares the standard one, and a
/// session is made with it: what evaluates knows no primitive by itself.
package struct PrimitiveTable: Sendable {
  package typealias Family = (title: String, members: [Builtin])

  package let families: [Family]
  package let all: [Builtin]
  package let named: [String: Builtin]
  /// The primitive behind an operator of two operands.
  package let operators: [String: Builtin]
  /// Names that stand for a value.
  package let constants: [String: Builtin.Fallback]

  package init(_ families: [Family], operators: [String: Builtin]) {
    self.families = families
    self.operators = operators
    all = families.flatMap(\.members)
    named = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
    constants = [
      "inf": .float(.infinity), "nan": .float(.nan), "pi": .float(.pi),
    ].merging(DType.allCases.map { ($0.name, .dtype($0)) }) { first, _ in first }
  }

  /// The sum over an index in lanes.
  package var sum: Builtin {
    guard let sum = named["sum"] else { preconditionFailure("a table has a sum") }
    return sum
  }
}
