import Autodiff
import Builtins
import Syntax
import Tensors
import Values

/// The recorded trace of a run of index notation, which later runs replay on inputs of the same kinds.
///
/// It holds views and operations in their order. Ranks, dtypes and plain numbers are already resolved in it.
/// The operations are those of the recorded run, so the bits and the gradients are the same. A step that
/// depends on the elements themselves, such as a check of computed positions, can't be recorded.
final class IndexPlan {
  /// What an input has to be for the plan to hold: compared without a look into arrays or strings.
  struct Key: Equatable {
    private enum Kind { case tensor, int, float, bool, none, builtin }
    private let kind: Kind
    private let dtype: DType
    /// The rank of a tensor, else what the value is.
    private let bits: UInt64

    private init(_ kind: Kind, _ bits: UInt64, _ dtype: DType = .bool) {
      (self.kind, self.bits, self.dtype) = (kind, bits, dtype)
    }

    func isTensor(of dtype: DType, rank: Int) -> Bool {
      kind == .tensor && self.dtype == dtype && bits == UInt64(rank)
    }

    /// `nil` for what no plan is made for.
    init?(_ value: Value) {
      switch value {
      case .tensor(let x): self.init(.tensor, UInt64(x.rank), x.dtype)
      case .int(let number): self.init(.int, UInt64(bitPattern: Int64(number)))
      case .float(let number): self.init(.float, number.bitPattern)
      case .bool(let flag): self.init(.bool, flag ? 1 : 0)
      case .none: self.init(.none, 0)
      // The table of builtins stays as long as the program does.
      case .builtin(let primitive): self.init(.builtin, UInt64(UInt(bitPattern: ObjectIdentifier(primitive))))
      default: return nil
      }
    }
  }

  enum State {
    /// One run has seen inputs of these kinds; the second such run is recorded.
    case seen
    case recorded([Step], result: Int)
    /// Uncacheable: the operations depend on more than the keys.
    case uncacheable
  }

  /// An operation and its operands: inputs by their number, then the results so far.
  enum Step {
    case constant(Variable)
    case one(Int, (Variable) throws -> Variable)
    case sized(Int, (Variable, IndexExtents) throws -> Variable)
    case two(Int, Int, (Variable, Variable) throws -> Variable)
  }

  let keys: [Key]
  private let isRecording: Bool
  private let fusesAttention: Bool
  @exclusivity(unchecked) private(set) var state = State.seen
  /// The extents that it holds for, where it doesn't hold for all.
  @exclusivity(unchecked) private var onlyFor: IndexExtents?
  /// Pairs of inputs that were one tensor in the recorded run.
  @exclusivity(unchecked) private var aliases: [(Int, Int)] = []

  init(_ keys: [Key], onlyFor extents: IndexExtents?, _ host: Capabilities) {
    self.keys = keys
    onlyFor = extents
    isRecording = host.tape.isRecording
    fusesAttention = host.tape.fusesAttention
  }

  /// Takes over the recording of a run with these extents that gave `result`.
  func finish(
    _ recorder: IndexRecorder, _ result: Value, _ extents: IndexExtents, aliases: [(Int, Int)]
  ) {
    state = recorder.finish(result)
    if recorder.readExtents { onlyFor = extents }
    self.aliases = aliases
  }

  var isSeen: Bool { if case .seen = state { true } else { false } }

  /// Whether it holds for some extents only.
  var isExact: Bool { onlyFor != nil }

  /// Whether its state, recorded or not, applies to inputs like these.
  func holds(
    for inputs: UnsafeMutableBufferPointer<Value>, _ extents: IndexExtents, in host: Capabilities
  ) -> Bool {
    guard holds(in: host) else { return false }
    for input in inputs.indices where Key(inputs[input]) != keys[input] { return false }
    if let onlyFor, onlyFor != extents { return false }
    return haveAliases(inputs)
  }

  func holds(in host: Capabilities) -> Bool {
    isRecording == host.tape.isRecording && fusesAttention == host.tape.fusesAttention
  }

  var hasAliases: Bool { !aliases.isEmpty }

  /// Whether inputs that were one tensor in the recorded run are one tensor again.
  func haveAliases(_ inputs: UnsafeMutableBufferPointer<Value>) -> Bool {
    for (first, second) in aliases {
      guard let x = inputs[first].variable, let y = inputs[second].variable, x === y else {
        return false
      }
    }
    return true
  }

  /// The result of the steps.
  static func run(
    _ steps: [Step], result: Int, _ inputs: UnsafeMutableBufferPointer<Value>, _ extents: IndexExtents
  ) throws -> Variable {
    if steps.count == 1, result == inputs.count { return try steps[0].made(of: inputs, [], extents) }
    var made: [Variable] = []
    made.reserveCapacity(steps.count)
    for step in steps { made.append(try step.made(of: inputs, made, extents)) }
    return operand(result, inputs, made)
  }

