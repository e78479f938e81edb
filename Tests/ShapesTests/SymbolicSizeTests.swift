import Shapes
import Testing

/// Sizes with symbols: one form for equal expressions, and no alarm where nothing can be told.
@Suite struct SymbolicSizeTests {
  private let n = SymbolicSize("n")
  private let d = SymbolicSize("d")
  private func number(_ n: Int) -> SymbolicSize { SymbolicSize(n) }

  @Test func equalExpressionsAreEqual() {
    #expect(n.plus(d) == d.plus(n))
    #expect(n.times(d).plus(n) == n.times(d.plus(number(1))))
    #expect(n.plus(number(2)).minus(n) == number(2))
    #expect(n.minus(n).known == 0)
    #expect(n.times(number(0)).known == 0)
  }

  @Test func divisionsAreExactOrSymbols() {
    #expect(n.times(number(2)).exactly(dividedBy: number(2)) == n)
    #expect(n.times(d).exactly(dividedBy: d) == n)
    #expect(n.times(d).plus(n).exactly(dividedBy: n) == d.plus(number(1)))
    #expect(n.exactly(dividedBy: number(2)) == nil)
    #expect(n.exactly(dividedBy: d) == nil)
    #expect(n.floored(dividedBy: number(2)).description == "⌊n / 2⌋")
    #expect(n.floored(dividedBy: number(2)) == n.floored(dividedBy: number(2)))
    #expect(number(7).floored(dividedBy: number(2)).known == 3)
  }

  @Test func whatCanNotBeToldIsNeither() {
    #expect(n.isEqual(to: n) == true)
    #expect(n.isEqual(to: d) == nil)
    #expect(n.isEqual(to: number(3)) == nil)
    #expect(n.isEqual(to: n.plus(number(1))) == false)
    // Sizes are 0 or more.
    #expect(n.plus(number(1)).isEqual(to: number(0)) == false)
    #expect(n.times(d).plus(number(2)).isEqual(to: number(1)) == false)
    #expect(number(3).isEqual(to: number(4)) == false)
  }

  @Test func readsAsItIsWritten() {
    #expect(number(2).times(n).plus(d).minus(number(1)).description == "d + 2·n - 1")
    #expect(n.times(d).plus(number(3)).description == "d·n + 3")
    #expect(number(0).description == "0")
    #expect(number(0).minus(n).description == "-n")
  }

  @Test func numbersTakeTheSymbolsPlaces() {
    let size = number(2).times(n).plus(n.times(d).floored(dividedBy: number(4)))
    #expect(size.substituting(["n": 3, "d": 5]) == 9)
    #expect(size.substituting(["n": 3]) == nil)
  }

  @Test func numbersDoNotOverflow() {
    #expect(Int.max.times(2) == Int.max)
    #expect(Int.max.plus(1) == Int.max)
    #expect(number(Int.max).times(number(2)).known == Int.max)
  }
}
