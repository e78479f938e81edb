import Tensors

/// A tensor, and where it stands on a tape when gradients are being recorded.
///
/// Its value never changes, so it may be shared freely by what one thread runs; two variables with one
/// tensor are the same value.
package final class Variable {
  private var made: Made
  package let shape: [Int]
  package let dtype: DType
  let tape: Tape?
  /// The tape's generation when it was made: an older variable is a constant.
  let generation: Int
  /// The cached transposed view of a constant matrix: layers read their weights as Wᵀ again and again.
  var transposedView: Variable?

  private enum Made {
    /// The entry on the tape that made it, if any.
    case value(Tensor, node: Int)
    /// Lazy scores of attention.
    case pending(PendingScores)
  }

  package init(_ tensor: Tensor) {
    made = .value(tensor, node: -1)
    (shape, dtype) = (tensor.shape, tensor.dtype)
    tape = nil
    generation = 0
  }

  init(_ tensor: Tensor, tape: Tape, node: Int) {
    made = .value(tensor, node: node)
    (shape, dtype) = (tensor.shape, tensor.dtype)
    self.tape = tape
    generation = tape.generation
  }

  init(_ pending: PendingScores) {
    made = .pending(pending)
    (shape, dtype) = (pending.shape, pending.dtype)
    tape = pending.tape
    generation = pending.tape?.generation ?? 0
  }

  package var tensor: Tensor {
    if case .value(let tensor, _) = made { return tensor }
    return materialized.tensor
  }

  var node: Int {
    if case .value(_, let node) = made { return node }
    return materialized.node
  }

  /// The lazy scores, until a reader materializes them.
  var pending: PendingScores? {
    if case .pending(let pending) = made { return pending }
    return nil
  }

  package var rank: Int { shape.count }
  /// `f32[2, 3]`, also while the values are lazy.
  package var description: String { describe(dtype, shape) }

  /// Whether an operation on it is recorded.
  package var isTracked: Bool {
    guard let tape else { return false }
    return tape.isRecording && generation == tape.generation
  }

  /// Materializes the values if they are lazy.
  package func materialize() throws {
    guard case .pending(let pending) = made else { return }
    let value = try pending.composite()
    made = .value(value.tensor, node: value.node)
  }

  /// The materialized tensor and its entry on the tape.
  ///
  /// Operations that accept lazy scores materialize them first and pass the error on. Where one doesn't,
  /// this returns NaNs and records the error as a `LateFailure`.
  private var materialized: (tensor: Tensor, node: Int) {
    do { try materialize() } catch {
      LateFailure.record(error)
      return (Tensor.standIn(shape), -1)
    }
    guard case .value(let tensor, let node) = made else { preconditionFailure("made above") }
    return (tensor, node)
  }

  /// The same value, through which no gradient flows.
  package var detached: Variable { tape == nil ? self : Variable(tensor) }
}

/// Which of an operation's inputs need their gradient.
package struct NeededGradients: Sendable {
  var bits: UInt64
  /// Inputs beyond the 64th always are.
  package subscript(input: Int) -> Bool { input >= 64 || bits & (1 << UInt64(input)) != 0 }
}

/// Gives the gradients of an operation's inputs from that of its result.
///
/// Written over variables, so that a gradient can be differentiated again; what it captures of the
/// forward pass is kept until the gradient has been taken.
package typealias Pullback = (Variable, NeededGradients) throws -> [Variable?]

