import Synchronization

/// A buffer of elements.
///
/// The operation that makes an element writes it once, before any other code can read it: tensors are
/// values.
final class Storage: @unchecked Sendable {
  // SAFETY: the buffer is owned by this object, valid for `byteCount` bytes until `deinit`, and only
  // written before the operation returns the tensor that shows what is written, or under the lock of
  // `Chain` before a reader gets the pointer.
  let buffer: UnsafeMutableRawPointer
  let byteCount: Int

  // MARK: Lazy elements

  /// The fused elementwise graph that computes the elements, while they are lazy. The lock of `Chain` guards
  /// it.
  private(set) var chain: Chain?
  /// Whether there is a chain. `elementCount` and `dtype` describe its result.
  private let isLazy = Atomic(false)
  private(set) var elementCount = 0
  private(set) var dtype = DType.f32

  init(byteCount: Int) throws {
    self.byteCount = byteCount
    buffer = try Memory.allocate(byteCount)
  }

  deinit { Memory.release(buffer, byteCount) }

  /// The elements, which this materializes if they are lazy.
  var pointer: UnsafeMutableRawPointer {
    if isLazy.load(ordering: .acquiring) { Chain.materialize(self) }
    return buffer
  }

  // MARK: A transposed copy

  /// A row-major copy of the column-major matrix in this buffer, and the number of its rows.
  ///
  /// A product of a few rows with a matrix reads the matrix once, several times as fast row by row. Such
  /// a matrix is a weight used as Wᵀ while a model generates one token at a time.
  private var transposed: (storage: Storage, rows: Int)?
  private var transposedUses: UInt8 = 0
  private static let transposedLock = Mutex(())
  private static let usesBeforeTransposing = 3

  /// The buffer of the row-major copy, which lives as long as this storage.
  ///
  /// `Tensor.product` asks for it before a product of few rows. The first two calls return `nil`, since a
  /// copy pays only when it is read again and again; the third runs `make` and caches its result. A call
  /// also returns `nil` where `make` throws, for want of memory or on cancellation: the product then reads
  /// the matrix with its strides.
  ///
  /// - Parameters:
  ///   - rows: the rows of the matrix. Only the first matrix shape of this buffer gets a copy; for another
  ///     number of rows the result is `nil`.
  ///   - make: copies the matrix in row-major order.
  func turnedCopy(rows: Int, _ make: () throws -> Storage) -> Storage? {
    let (held, isDue) = Self.transposedLock.withLock { _ in
      if transposedUses < Self.usesBeforeTransposing { transposedUses += 1 }
      return (transposed, transposedUses == Self.usesBeforeTransposing)
    }
    if let held { return held.rows == rows ? held.storage : nil }
    guard isDue, let made = try? make() else { return nil }
    Self.transposedLock.withLock { _ in
      if transposed == nil { transposed = (made, rows) }
    }
    return made
  }

  // MARK: Capacity to grow

  /// Rows of one size in equal blocks. Each block has capacity behind the rows that tensors show.
  struct Rows: Equatable {
    var blocks: Int
    /// Elements of a row.
    var length: Int
    /// Rows of each block that tensors show so far.
    var taken: Int
  }

  /// The rows of a buffer that `Tensor.concatenated` made, else `nil`.
  private var rows: Rows?
  private static let rowsLock = Mutex(())

  /// Whether `Tensor.concatenated` made this buffer.
  var isJoined: Bool { Self.rowsLock.withLock { _ in rows != nil } }

  /// Sets the rows of a new buffer, which only the caller holds.
  func begin(_ rows: Rows) { self.rows = rows }

  /// Reserves `count` rows behind `rows` for the caller. Only the first caller for the same `rows` gets
  /// true; any other has to copy them.
  func take(_ count: Int, behind rows: Rows) -> Bool {
    Self.rowsLock.withLock { _ in
      guard self.rows == rows else { return false }
      self.rows?.taken += count
      return true
    }
  }

  // MARK: Beginning and end of laziness

  func putOff(_ chain: Chain, elementCount: Int, _ dtype: DType) {
    self.chain = chain
    self.elementCount = elementCount
    self.dtype = dtype
    isLazy.store(true, ordering: .releasing)
  }

  func chainIsDone() {
    chain = nil
    isLazy.store(false, ordering: .releasing)
  }
}
