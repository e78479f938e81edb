import Shapes
import Testing

/// Signatures as they are written, and the shapes that they give.
@Suite struct SignatureTests {
  @Test func readsEveryPart() {
    let signature = Signature("attention(q[..., t, d], k[..., 3, d], keep: none) -> [..., t, d]")
    #expect(signature.name == "attention")
    #expect(signature.text == "attention(q[..., t, d], k[..., 3, d], keep: none) -> [..., t, d]")
    #expect(signature.parameters.map(\.name) == ["q", "k", "keep"])
    #expect(signature.parameters[0].axes == [.ellipsis, .named("t"), .named("d")])
    #expect(signature.parameters[1].axes == [.ellipsis, .fixed(3), .named("d")])
    #expect(signature.parameters[2].axes == nil)
    #expect(signature.parameters.map(\.fallback) == [nil, nil, "none"])
    #expect(signature.result == [.ellipsis, .named("t"), .named("d")])
    #expect(signature.parameters.allSatisfy { !$0.isVariadic })
  }

  @Test func readsShortOnes() {
    let none = Signature("seed()")
    #expect(none.name == "seed" && none.parameters.isEmpty && none.result == nil)
    let scalar = Signature("total(x[]) -> []")
    #expect(scalar.parameters[0].axes == [])
    #expect(scalar.result == [])
    let axes = Signature("f(x[a,b],y)->[b]")
    #expect(axes.parameters.map(\.name) == ["x", "y"])
    #expect(axes.result == [.named("b")])
  }

  @Test func readsVariadicParameters() {
    let signature = Signature("zeros(sizes..., dtype: f32)")
    #expect(signature.parameters.map(\.isVariadic) == [true, false])
    #expect(signature.parameters.map(\.fallback) == [nil, "f32"])
  }

  @Test(
    arguments: [
      ("f(x: 1)", "1"), ("f(x: -1, y: 2)", "-1"), ("f(x: (0.9, 0.999), y: 2)", "(0.9, 0.999)"),
      ("f(x: [1, 2])", "[1, 2]"), ("f(x: \"a, b\", y: 1)", "\"a, b\""), ("f(x: g(1, h(2)))", "g(1, h(2))"),
      ("f(x:   none)", "none"), ("f(x: inf) -> [a]", "inf"),
    ])
  func readsDefaults(_ text: String, _ fallback: String) {
    #expect(Signature(text).parameters[0].fallback == fallback)
  }

  // MARK: Results

  private func result(_ signature: String, _ shapes: [SymbolicSize]?...) -> [SymbolicSize]?? {
    let signature = Signature(signature)
    return try? signature.shape(of: Self.arguments(signature, shapes))
  }

  private func known(_ sizes: Int...) -> [SymbolicSize] { sizes.map { SymbolicSize($0) } }

  private static func arguments(
    _ signature: Signature, _ shapes: [[SymbolicSize]?]
  ) -> [ShapeArgument<SymbolicSize>] {
    signature.parameters.indices.map { $0 < shapes.count ? shapes[$0].map { .shape($0) } ?? .none : .none }
  }

  @Test func numbersAreSizes() throws {
    func shape(_ signature: String, _ arguments: ShapeArgument<Int>...) throws -> [Int]? {
      try Signature(signature).shape(of: arguments)
    }
    #expect(try shape("causal(t, cache: 0) -> bool[t, cache + t]", .number(3), .number(2)) == [3, 5])
    #expect(try shape("zeros(sizes..., dtype: f32) -> dtype[sizes...]", .numbers([2, 3]), .other) == [2, 3])
    #expect(try shape("one_hot(ids[...], n) -> f32[..., n]", .shape([4]), .number(7)) == [4, 7])
    #expect(try shape("unique(x) -> [count]", .shape([4])) == nil)
    #expect(throws: ShapeMistake.negativeCount("-1", parameter: 0)) {
      try shape("eye(n) -> [n, n]", .number(-1))
    }
    #expect(throws: ShapeMistake.negativeSize("-1", parameter: 0)) {
      try shape("ones(sizes...) -> [sizes...]", .numbers([2, -1]))
    }
    #expect(Signature("one_hot(ids[...], n) -> f32[..., n]").resultType == "f32")
  }

  @Test func resultsFollowTheOperands() {
    let matmul = "matmul(a[..., m, k], b[..., k, n]) -> [..., m, n]"
    #expect(result(matmul, known(2, 3), known(3, 5)) == known(2, 5))
    #expect(result(matmul, known(7, 2, 3), known(3, 5)) == known(7, 2, 5))
    #expect(result(matmul, known(2, 3), known(7, 8, 3, 5)) == known(7, 8, 2, 5))
    #expect(result(matmul, known(7, 2, 3), known(7, 3, 5)) == known(7, 2, 5))
    #expect(result("trace(x[n, n]) -> []", known(4, 4)) == .some(.some([])))
    #expect(result("pair(x[n]) -> [2, n]", known(4)) == known(2, 4))
  }

  @Test func symbolsGoThrough() {
    let softmax = "softmax(x[...], axis: -1) -> [...]"
    #expect(
      result(softmax, [SymbolicSize("batch"), SymbolicSize(3)], nil) == [
        SymbolicSize("batch"), SymbolicSize(3),
      ])
    #expect(
      result("f(x[a, b]) -> [b, a]", [SymbolicSize("t"), SymbolicSize("d")]) == [
        SymbolicSize("d"), SymbolicSize("t"),
      ])
  }

  @Test func someResultsAreNotSaid() {
    #expect(result("f(x[n])", known(3)) == .some(nil))
    // A name that no operand binds is free.
    #expect(result("f(x[n], y[m]) -> [n, m]", known(3), nil) == .some(nil))
    #expect(result("f(x[n], y[m]) -> [n]", known(3), nil) == known(3))
    // Without leading axes the ellipsis is nothing.
    #expect(result("f(x[..., n]) -> [..., n]", known(3)) == known(3))
  }

  @Test func operandsThatDisagreeAreNamed() throws {
    func operand(_ signature: String, _ shapes: [SymbolicSize]?...) -> Int? {
      do {
        let signature = Signature(signature)
        _ = try signature.shape(of: Self.arguments(signature, shapes))
        return nil
      } catch {
        switch error {
        case .rank(let operand, _, _, _), .fixedSize(let operand, _, _, _): return operand
        case .size(_, let operand, _, _, _, _, _), .leadingAxes(let operand, _, _, _): return operand
        default: return -1
        }
      }
    }
    #expect(operand("f(x[n], y[n])", known(3), known(4)) == 1)
    #expect(operand("f(x[n, n])", known(3, 4)) == 0)
    #expect(operand("f(x, y[n], z[n])", nil, known(3), known(4)) == 2)
    #expect(operand("f(x[a, b], y[a])", known(1), known(1)) == 0)
    #expect(operand("f(x[n], y[n])", nil, known(4)) == nil)
    // What can't be told is no mistake.
    #expect(operand("f(x[n], y[n])", [SymbolicSize("t")], known(4)) == nil)
    #expect(operand("f(x[n], y[n])", [SymbolicSize("t")], [SymbolicSize("t")]) == nil)
  }
}
