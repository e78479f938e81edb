import CKernels
import Synchronization

/// An elementwise operation on large operands that is put off until somebody reads its result, so that
/// operations one after the other run in one pass over memory.
///
/// The bits are those of running each at once: every element goes through the same kernels. Only
/// operations on floats are put off, as those can't fail.
final class Chain {
  enum Operation {
    case unary(UnaryFunction)
    case binary(BinaryFunction)

    var name: String {
      switch self {
      case .unary(let function): function.rawValue
      case .binary(let function): function.rawValue
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
  /// How many operations wait, with those of the operands.
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
    Self.waitingBytes.wrappingAdd(byteCount, ordering: .relaxed)
  }

  deinit { Self.waitingBytes.wrappingSubtract(byteCount, ordering: .relaxed) }

  /// Below this many elements an operation runs at once: what the caches hold gains nothing.
  private static let fewestElements = 1 << 15
  /// What is larger would hold on to its operands for little.
  private static let mostElements = 1 << 25
  private static let mostOperations = 12
  fileprivate static let shortestRow = 16
  private static let mostRepeatedOperations = 4
  /// What results that wait take together. Beyond it they are computed at once, lest what they hold,
  /// their operands and the buffers between, add up.
  private static let mostWaitingBytes = 1 << 28
  private static let waitingBytes = Atomic(0)
  /// Guards every chain: who settles one may settle those that it reads.
  private static let lock = Mutex(())

  /// Whether so many results of a dtype are worth a question to `result`.
  @inline(__always) static func suits(_ count: Int, _ dtype: DType) -> Bool {
    count >= fewestElements && count <= mostElements && dtype.isFloat
  }

  /// The result of an operation on tensors of one dtype, left for later; `nil` where it had better run at
  /// once.
  ///
  /// - Parameter count: of elements of the result, which `suits`.
  static func result(
    _ operation: Operation, _ tensors: [Tensor], _ shape: [Int], count: Int
  ) throws -> Tensor? {
    var operands: [Operand] = []
    let bytes = count * tensors[0].dtype.size
    guard waitingBytes.load(ordering: .relaxed) + bytes <= mostWaitingBytes else { return nil }
    for tensor in tensors {
      // A small part of a large buffer would keep all of it.
      guard tensor.storage.byteCount <= 2 * bytes, let operand = tensor.operand(of: count) else { return nil }
      operands.append(operand)
    }
    guard operands.contains(where: { $0.period == count }) else { return nil }
    let result = try Tensor(uninitialized: tensors[0].dtype, shape)
    lock.withLock { _ in
      var length = 1
      for operand in operands {
        // A part, or a row, of what is not there yet is not worth waiting for.
        if let chain = operand.storage.chain {
          if operand.period == count, operand.offset == 0, operand.storage.elementCount == count {
            length += chain.length
          } else {
            settleLocked(operand.storage)
          }
        }
      }
      if length > mostOperations {
        for operand in operands where operand.storage.chain != nil { settleLocked(operand.storage) }
        length = 1
      }
      result.storage.putOff(
        Chain(operation, operands, length: length, byteCount: bytes), elementCount: count, result.dtype)
    }
    return result
  }

  /// A reduction of rows of `n` elements of what a storage is to hold, in the order of lanes. The elements
  /// still wait: more often than not nobody else reads them, and they are soon computed again. `nil` where
  /// it's better to compute them once.
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

  /// What a storage is to hold, where that is another's elements times one number.
  fileprivate static func scaled(_ storage: Storage, count: Int) -> (source: Tensor, scale: Double)? {
    lock.withLock { _ -> (Tensor, Double)? in
      guard let chain = storage.chain, storage.elementCount == count, count > 1,
        case .binary(.multiply) = chain.operation, chain.operands[0].period == count,
        chain.operands[1].period == 1
      else { return nil }
      let factor = chain.operands[1]
      if factor.storage.chain != nil { settleLocked(factor.storage) }
      // SAFETY: the factor is one element of the chain's dtype, at `offset` of a buffer that is settled.
      let at = factor.storage.buffer + factor.offset * storage.dtype.size
      let scale =
        storage.dtype == .f64 ? at.load(as: Double.self) : Double(at.load(as: Float.self))
      let (source, offset) = (chain.operands[0].storage, chain.operands[0].offset)
      return (
        Tensor(storage: source, offset: offset, shape: [count], dtype: storage.dtype, count: count), scale
      )
    }
  }

  /// Computes what a storage is to hold.
  static func settle(_ storage: Storage) {
    lock.withLock { _ in settleLocked(storage) }
  }

  private static func settleLocked(_ storage: Storage) {
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
  /// Those whose results are written out.
  private var kept: [Storage] = []
  private var names: [String] = []
  /// Holds what the slots point to.
  private var leaves: [Storage] = []

  /// The slot of what a storage is to hold. It is written to its buffer where others may read it too.
  mutating func add(_ storage: Storage, isKept: Bool) -> Int32 {
    if let number = numbers[ObjectIdentifier(storage)] { return number }
    guard let chain = storage.chain else { preconditionFailure("only what is put off is added") }
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
      steps.append(attn_chain_step(op: Int32(function.kernel.rawValue), a: inputs[0], b: -1, y: number))
    case .binary(let function):
      steps.append(
        attn_chain_step(op: Int32(function.kernel.rawValue), a: inputs[0], b: inputs[1], y: number))
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
    // SAFETY: as in `run`; the result has an element for each row, and the room one for each chunk of it.
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
      // All of it waits as before; whoever asked for it is told in the end.
      LateFailure.note(Interruption())
    } else {
      for storage in kept { storage.chainIsDone() }
    }
    extendLifetime(leaves)
  }
}

extension Tensor {
  /// The elements in a row and the number whose product this tensor waits to be computed as.
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
