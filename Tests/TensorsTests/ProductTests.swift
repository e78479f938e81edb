import Tensors
import Testing

/// Products against one chain of fused multiply-adds for each element, to the bit.
@Suite struct ProductTests {
  /// How an operand lies in its buffer.
  enum Layout: String, CaseIterable, Sendable {
    case plain, transposed, sliced, reversed, repeatedRows, repeatedColumns, everySecond
  }

  /// A `[rows, columns]` view of random numbers.
  private func operand(
    _ layout: Layout, _ rows: Int, _ columns: Int, _ dtype: DType, _ random: inout RandomState
  ) throws -> Tensor {
    func normal(_ shape: [Int]) throws -> Tensor { try random.normal(shape, dtype) }
    switch layout {
    case .plain: return try normal([rows, columns])
    case .transposed: return try normal([columns, rows]).swapped()
    case .sliced:
      return try normal([rows + 2, columns + 3]).sliced(axis: 0, start: 1, count: rows)
        .sliced(axis: 1, start: 2, count: columns)
    case .reversed:
      return try normal([rows, columns]).sliced(axis: 0, start: max(rows - 1, 0), count: rows, step: -1)
        .sliced(axis: 1, start: max(columns - 1, 0), count: columns, step: -1)
    case .repeatedRows: return try normal([columns]).expanded(to: [rows, columns])
    case .repeatedColumns: return try normal([rows, 1]).expanded(to: [rows, columns])
    case .everySecond:
      return try normal([2 * rows, 2 * columns]).sliced(axis: 0, start: 0, count: rows, step: 2)
        .sliced(axis: 1, start: 1, count: columns, step: 2)
    }
  }

  private func chains<Number: BinaryFloatingPoint>(
    _ a: [Double], _ b: [Double], _ m: Int, _ n: Int, _ k: Int, _: Number.Type
  ) -> [Double] {
    let a = a.map { Number($0) }
    let b = b.map { Number($0) }
    var result: [Double] = []
    result.reserveCapacity(m * n)
    for i in 0..<m {
      for j in 0..<n {
        var sum: Number = 0
        for l in 0..<k { sum.addProduct(a[i * k + l], b[l * n + j]) }
        result.append(Double(sum))
      }
    }
    return result
  }

  private func chains(_ a: Tensor, _ b: Tensor) throws -> [UInt64] {
    let (m, k, n) = (a.shape[0], a.shape[1], b.shape[1])
    let (x, y) = (try a.doubles(), try b.doubles())
    let result =
      a.dtype == .f32 ? chains(x, y, m, n, k, Float.self) : chains(x, y, m, n, k, Double.self)
    return result.map(\.bitPattern)
  }

  private func bits(_ tensor: Tensor) throws -> [UInt64] { try tensor.doubles().map(\.bitPattern) }

  @Test(arguments: Layout.allCases, Layout.allCases)
  func everyLayout(_ left: Layout, _ right: Layout) throws {
    var random = RandomState(seed: 11)
    for dtype in [DType.f32, .f64] {
      for (m, n, k) in [(1, 1, 1), (3, 5, 7), (17, 33, 65), (1, 40, 70), (66, 1, 19), (4, 4, 0)] {
        let a = try operand(left, m, k, dtype, &random)
        let b = try operand(right, k, n, dtype, &random)
        let product = try Tensor.product(a, b)
        #expect(product.shape == [m, n])
        #expect(try bits(product) == chains(a, b), "\(dtype) \(m) × \(k) × \(n)")
      }
    }
  }

