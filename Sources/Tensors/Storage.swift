import CKernels
import Glibc
import Synchronization

/// A buffer of elements. It is written once, by the operation that makes it, and never after it
/// has been given to anybody: tensors are values.
final class Storage: @unchecked Sendable {
  // SAFETY: the buffer is owned by this object, valid for `byteCount` bytes until `deinit`, and only
  // written before the tensor that holds it is returned from the operation that made it, or under the
  // lock of `Chain` before anybody reads it.
  let buffer: UnsafeMutableRawPointer
  let byteCount: Int
  private let sizeClass: Memory.SizeClass

  // MARK: What is put off

  /// What the buffer is to hold, while that is not computed yet. Guarded by the lock of `Chain`.
  private(set) var chain: Chain?
  /// Set while there is a chain; with it what the buffer holds.
  private let isPutOff = Atomic(false)
  private(set) var elementCount = 0
  private(set) var dtype = DType.f32

  init(byteCount: Int) throws {
    self.byteCount = byteCount
    (buffer, sizeClass) = try Memory.allocate(byteCount)
  }

  deinit { Memory.release(buffer, byteCount, sizeClass) }

  /// The elements, computed now if they were put off.
  var pointer: UnsafeMutableRawPointer {
    if isPutOff.load(ordering: .acquiring) { Chain.settle(self) }
    return buffer
  }

  // MARK: A copy the other way round

  /// The numbers of a matrix column after column, for products with single rows, which go through it row
  /// after row several times as fast: a weight used as Wᵀ, when tokens are generated one at a time.
  private var turned: (storage: Storage, rows: Int)?
  private var turnedUses: UInt8 = 0
  private static let turnedLock = Mutex(())
  private static let usesBeforeTurning = 3

  /// The buffer that `make` gives, kept as long as this one; `nil` until it has been asked for a few times.
  ///
  /// - Parameter rows: of the matrix that this buffer holds column after column. Only the first shape has
  ///   a copy.
  func turnedCopy(rows: Int, _ make: () throws -> Storage) -> Storage? {
    let (held, isDue) = Self.turnedLock.withLock { _ in
      if turnedUses < Self.usesBeforeTurning { turnedUses += 1 }
      return (turned, turnedUses == Self.usesBeforeTurning)
    }
    // Where there is no room for it, or a stop has been requested, this goes on without.
    if let held { return held.rows == rows ? held.storage : nil }
    guard isDue, let made = try? make() else { return nil }
    Self.turnedLock.withLock { _ in
      if turned == nil { turned = (made, rows) }
    }
    return made
  }

  // MARK: Putting off

  func putOff(_ chain: Chain, elementCount: Int, _ dtype: DType) {
    self.chain = chain
    self.elementCount = elementCount
    self.dtype = dtype
    isPutOff.store(true, ordering: .releasing)
  }

  func chainIsDone() {
    chain = nil
    isPutOff.store(false, ordering: .releasing)
  }
}

