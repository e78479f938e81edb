import Tensors
import Testing

/// The order of sums, written out plainly and compared to the bit.
@Suite struct SummationTests {
  static let sizes = [
    0, 1, 2, 15, 16, 17, 31, 32, 33, 255, 4095, 4096, 4097, 8192, 8193, 10000, 12289, 20481,
  ]

  /// 16 lanes for each chunk of 4,096, a halving tree, and chunks in aligned pairs.
  private func lanes<Number: BinaryFloatingPoint>(
    _ row: [Number], from start: Number, _ combine: (Number, Number) -> Number
  ) -> Number {
    var chunks: [Number] = []
    for first in stride(from: 0, to: row.count, by: 4096) {
      var lane = [Number](repeating: start, count: 16)
      for (at, x) in row[first..<min(first + 4096, row.count)].enumerated() {
        lane[at % 16] = combine(lane[at % 16], x)
      }
      for half in [8, 4, 2, 1] {
        for at in 0..<half { lane[at] = combine(lane[at], lane[at + half]) }
      }
      chunks.append(lane[0])
    }
    while chunks.count > 1 {
      chunks = stride(from: 0, to: chunks.count, by: 2).map {
        combine(chunks[$0], $0 + 1 < chunks.count ? chunks[$0 + 1] : start)
      }
    }
    return chunks.first ?? start
  }

  private func expected<Number: BinaryFloatingPoint>(
    _ row: [Double], _ reduction: Reduction, inLanes: Bool, _: Number.Type
  ) -> UInt64 {
    let row = row.map { Number($0) }
    let start: Number = reduction == .prod ? 1 : 0
    let combine: (Number, Number) -> Number = reduction == .prod ? { $0 * $1 } : { $0 + $1 }
    let result = inLanes ? lanes(row, from: start, combine) : row.reduce(start, combine)
    return Double(result).bitPattern
  }

  private func expected(_ row: Tensor, _ reduction: Reduction, inLanes: Bool) throws -> UInt64 {
    let numbers = try row.doubles()
    return row.dtype == .f32
      ? expected(numbers, reduction, inLanes: inLanes, Float.self)
      : expected(numbers, reduction, inLanes: inLanes, Double.self)
  }

  private func bits(_ tensor: Tensor) throws -> [UInt64] { try tensor.doubles().map(\.bitPattern) }

  /// Rows whose sums depend on the order, and whose products neither vanish nor overflow.
  private func rows(_ n: Int, _ reduction: Reduction, _ dtype: DType) throws -> Tensor {
    var random = RandomState(seed: 21, position: UInt64(n))
    if reduction == .sum { return try random.normal([3, n], dtype) }
    return try random.uniform([3, n], dtype).binary(.add, Tensor.scalar(0.5, dtype))
      .binary(.power, Tensor.scalar(0.01, dtype))
  }

