import Shapes
import Testing

/// What the names of axes stand for, and how shapes fail to match them.
@Suite struct ExtentSolverTests {
  private func known(_ sizes: Int...) -> [SymbolicSize] { sizes.map { SymbolicSize($0) } }

  /// What is found of operands' axes and shapes: the sizes by name, or the mistake as text.
  private func solved(
    _ operands: ([AxisPattern], [SymbolicSize])..., given: [(String, Int)] = []
  ) -> (sizes: [String: String], leading: [SymbolicSize], mistake: String?) {
    let solver = ExtentSolver(
      operands.enumerated().map { (number: $0, axes: $1.0) }, names: given.map(\.0))
    return solved(solver, operands.map(\.1), given: given.map(\.1))
  }

  private func solved(
    _ solver: ExtentSolver, _ shapes: [[SymbolicSize]?], given: [Int] = [], infersComputed: Bool = false
  ) -> (sizes: [String: String], leading: [SymbolicSize], mistake: String?) {
    var sizes = [SymbolicSize](repeating: .unknown, count: solver.names.count)
    var origins = [ExtentSolver.Origin](repeating: .caller, count: sizes.count)
    var leading = ExtentSolver.Leading<SymbolicSize>()
    var mistake: String?
    do throws(ShapeMistake) {
      var span = sizes.mutableSpan
      for (name, size) in given.enumerated() {
        try solver.agree(name, SymbolicSize(size), at: .caller, &span, &origins)
      }
      let isComplete = try solver.solve(&span, &origins, &leading, infersComputed: infersComputed) {
        shapes[$0]
      }
      mistake = isComplete ? nil : "open"
    } catch {
      mistake = text(error)
    }
    let found = zip(solver.names, sizes).filter { $1 != .unknown }.map { ($0, $1.description) }
    return (Dictionary(uniqueKeysWithValues: found), Array(leading.axes), mistake)
  }

  private func text(_ mistake: ShapeMistake) -> String {
    switch mistake {
    case .rank(let operand, let wanted, let orMore, let found):
      "operand \(operand) has rank \(found), not \(wanted)\(orMore ? " or more" : "")"
    case .fixedSize(let operand, let axis, let size, let found):
      "operand \(operand) has \(found) at axis \(axis), not \(size)"
    case .size(let name, let operand, let axis, let found, let bound, let other, let otherAxis):
      "operand \(operand) has \(name) = \(found) at axis \(axis), operand \(other) \(bound) at axis \(otherAxis)"
    case .leadingAxes(let operand, let axes, let otherOperand, let other):
      "operand \(operand) leads with \(axes), operand \(otherOperand) with \(other)"
    case .leadingAxesLost(let operand, let axes): "operand \(operand) leads with \(axes)"
    case .mergedNotDivided(let operand, let axis, let size, let by):
      "operand \(operand) has \(size) at axis \(axis), by \(by)"
    case .mergedSize(let operand, let axis, let size, let parts, let product):
      "operand \(operand) has \(size) at axis \(axis), \(parts.joined(separator: " ")) make \(product)"
    default: "another mistake"
    }
  }

  private let n = AxisPattern.named("n")
  private let m = AxisPattern.named("m")

  @Test func namesAreBoundOnce() {
    let found = solved(([.named("t"), .named("d")], known(3, 4)), ([.named("d"), .named("e")], known(4, 5)))
    #expect(found.mistake == nil)
    #expect(found.sizes == ["t": "3", "d": "4", "e": "5"])
  }

