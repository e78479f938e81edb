import Tensors
import Testing

/// Fingerprints: what counts, what does not, and that they stay what they are.
@Suite struct DigestTests {
  private func digest(_ tensors: Tensor...) throws -> String {
    var digest = Digest()
    for tensor in tensors { try digest.add(tensor) }
    return digest.text
  }

  @Test func everyNaNIsOne() throws {
    let plain = try digest(Tensor([Float.nan, 1], [2]))
    for bits: UInt32 in [0x7FC0_0001, 0xFFC0_0000, 0x7F80_0001, 0xFFFF_FFFF] {
      let x = try Tensor([Float(bitPattern: bits), 1], [2])
      #expect(try digest(x) == plain)
      #expect(try Array(x.bytes().prefix(4)) == [0, 0, 0xC0, 0x7F])
    }
    let double = try digest(Tensor([Double.nan], [1]))
    for bits: UInt64 in [0x7FF8_0000_0000_0001, 0xFFF8_0000_0000_0000, 0x7FF0_0000_0000_0001] {
      #expect(try digest(Tensor([Double(bitPattern: bits)], [1])) == double)
    }
    #expect(try digest(Tensor([Float.infinity, 1], [2])) != plain)
  }

  @Test func dtypeShapeAndBitsCount() throws {
    let ones = [1.0, 1, 1, 1, 1, 1]
    let x = try Tensor(ones, [6])
    let different = [
      x, try x.reshaped([2, 3]), try x.reshaped([3, 2]), try x.reshaped([1, 6]),
      try x.converted(to: .f32), try x.converted(to: .i32), try x.converted(to: .i64),
      try x.converted(to: .bool), try Tensor(ones.dropLast() + [Double(1).nextUp], [6]),
      try Tensor([0.0], [1]), try Tensor([-0.0], [1]), try Tensor([] as [Double], [0]),
      try Tensor([] as [Double], [0, 1]),
    ]
    let digests = try different.map { try digest($0) }
    #expect(Set(digests).count == digests.count)
  }

  @Test func aViewIsItsElements() throws {
    let x = try Tensor.range(24).reshaped([4, 6])
    let view = x.swapped().sliced(axis: 0, start: 5, count: 3, step: -2)
    #expect(try digest(view) == digest(view.contiguous()))
    #expect(try digest(view) != digest(x))
    let repeated = try Tensor([7.0], [1]).expanded(to: [3, 1])
    #expect(try digest(repeated) == digest(Tensor([7.0, 7, 7], [3, 1])))
  }

  @Test func orderCounts() throws {
    let (x, y) = (try Tensor([1.0], [1]), try Tensor([2.0], [1]))
    #expect(try digest(x, y) != digest(y, x))
    #expect(try digest(x, y) != digest(x))
  }

  /// What `attn -e 'hash(...)'` prints. A change here is a change of every fingerprint there is.
  @Test func pinnedValues() throws {
    #expect(try digest(Tensor([1, 2, 3] as [Float], [3])) == "8599e876984841aa")
    #expect(try digest(Tensor([1, 2, 3, 4, 5, 6], [2, 3])) == "54142fd62136431a")
    #expect(try digest(Tensor([true, false], [2])) == "8d0c3df52d421f9e")
    #expect(try digest(Tensor([1.5], [])) == "0d02e7c32ed6113a")
    #expect(try digest(Tensor([Float.nan], [1])) == "2d1e82b882ad9c20")
    #expect(try digest(Tensor([] as [Float], [0])) == "97facbabaacb665a")
    #expect(Digest().text == "0000000000000000")
  }
}
