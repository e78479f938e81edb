import Autodiff
import Tensors
import Testing

/// A constant matrix keeps the transposed view that was asked of it, and nobody keeps more.
@Suite struct TransposedViewTests {
  private func ones(_ shape: [Int]) throws -> Variable { Variable(try Tensor.full(shape, 1, .f32)) }

  @Test func isMadeOnce() throws {
    let x = try ones([3, 2])
    #expect(x.swapped() === x.swapped())
    #expect(x.swapped().shape == [2, 3])
  }

  @Test(arguments: [[3, 2], [3, 1], [1, 3], [1, 1], [2, 3, 2]])
  func hasNoViewOfItsOwn(_ shape: [Int]) throws {
    let x = try ones(shape)
    // A chain of views would live as long as x does, however long it is.
    weak let third = x.swapped().swapped()
    #expect(third == nil)
    #expect(x.shape == shape)
  }

  @Test func isNotThatOfARecordedMatrix() throws {
    let x = try ones([3, 2])
    let tape = Tape()
    try tape.recording {
      let tracked = tape.input(x)
      #expect(tracked.swapped().isTracked)
      #expect(!x.swapped().isTracked)
      let gradient = try tape.gradient(of: (tracked.swapped() * tracked.swapped()).sum(), for: [tracked])
      #expect(try gradient[0]?.tensor.doubles() == [2, 2, 2, 2, 2, 2])
    }
  }
}
