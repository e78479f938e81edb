import CKernels
import Synchronization

/// A node of a fused elementwise graph: an operation on large operands that stays lazy until a reader asks
/// for its result, so that consecutive operations run in one pass over memory.
///
/// The bits are those of running each operation eagerly: every element goes through the same kernels. Only
/// operations on floats are lazy, as those can't fail.
final class Chain {
  enum Operation {
    case unary(UnaryFunction)
    case binary(BinaryFunction)

    var name: String {
      switch self {
      case .unary(let function): function.name
      case .binary(let function): function.name
      }
    }

    var isCheap: Bool {
      switch self {
      case .unary(let function): [.negate, .abs, .relu].contains(function)
      case .binary(let function): [.add, .subtract, .multiply, .maximum, .minimum].contains(function)
      }
    }
  }

  /// What an operation reads: all elements of a result, one that repeats, or a row that repeats.
  struct Operand {
    var storage: Storage
    let offset: Int
    let period: Int
  }

  let operation: Operation
  fileprivate var operands: [Operand]
  /// The number of lazy operations in the graph below this one, itself included.
  fileprivate let length: Int
  /// Whether all of them cost next to nothing beside reading their operands.
  fileprivate let isCheap: Bool

  private let byteCount: Int

  private init(_ operation: Operation, _ operands: [Operand], length: Int, byteCount: Int) {
    self.operation = operation
    self.operands = operands
    self.length = length
    isCheap = operation.isCheap && operands.allSatisfy { $0.storage.chain?.isCheap != false }
    self.byteCount = byteCount
    Self.lazyBytes.wrappingAdd(byteCount, ordering: .relaxed)
  }

  deinit { Self.lazyBytes.wrappingSubtract(byteCount, ordering: .relaxed) }

  /// Below this many elements an operation runs eagerly: what the caches hold gains nothing from fusion.
  private static let fewestElements = 1 << 15
  /// Above this many elements an operation runs eagerly: it would retain large operands for little gain.
  private static let mostElements = 1 << 25
  private static let mostOperations = 12
  fileprivate static let shortestRow = 16
  private static let mostRepeatedOperations = 4
  /// The most bytes of all lazy results together. Beyond it operations run eagerly, as lazy results retain
  /// their operands and the buffers between.
  private static let mostLazyBytes = 1 << 28
  private static let lazyBytes = Atomic(0)
  /// Guards every chain: materializing one may materialize those that it reads.
  private static let lock = Mutex(())

  /// Whether a result of `count` elements of a dtype is worth a call of `result`.
  @inline(__always) static func suits(_ count: Int, _ dtype: DType) -> Bool {
    count >= fewestElements && count <= mostElements && dtype.isFloat
  }

  /// The lazy result of an operation on tensors of one dtype; `nil` where the caller should run it eagerly.
  ///
  /// - Parameter count: of elements of the result, which `suits`.
  static func result(
    _ operation: Operation, _ tensors: [Tensor], _ shape: [Int], count: Int
  ) throws -> Tensor? {
    var operands: [Operand] = []
    let bytes = count * tensors[0].dtype.size
    guard lazyBytes.load(ordering: .relaxed) + bytes <= mostLazyBytes else { return nil }
    for tensor in tensors {
      // A small view of a large buffer would retain all of it.
      guard tensor.storage.byteCount <= 2 * bytes, let operand = tensor.operand(of: count) else { return nil }
      operands.append(operand)
    }
    guard operands.contains(where: { $0.period == count }) else { return nil }
    let result = try Tensor(uninitialized: tensors[0].dtype, shape)
    lock.withLock { _ in
      var length = 1
      for operand in operands {
        // A slice, or a row, of a lazy result is materialized: it cannot be fused.
        if let chain = operand.storage.chain {
          if operand.period == count, operand.offset == 0, operand.storage.elementCount == count {
            length += chain.length
          } else {
            materializeLocked(operand.storage)
          }
        }
      }
      if length > mostOperations {
        for operand in operands where operand.storage.chain != nil { materializeLocked(operand.storage) }
        length = 1
      }
      result.storage.putOff(
        Chain(operation, operands, length: length, byteCount: bytes), elementCount: count, result.dtype)
    }
    return result
  }

  /// A reduction over rows of `n` elements of a lazy storage, in the order of lanes.
  ///
  /// The elements stay lazy: mostly no other operation reads them, and computing them again is cheap. `nil`
  /// where it's better to materialize them once.
  static func reduced(_ storage: Storage, _ reduction: Reduction, rows: Int, _ n: Int, _ shape: [Int]) throws
    -> Tensor?
  {
    guard [.sum, .prod, .max, .min].contains(reduction), n > 0 else { return nil }
    return try lock.withLock { _ in
      guard let chain = storage.chain, storage.elementCount == rows * n, chain.isCheap,
        chain.length <= mostRepeatedOperations
      else { return nil }
      let result = try Tensor(uninitialized: storage.dtype, shape)
      let room = try Tensor(uninitialized: storage.dtype, [Int(attn_chain_room(Int64(rows), Int64(n)))])
      var pass = Pass()
      _ = pass.add(storage, isKept: false)
      pass.reduce(reduction, rows: rows, n, room: room, into: result)
      try Machine.checkStop()
      return result
    }
  }

