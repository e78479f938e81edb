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

  private func result(_ signature: String, _ shapes: [Dimension]?...) -> [Dimension]?? {
    try? Signature(signature).result(for: shapes)
  }

  private func known(_ sizes: Int...) -> [Dimension] { sizes.map(Dimension.known) }

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
      result(softmax, [.symbol("batch"), .known(3)], nil) == [.symbol("batch"), .known(3)])
    #expect(
      result("f(x[a, b]) -> [b, a]", [.symbol("t"), .symbol("d")]) == [.symbol("d"), .symbol("t")])
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
    func operand(_ signature: String, _ shapes: [Dimension]?...) -> Int? {
      do {
        _ = try Signature(signature).result(for: shapes)
        return nil
      } catch { return error.operand }
    }
    #expect(operand("f(x[n], y[n])", known(3), known(4)) == 1)
    #expect(operand("f(x[n, n])", known(3, 4)) == 0)
    #expect(operand("f(x, y[n], z[n])", nil, known(3), known(4)) == 2)
    #expect(operand("f(x[a, b], y[a])", known(1), known(1)) == 0)
    #expect(operand("f(x[n], y[n])", nil, known(4)) == nil)
    #expect(operand("f(x[n], y[n])", [.symbol("t")], known(4)) == 1)
    #expect(operand("f(x[n], y[n])", [.symbol("t")], [.symbol("t")]) == nil)
  }
}
