import Glibc

/// An allocator of large buffers: one range of addresses, whose pages the system commits when touched.
///
/// A freed buffer merges with its free neighbours, so that its memory can serve buffers of other sizes: the
/// parameters that the optimizer has replaced become activations of the next step. A buffer gets the
/// beginning of the smallest free range that it fits in.
package struct Arena: ~Copyable {
  private struct FreeRange {
    var start: Int
    var end: Int
    /// Whether its memory has been returned to the system.
    var isClean: Bool
    var count: Int { end - start }
  }

  // SAFETY: a mapping of `capacity` bytes that lasts as long as the process. The caller of `take` owns its
  // range until `give`; the arena owns the others, and never reads or writes them.
  nonisolated(unsafe) private let base: UnsafeMutableRawPointer
  private let capacity: Int
  /// From this offset on no range has ever been allocated.
  private var top = 0
  /// The free ranges in the order of their addresses. No two of one kind touch.
  private var free: [FreeRange] = []
  /// Bytes of the free ranges that still hold memory of the system.
  package private(set) var heldBytes = 0

  package static let grain = 64
  private static let hugePage = 1 << 21
  /// Ranges below this size are not worth returning to the system.
  private static let smallestHeld = 1 << 17

  /// Reserves `capacity` bytes of addresses; `nil` where the system refuses.
  package init?(capacity: Int) {
    let size = (capacity + Self.hugePage - 1) / Self.hugePage * Self.hugePage + Self.hugePage
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let mapping = mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0), mapping != MAP_FAILED else {
      return nil
    }
    // Huge pages cost fewer page faults and fewer TLB misses.
    madvise(mapping, size, MADV_HUGEPAGE)
    let address = Int(bitPattern: mapping)
    let skipped = (address + Self.hugePage - 1) / Self.hugePage * Self.hugePage - address
    base = mapping + skipped
    self.capacity = size - skipped
  }

  func contains(_ pointer: UnsafeMutableRawPointer) -> Bool { pointer >= base && pointer < base + capacity }

  private static func rounded(_ byteCount: Int) -> Int { (byteCount + grain - 1) / grain * grain }

  /// The index of the free range with which a buffer of `count` bytes begins; `free.count` for the top.
  ///
  /// It is the smallest range that holds the buffer, else the first of adjacent ranges of both kinds, the
  /// last of which may extend beyond the top.
  private func beginning(of count: Int) -> Int {
    var best: Int?
    var run = 0
    var touching: Int?
    for index in free.indices {
      let range = free[index]
      if range.count == count { return index }
      if range.count > count, best.map({ range.count < free[$0].count }) ?? true { best = index }
      if index == 0 || free[index - 1].end < range.start { run = index }
      if touching == nil, range.end - free[run].start >= count { touching = run }
    }
    if let found = best ?? touching { return found }
    return free.last?.end == top ? run : free.count
  }

  private func start(_ index: Int) -> Int { index < free.count ? free[index].start : top }

  /// Bytes that the system would have to commit for a buffer of `byteCount` bytes.
  package func bytesToAsk(for byteCount: Int) -> Int {
    let count = Self.rounded(byteCount)
    let index = beginning(of: count)
    let end = start(index) + count
    let held = free[index...].prefix { $0.start < end }.reduce(0) {
      $0 + ($1.isClean ? 0 : min($1.end, end) - $1.start)
    }
    return count - held
  }

  /// Allocates `byteCount` bytes on a 64-byte boundary; `nil` where the capacity does not suffice.
  package mutating func take(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    let count = Self.rounded(byteCount)
    let index = beginning(of: count)
    let start = start(index)
    guard count <= capacity - start else { return nil }
    let end = start + count
    var next = index
    while next < free.count, free[next].start < end {
      if !free[next].isClean { heldBytes -= min(free[next].end, end) - free[next].start }
      if free[next].end > end {
        free[next].start = end
        break
      }
      next += 1
    }
    free.removeSubrange(index..<next)
    top = max(top, end)
    return base + start
  }

  /// Frees a buffer.
  ///
  /// - Parameter isClean: whether its memory has been returned to the system.
  package mutating func give(_ pointer: UnsafeMutableRawPointer, _ byteCount: Int, isClean: Bool = false) {
    let start = pointer - base
    var range = FreeRange(start: start, end: start + Self.rounded(byteCount), isClean: isClean)
    if !isClean { heldBytes += range.count }
    var index = place(of: start)
    if index < free.count, free[index].start == range.end, free[index].isClean == isClean {
      range.end = free.remove(at: index).end
    }
    if index > 0, free[index - 1].end == start, free[index - 1].isClean == isClean {
      index -= 1
      range.start = free.remove(at: index).start
    }
    free.insert(range, at: index)
  }

  /// The index of the first free range that does not lie before an offset.
  private func place(of start: Int) -> Int {
    var (low, high) = (0, free.count)
    while low < high {
      let middle = (low + high) / 2
      if free[middle].start < start { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Removes the largest free range that holds memory. The caller returns that memory to the system and then
  /// the range to the arena, with `give`.
  package mutating func takeHeld() -> (pointer: UnsafeMutableRawPointer, byteCount: Int)? {
    var largest: Int?
    for index in free.indices where !free[index].isClean && free[index].count >= Self.smallestHeld {
      if largest.map({ free[index].count > free[$0].count }) ?? true { largest = index }
    }
    guard let index = largest else { return nil }
    let range = free.remove(at: index)
    heldBytes -= range.count
    return (base + range.start, range.count)
  }

  /// Whether the free ranges keep their invariants, for tests.
  package var isInOrder: Bool {
    let areApart = zip(free, free.dropFirst()).allSatisfy {
      $0.end < $1.start || $0.end == $1.start && $0.isClean != $1.isClean
    }
    let areInside = free.allSatisfy { $0.count > 0 && $0.end <= top }
    return areApart && areInside && heldBytes == free.reduce(0) { $0 + ($1.isClean ? 0 : $1.count) }
  }
}
