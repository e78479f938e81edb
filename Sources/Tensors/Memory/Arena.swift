import Glibc

/// Room for large buffers: one stretch of addresses, of which the system gives memory to what is touched.
/// What is given back grows together with its free neighbours, so that buffers of one size make room for
/// those of another: what the optimizer has replaced, for the activations of the next step.
///
/// A buffer gets the smallest free part that it fits in, and the part's beginning.
package struct Arena: ~Copyable {
  private struct Part {
    var start: Int
    var end: Int
    /// Whether the system has its memory.
    var isClean: Bool
    var count: Int { end - start }
  }

  // SAFETY: a mapping of `capacity` bytes that lasts as long as the process. Parts of it are owned by who
  // has taken them, the others by the arena, which never looks into them.
  nonisolated(unsafe) private let base: UnsafeMutableRawPointer
  private let capacity: Int
  /// Nothing has been taken from here on.
  private var top = 0
  /// In the order of their addresses. No two of one kind touch.
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

  /// Where a buffer of so many bytes begins: with a free part, or with `free.count`, at the top.
  ///
  /// The smallest part that it fits in, else parts of both kinds that touch, the last of which may go on
  /// beyond the top.
  private func beginning(of count: Int) -> Int {
    var best: Int?
    var run = 0
    var touching: Int?
    for index in free.indices {
      let part = free[index]
      if part.count == count { return index }
      if part.count > count, best.map({ part.count < free[$0].count }) ?? true { best = index }
      if index == 0 || free[index - 1].end < part.start { run = index }
      if touching == nil, part.end - free[run].start >= count { touching = run }
    }
    if let found = best ?? touching { return found }
    return free.last?.end == top ? run : free.count
  }

  private func start(_ index: Int) -> Int { index < free.count ? free[index].start : top }

  /// What a buffer of so many bytes would make the system give.
  package func bytesToAsk(for byteCount: Int) -> Int {
    let count = Self.rounded(byteCount)
    let index = beginning(of: count)
    let end = start(index) + count
    let held = free[index...].prefix { $0.start < end }.reduce(0) {
      $0 + ($1.isClean ? 0 : min($1.end, end) - $1.start)
    }
    return count - held
  }

  /// A buffer of so many bytes on a 64-byte boundary; `nil` where there is no room.
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

  /// Takes a buffer back.
  ///
  /// - Parameter isClean: whether its memory has gone back to the system.
  package mutating func give(_ pointer: UnsafeMutableRawPointer, _ byteCount: Int, isClean: Bool = false) {
    let start = pointer - base
    var part = Part(start: start, end: start + Self.rounded(byteCount), isClean: isClean)
    if !isClean { heldBytes += part.count }
    var index = place(of: start)
    if index < free.count, free[index].start == part.end, free[index].isClean == isClean {
      part.end = free.remove(at: index).end
    }
    if index > 0, free[index - 1].end == start, free[index - 1].isClean == isClean {
      index -= 1
      part.start = free.remove(at: index).start
    }
    free.insert(part, at: index)
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
    var largest: Int?
    for index in free.indices where !free[index].isClean && free[index].count >= Self.smallestHeld {
      if largest.map({ free[index].count > free[$0].count }) ?? true { largest = index }
    }
    guard let index = largest else { return nil }
    let part = free.remove(at: index)
    heldBytes -= part.count
    return (base + part.start, part.count)
  }

  /// Whether free parts are what they should be, for tests.
  package var isInOrder: Bool {
    let areApart = zip(free, free.dropFirst()).allSatisfy {
      $0.end < $1.start || $0.end == $1.start && $0.isClean != $1.isClean
    }
    let areInside = free.allSatisfy { $0.count > 0 && $0.end <= top }
    return areApart && areInside && heldBytes == free.reduce(0) { $0 + ($1.isClean ? 0 : $1.count) }
  }
}
