import Glibc

/// Room for large buffers: one stretch of addresses, of which the system gives memory to what is touched.
/// What is given back grows together with its free neighbours, so that buffers of one size make room for
/// those of another: what the optimizer has replaced, for the activations of the next step.
///
/// A buffer gets the smallest free part that it fits in, and the part's beginning.
package struct Arena: ~Copyable {
  private struct Part {
    var start: Int
    var count: Int
    /// Whether the system has its memory.
    var isClean: Bool
    var end: Int { start + count }
  }

  // SAFETY: a mapping of `capacity` bytes that lasts as long as the process. Parts of it are owned by who
  // has taken them, the others by the arena, which never looks into them.
  nonisolated(unsafe) private let base: UnsafeMutableRawPointer
  private let capacity: Int
  /// Nothing has been taken from here on.
  private var top = 0
  /// In the order of their addresses. No two touch.
  private var free: [Part] = []
  /// Of the free parts, what the system has given memory to.
  package private(set) var heldBytes = 0

  package static let grain = 64
  private static let largePage = 1 << 21
  /// Parts below this size are not worth giving back.
  private static let smallestHeld = 1 << 17

  /// Reserves addresses for so many bytes; `nil` where they can't be had.
  package init?(capacity: Int) {
    let size = (capacity + Self.largePage - 1) / Self.largePage * Self.largePage + Self.largePage
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let mapping = mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0), mapping != MAP_FAILED else {
      return nil
    }
    // Large pages take fewer faults to get and fewer misses to walk through.
    madvise(mapping, size, MADV_HUGEPAGE)
    let address = Int(bitPattern: mapping)
    let skipped = (address + Self.largePage - 1) / Self.largePage * Self.largePage - address
    base = mapping + skipped
    self.capacity = size - skipped
  }

  func contains(_ pointer: UnsafeMutableRawPointer) -> Bool { pointer >= base && pointer < base + capacity }

  private static func rounded(_ byteCount: Int) -> Int { (byteCount + grain - 1) / grain * grain }

  /// The smallest free part of so many bytes.
  private func smallest(of count: Int) -> Int? {
    var best: Int?
    for index in free.indices where free[index].count >= count {
      if let known = best, free[known].count <= free[index].count { continue }
      best = index
      if free[index].count == count { break }
    }
    return best
  }

  /// What a buffer of so many bytes would make the system give, as far as is known.
  package func bytesToAsk(for byteCount: Int) -> Int {
    let count = Self.rounded(byteCount)
    if let best = smallest(of: count) { return free[best].isClean ? count : 0 }
    guard let last = free.last, last.end == top, !last.isClean else { return count }
    return count - last.count
  }

  /// A buffer of so many bytes on a 64-byte boundary; `nil` where there is no room.
  package mutating func take(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    let count = Self.rounded(byteCount)
    if let best = smallest(of: count) {
      let part = free[best]
      if part.count == count {
        free.remove(at: best)
      } else {
        free[best].start += count
        free[best].count -= count
      }
      if !part.isClean { heldBytes -= count }
      return base + part.start
    }
    // Beyond the top, with what is free just below it.
    let start = free.last.map { $0.end == top ? $0.start : top } ?? top
    guard count <= capacity - start else { return nil }
    if start < top {
      let part = free.removeLast()
      if !part.isClean { heldBytes -= part.count }
    }
    top = start + count
    return base + start
  }

  /// Takes a buffer back.
  ///
  /// - Parameter isClean: whether its memory has gone back to the system.
  package mutating func give(_ pointer: UnsafeMutableRawPointer, _ byteCount: Int, isClean: Bool = false) {
    var part = Part(start: pointer - base, count: Self.rounded(byteCount), isClean: isClean)
    if !isClean { heldBytes += part.count }
    var index = place(of: part.start)
    if index < free.count, free[index].start == part.end { merge(free.remove(at: index), into: &part) }
    if index > 0, free[index - 1].end == part.start {
      index -= 1
      merge(free.remove(at: index), into: &part)
    }
    free.insert(part, at: index)
  }

  /// What is partly held counts as held.
  private mutating func merge(_ other: Part, into part: inout Part) {
    if other.isClean != part.isClean { heldBytes += other.isClean ? other.count : part.count }
    part = Part(
      start: min(part.start, other.start), count: part.count + other.count,
      isClean: part.isClean && other.isClean)
  }

  /// The first free part that does not lie before an address.
  private func place(of start: Int) -> Int {
    var (low, high) = (0, free.count)
    while low < high {
      let middle = (low + high) / 2
      if free[middle].start < start { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Takes the largest free part that has memory, for who gives that back to the system and then the part
  /// to the arena.
  package mutating func takeHeld() -> (pointer: UnsafeMutableRawPointer, byteCount: Int)? {
    let held = free.indices.filter { !free[$0].isClean && free[$0].count >= Self.smallestHeld }
    guard let index = held.max(by: { free[$0].count < free[$1].count }) else { return nil }
    let part = free.remove(at: index)
    heldBytes -= part.count
    return (base + part.start, part.count)
  }

  /// Whether free parts are what they should be, for tests.
  package var isInOrder: Bool {
    let areApart = zip(free, free.dropFirst()).allSatisfy { $0.end < $1.start }
    let areInside = free.allSatisfy { $0.count > 0 && $0.end <= top }
    return areApart && areInside && heldBytes == free.reduce(0) { $0 + ($1.isClean ? 0 : $1.count) }
  }
}