/// The tensor buffers of the process: a cache of size classes in front of the system's allocator,
/// because a training step asks for the same sizes every time.
package enum Memory {
  /// Bytes held by live tensors.
  package static var liveBytes: Int { live.load(ordering: .relaxed) }
  /// The most bytes that were live at once since the last `resetPeak()`.
  package static var peakBytes: Int { peak.load(ordering: .relaxed) }
  /// Buffers handed out so far.
  package static var allocations: Int { handedOut.load(ordering: .relaxed) }
  package static func resetPeak() { peak.store(liveBytes, ordering: .relaxed) }

  /// What tensors may take together: nine tenths of the memory that the machine or the control
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

  /// Throws where so many bytes, beside all that the process holds, are more than `limit`: before texts
  /// and lists grow, whose allocation can't fail.
  ///
  /// - Parameter what: what takes them, for the message: `a text of 2.1 GB`.
  @inline(__always) package static func checkRoom(
    _ byteCount: Int, for what: @autoclosure () -> String = "what is being made"
  ) throws {
    if byteCount >= worthAsking { try checkLargeRoom(byteCount, what()) }
  }

  /// What is smaller is not worth the few microseconds that the question takes.
  package static let worthAsking = 1 << 24

  package static func checkLargeRoom(_ byteCount: Int, _ what: String) throws {
    if hasRoom(byteCount, besides: liveBytes) { return }
    trim()
    guard hasRoom(byteCount, besides: liveBytes) else {
      throw TensorError("out of memory: \(what) does not fit")
    }
  }

  /// - Parameter live: what is known to be taken, written to or not.
  private static func hasRoom(_ byteCount: Int, besides live: Int = 0) -> Bool {
    byteCount <= limit && max(residentBytes, live) <= limit - byteCount
  }

  /// What the process has in memory, as the system counts it.
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
  private static let smallest = 4096
  private static let largePage = 1 << 21
  /// Requests from this size on are served from larger free blocks before memory is asked for.
  private static let worthSharing = 1 << 18
  private static let cache = Mutex(Cache())

  private struct Cache: ~Copyable {
    // SAFETY: pointers in the lists are free blocks of their class, owned by the cache alone.
    nonisolated(unsafe) var free: [[UnsafeMutableRawPointer]] = Array(
      repeating: [], count: SizeClass.count + SizeClass.largerOnes)
    var bytes = 0
  }

  /// How large a block is. Classes grow by a quarter of a power of two, so that at most a fifth of a block
  /// that is made for a request is unused.
  struct SizeClass: Equatable {
    fileprivate let index: Int

    fileprivate init(_ index: Int) { self.index = index }

    fileprivate init(for byteCount: Int) {
      let exponent = Int.bitWidth - 1 - (byteCount - 1).leadingZeroBitCount
      let base = 1 << exponent
      index = 4 * exponent + (byteCount - 1 - base) / (base / 4)
    }

    fileprivate var size: Int {
      let base = 1 << (index / 4)
      return base + (index % 4 + 1) * (base / 4)
    }

    /// Not from the cache.
    fileprivate static let small = SizeClass(0)
    fileprivate static let count = 4 * 40
    /// Classes above that of a request of which a free block will do: up to one and a half times as large.
    fileprivate static let largerOnes = 2
  }

  static func allocate(_ byteCount: Int) throws -> (UnsafeMutableRawPointer, SizeClass) {
    // Sizes above the limit have no class.
    guard byteCount <= limit else {
      throw TensorError("out of memory: a tensor of \(readable(byteCount)) does not fit")
    }
    handedOut.wrappingAdd(1, ordering: .relaxed)
    let total = live.wrappingAdd(byteCount, ordering: .relaxed).newValue
    if total > peak.load(ordering: .relaxed) { peak.store(total, ordering: .relaxed) }
    Profile.current?.noteAllocation(byteCount, live: total)
    if byteCount <= smallest {
      return (UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 16), alignment: 16), .small)
    }
    let wanted = SizeClass(for: byteCount)
    if let (block, sizeClass) = takeCached(wanted, orLarger: byteCount >= worthSharing) {
      return (block, sizeClass)
    }
    if total > limit || byteCount >= worthAsking && !hasRoom(byteCount) { trim() }
    // Large pages take fewer faults to get and fewer misses to walk through.
    let size = wanted.size
    let boundary = size >= largePage ? largePage : 64
    guard total <= limit, byteCount < worthAsking || hasRoom(byteCount),
      let block = aligned_alloc(boundary, (size + boundary - 1) / boundary * boundary)
    else {
      live.wrappingSubtract(byteCount, ordering: .relaxed)
      throw TensorError("out of memory: a tensor of \(readable(byteCount)) does not fit")
    }
    if size >= largePage { madvise(block, size / largePage * largePage, MADV_HUGEPAGE) }
    return (block, wanted)
  }

  private static func takeCached(
    _ wanted: SizeClass, orLarger: Bool
  ) -> (UnsafeMutableRawPointer, SizeClass)? {
    cache.withLock { cache in
      for index in wanted.index...(wanted.index + (orLarger ? SizeClass.largerOnes : 0)) {
        guard let block = cache.free[index].popLast() else { continue }
        cache.bytes -= SizeClass(index).size
        // SAFETY: the block leaves the cache and has one owner again.
        nonisolated(unsafe) let taken = block
        return (taken, SizeClass(index))
      }
      return nil
    }
  }

  static func release(_ pointer: UnsafeMutableRawPointer, _ byteCount: Int, _ sizeClass: SizeClass) {
    live.wrappingSubtract(byteCount, ordering: .relaxed)
    if sizeClass == .small { return pointer.deallocate() }
    let size = sizeClass.size
    // SAFETY: the caller gives up its only reference.
    nonisolated(unsafe) let block = pointer
    let isKept = cache.withLock { cache in
      guard cache.bytes + size <= limit / 4 else { return false }
      cache.free[sizeClass.index].append(block)
      cache.bytes += size
      return true
    }
    guard !isKept else { return }
    if byteCount >= Disposal.large { Disposal.free(pointer, byteCount) } else { free(pointer) }
  }

  private static func takeLargest() -> UnsafeMutableRawPointer? {
    cache.withLock { cache in
      guard let index = cache.free.indices.last(where: { !cache.free[$0].isEmpty }) else { return nil }
      // SAFETY: the block leaves the cache and has one owner again.
      nonisolated(unsafe) let block = cache.free[index].removeLast()
      cache.bytes -= SizeClass(index).size
      return block
    }
  }

  /// Gives the cached blocks back to the system.
  package static func trim() {
    Disposal.finish()
    // Block by block, as a large one takes its time, and a stop may be requested meanwhile.
    while !Machine.isStopRequested, let block = takeLargest() { free(block) }
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
