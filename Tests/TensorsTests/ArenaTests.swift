import Tensors
import Testing

/// An arena that macros can speak of.
private final class Room {
  private var arena: Arena

  init(_ capacity: Int) throws {
    guard let arena = Arena(capacity: capacity) else { throw TensorError("no addresses") }
    self.arena = arena
  }

  var isInOrder: Bool { arena.isInOrder }
  var heldBytes: Int { arena.heldBytes }
  func take(_ count: Int) -> UnsafeMutableRawPointer? { arena.take(count) }
  func give(_ pointer: UnsafeMutableRawPointer, _ count: Int, isClean: Bool = false) {
    arena.give(pointer, count, isClean: isClean)
  }
  func takeHeld() -> (pointer: UnsafeMutableRawPointer, byteCount: Int)? { arena.takeHeld() }
  func bytesToAsk(for count: Int) -> Int { arena.bytesToAsk(for: count) }
}

struct ArenaTests {
  /// Buffers are taken and given back at random; each is filled with a number of its own, which nobody else
  /// writes over.
  @Test func nobodyGetsWhatIsAnothers() throws {
    let arena = try Room(1 << 24)
    var taken: [(pointer: UnsafeMutableRawPointer, count: Int, mark: UInt8)] = []
    var draws = Draws(state: 1)
    for round in 0..<20_000 {
      if taken.isEmpty || Bool.random(using: &draws) {
        let count = Int.random(in: 1...(1 << Int.random(in: 0...20, using: &draws)), using: &draws)
        guard let pointer = arena.take(count) else { continue }
        #expect(Int(bitPattern: pointer) % Arena.grain == 0)
        let mark = UInt8(truncatingIfNeeded: round)
        pointer.storeBytes(of: mark, as: UInt8.self)
        (pointer + count - 1).storeBytes(of: mark, as: UInt8.self)
        taken.append((pointer, count, mark))
      } else {
        let (pointer, count, mark) = taken.remove(at: Int.random(in: taken.indices, using: &draws))
        #expect(pointer.load(as: UInt8.self) == mark && (pointer + count - 1).load(as: UInt8.self) == mark)
        arena.give(pointer, count, isClean: round % 7 == 0)
      }
      if round % 97 == 0, let part = arena.takeHeld() {
        arena.give(part.pointer, part.byteCount, isClean: true)
      }
      if round % 11 == 0 { #expect(arena.isInOrder) }
    }
    for (pointer, count, _) in taken { arena.give(pointer, count) }
    #expect(arena.isInOrder)
    // All of it has grown together again.
    #expect(arena.take(1 << 24) != nil)
    #expect(arena.take(1 << 24) == nil)
  }

  @Test func freePartsMakeRoomForOtherSizes() throws {
    let arena = try Room(1 << 24)
    let small = (0..<16).compactMap { _ in arena.take(1 << 16) }
    let wall = arena.take(64)
    #expect(small.count == 16 && wall != nil)
    for pointer in small.shuffled() { arena.give(pointer, 1 << 16) }
    #expect(arena.heldBytes == 1 << 20)
    #expect(arena.bytesToAsk(for: 1 << 20) == 0)
    #expect(arena.take(1 << 20) == small.first)
    #expect(arena.heldBytes == 0)
  }

  @Test func theSmallestPartThatFitsIsTaken() throws {
    let arena = try Room(1 << 24)
    let sizes = [4096, 256, 1024, 512, 2048]
    let parts = sizes.compactMap { size in
      let pointer = arena.take(size)
      _ = arena.take(64)
      return pointer
    }
    #expect(parts.count == sizes.count)
    for (pointer, size) in zip(parts, sizes) { arena.give(pointer, size) }
    #expect(arena.take(1000) == parts[2])
    #expect(arena.take(300) == parts[3])
    #expect(arena.take(4096) == parts[0])
  }

  /// What lies free below the top, and what the system has taken back, counts.
  @Test func itTellsWhatTheSystemWouldGive() throws {
    let arena = try Room(1 << 24)
    let first = try #require(arena.take(1 << 20))
    arena.give(first, 1 << 20)
    #expect(arena.bytesToAsk(for: 1 << 20) == 0)
    #expect(arena.bytesToAsk(for: 3 << 20) == 2 << 20)
    let part = try #require(arena.takeHeld())
    #expect(part.byteCount == 1 << 20 && arena.heldBytes == 0)
    arena.give(part.pointer, part.byteCount, isClean: true)
    #expect(arena.bytesToAsk(for: 1 << 20) == 1 << 20)
    #expect(arena.takeHeld() == nil)
    #expect(arena.take(3 << 20) == first)
  }

  /// Memory that has gone back to the system does not count as held because its neighbour is.
  @Test func whatIsCleanStaysClean() throws {
    let arena = try Room(1 << 26)
    let large = try #require(arena.take(1 << 25))
    let small = try #require(arena.take(1 << 16))
    arena.give(large, 1 << 25, isClean: true)
    arena.give(small, 1 << 16)
    #expect(arena.heldBytes == 1 << 16)
    #expect(arena.bytesToAsk(for: 1 << 25) == 1 << 25)
    #expect(arena.bytesToAsk(for: 1 << 14) == 0)
    // Both together where one is too small.
    #expect(arena.bytesToAsk(for: (1 << 25) + (1 << 16)) == 1 << 25)
    #expect(arena.take((1 << 25) + (1 << 16)) == large)
    #expect(arena.heldBytes == 0 && arena.isInOrder)
  }
}