  /// The source and the factor of a lazy storage that is another's elements times one number, else `nil`.
  fileprivate static func scaled(_ storage: Storage, count: Int) -> (source: Tensor, scale: Double)? {
    lock.withLock { _ -> (Tensor, Double)? in
      guard let chain = storage.chain, storage.elementCount == count, count > 1,
        case .binary(.multiply) = chain.operation, chain.operands[0].period == count,
        chain.operands[1].period == 1
      else { return nil }
      let factor = chain.operands[1]
      if factor.storage.chain != nil { materializeLocked(factor.storage) }
      // SAFETY: the factor is one element of the chain's dtype, at `offset` of a materialized buffer.
      let at = factor.storage.buffer + factor.offset * storage.dtype.size
      let scale =
        storage.dtype == .f64 ? at.load(as: Double.self) : Double(at.load(as: Float.self))
      let (source, offset) = (chain.operands[0].storage, chain.operands[0].offset)
      return (
        Tensor(storage: source, offset: offset, shape: [count], dtype: storage.dtype, count: count), scale
      )
    }
  }

  /// Materializes a lazy storage.
  static func materialize(_ storage: Storage) {
    lock.withLock { _ in materializeLocked(storage) }
  }

  private static func materializeLocked(_ storage: Storage) {
    guard storage.chain != nil else { return }
    var pass = Pass()
    _ = pass.add(storage, isKept: true)
    pass.run(storage.elementCount, storage.dtype)
  }
}

/// The operations that run together, and where their operands and results lie.
private struct Pass {
  private var slots: [attn_chain_slot] = []
  private var steps: [attn_chain_step] = []
  private var numbers: [ObjectIdentifier: Int32] = [:]
  /// The storages whose results the pass writes to memory.
  private var kept: [Storage] = []
  private var names: [String] = []
  /// Retains what the slots point to.
  private var leaves: [Storage] = []

  /// Adds the graph of a lazy storage, and returns the slot of its result.
  ///
  /// - Parameter isKept: whether the pass writes the result to the storage's buffer, for other readers.
  mutating func add(_ storage: Storage, isKept: Bool) -> Int32 {
    if let number = numbers[ObjectIdentifier(storage)] { return number }
    guard let chain = storage.chain else { preconditionFailure("only lazy operations are added") }
    let inputs = chain.operands.indices.map { index -> Int32 in
      let isAlone = isKnownUniquelyReferenced(&chain.operands[index].storage)
      let operand = chain.operands[index]
      if operand.storage.chain != nil { return add(operand.storage, isKept: !isAlone) }
      leaves.append(operand.storage)
      return slot(operand.storage.buffer + operand.offset * storage.dtype.size, operand.period)
    }
    let number = slot(isKept ? storage.buffer : nil, storage.elementCount)
    numbers[ObjectIdentifier(storage)] = number
    if isKept { kept.append(storage) }
    names.append(chain.operation.name)
    switch chain.operation {
    case .unary(let function):
      steps.append(attn_chain_step(op: Int32(function.rawValue), a: inputs[0], b: -1, y: number))
    case .binary(let function):
      steps.append(
        attn_chain_step(op: Int32(function.rawValue), a: inputs[0], b: inputs[1], y: number))
    }
    return number
  }

  private mutating func slot(_ pointer: UnsafeMutableRawPointer?, _ period: Int) -> Int32 {
    slots.append(attn_chain_slot(pointer: pointer, period: Int64(period)))
    return Int32(slots.count - 1)
  }

  func run(_ count: Int, _ dtype: DType) {
    let timer = Profile.timer()
    // SAFETY: every slot has `period` elements, and `leaves` and `kept` hold their buffers.
    attn_chain(dtype.kernel, Int64(count), Int32(slots.count), slots, Int32(steps.count), steps)
    let passes = slots.count { $0.pointer != nil && $0.period == count }
    timer?.stop(names.joined(separator: ", "), bytes: passes * count * dtype.size)
    done()
  }

  func reduce(_ reduction: Reduction, rows: Int, _ n: Int, room: Tensor, into result: Tensor) {
    let timer = Profile.timer()
    // SAFETY: as in `run`; the result has an element for each row, and `room` one for each chunk of it.
    attn_chain_reduce(
      reduction.kernel, result.dtype.kernel, Int64(rows), Int64(n), Int32(slots.count), slots,
      Int32(steps.count), steps, room.storage.pointer, result.storage.pointer)
    let passes = slots.count { $0.pointer != nil && $0.period == rows * n }
    timer?.stop(
      (names + [reduction.rawValue]).joined(separator: ", "), bytes: passes * rows * n * result.dtype.size)
    done()
    extendLifetime(room)
  }

  private func done() {
    if Machine.isStopRequested {
      // All of it stays lazy; the thread that read it throws the error later.
      LateFailure.record(Interruption())
    } else {
      for storage in kept { storage.chainIsDone() }
    }
    extendLifetime(leaves)
  }
}

extension Tensor {
  /// The source, as a tensor of one axis, and the factor whose lazy product this tensor is, else `nil`.
  func waitingScale() -> (Tensor, Double)? {
    strides == nil && offset == 0 ? Chain.scaled(storage, count: count) : nil
  }

  /// How an elementwise operation over `count` elements reads this tensor; `nil` where its strides
  /// fit none of the ways.
  fileprivate func operand(of count: Int) -> Chain.Operand? {
    if self.count == 1 { return Chain.Operand(storage: storage, offset: offset, period: 1) }
    guard let strides else {
      let isRow = self.count == count || self.count >= Chain.shortestRow
      return isRow ? Chain.Operand(storage: storage, offset: offset, period: self.count) : nil
    }
    // Leading axes that repeat, in front of elements in row-major order.
    guard self.count == count else { return nil }
    let repeated = zip(shape, strides).prefix { $0 == 1 || $1 == 0 }.count
    let row = Array(shape[repeated...])
    let period = row.reduce(1, *)
    guard period == 1 || period >= Chain.shortestRow else { return nil }
    let isInOrder = zip(zip(row, strides[repeated...]), rowMajorStrides(row)).allSatisfy { item, order in
      item.0 == 1 || item.1 == order
    }
    return isInOrder ? Chain.Operand(storage: storage, offset: offset, period: period) : nil
  }
}
