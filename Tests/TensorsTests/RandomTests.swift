import Tensors
import Testing

/// The stream of random numbers: where each comes from, and how they are spread.
@Suite struct RandomTests {
  /// Philox4x32-10 as its authors describe it.
  private func philox(_ counter: [UInt32], seed: UInt64) -> [UInt32] {
    var c = counter
    var key = [UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)]
    for _ in 0..<10 {
      let first = UInt64(0xD251_1F53) * UInt64(c[0])
      let second = UInt64(0xCD9E_8D57) * UInt64(c[2])
      c = [
        UInt32(truncatingIfNeeded: second >> 32) ^ c[1] ^ key[0], UInt32(truncatingIfNeeded: second),
        UInt32(truncatingIfNeeded: first >> 32) ^ c[3] ^ key[1], UInt32(truncatingIfNeeded: first),
      ]
      key[0] &+= 0x9E37_79B9
      key[1] &+= 0xBB67_AE85
    }
    return c
  }

  private func block(_ index: UInt64, _ kind: UInt32, _ seed: UInt64) -> [UInt32] {
    philox(
      [UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32), kind, 0], seed: seed)
  }

  private func pair(_ draw: UInt64, _ kind: UInt32, _ seed: UInt64) -> UInt64 {
    let words = block(draw / 2, kind, seed)
    let at = Int(draw % 2) * 2
    return UInt64(words[at]) | UInt64(words[at + 1]) << 32
  }

  @Test func thePublishedAnswers() {
    #expect(
      philox([0, 0, 0, 0], seed: 0) == [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8])
  }

  @Test(arguments: [(0, 0), (7, 1), (UInt64.max, 6), (1 << 40, 1 << 34)] as [(UInt64, UInt64)])
  func drawsAreWhatTheNumericsPageSays(_ seed: UInt64, _ position: UInt64) throws {
    let draws = (0..<50).map { position + $0 }
    var random = RandomState(seed: seed, position: position)
    #expect(
      try random.uniform([50], .f32).doubles()
        == draws.map { Double(block($0 / 4, 0, seed)[Int($0 % 4)] >> 8) * 0x1p-24 })
    #expect(random.position == position + 50)
    random.position = position
    #expect(
      try random.uniform([50], .f64).doubles()
        == draws.map { Double(pair($0, 1, seed) >> 11) * 0x1p-53 })
    random.position = position
    #expect(
      try random.integers([50], from: -5, to: 1_000_000_007).integers()
        == draws.map { -5 + Int(pair($0, 4, seed).multipliedFullWidth(by: 1_000_000_012).high) })
  }

  @Test func slicesOfTheStreamEqualTheWhole() throws {
    let makers: [(inout RandomState, Int) throws -> [Double]] = [
      { try $0.uniform([$1], .f32).doubles() }, { try $0.uniform([$1], .f64).doubles() },
      { try $0.normal([$1], .f32).doubles() }, { try $0.normal([$1], .f64).doubles() },
      { try $0.integers([$1], from: -9, to: 77).doubles() },
    ]
    for (kind, make) in makers.enumerated() {
      var whole = RandomState(seed: 5)
      let numbers = try make(&whole, 5000)
      for (from, count) in [(0, 1), (1, 1), (2, 3), (3, 100), (1023, 1025), (4099, 901), (4999, 1)] {
        var part = RandomState(seed: 5, position: UInt64(from))
        #expect(try make(&part, count) == Array(numbers[from..<(from + count)]), "\(kind) \(from)")
        #expect(part.position == UInt64(from + count))
      }
      var other = RandomState(seed: 6)
      #expect(try make(&other, 5000) != numbers)
    }
  }

  @Test(arguments: [DType.f32, .f64]) func uniformNumbers(_ dtype: DType) throws {
    var random = RandomState(seed: 41)
    let x = try random.uniform([200_000], dtype).doubles()
    #expect(x.allSatisfy { $0 >= 0 && $0 < 1 })
    var counts = [Int](repeating: 0, count: 20)
    for number in x { counts[Int(number * 20)] += 1 }
    // 19 degrees of freedom: a chance of one in ten thousand lies above 51.
    #expect(counts.reduce(0.0) { $0 + (Double($1) - 10_000) * (Double($1) - 10_000) / 10_000 } < 51)
  }

  @Test(arguments: [DType.f32, .f64]) func momentsOfNormalNumbers(_ dtype: DType) throws {
    var random = RandomState(seed: 42)
    let x = try random.normal([200_000], dtype).doubles()
    func moment(_ power: Int) -> Double {
      x.reduce(0.0) { sum, number in sum + (0..<power).reduce(1.0) { value, _ in value * number } }
        / Double(x.count)
    }
    #expect(x.allSatisfy { $0.isFinite })
    #expect(abs(moment(1)) < 0.01)
    #expect(abs(moment(2) - 1) < 0.015)
    #expect(abs(moment(3)) < 0.03)
    #expect(abs(moment(4) - 3) < 0.1)
    let inside = x.filter { abs($0) < 1 }.count
    #expect(abs(Double(inside) / Double(x.count) - 0.6827) < 0.005)
    // Neighbours are independent, those of one Box-Muller pair too.
    let products = stride(from: 0, to: x.count, by: 2).map { x[$0] * x[$0 + 1] }
    #expect(abs(products.reduce(0, +) / Double(products.count)) < 0.015)
  }

  @Test func integersAreInRangeAndRoughlyEven() throws {
    var random = RandomState(seed: 43)
    let x = try random.integers([100_000], from: -3, to: 7).integers()
    var counts: [Int: Int] = [:]
    for number in x { counts[number, default: 0] += 1 }
    #expect(counts.keys.sorted() == Array(-3..<7))
    #expect(counts.values.allSatisfy { abs($0 - 10_000) < 500 })
    #expect(try random.integers([100], from: 4, to: 5).integers().allSatisfy { $0 == 4 })
    let wide = try random.integers([1000], from: Int.min, to: Int.max).integers()
    #expect(abs(wide.filter { $0 < 0 }.count - 500) < 100)
  }

  @Test func permutations() throws {
    var random = RandomState(seed: 44)
    for n in [0, 1, 2, 3, 10, 1000] {
      let before = random.position
      #expect(try random.permutation(n).integers().sorted() == Array(0..<n))
      #expect(random.position == before + UInt64(max(n - 1, 0)))
    }
    var counts: [[Int]: Int] = [:]
    for _ in 0..<6000 { counts[try random.permutation(3).integers(), default: 0] += 1 }
    #expect(counts.count == 6)
    #expect(counts.values.allSatisfy { abs($0 - 1000) < 130 })
  }
}