  /// An operand by its number: of the inputs, then of the results so far.
  fileprivate static func operand(
    _ number: Int, _ inputs: UnsafeMutableBufferPointer<Value>, _ made: [Variable]
  ) -> Variable {
    if number >= inputs.count { return made[number - inputs.count] }
    guard case .tensor(let x) = inputs[number] else { preconditionFailure("a tensor as before") }
    return x
  }
}

extension IndexPlan.Step {
  fileprivate func made(
    of inputs: UnsafeMutableBufferPointer<Value>, _ made: [Variable], _ extents: IndexExtents
  ) throws -> Variable {
    func operand(_ number: Int) -> Variable { IndexPlan.operand(number, inputs, made) }
    switch self {
    case .constant(let value): return value
    case .one(let x, let operation): return try operation(operand(x))
    case .sized(let x, let operation): return try operation(operand(x), extents)
    case .two(let x, let y, let operation): return try operation(operand(x), operand(y))
    }
  }
}

/// Records the operations of a run.
final class IndexRecorder {
  private var slots: [ObjectIdentifier: Int] = [:]
  /// Holds the variables, so that no new object reuses the identity of a recorded one.
  private var values: [Variable] = []
  /// The number of the result to come.
  private var next: Int
  private var steps: [IndexPlan.Step] = []
  private var isBroken = false
  /// A recorded step depends on the extents of this run.
  private(set) var readExtents = false

  init(_ inputs: [Value]) {
    for (number, input) in inputs.enumerated() {
      guard case .tensor(let x) = input else { continue }
      // One tensor may come twice: the plan holds where it does so again.
      slots[ObjectIdentifier(x)] = number
      values.append(x)
    }
    next = inputs.count
  }

  /// Aborts the recording: the run depends on more than the kinds of its inputs.
  func abort() { isBroken = true }

  func dependsOnExtents() { readExtents = true }

  /// - Parameter hangsOnExtents: else the numbers beside the tensors determine it alone.
  func constant(_ value: Variable, hangsOnExtents: Bool = true) {
    if hangsOnExtents { readExtents = true }
    guard value.tensor.count <= 1 << 16 || !value.tensor.isContiguous else { return abort() }
    add(value, .constant(value))
  }

  func record(_ result: Variable, _ x: Variable, _ operation: @escaping (Variable) throws -> Variable) {
    guard result !== x else { return }
    guard let a = slots[ObjectIdentifier(x)] else { return abort() }
    add(result, .one(a, operation))
  }

  /// - Parameter x: takes another shape, which the extents say.
  func record(
    _ result: Variable, sized x: Variable,
    _ operation: @escaping (Variable, IndexExtents) throws -> Variable
  ) {
    guard result !== x else { return dependsOnExtents() }
    guard let a = slots[ObjectIdentifier(x)] else { return abort() }
    add(result, .sized(a, operation))
  }

  func record(
    _ result: Variable, _ x: Variable, _ y: Variable,
    _ operation: @escaping (Variable, Variable) throws -> Variable
  ) {
    guard let a = slots[ObjectIdentifier(x)], let b = slots[ObjectIdentifier(y)] else { return abort() }
    add(result, .two(a, b, operation))
  }

  private func add(_ result: Variable, _ step: IndexPlan.Step) {
    slots[ObjectIdentifier(result)] = next
    next += 1
    values.append(result)
    steps.append(step)
  }

  /// The state of the plan that computes this result.
  func finish(_ result: Value) -> IndexPlan.State {
    guard !isBroken, case .tensor(let x) = result, let slot = slots[ObjectIdentifier(x)] else {
      return .uncacheable
    }
    return .recorded(steps, result: slot)
  }
}

extension IndexRun {
  /// Begins to record the run, where an earlier run has seen inputs of these kinds.
  mutating func beginRecording() {
    if let plan, plan.isSeen { recorder = IndexRecorder(values) }
  }

  /// Caches the recording, or the fact that a run has seen inputs of these kinds.
  func endRecording(_ result: Value) {
    guard canBePlanned else { return }
    if let plan {
      if let recorder { plan.finish(recorder, result, found, aliases: aliases) }
      return
    }
    let keys = values.compactMap { IndexPlan.Key($0) }
    guard keys.count == values.count else { return }
    // Where the formula itself reads extents, a recording holds for the same extents only.
    let isExact = program.plans.contains { $0.isExact && $0.keys == keys }
    program.plans.insert(
      IndexPlan(keys, onlyFor: isExact ? found : nil, interpreter.host), at: 0)
    if program.plans.count > Self.mostPlans { program.plans.removeLast() }
  }

  /// Pairs of inputs that are one tensor.
  private var aliases: [(Int, Int)] {
    values.indices.flatMap { second -> [(Int, Int)] in
      guard let y = values[second].variable else { return [] }
      return (0..<second).filter { values[$0].variable === y }.map { ($0, second) }
    }
  }

  /// Of one program: it serves several kinds of inputs, and some plans hold for one size only.
  private static let mostPlans = 8
}
