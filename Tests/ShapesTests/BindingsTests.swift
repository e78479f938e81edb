import Shapes
import Testing

/// What the names of axes stand for, and how shapes fail to match them.
@Suite struct BindingsTests {
  private func known(_ sizes: Int...) -> [SymbolicSize] { sizes.map { SymbolicSize($0) } }

  /// The mismatch of matching patterns against shapes in order, as text.
  private func mismatch(_ operands: ([AxisPattern], [SymbolicSize])...) -> String? {
    var bindings = Bindings<SymbolicSize>()
    for (operand, (pattern, shape)) in operands.enumerated() {
      do {
        try bindings.match(pattern, shape, operand: operand)
      } catch {
        switch error {
        case .rank(let operand, let wanted, let orMore, let found):
          return "operand \(operand) has rank \(found), not \(wanted)\(orMore ? " or more" : "")"
        case .fixedSize(let operand, let axis, let size, let found):
          return "operand \(operand) has \(found) at axis \(axis), not \(size)"
        case .size(let name, let operand, let axis, let found, let bound, let other, let otherAxis):
          return "operand \(operand) has \(name) = \(found) at axis \(axis), operand \(other) "
            + "\(bound) at axis \(otherAxis)"
        case .leadingAxes(let operand, let axes, let otherOperand, let other):
          return "operand \(operand) leads with \(axes), operand \(otherOperand) with \(other)"
        default: return "another mistake"
        }
      }
    }
    return nil
  }

  @Test func namesAreBoundOnce() throws {
    var bindings = Bindings<SymbolicSize>()
    try bindings.match([.named("t"), .named("d")], known(3, 4), operand: 0)
    try bindings.match([.named("d"), .named("e")], known(4, 5), operand: 1)
    #expect(bindings.sizes["t"]?.size == SymbolicSize(3))
    #expect(bindings.sizes["d"]?.operand == 0)
    #expect(bindings.sizes["d"]?.axis == 1)
    #expect(bindings.sizes["e"]?.operand == 1)
    #expect(bindings.sizes["e"]?.axis == 1)
    #expect(bindings.shape(of: [.named("e"), .fixed(7), .named("t")]) == known(5, 7, 3))
    #expect(bindings.shape(of: [.named("e"), .named("x")]) == nil)
    #expect(bindings.shape(of: []) == [])
  }

  @Test func leadingAxesAreEqualWhereThereAreAny() throws {
    var bindings = Bindings<SymbolicSize>()
    try bindings.match([.ellipsis, .named("n")], known(4), operand: 0)
    #expect(bindings.leading == nil)
    #expect(bindings.shape(of: [.ellipsis, .named("n")]) == known(4))
    try bindings.match([.ellipsis, .named("n")], known(2, 3, 4), operand: 1)
    try bindings.match([.ellipsis], known(2, 3), operand: 2)
    #expect(bindings.leading?.axes == known(2, 3))
    #expect(bindings.leading?.operand == 1)
    // Axes count from the front of the whole shape.
    #expect(bindings.sizes["n"]?.axis == 0)
    #expect(bindings.shape(of: [.ellipsis, .named("n"), .fixed(1)]) == known(2, 3, 4, 1))
  }

  @Test func sizesThatAreKnownHold() throws {
    var bindings = Bindings<SymbolicSize>()
    bindings.define("width", SymbolicSize(8))
    try bindings.match([.named("t"), .named("width")], known(2, 8), operand: 0)
    #expect(bindings.shape(of: [.named("width")]) == known(8))
    #expect(throws: ShapeMistake.self) {
      try bindings.match([.named("width")], self.known(9), operand: 1)
    }
  }

  @Test func mismatchesSayWhere() {
    let (n, m) = (AxisPattern.named("n"), AxisPattern.named("m"))
    #expect(mismatch(([n, m], known(2, 3)), ([m, n], known(3, 2))) == nil)
    #expect(mismatch(([n], known(2, 3))) == "operand 0 has rank 2, not 1")
    #expect(mismatch(([], known(2))) == "operand 0 has rank 1, not 0")
    #expect(mismatch(([.ellipsis, n, m], known(2))) == "operand 0 has rank 1, not 2 or more")
    #expect(mismatch(([n, .fixed(3)], known(2, 4))) == "operand 0 has 4 at axis 1, not 3")
    #expect(
      mismatch(([.ellipsis, .fixed(3)], known(5, 6, 4))) == "operand 0 has 4 at axis 2, not 3")
    // What can't be told is no mistake.
    #expect(mismatch(([.fixed(3)], [SymbolicSize("t")])) == nil)
    #expect(mismatch(([n], [SymbolicSize("t")]), ([n], known(3))) == nil)
    #expect(
      mismatch(([n, m], known(2, 3)), ([.ellipsis, m], known(9, 4)))
        == "operand 1 has m = 4 at axis 1, operand 0 3 at axis 1")
    #expect(
      mismatch(([n, n], known(2, 3))) == "operand 0 has n = 3 at axis 1, operand 0 2 at axis 0")
    #expect(
      mismatch(([.ellipsis, n], known(5, 2)), ([.ellipsis, n], known(2)), ([.ellipsis, m], known(1, 5, 2)))
        == "operand 2 leads with [1, 5], operand 0 with [5]")
  }

  @Test func descriptions() {
    #expect([AxisPattern.ellipsis, .named("t"), .fixed(2)].map(\.description) == ["...", "t", "2"])
  }
}
