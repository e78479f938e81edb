import Tensors
import Testing

/// What grows has room behind it; what nobody may see of that is in Tests/Scripts/selection/joining.attn.
@Suite(.serialized) struct JoiningTests {
  @Test func whatGrowsIsNotCopied() throws {
    let row = try Tensor.full([8, 1, 1024], 1, .f32)
    var all = [row]
    let before = Memory.liveBytes
    for _ in 0..<400 { all.append(try Tensor.concatenated([all[all.count - 1], row], axis: 1)) }
    #expect(all[400].shape == [8, 401, 1024])
    // The last is 13 MB; each in a buffer of its own they would be 2.6 GB.
    #expect(Memory.liveBytes - before < 200 << 20)
  }

  @Test func whatWasGivenOutStays() throws {
    var draws = Draws(state: 7)
    for _ in 0..<300 {
      var (tensors, expected): ([Tensor], [[Int]]) = ([try Tensor([1, 2, 3], [3])], [[1, 2, 3]])
      for step in 0..<12 {
        let from = Int.random(in: 0..<tensors.count, using: &draws)
        let added = (0..<Int.random(in: 0...3, using: &draws)).map { 10 * step + $0 }
        var (base, numbers) = (tensors[from], expected[from])
        if Bool.random(using: &draws) {
          let start = Int.random(in: 0...numbers.count / 2, using: &draws)
          let count = Int.random(in: 0...(numbers.count - start), using: &draws)
          base = base.sliced(axis: 0, start: start, count: count)
          numbers = Array(numbers[start..<(start + count)])
        }
        tensors.append(try Tensor.concatenated([base, try Tensor(added, [added.count])], axis: 0))
        expected.append(numbers + added)
      }
      for (tensor, numbers) in zip(tensors, expected) { #expect(try tensor.integers() == numbers) }
    }
  }
}