  @Test(arguments: [DType.f32, .f64]) func largeProducts(_ dtype: DType) throws {
    var random = RandomState(seed: 12)
    for (m, n, k) in [(129, 70, 300), (31, 257, 129), (5, 9, 5000)] {
      for (left, right) in [(Layout.plain, Layout.plain), (.transposed, .plain), (.sliced, .transposed)] {
        let a = try operand(left, m, k, dtype, &random)
        let b = try operand(right, k, n, dtype, &random)
        #expect(
          try bits(Tensor.product(a, b)) == chains(a, b), "\(left) \(right) \(m) × \(k) × \(n)")
      }
    }
  }

  @Test func leadingAxesOfEveryStride() throws {
    var random = RandomState(seed: 13)
    let a = try random.normal([4, 3, 2, 5], .f32).transposed([2, 0, 1, 3])
    let one = try random.normal([5, 6], .f32)
    let rows = try random.normal([4, 5, 6], .f32).sliced(axis: 0, start: 3, count: 4, step: -1)
    for b in [one.expanded(to: [2, 4, 5, 6]), rows.expanded(to: [2, 4, 5, 6])] {
      let product = try Tensor.product(a, b)
      #expect(product.shape == [2, 4, 3, 6])
      for i in 0..<2 {
        for j in 0..<4 {
          func block(_ tensor: Tensor) -> Tensor {
            tensor.selected(axis: 0, at: i).selected(axis: 0, at: j)
          }
          #expect(try bits(block(product)) == chains(block(a), block(b)), "\(i) \(j)")
        }
      }
    }
  }

  /// A row's result depends neither on its batch nor on zeros behind it.
  @Test func rowsAndPaddingDoNotMatter() throws {
    var random = RandomState(seed: 14)
    let a = try random.normal([37, 50], .f32)
    let b = try random.normal([50, 29], .f32)
    let whole = try Tensor.product(a, b)
    for row in [0, 1, 18, 36] {
      let alone = try Tensor.product(a.sliced(axis: 0, start: row, count: 1), b)
      #expect(try bits(alone) == bits(whole.selected(axis: 0, at: row)))
    }
    let padded = try Tensor.product(
      a.padded(axis: 1, before: 0, after: 13, value: 0), b.padded(axis: 0, before: 0, after: 13, value: 0))
    #expect(try bits(padded) == bits(whole))
  }

  /// A matrix that meets single rows often is read from a copy in the end: the same bits, and one buffer
  /// serves views of every shape.
  @Test(arguments: [DType.f32, .f64]) func fewRowsAgain(_ dtype: DType) throws {
    var random = RandomState(seed: 17)
    let weight = try random.normal([70, 33], dtype)
    for round in 0..<4 {
      for m in [1, 4, 5] {
        let a = try random.normal([m, 33], dtype)
        #expect(
          try bits(Tensor.product(a, weight.swapped())) == chains(a, weight.swapped()), "round \(round)")
        let part = weight.sliced(axis: 0, start: 20, count: 40).swapped()
        #expect(try bits(Tensor.product(a, part)) == chains(a, part), "part, round \(round)")
        let other = try weight.reshaped([33, 70]).swapped()
        let b = try random.normal([m, 70], dtype)
        #expect(try bits(Tensor.product(b, other)) == chains(b, other), "reshaped, round \(round)")
      }
    }
  }

  @Test func integersAreExact() throws {
    let a = try Tensor((0..<35).map { $0 * 1_000_003 - 17 }, [5, 7])
    let b = try Tensor((0..<28).map { 11 - $0 * 99_991 }, [7, 4])
    let (x, y) = (try a.integers(), try b.integers())
    let expected = (0..<20).map { at -> Int in
      let (row, column) = (at / 4, at % 4)
      return (0..<7).map { x[row * 7 + $0] * y[$0 * 4 + column] }.reduce(0, +)
    }
    #expect(try Tensor.product(a, b).integers() == expected)
    let small = try Tensor([7, -2, 5] as [Int32], [1, 3])
    let ones = try Tensor.full([3, 4], 1, .i32)
    #expect(try Tensor.product(small, ones).integers() == [10, 10, 10, 10])
    #expect(throws: TensorError.self) {
      try Tensor.product(Tensor([Int32.max, 1, 0], [1, 3]), ones)
    }
    let large = try Tensor([Int.max, 1], [1, 2])
    #expect(throws: TensorError.self) { try Tensor.product(large, Tensor([1, 1], [2, 1])) }
  }
}
