import Tensors
import Testing

/// Elementwise operations that are deferred until a read: the bits of those that are not.
@Suite struct ChainTests {
  /// Large enough to be deferred; the rows of a slice are small enough not to be.
  private static let (rows, columns) = (300, 177)

  private func random(_ seed: Int, _ shape: [Int], _ dtype: DType = .f32) throws -> Tensor {
    let count = shape.reduce(1, *)
    let values = (0..<count).map { index -> Double in
      let mixed = UInt64(truncatingIfNeeded: (index + 1) &* (seed &* 2 + 1)) &* 0x9E37_79B9_7F4A_7C15
      switch mixed % 997 {
      case 0: return .nan
      case 1: return -.infinity
      case 2: return -0.0
      case 3: return 1e-42
      default: return Double(mixed >> 40) / Double(1 << 22) - 2
      }
    }
    return try dtype == .f64 ? Tensor(values, shape) : Tensor(values.map(Float.init), shape)
  }

  private func bits(_ x: Tensor) throws -> String {
    var digest = Digest()
    try digest.add(x)
    return digest.text
  }

  /// A formula on whole tensors against the same on each row.
  private func check(
    _ dtype: DType = .f32,
    _ formula: (_ x: Tensor, _ y: Tensor, _ row: Tensor, _ one: Tensor) throws -> Tensor
  ) throws {
    let (rows, columns) = (Self.rows, Self.columns)
    let x = try random(1, [rows, columns], dtype)
    let y = try random(2, [rows, columns], dtype)
    let row = try random(3, [columns], dtype)
    let one = try random(4, [], dtype)
    let whole = try formula(x, y, row, one)
    for r in stride(from: 0, to: rows, by: 37) {
      let part = try formula(x.selected(axis: 0, at: r), y.selected(axis: 0, at: r), row, one)
      #expect(try bits(whole.selected(axis: 0, at: r).contiguous()) == bits(part), "row \(r)")
    }
  }

  @Test(arguments: [DType.f32, .f64]) func chains(_ dtype: DType) throws {
    try check(dtype) { x, y, row, one in try x.binary(.multiply, one).binary(.add, y) }
    try check(dtype) { x, y, row, one in try x.binary(.add, row).unary(.gelu).binary(.multiply, y) }
    try check(dtype) { x, y, row, one in try row.binary(.subtract, x).unary(.tanh) }
    try check(dtype) { x, y, row, one in try one.binary(.divide, x.binary(.maximum, y)).unary(.abs) }
    try check(dtype) { x, y, row, one in try x.binary(.power, y.unary(.relu)).unary(.negate) }
  }

  /// A result that two others read is computed once and is there for both.
  @Test func sharedResults() throws {
    try check { x, y, row, one in
      let middle = try x.binary(.multiply, y)
      let left = try middle.unary(.exp).binary(.add, middle)
      let right = try middle.binary(.subtract, left)
      return try left.binary(.multiply, right).binary(.add, middle.binary(.multiply, middle))
    }
  }

  @Test func longChains() throws {
    try check { x, y, row, one in
      var z = x
      for step in 0..<100 { z = try step % 3 == 0 ? z.binary(.add, y) : z.binary(.multiply, one) }
      return z
    }
  }

  /// Views of what is not there yet: transposed, sliced, reshaped, reduced, read twice.
  @Test func views() throws {
    let x = try random(5, [Self.rows, Self.columns])
    let small = try (0..<Self.rows).map { try x.selected(axis: 0, at: $0).unary(.sigmoid) }
    let whole = try x.unary(.sigmoid)
    let transposed = try whole.swapped().binary(.add, x.swapped())
    #expect(transposed.shape == [Self.columns, Self.rows])
    for r in [0, 150, 299] {
      #expect(try bits(whole.selected(axis: 0, at: r).contiguous()) == bits(small[r]))
      let column = try transposed.sliced(axis: 1, start: r, count: 1).contiguous().reshaped([Self.columns])
      #expect(try bits(column) == bits(small[r].binary(.add, x.selected(axis: 0, at: r).contiguous())))
    }
    let flat = try whole.reshaped([Self.rows * Self.columns]).binary(.multiply, whole.reshaped([whole.count]))
    #expect(try bits(flat) == bits(whole.binary(.multiply, whole).reshaped([whole.count])))
  }