/// The record of the operations between some variables and a result, in the order they ran.
///
/// One tape serves a session. `gradient(of:for:)` may be called while an outer gradient is still
/// recording: the pullbacks are then recorded too, which makes gradients of gradients.
package final class Tape {
  private struct Entry {
    var inputs: [Int]
    var pullback: Pullback?
  }

  private var entries: [Entry] = []
  private(set) var generation = 0
  /// How many gradients are being taken, one inside the other.
  private(set) var depth = 0
  package var isRecording: Bool { records }
  /// Whether scores and weights that nothing else reads may be computed inside one kernel, a strip
  /// at a time. The bits are the same; a tool that shows the scores themselves turns it off.
  package var fusesAttention: Bool {
    get { fuses }
    set { fuses = newValue }
  }
  // Read at every operation; the attribute counts inside this module only.
  @exclusivity(unchecked) private var records = false
  @exclusivity(unchecked) private var fuses = true

  package init() {}

  /// Runs `body`, which takes gradients on this tape; the record is dropped when the outermost ends.
  package func recording<Result>(_ body: () throws -> Result) rethrows -> Result {
    let wasRecording = isRecording
    depth += 1
    records = true
    defer {
      depth -= 1
      records = wasRecording
      if depth == 0 {
        entries.removeAll(keepingCapacity: entries.count < 100_000)
        generation += 1
      }
    }
    return try body()
  }

  /// Runs `body` without recording anything in it.
  package func paused<Result>(_ body: () throws -> Result) rethrows -> Result {
    let wasRecording = isRecording
    records = false
    defer { records = wasRecording }
    return try body()
  }

  /// A variable that gradients can be taken for. An outer gradient flows through it to `variable`.
  package func input(_ variable: Variable) -> Variable {
    let isTracked = variable.isTracked
    return append(variable.tensor, [isTracked ? variable.node : -1]) { dy, _ in [dy] }
  }

  func append(_ tensor: Tensor, _ inputs: [Int], _ pullback: @escaping Pullback) -> Variable {
    Variable(tensor, tape: self, node: append(inputs, pullback))
  }

  /// The number of a new entry, whose value is made elsewhere.
  func append(_ inputs: [Int], _ pullback: @escaping Pullback) -> Int {
    entries.append(Entry(inputs: inputs, pullback: pullback))
    return entries.count - 1
  }

  /// The gradients of a result of one element for variables made by `input(_:)`; `nil` where the
  /// result does not depend on one.
  ///
  /// Adjoints add in reverse order of the tape.
  package func gradient(of y: Variable, for xs: [Variable]) throws -> [Variable?] {
    guard y.isTracked, let first = xs.map(\.node).min(), y.node >= first else {
      return xs.map { _ in nil }
    }
    // Whether an entry depends on one of the xs.
    var depends = [Bool](repeating: false, count: y.node - first + 1)
    for x in xs where x.node <= y.node { depends[x.node - first] = true }
    for node in first...y.node where !depends[node - first] {
      depends[node - first] = entries[node].inputs.contains { $0 >= first && depends[$0 - first] }
    }
    let isInput = Set(xs.map(\.node))
    var adjoints = [Variable?](repeating: nil, count: depends.count)
    adjoints[y.node - first] = Variable(try Tensor.full(y.shape, 1, y.dtype))

    func walk() throws {
      for node in stride(from: y.node, through: first, by: -1) {
        guard depends[node - first], let dy = adjoints[node - first], !isInput.contains(node) else {
          continue
        }
        adjoints[node - first] = nil
        let inputs = entries[node].inputs
        guard let pullback = entries[node].pullback else {
          preconditionFailure("a record is read once when nothing outer needs it")
        }
        var demand = NeededGradients(bits: 0)
        for (position, input) in inputs.enumerated()
        where position < 64 && input >= first && depends[input - first] {
          demand.bits |= 1 << UInt64(position)
        }
        let gradients = try pullback(dy, demand)
        for (input, gradient) in zip(inputs, gradients) {
          guard let gradient, input >= first, depends[input - first] else { continue }
          if let sum = adjoints[input - first] {
            adjoints[input - first] = try sum + gradient
          } else {
            adjoints[input - first] = gradient
          }
        }
        if depth == 1 { entries[node].pullback = nil }
      }
    }
    if depth > 1 { try walk() } else { try paused(walk) }
    return xs.map { adjoints[$0.node - first] }
  }
}

extension Variable {
  /// Records an operation whose inputs are `inputs`; gives a constant when none is tracked.
  static func make(_ tensor: Tensor, _ inputs: [Variable], _ pullback: @escaping Pullback)
    -> Variable
  {
    guard let tape = inputs.first(where: \.isTracked)?.tape else { return Variable(tensor) }
    return tape.append(tensor, inputs.map { $0.isTracked ? $0.node : -1 }, pullback)
  }

  /// Records an operation whose pullback reads its own result.
  static func make(
    _ tensor: Tensor, _ inputs: [Variable],
    reading pullback: @escaping (_ y: Variable, _ dy: Variable, NeededGradients) throws -> [Variable?]
  ) -> Variable {
    guard let tape = inputs.first(where: \.isTracked)?.tape else { return Variable(tensor) }
    // The result's own place on the tape is known before it is made.
    let box = Box()
    let result = tape.append(tensor, inputs.map { $0.isTracked ? $0.node : -1 }) { dy, demand in
      try pullback(
        box.result.map { Variable(tensor, tape: $0.tape, node: $0.node) } ?? Variable(tensor), dy,
        demand)
    }
    box.result = (tape, result.node)
    return result
  }

  private final class Box {
    var result: (tape: Tape, node: Int)?
  }
}
