import Tensors
import Testing

/// What tensors take, and that it is given back.
///
/// Other tests run at the same time and count too, so what is looked at here is far larger than
/// what they hold.
@Suite(.serialized) struct MemoryTests {
  private let megabyte = 1 << 20

  @Test func tooLargeATensorIsAnError() throws {
    func message(_ shape: [Int]) -> String? {
      do {
        _ = try Tensor.full(shape, 0, .f64)
        return nil
      } catch { return (error as? TensorError)?.message }
    }
    #expect(message([1 << 40]) == "out of memory: a tensor of 8.8 TB does not fit")
    #expect(message([1 << 40, 1 << 40])?.hasPrefix("out of memory: f64[") == true)
    #expect(message([Int.max, 2])?.hasPrefix("out of memory: f64[") == true)
    #expect(message([-1]) == "a size can't be negative: -1")
    #expect(message([Int](repeating: 1, count: 17)) == "a tensor has at most 16 axes, not 17")
    // Strides and parts of the shape are reckoned with too.
    #expect(message([1 << 40, 1 << 40, 0])?.hasPrefix("out of memory: f64[") == true)
    #expect(message([1 << 40, 0]) == nil)
  }

  @Test func aFailureHoldsNothing() {
    let before = Memory.liveBytes
    for _ in 0..<100 { _ = try? Tensor.full([1 << 40], 0, .f64) }
    #expect(Memory.liveBytes - before < 200 * megabyte)
  }

  @Test func liveBytesReturn() throws {
    let before = Memory.liveBytes
    do {
      let x = try Tensor.full([300 * megabyte / 4], 1, .f32)
      #expect(Memory.liveBytes - before > 200 * megabyte)
      // A view is no copy.
      let view = x.expanded(to: [1000, x.count]).swapped()
      #expect(Memory.liveBytes - before < 500 * megabyte)
      #expect(Memory.peakBytes >= 200 * megabyte)
      #expect(view.count == 1000 * x.count)
    }
    #expect(Memory.liveBytes - before < 150 * megabyte)
  }

  @Test func resultsAreFreed() throws {
    let before = Memory.liveBytes
    let x = try Tensor.full([4 * megabyte / 4], 1, .f32)
    for _ in 0..<40 {
      let y = try x.unary(.negate).binary(.add, x)
      _ = try y.reshaped([2, y.count / 2]).swapped().contiguous().reduced(.sum, axis: 1)
    }
    // 480 MB of intermediate results would be here otherwise.
    #expect(Memory.liveBytes - before < 150 * megabyte)
  }

  @Test func readableSizes() {
    #expect(Memory.readable(999) == "999 bytes")
    #expect(Memory.readable(1000) == "1.0 KB")
    #expect(Memory.readable(1_550_000_000) == "1.6 GB")
    #expect(Memory.limit > 0)
  }
}