  /// What nobody reads is never computed, and what it read may be gone.
  @Test func operandsMayGo() throws {
    func make() throws -> Tensor {
      let x = try random(6, [Self.rows, Self.columns])
      _ = try x.unary(.exp).unary(.log)
      return try x.unary(.abs).binary(.add, x)
    }
    let later = try make()
    let x = try random(6, [Self.rows, Self.columns])
    for r in [0, 299] {
      let part = x.selected(axis: 0, at: r)
      #expect(
        try bits(later.selected(axis: 0, at: r).contiguous()) == bits(part.unary(.abs).binary(.add, part)))
    }
  }

  /// Rows that are reduced before they are computed: shorter and longer than a block and than a chunk.
  @Test(
    arguments: [[300, 177], [4, 2000], [3, 4096], [2, 20_011], [1, 100_003], [40_000, 1], [33, 1000]],
    [DType.f32, .f64])
  func reductions(_ shape: [Int], _ dtype: DType) throws {
    let shape = shape.reduce(1, *) < 1 << 15 ? [8] + shape : shape
    let (x, y) = (try random(8, shape, dtype), try random(9, shape, dtype))
    let row = try random(10, [shape.last!], dtype)
    for reduction in [Reduction.sum, .prod, .max, .min, .logsumexp] {
      for axis in [shape.count - 1, 0] {
        func formula() throws -> Tensor {
          try x.binary(.subtract, row).binary(.multiply, y).unary(.abs)
        }
        let computed = try formula()
        _ = try bits(computed)
        let waiting = try formula()
        let expected = try bits(computed.reduced(reduction, axis: axis))
        #expect(try bits(waiting.reduced(reduction, axis: axis)) == expected, "\(reduction), axis \(axis)")
        #expect(try bits(waiting) == bits(computed))
      }
    }
    // What others read as well, or costs more to compute again.
    let middle = try x.binary(.add, y)
    let total = try middle.binary(.multiply, middle).reduced(.sum, axis: shape.count - 1)
    let costly = try middle.unary(.exp).reduced(.max, axis: shape.count - 1)
    let again = try x.binary(.add, y)
    _ = try bits(again)
    let (square, exp) = (try again.binary(.multiply, again), try again.unary(.exp))
    _ = try (bits(square), bits(exp))
    #expect(try bits(total) == bits(square.reduced(.sum, axis: shape.count - 1)))
    #expect(try bits(costly) == bits(exp.reduced(.max, axis: shape.count - 1)))
  }

  /// A gradient that waits to be scaled, and results written past the caches, change no bit of a step.
  @Test(arguments: [DType.f32, .f64]) func optimizerSteps(_ dtype: DType) throws {
    for shape in [[200, 333], [50], [70_001]] {
      let inputs = try (0..<4).map { try random(20 + $0, shape, dtype) }
      let second = try inputs[3].unary(.abs)
      let scale = try Tensor.scalar(0.37, dtype)
      func step(_ gradient: Tensor, isLarge: Bool) throws -> [String] {
        let made = try Tensor.adamw(
          inputs[0], gradient: gradient, m: inputs[2], v: second,
          AdamWStep(
            lr: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, decay: 0.1, step: 3,
            parameterBytes: isLarge ? 1 << 30 : 0))
        return try [bits(made.p), bits(made.m), bits(made.v)]
      }
      let scaled = try inputs[1].binary(.multiply, scale)
      _ = try bits(scaled)
      let expected = try step(scaled, isLarge: false)
      for isLarge in [false, true] {
        #expect(try step(inputs[1].binary(.multiply, scale), isLarge: isLarge) == expected)
        #expect(
          try step(inputs[1].unary(.negate).binary(.multiply, scale.unary(.negate)), isLarge: isLarge)
            == expected)
      }
    }
  }

  /// Threads that read results with operands in common.
  @Test func severalReaders() async throws {
    let x = try random(7, [Self.rows, Self.columns])
    let wanted = try bits(x.unary(.tanh).binary(.multiply, x).unary(.exp))
    for _ in 0..<20 {
      let middle = try x.unary(.tanh).binary(.multiply, x)
      let found = try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 0..<8 { group.addTask { try self.bits(middle.unary(.exp)) } }
        return try await group.reduce(into: Set<String>()) { $0.insert($1) }
      }
      #expect(found == [wanted])
    }
  }
}
