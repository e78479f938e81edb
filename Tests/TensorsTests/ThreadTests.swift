import Tensors
import Testing

/// The same bits with any number of threads and every instruction set.
@Suite(.serialized) struct ThreadTests {
  enum Work: String, CaseIterable, Sendable {
    case product, turnedProduct, softmax, sum, ascendingSum, elementwise, normal, layers
    case attention

    func run() throws -> String {
      var random = RandomState(seed: 51)
      var digest = Digest()
      switch self {
      case .product:
        try digest.add(
          Tensor.product(random.normal([150, 200], .f32), random.normal([200, 170], .f32)))
        try digest.add(
          Tensor.product(random.normal([90, 100], .f64), random.normal([100, 110], .f64)))
      case .turnedProduct:
        let a = try random.normal([3, 120, 65], .f32)
        try digest.add(Tensor.product(a.swapped(), a))
      case .softmax: try digest.add(random.normal([200, 1500], .f32).softmax())
      case .sum:
        let x = try random.normal([1_000_003], .f32)
        try digest.add(x.reduced(.sum, axis: 0))
        try digest.add(random.normal([700, 301], .f64).reduced(.sum, axis: 1))
        try digest.add(random.normal([40, 9001], .f32).reduced(.logsumexp, axis: 1))
      case .ascendingSum: try digest.add(random.normal([900, 700], .f32).reduced(.sum, axis: 0))
      case .elementwise:
        let x = try random.normal([500, 301], .f32)
        for function in UnaryFunction.allCases where function != .not {
          try digest.add(x.unary(function))
        }
        try digest.add(x.binary(.power, x))
        try digest.add(x.converted(to: .f64).unary(.tanh))
      case .normal:
        try digest.add(random.normal([300_001], .f32))
        try digest.add(random.normal([100_001], .f64))
      case .layers:
        let x = try random.normal([300, 900], .f32)
        try digest.add(x.softmax(log: true))
        try digest.add(x.softmax().softmaxBackward(x))
        try digest.add(x.cumulativeSum(axis: 1))
        try digest.add(x.sortedPositions(descending: true))
        try digest.add(x.swapped().contiguous())
      case .attention:
        // Blocks that divide among the threads, and one that they share.
        for heads in [1, 6] {
          let (q, v) = try (random.normal([heads, 300, 40], .f32), random.normal([heads, 300, 24], .f32))
          let operands = try AttentionOperands(
            q: q, k: q, v: v, keep: Tensor.causal(300).expanded(to: [heads, 300, 300]),
            scale: ScoreScale(divides: true, number: 6, .f32))
          let (y, saved) = try operands.attended(saving: true)
          try digest.add(y)
          let (dq, dk, dv) = try operands.gradients(y, #require(saved))
          for gradient in [dq, dk, dv] { try digest.add(gradient) }
        }
      }
      return digest.text
    }
  }

  @Test(arguments: Work.allCases) func givesTheSameBits(_ work: Work) throws {
    let (threads, set) = (Machine.threadCount, Machine.instructionSet)
    defer {
      Machine.threadCount = threads
      #expect(Machine.use(set))
    }
    Machine.threadCount = 1
    try #require(Machine.use(.baseline))
    let expected = try work.run()
    for set in Machine.InstructionSet.allCases where Machine.use(set) {
      #expect(Machine.instructionSet == set)
      for threads in [1, 2, 3, 7] {
        Machine.threadCount = threads
        #expect(Machine.threadCount == threads)
        #expect(try work.run() == expected, "\(set) with \(threads) threads")
      }
    }
  }

  @Test func numbersOfThreadsAreKeptInRange() {
    let threads = Machine.threadCount
    defer { Machine.threadCount = threads }
    Machine.threadCount = 0
    #expect(Machine.threadCount == 1)
    Machine.threadCount = 1000
    #expect(Machine.threadCount == 256)
  }

  /// Script after script recurses deeper than the caller's own stack goes.
  @Test func deepStacksAreDeep() {
    func descend(_ depth: Int) -> Int { depth == 0 ? 0 : 1 + descend(depth - 1) }
    #expect(Machine.withDeepStack { descend(1_000_000) } == 1_000_000)
  }
}
