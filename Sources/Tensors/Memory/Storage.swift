import Synchronization

/// A buffer of elements. Each is written once, by the operation that makes it, and never after it has
/// been given to anybody: tensors are values.
final class Storage: @unchecked Sendable {
  // SAFETY: the buffer is owned by this object, valid for `byteCount` bytes until `deinit`, and only
  // written before the tensor that shows what is written is returned from the operation that made it, or
  // under the lock of `Chain` before anybody reads it.
  let buffer: UnsafeMutableRawPointer
  let byteCount: Int

  // MARK: What is put off

  /// What the buffer is to hold, while that is not computed yet. Guarded by the lock of `Chain`.
  private(set) var chain: Chain?
  /// Set while there is a chain; with it what the buffer holds.
  private let isPutOff = Atomic(false)
  private(set) var elementCount = 0
  private(set) var dtype = DType.f32

  init(byteCount: Int) throws {
    self.byteCount = byteCount
    buffer = try Memory.allocate(byteCount)
  }

  deinit { Memory.release(buffer, byteCount) }

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

  // MARK: Room to grow

  /// Rows of one size in equal blocks, of which each has room behind those that have been given out.
  struct Rows: Equatable {
    var blocks: Int
    /// Elements of a row.
    var length: Int
    /// In each block, given out so far.
    var taken: Int
  }

  /// Of what was joined from parts.
  private var rows: Rows?
  private static let rowsLock = Mutex(())

  /// Whether it holds rows that were joined to others.
  var isJoined: Bool { Self.rowsLock.withLock { _ in rows != nil } }

  /// Of a buffer that nobody else holds yet.
  func begin(_ rows: Rows) { self.rows = rows }

  /// Gives out further rows, once: whoever else goes on from the same ones has to copy them.
  func take(_ count: Int, behind rows: Rows) -> Bool {
    Self.rowsLock.withLock { _ in
      guard self.rows == rows else { return false }
      self.rows?.taken += count
      return true
    }
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