  @Test func leadingAxesAreEqualWhereThereAreAny() {
    let found = solved(
      ([.ellipsis, n], known(4)), ([.ellipsis, n], known(2, 3, 4)), ([.ellipsis], known(2, 3)))
    #expect(found.mistake == nil)
    #expect(found.leading == known(2, 3))
    #expect(
      solved(([.ellipsis, n], known(5, 2)), ([.ellipsis, n], known(2)), ([.ellipsis, m], known(1, 5, 2)))
        .mistake == "operand 2 leads with [1, 5], operand 0 with [5]")
    let solver = ExtentSolver(
      names: ["n"], operands: [.init(0, hasEllipsis: true, axes: [.named(0)])], allowsLeading: false)
    #expect(solved(solver, [known(2, 3)]).mistake == "operand 0 leads with [2]")
    #expect(solved(solver, [known(3)]).mistake == nil)
  }

  @Test func sizesThatAreKnownHold() {
    #expect(solved(([.named("t"), .named("width")], known(2, 8)), given: [("width", 8)]).mistake == nil)
    #expect(
      solved(([.named("width")], known(9)), given: [("width", 8)]).mistake
        == "operand 0 has width = 9 at axis 0, operand -1 8 at axis 0")
    // A number of the user's, however odd, is a size that was given.
    #expect(solved(([.named("width")], known(9)), given: [("width", -1)]).mistake != nil)
  }

  @Test func mismatchesSayWhere() {
    #expect(solved(([n, m], known(2, 3)), ([m, n], known(3, 2))).mistake == nil)
    #expect(solved(([n], known(2, 3))).mistake == "operand 0 has rank 2, not 1")
    #expect(solved(([], known(2))).mistake == "operand 0 has rank 1, not 0")
    #expect(solved(([.ellipsis, n, m], known(2))).mistake == "operand 0 has rank 1, not 2 or more")
    #expect(solved(([n, .fixed(3)], known(2, 4))).mistake == "operand 0 has 4 at axis 1, not 3")
    #expect(solved(([.ellipsis, .fixed(3)], known(5, 6, 4))).mistake == "operand 0 has 4 at axis 2, not 3")
    // What can't be told is no mistake.
    #expect(solved(([.fixed(3)], [SymbolicSize("t")])).mistake == nil)
    #expect(solved(([n], [SymbolicSize("t")]), ([n], known(3))).mistake == nil)
    #expect(
      solved(([n, m], known(2, 3)), ([.ellipsis, m], known(9, 4))).mistake
        == "operand 1 has m = 4 at axis 1, operand 0 3 at axis 1")
    #expect(solved(([n, n], known(2, 3))).mistake == "operand 0 has n = 3 at axis 1, operand 0 2 at axis 0")
  }

  /// `y[h, d] = x[(h d)] * z[d]`
  @Test func mergedAxesAreSolvedOnceOneNameIsOpen() {
    let operands = [
      ExtentSolver.Operand(0, hasEllipsis: false, axes: [.merged([0, 1])]),
      ExtentSolver.Operand(1, hasEllipsis: false, axes: [.named(1)]),
    ]
    let solver = ExtentSolver(names: ["h", "d"], operands: operands)
    #expect(solved(solver, [known(12), known(4)]).sizes == ["h": "3", "d": "4"])
    #expect(solved(solver, [known(12), known(4)]).mistake == nil)
    #expect(solved(solver, [known(12), nil]).mistake == "open")
    #expect(solved(solver, [known(12), known(5)]).mistake == "operand 0 has 12 at axis 0, by 5")
    let symbolic = SymbolicSize("h").times(SymbolicSize(4))
    #expect(solved(solver, [[symbolic], known(4)]).sizes["h"] == "h")
    let whole = ExtentSolver(
      names: ["h", "d"], operands: operands + [.init(2, hasEllipsis: false, axes: [.named(0)])])
    #expect(
      solved(whole, [known(12), known(4), known(2)]).mistake
        == "operand 0 has 12 at axis 0, h = 2 d = 4 make 8")
  }

  /// `y[t] = x[(t + 1) % n]`
  @Test func aLoneNameInAComputedPositionRunsOverItsAxis() {
    let solver = ExtentSolver(
      names: ["t", "s"],
      operands: [
        .init(0, hasEllipsis: true, axes: [.computed([0])]),
        .init(1, hasEllipsis: false, axes: [.computed([0, 1])]),
      ])
    #expect(solved(solver, [known(2, 7), known(9)], infersComputed: true).sizes == ["t": "7", "s": "9"])
    #expect(solved(solver, [known(2, 7), known(9)]).sizes == [:])
  }

  @Test func descriptions() {
    #expect([AxisPattern.ellipsis, .named("t"), .fixed(2)].map(\.description) == ["...", "t", "2"])
  }
}