  @Test(arguments: sizes, [Reduction.sum, .prod])
  func lanesAlongTheLastAxis(_ n: Int, _ reduction: Reduction) throws {
    for dtype in [DType.f32, .f64] {
      let x = try rows(n, reduction, dtype)
      let wanted = try (0..<3).map {
        try expected(x.selected(axis: 0, at: $0), reduction, inLanes: true)
      }
      #expect(try bits(x.reduced(reduction, axis: 1)) == wanted, "\(dtype)")
      // The same order along another axis where it is asked for.
      #expect(
        try bits(x.swapped().reduced(reduction, axis: 0, order: .lanes)) == wanted, "\(dtype)")
    }
  }

  @Test(arguments: sizes, [Reduction.sum, .prod])
  func ascendingAlongOthers(_ n: Int, _ reduction: Reduction) throws {
    for dtype in [DType.f32, .f64] {
      let x = try rows(n, reduction, dtype)
      let wanted = try (0..<3).map {
        try expected(x.selected(axis: 0, at: $0), reduction, inLanes: false)
      }
      #expect(try bits(x.swapped().reduced(reduction, axis: 0)) == wanted, "\(dtype)")
      #expect(try bits(x.reduced(reduction, axis: 1, order: .ascending)) == wanted, "\(dtype)")
    }
  }

  /// Without this the tests above could not tell the orders apart.
  @Test func theOrdersDiffer() throws {
    let x = try rows(10000, .sum, .f32)
    #expect(
      try bits(x.reduced(.sum, axis: 1)) != bits(x.reduced(.sum, axis: 1, order: .ascending)))
  }

  @Test(arguments: [1, 16, 17, 4095, 4096, 4097, 10000]) func zerosAtTheEndChangeNoBit(_ n: Int) throws {
    for dtype in [DType.f32, .f64] {
      let x = try rows(n, .sum, dtype)
      let wanted = try bits(x.reduced(.sum, axis: 1))
      for more in [1, 15, 16, 4096, 9000] {
        for zero in [0.0, -0.0] {
          let padded = try x.padded(axis: 1, before: 0, after: more, value: zero)
          #expect(try bits(padded.reduced(.sum, axis: 1)) == wanted, "\(dtype) + \(more) of \(zero)")
        }
      }
    }
    let zeros = try Tensor.full([2, n], -0.0, .f32)
    #expect(try bits(zeros.reduced(.sum, axis: 1)) == [0, 0])
  }

  /// A softmax row is the same whatever excluded places stand behind it.
  @Test func excludedPlacesChangeNoBit() throws {
    let x = try rows(777, .sum, .f32)
    let padded = try x.padded(axis: 1, before: 0, after: 200, value: -.infinity)
    #expect(try bits(padded.softmax().sliced(axis: 1, start: 0, count: 777)) == bits(x.softmax()))
    #expect(try bits(padded.reduced(.logsumexp, axis: 1)) == bits(x.reduced(.logsumexp, axis: 1)))
  }

  @Test func cumulativeSumsAscend() throws {
    let x = try rows(1000, .sum, .f32).selected(axis: 0, at: 1)
    func running(_ numbers: [Double]) -> [Double] {
      var sum: Float = 0
      return numbers.map {
        sum += Float($0)
        return Double(sum)
      }
    }
    #expect(try x.cumulativeSum(axis: 0).doubles() == running(x.doubles()))
    #expect(
      try x.cumulativeSum(axis: 0, reversed: true).doubles()
        == running(x.doubles().reversed()).reversed())
  }

  @Test func integersAreExact() throws {
    let values = [Int.max, 1, -1, 5, -5]
    #expect(try Tensor(values, [5]).reduced(.sum, axis: 0).integerItem == Int.max)
    #expect(throws: TensorError.self) { try Tensor([Int.max, 1], [2]).reduced(.sum, axis: 0) }
    #expect(throws: TensorError.self) { try Tensor([Int.max, 2], [2]).reduced(.prod, axis: 0) }
    #expect(throws: TensorError.self) {
      try Tensor([Int32.max, 1], [2]).reduced(.sum, axis: 0)
    }
    #expect(try Tensor([] as [Int], [0]).reduced(.sum, axis: 0).integerItem == 0)
  }

  @Test func extremesAndWhatIsEmpty() throws {
    func item(_ values: [Double], _ reduction: Reduction) throws -> Double {
      try Tensor(values, [values.count]).reduced(reduction, axis: 0).item
    }
    #expect(try item([1, .nan, 3], .max).isNaN)
    #expect(try item([1, .nan, 3], .min).isNaN)
    #expect(try item([-0.0, 0.0, -0.0], .max).sign == .plus)
    #expect(try item([0.0, -0.0, 0.0], .min).sign == .minus)
    #expect(try item([], .sum).bitPattern == 0)
    #expect(try item([], .prod) == 1)
    #expect(try item([], .max) == -.infinity)
    #expect(try item([], .min) == .infinity)
    #expect(try item([], .logsumexp) == -.infinity)
    #expect(try item([-.infinity, -.infinity], .logsumexp) == -.infinity)
    let ties = try Tensor([2.0, .nan, 7, .nan], [4])
    #expect(try ties.positions(ofLargest: true, axis: 0).integerItem == 1)
    #expect(try Tensor([3.0, 7, 7], [3]).positions(ofLargest: true, axis: 0).integerItem == 1)
    #expect(try Tensor([3.0, 3, 7], [3]).positions(ofLargest: false, axis: 0).integerItem == 0)
    #expect(throws: TensorError.self) {
      try Tensor([] as [Double], [0]).positions(ofLargest: true, axis: 0)
    }
  }
}
