import CKernels
import Shapes

/// An immutable array of numbers: a view of a buffer through a shape and strides.
///
/// Everything here is plain arithmetic; gradients are the business of `Autodiff`.
package struct Tensor: Sendable {
  let storage: Storage
  /// Elements before the first one in the buffer.
  let offset: Int
  package let shape: [Int]
  /// Elements between neighbours along each axis; `nil` when the elements lie in row-major order.
  let strides: [Int]?
  package let dtype: DType
  /// The number of elements.
  package let count: Int

  package var rank: Int { shape.count }
  package var isContiguous: Bool { strides == nil }
  /// `f32[2, 3]`
  package var description: String { describe(dtype, shape) }
  /// Bytes of the elements.
  package var byteCount: Int { count * dtype.size }

  init(
    storage: Storage, offset: Int = 0, shape: [Int], strides: [Int]? = nil, dtype: DType, count: Int
  ) {
    self.storage = storage
    self.offset = offset
    self.shape = shape
    self.strides = strides
    self.dtype = dtype
    self.count = count
  }

  /// A new tensor with elements not yet written.
  init(uninitialized dtype: DType, _ shape: [Int]) throws {
    let count = try Self.elementCount(shape, dtype)
    self.init(
      storage: try Storage(byteCount: count * dtype.size), shape: shape, dtype: dtype, count: count)
  }

  /// The number of elements of `shape`, which is 0 where one of its sizes is 0.
  ///
  /// It throws where no tensor can have the shape: more than `highestRank` axes, a negative size, or a
  /// product of the sizes above `Int.max / 16`. Sizes of 0 are left out of that product, so the limit holds
  /// for empty shapes too: kernels and views may multiply any of the sizes, and the bytes of an element,
  /// without an overflow.
  ///
  /// - Parameter dtype: only named in the error.
  static func elementCount(_ shape: [Int], _ dtype: DType? = nil) throws -> Int {
    guard shape.count <= Self.highestRank else {
      throw TensorError("a tensor has at most \(Self.highestRank) axes, not \(shape.count)")
    }
    var product = 1
    var isEmpty = false
    for size in shape {
      guard size >= 0 else { throw TensorError("a size can't be negative: \(size)") }
      guard size > 0 else {
        isEmpty = true
        continue
      }
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      guard !overflow, next <= Int.max / 16 else {
        let what = dtype.map { describe($0, shape) } ?? "a tensor of shape \(shape)"
        throw TensorError("out of memory: \(what) does not fit")
      }
      product = next
    }
    return isEmpty ? 0 : product
  }

  /// Throws where no tensor can have a shape: asked before a view is made larger than what it shows.
  package static func checkShape(_ shape: [Int]) throws { _ = try elementCount(shape) }

  /// The most axes that the strided kernels take.
  package static let highestRank = Shapes.highestRank

  // MARK: Making tensors

  package init(_ values: [Float], _ shape: [Int]) throws {
    try self.init(copying: values, .f32, shape)
  }
  package init(_ values: [Double], _ shape: [Int]) throws {
    try self.init(copying: values, .f64, shape)
  }
  package init(_ values: [Int], _ shape: [Int]) throws {
    try self.init(copying: values, .i64, shape)
  }
  package init(_ values: [Int32], _ shape: [Int]) throws {
    try self.init(copying: values, .i32, shape)
  }
  package init(_ values: [Bool], _ shape: [Int]) throws {
    try self.init(copying: values.map { UInt8($0 ? 1 : 0) }, .bool, shape)
  }

  private init<Element>(copying values: [Element], _ dtype: DType, _ shape: [Int]) throws {
    try self.init(uninitialized: dtype, shape)
    precondition(values.count == count, "the shape holds as many elements as there are values")
    // SAFETY: both buffers hold `byteCount` bytes, checked above.
    try values.withUnsafeBytes { try write($0) }
  }

  /// Little-endian elements as they stand in a file.
  package init(bytes: ArraySlice<UInt8>, _ dtype: DType, _ shape: [Int]) throws {
    try self.init(uninitialized: dtype, shape)
    guard bytes.count == byteCount else {
      throw TensorError("\(describe(dtype, shape)) takes \(byteCount) bytes, not \(bytes.count)")
    }
    // SAFETY: the buffer holds `byteCount` bytes, checked above.
    try bytes.withUnsafeBytes { try write($0) }
  }

  /// Writes the elements of a new tensor, as many bytes as it has.
  private func write(_ bytes: UnsafeRawBufferPointer) throws {
    guard let base = bytes.baseAddress else { return }
    for start in stride(from: 0, to: bytes.count, by: Self.longestCopy) {
      // SAFETY: both buffers reach as far as `bytes` does.
      (storage.pointer + start).copyMemory(
        from: base + start, byteCount: Swift.min(Self.longestCopy, bytes.count - start))
      try Machine.checkStop()
    }
  }

  /// Bytes that a copy moves between two checks for cancellation.
  private static let longestCopy = 1 << 22

  /// Every element `value`.
  package static func full(_ shape: [Int], _ value: Double, _ dtype: DType) throws -> Tensor {
    let result = try Tensor(uninitialized: dtype, shape)
    try result.fill(value)
    return result
  }

  package static func scalar(_ value: Double, _ dtype: DType) throws -> Tensor {
    try full([], value, dtype)
  }

  package static func scalar(_ value: Int, _ dtype: DType = .i64) throws -> Tensor {
    if dtype == .i64 { return try Tensor([value], []) }
    return try full([], Double(value), dtype)
  }

  private func misfit(_ value: Double) -> TensorError {
    TensorError("\(value) does not fit in \(dtype.name)")
  }

  private func fill(_ value: Double) throws {
    func fill<Element>(_ element: Element) {
      // SAFETY: the kernel reads one element and writes `count` of the same size.
      withUnsafeBytes(of: element) {
        attn_fill(Int32(dtype.size), Int64(count), $0.baseAddress, storage.pointer)
      }
    }
    switch dtype {
    case .f32: fill(Float(value))
    case .f64: fill(value)
    case .i32:
      guard let whole = Int32(exactly: value.rounded(.towardZero)) else { throw misfit(value) }
      fill(whole)
    case .i64:
      guard let whole = Int64(exactly: value.rounded(.towardZero)) else { throw misfit(value) }
      fill(whole)
    case .bool: fill(UInt8(value != 0 ? 1 : 0))
    }
    try Machine.checkStop()
  }

  /// `start, start + step, …` as i64.
  package static func range(_ n: Int, start: Int = 0, step: Int = 1) throws -> Tensor {
    let result = try Tensor(uninitialized: .i64, [n])
    // SAFETY: the buffer holds n 64-bit integers.
    attn_range(
      Int64(n), Int64(start), Int64(step),
      result.storage.pointer.assumingMemoryBound(to: Int64.self))
    try Machine.checkStop()
    return result
  }

  /// NaN in every place of a shape, in a buffer of one element.
  package static func standIn(_ shape: [Int]) -> Tensor {
    guard let nan = try? Tensor([Float.nan], []) else { preconditionFailure("16 bytes can be had") }
    return nan.expanded(to: shape)
  }

  // MARK: Reading elements

  /// Materializes the elements if they are lazy.
  package func materialize() { _ = pointer }

  // SAFETY: points at this view's first element; strides keep every element inside the buffer.
  var pointer: UnsafeMutableRawPointer { storage.pointer + offset * dtype.size }

  // SAFETY: only for contiguous tensors; the closure must not let the buffer out.
  func withElements<Element, Result>(
    as type: Element.Type, _ body: (UnsafeBufferPointer<Element>) throws -> Result
  ) rethrows -> Result {
    precondition(isContiguous)
    defer { extendLifetime(self) }
    return try body(
      UnsafeBufferPointer(start: pointer.assumingMemoryBound(to: Element.self), count: count))
  }

  /// The elements in row-major order, as numbers (true is 1).
  package func doubles() throws -> [Double] {
    let tensor = try contiguous()
    return switch dtype {
    case .f32: try tensor.mapped { (x: Float) in Double(x) }
    case .f64: try tensor.mapped { (x: Double) in x }
    case .i32: try tensor.mapped { (x: Int32) in Double(x) }
    case .i64: try tensor.mapped { (x: Int64) in Double(x) }
    case .bool: try tensor.mapped { (x: UInt8) in Double(x) }
    }
  }

  /// The elements of an integer or bool tensor in row-major order.
  package func integers() throws -> [Int] {
    let tensor = try contiguous()
    return switch dtype {
    case .i32: try tensor.mapped { (x: Int32) in Int(x) }
    case .i64: try tensor.mapped { (x: Int64) in Int(x) }
    case .bool: try tensor.mapped { (x: UInt8) in Int(x) }
    case .f32: try tensor.mapped { (x: Float) in Int(exactly: x.rounded(.towardZero)) ?? 0 }
    case .f64: try tensor.mapped { (x: Double) in Int(exactly: x.rounded(.towardZero)) ?? 0 }
    }
  }

  /// What a closure makes of the elements of a contiguous tensor.
  private func mapped<Element, Result>(_ transform: (Element) -> Result) throws -> [Result] {
    try Memory.checkRoom(count * MemoryLayout<Result>.stride, for: "a list of \(count) numbers")
    return try withElements(as: Element.self) { elements in
      try Disposal.making { (result: inout [Result]) in
        result.reserveCapacity(count)
        for start in stride(from: 0, to: count, by: 1 << 16) {
          let end = Swift.min(start + 1 << 16, count)
          result.append(contentsOf: elements[start..<end].lazy.map(transform))
          try Machine.checkStop()
        }
      }
    }
  }

  /// The elements as little-endian bytes, every NaN as the canonical quiet one.
  package func bytes() throws -> [UInt8] {
    try Memory.checkRoom(byteCount, for: "a list of \(byteCount) bytes")
    return try Disposal.making { (result: inout [UInt8]) in
      result.reserveCapacity(byteCount)
      try appendBytes(to: &result)
    }
  }

  /// Appends the bytes that `bytes` returns.
  package func appendBytes(to result: inout [UInt8]) throws {
    let tensor = try contiguous()
    defer { extendLifetime(tensor) }
    let chunk = Self.longestCopy / dtype.size
    for start in stride(from: 0, to: count, by: chunk) {
      let count = Swift.min(chunk, count - start)
      result += [UInt8](unsafeUninitializedCapacity: count * dtype.size) { buffer, initialized in
        // SAFETY: the array has the capacity for these elements, and the kernel writes all of them.
        attn_canonical_nans(
          dtype.kernel, Int64(count), tensor.pointer + start * dtype.size, buffer.baseAddress)
        initialized = count * dtype.size
      }
      try Machine.checkStop()
    }
  }

  /// The element at a position, as a number.
  package func number(at position: [Int]) -> Double {
    let pointer = element(at: position)
    // SAFETY: `element(at:)` points at an element of this dtype.
    return switch dtype {
    case .f32: Double(pointer.load(as: Float.self))
    case .f64: pointer.load(as: Double.self)
    case .i32: Double(pointer.load(as: Int32.self))
    case .i64: Double(pointer.load(as: Int64.self))
    case .bool: Double(pointer.load(as: UInt8.self))
    }
  }

  /// The element of an integer or bool tensor at a position.
  package func integer(at position: [Int]) -> Int {
    let pointer = element(at: position)
    // SAFETY: `element(at:)` points at an element of this dtype.
    return switch dtype {
    case .i32: Int(pointer.load(as: Int32.self))
    case .i64: Int(pointer.load(as: Int64.self))
    case .bool: Int(pointer.load(as: UInt8.self))
    case .f32, .f64: Int(number(at: position))
    }
  }

  private func element(at position: [Int]) -> UnsafeMutableRawPointer {
    precondition(position.count == rank, "a position has a coordinate for each axis")
    let strides = elementStrides
    var at = 0
    for (axis, coordinate) in position.enumerated() {
      precondition(coordinate >= 0 && coordinate < shape[axis], "the position is inside the shape")
      at += coordinate * strides[axis]
    }
    return pointer + at * dtype.size
  }

  /// The only element of a tensor that holds one.
  package var item: Double { number(at: [Int](repeating: 0, count: rank)) }
  package var integerItem: Int { integer(at: [Int](repeating: 0, count: rank)) }
}
