import Glibc
import Synchronization

/// The tensor buffers of the process. Small ones come from the system's allocator, larger ones from a cache
/// of size classes in front of it, because a training step asks for the same sizes every time, and large
/// ones from an `Arena`.
package enum Memory {
  /// Bytes held by live tensors.
  package static var liveBytes: Int { live.load(ordering: .relaxed) }
  /// The most bytes that were live at once since the last `resetPeak()`.
  package static var peakBytes: Int { peak.load(ordering: .relaxed) }
  /// Buffers handed out so far.
  package static var allocations: Int { handedOut.load(ordering: .relaxed) }
  package static func resetPeak() { peak.store(liveBytes, ordering: .relaxed) }

  /// The most bytes that tensors may take together: nine tenths of what the machine or the control
  /// group gives this process. Above it an operation fails instead of the process being killed.
  package static let limit: Int = {
    var bytes = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    let file = open("/sys/fs/cgroup/memory.max", O_RDONLY)
    if file >= 0 {
      var text = [UInt8](repeating: 0, count: 32)
      let count = read(file, &text, text.count)
      close(file)
      let digits = text.prefix(max(0, count)).prefix { (0x30...0x39).contains($0) }
      if let value = Int(String(decoding: digits, as: UTF8.self)) { bytes = min(bytes, value) }
    }
    return bytes / 10 * 9
  }()

  /// Throws where `byteCount` bytes, beside all that the process holds, are more than `limit`.
  ///
  /// Callers ask before strings and lists grow, whose allocation can't throw.
  ///
  /// - Parameter what: what takes the bytes, for the message: `a text of 2.1 GB`.
  @inline(__always) package static func checkRoom(
    _ byteCount: Int, for what: @autoclosure () -> String = "what is being made"
  ) throws {
    if byteCount >= worthAsking { try checkLargeRoom(byteCount, what()) }
  }

  /// Below this many bytes the check is not worth the few microseconds that it takes.
  package static let worthAsking = 1 << 24

  package static func checkLargeRoom(_ byteCount: Int, _ what: String) throws {
    if hasRoom(byteCount, besides: liveBytes) { return }
    trim()
    guard hasRoom(byteCount, besides: liveBytes) else {
      throw TensorError("out of memory: \(what) does not fit")
    }
  }

  /// - Parameter live: bytes that are allocated, whether they have been touched or not.
  private static func hasRoom(_ byteCount: Int, besides live: Int = 0) -> Bool {
    byteCount <= limit && max(residentBytes, live) <= limit - byteCount
  }

  /// The resident bytes of the process, as the system counts them.
  private static var residentBytes: Int {
    let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return 0 }
    defer { close(file) }
    var text = [UInt8](repeating: 0, count: 64)
    let count = read(file, &text, text.count)
    let fields = text.prefix(max(0, count)).split(separator: UInt8(ascii: " "))
    guard fields.count > 1, let pages = Int(String(decoding: fields[1], as: UTF8.self)) else { return 0 }
    return pages * pageSize
  }

  private static let pageSize = sysconf(Int32(_SC_PAGESIZE))

  private static let live = Atomic(0)
  private static let handedOut = Atomic(0)
  private static let peak = Atomic(0)
  /// Up to this many bytes buffers come straight from the system's allocator.
  private static let small = 4096
  /// From this many bytes on they come from the arena.
  private static let large = 1 << 18
  private static let free = Mutex(Free())

  /// The free buffers that are kept for later allocations.
  private struct Free: ~Copyable {
    // SAFETY: pointers in the lists are free blocks of their class, owned by the cache alone.
    nonisolated(unsafe) var blocks: [[UnsafeMutableRawPointer]] = Array(
      repeating: [], count: SizeClass.count)
    /// Bytes of the blocks.
    var bytes = 0
    /// `nil` before the first large buffer, and where the system has no addresses for one.
    var arena: Arena?
    var isArenaMade = false

    /// Makes the arena before the first use.
    mutating func prepareArena() {
      if isArenaMade { return }
      isArenaMade = true
      // Addresses cost nothing; twice the memory leaves capacity for fragmentation.
      arena = Arena(capacity: 2 * Memory.limit) ?? Arena(capacity: Memory.limit / 4)
    }
  }

  /// How large a block is. Classes grow by a quarter of a power of two, so that at most a fifth of a block
  /// is unused.
  private struct SizeClass {
    let index: Int

    init(index: Int) { self.index = index }

    init(for byteCount: Int) {
      let exponent = Int.bitWidth - 1 - (byteCount - 1).leadingZeroBitCount
      let base = 1 << exponent
      index = 4 * exponent + (byteCount - 1 - base) / (base / 4)
    }

    var size: Int {
      let base = 1 << (index / 4)
      return base + (index % 4 + 1) * (base / 4)
    }

    static let count = SizeClass(for: Memory.large).index + 1
  }

  static func allocate(_ byteCount: Int) throws -> UnsafeMutableRawPointer {
    guard byteCount <= limit else {
      throw TensorError("out of memory: a tensor of \(readable(byteCount)) does not fit")
    }
    handedOut.wrappingAdd(1, ordering: .relaxed)
    let total = live.wrappingAdd(byteCount, ordering: .relaxed).newValue
    if total > peak.load(ordering: .relaxed) { peak.store(total, ordering: .relaxed) }
    Profile.current?.noteAllocation(byteCount, live: total)
    if byteCount <= small, let block = malloc(max(byteCount, 16)) { return block }
    // Where the free ranges of the arena hold it, the system need not commit memory.
    let isRefused = {
      total > limit || byteCount >= worthAsking && !hasRoom(bytesToAsk(for: byteCount))
    }
    if isRefused() { trim() }
    guard !isRefused(), let block = takeFree(byteCount) ?? system(byteCount) else {
      live.wrappingSubtract(byteCount, ordering: .relaxed)
      throw TensorError("out of memory: a tensor of \(readable(byteCount)) does not fit")
    }
    return block
  }

  private static func takeFree(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    free.withLock { free in
      // SAFETY: the block leaves the lists and has one owner again.
      nonisolated(unsafe) let block: UnsafeMutableRawPointer?
      if byteCount >= large {
        free.prepareArena()
        block = free.arena?.take(byteCount)
      } else {
        let sizeClass = SizeClass(for: byteCount)
        block = free.blocks[sizeClass.index].popLast()
        if block != nil { free.bytes -= sizeClass.size }
      }
      return block
    }
  }

  private static func system(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    let size = byteCount >= large ? byteCount : SizeClass(for: byteCount).size
    return aligned_alloc(Arena.grain, (size + Arena.grain - 1) / Arena.grain * Arena.grain)
  }

  private static func bytesToAsk(for byteCount: Int) -> Int {
    free.withLock { $0.arena?.bytesToAsk(for: byteCount) ?? byteCount }
  }

  static func release(_ pointer: UnsafeMutableRawPointer, _ byteCount: Int) {
    live.wrappingSubtract(byteCount, ordering: .relaxed)
    if byteCount <= small { return Glibc.free(pointer) }
    // SAFETY: the caller passes its only reference.
    nonisolated(unsafe) let block = pointer
    let isKept = free.withLock { free in
      let hasRoom = free.bytes + (free.arena?.heldBytes ?? 0) + byteCount <= limit / 4
      if byteCount < large {
        let sizeClass = SizeClass(for: byteCount)
        guard hasRoom else { return false }
        free.blocks[sizeClass.index].append(block)
        free.bytes += sizeClass.size
        return true
      }
      guard hasRoom, free.arena?.contains(block) == true else { return false }
      free.arena?.give(block, byteCount)
      return true
    }
    if isKept { return }
    if byteCount < large { return Glibc.free(pointer) }
    if byteCount >= Disposal.large { return Disposal.free(pointer, byteCount) }
    returnToSystem(pointer, byteCount)
  }

  /// Returns a large block's memory to the system, chunk by chunk: while the system takes a chunk back, no
  /// thread of the process can begin or end.
  static func returnToSystem(_ pointer: UnsafeMutableRawPointer, _ byteCount: Int) {
    let page = 1 << 16
    let chunk = 1 << 24
    let address = Int(bitPattern: pointer)
    var start = (address + page - 1) / page * page
    let end = (address + byteCount) / page * page
    while start < end {
      let count = min(chunk, end - start)
      // SAFETY: whole pages inside the block, which no tensor refers to any more.
      madvise(UnsafeMutableRawPointer(bitPattern: start), count, MADV_DONTNEED)
      start += count
    }
    // SAFETY: the caller passes its only reference.
    nonisolated(unsafe) let block = pointer
    let isOfArena = free.withLock { free in
      guard free.arena?.contains(block) == true else { return false }
      free.arena?.give(block, byteCount, isClean: true)
      return true
    }
    if !isOfArena { Glibc.free(pointer) }
  }

  /// Returns the free buffers to the system.
  package static func trim() {
    Disposal.finish()
    // One by one, as a large one takes long, and cancellation may be requested meanwhile.
    while !Machine.isStopRequested, let block = takeCached() { Glibc.free(block) }
    while !Machine.isStopRequested, let part = takeHeld() { returnToSystem(part.pointer, part.byteCount) }
  }

  private static func takeCached() -> UnsafeMutableRawPointer? {
    free.withLock { free in
      guard let index = free.blocks.lastIndex(where: { !$0.isEmpty }) else { return nil }
      // SAFETY: the block leaves the lists and has one owner again.
      nonisolated(unsafe) let block = free.blocks[index].removeLast()
      free.bytes -= SizeClass(index: index).size
      return block
    }
  }

  private static func takeHeld() -> (pointer: UnsafeMutableRawPointer, byteCount: Int)? {
    free.withLock { free in
      // SAFETY: the range leaves the arena and has one owner.
      nonisolated(unsafe) let part = free.arena?.takeHeld()
      return part
    }
  }

  /// `1.5 GB`
  package static func readable(_ bytes: Int) -> String {
    let units = ["bytes", "KB", "MB", "GB", "TB", "PB", "EB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1000, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    if unit == 0 { return "\(bytes) bytes" }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) \(units[unit])"
  }
}
