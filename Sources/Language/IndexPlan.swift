import Autodiff
import Builtins
import Syntax
import Tensors

/// What a run of index notation did to its inputs, to be done again where they have the same shapes:
/// views and operations in their order, with everything worked out that depends on shapes alone.
///
/// The operations are those of the run that was noted, so the bits and the gradients are too. What
/// depends on the numbers themselves, such as a check of computed positions, can't be noted.
final class IndexPlan {
  /// What an input has to be for the plan to hold.
  enum Key {
    case tensor(shape: [Int], dtype: DType)
    case int(Int)
    case float(Double)
    case bool(Bool)
    case none
    case builtin(String)

    /// `nil` for what no plan is made for.
    init?(_ value: Value) {
      switch value {
      case .tensor(let x): self = .tensor(shape: x.shape, dtype: x.dtype)
      case .int(let number): self = .int(number)
      case .float(let number): self = .float(number)
      case .bool(let flag): self = .bool(flag)
      case .none: self = .none
      case .builtin(let builtin): self = .builtin(builtin.name)
      default: return nil
      }
    }

    func holds(for value: Value) -> Bool {
      switch (self, value) {
      case (.tensor(let shape, let dtype), .tensor(let x)): x.shape == shape && x.dtype == dtype
      case (.int(let a), .int(let b)): a == b
      case (.float(let a), .float(let b)): a.bitPattern == b.bitPattern
      case (.bool(let a), .bool(let b)): a == b
      case (.none, .none): true
      case (.builtin(let a), .builtin(let b)): a == b.name
      default: false
      }
    }
  }

  enum State {
    /// Met once: a second time is worth noting.
    case met
    case noted([Step], result: Int)
    /// Its course depends on more than the keys.
    case hopeless
  }

  /// Appends one result to the values so far, of which the first are the inputs that are tensors.
  typealias Step = (inout [Variable]) throws -> Void

  let keys: [Key]
  let extents: [Int]
  let leading: [Int]
  let isRecording: Bool
  let fusesAttention: Bool
  var state = State.met
  /// Inputs that were one tensor when the plan was noted.
  var aliases: [(Int, Int)] = []

  init(_ keys: [Key], _ extents: [Int], _ leading: [Int], _ context: Context) {
    self.keys = keys
    self.extents = extents
    self.leading = leading
    isRecording = context.tape.isRecording
    fusesAttention = context.fusesAttention
  }

  func holds(in context: Context) -> Bool {
    isRecording == context.tape.isRecording && fusesAttention == context.fusesAttention
  }
}

/// Notes what a run does.
final class IndexRecorder {
  private var slots: [ObjectIdentifier: Int] = [:]
  /// Keeps identities theirs.
  private var values: [Variable] = []
  private var steps: [IndexPlan.Step] = []
  private var isBroken = false

  /// - Parameter inputs: those that are tensors, in order.
  init(_ inputs: [Variable]) {
    for input in inputs {
      // One tensor may come twice: the plan holds where it does so again.
      slots[ObjectIdentifier(input)] = values.count
      values.append(input)
    }
  }

  /// The plan depends on more than shapes.
  func breakOff() { isBroken = true }

  /// What the extents alone determine.
  func constant(_ value: Variable) {
    guard value.tensor.count <= 1 << 16 || !value.tensor.isContiguous else { return breakOff() }
    add(value) { $0.append(value) }
  }

  func note(_ result: Variable, _ x: Variable, _ operation: @escaping (Variable) throws -> Variable) {
    guard result !== x else { return }
    guard let a = slots[ObjectIdentifier(x)] else { return breakOff() }
    add(result) { $0.append(try operation($0[a])) }
  }

  func note(
    _ result: Variable, _ x: Variable, _ y: Variable,
    _ operation: @escaping (Variable, Variable) throws -> Variable
  ) {
    guard let a = slots[ObjectIdentifier(x)], let b = slots[ObjectIdentifier(y)] else { return breakOff() }
    add(result) { $0.append(try operation($0[a], $0[b])) }
  }

  private func add(_ result: Variable, _ step: @escaping IndexPlan.Step) {
    slots[ObjectIdentifier(result)] = values.count
    values.append(result)
    steps.append(step)
  }

  /// What there is to do for a result.
  func finish(_ result: Value) -> IndexPlan.State {
    guard !isBroken, case .tensor(let x) = result, let slot = slots[ObjectIdentifier(x)] else {
      return .hopeless
    }
    return .noted(steps, result: slot)
  }
}

extension IndexRun {
  /// What the nodes of extents and of signatures say, each evaluated once.
  mutating func evaluateSizes(_ frame: inout Frame) throws {
    guard program.hasGivenSizes else { return }
    given = try program.variables.map { try $0.extent?.evaluate(&frame) }
    signature = try program.variables.map { variable in
      guard case .int(let size)? = try variable.size?.evaluate(&frame) else { return nil }
      return size
    }
  }

  /// The result by a plan that holds; `nil` where there is none, or where it ends in an error, which
  /// the run itself tells better.
  mutating func planned(_ frame: inout Frame) throws -> Value? {
    let context = interpreter.context
    guard let near = program.plans.first(where: { holds($0, late: false) }) else { return nil }
    if program.hasLateInputs {
      // Whatever plan it will be, the extents are these.
      (extents, leading) = (near.extents, near.leading)
      publish(&frame)
      try evaluateLateInputs(&frame)
      (extents, leading) = ([], [])
    }
    guard
      let plan = program.hasLateInputs
        ? program.plans.first(where: { holds($0, late: false) && holds($0, late: true) }) : near
    else { return nil }
    guard case .noted(let steps, let result) = plan.state else {
      self.plan = plan
      return nil
    }
    if context.isInterrupted() { throw Interruption() }
    // An error from before is not one of these steps.
    try LateFailure.check()
    var slots: [Variable] = []
    slots.reserveCapacity(values.count + steps.count)
    for case .tensor(let x) in values { slots.append(x) }
    do {
      for step in steps { try step(&slots) }
    } catch is Interruption {
      throw Interruption()
    } catch {
      return nil
    }
    (extents, leading) = (plan.extents, plan.leading)
    publish(&frame)
    return .tensor(slots[result])
  }

  /// Whether the inputs that are evaluated late, or the others with all sizes given, are as planned.
  private func holds(_ plan: IndexPlan, late: Bool) -> Bool {
    for (index, input) in program.inputs.enumerated() where input.usesExtents == late {
      guard plan.keys[index].holds(for: values[index]) else { return false }
    }
    if late || !program.hasLateInputs {
      // One tensor in two places when it was noted may be two now.
      for (first, second) in plan.aliases {
        guard let x = values[first].variable, let y = values[second].variable, x === y else { return false }
      }
    }
    if late { return true }
    guard plan.holds(in: interpreter.context) else { return false }
    for (index, variable) in program.variables.enumerated() {
      if variable.extent != nil {
        guard let size = given[index]?.asDouble, size == Double(plan.extents[index]) else { return false }
      }
      if variable.size != nil, signature[index] != plan.extents[index] { return false }
    }
    return true
  }

  /// Begins to note the run, where its shapes have been met before.
  mutating func beginNoting() {
    guard let plan, case .met = plan.state else { return }
    recorder = IndexRecorder(values.compactMap { if case .tensor(let x) = $0 { x } else { nil } })
  }

  /// Keeps what was noted, or that these shapes have been met.
  func endNoting(_ result: Value) {
    if let recorder, let plan {
      plan.state = recorder.finish(result)
      plan.aliases = aliases
    } else if plan == nil {
      let keys = values.compactMap { IndexPlan.Key($0) }
      guard keys.count == values.count else { return }
      program.plans.insert(IndexPlan(keys, extents, leading, interpreter.context), at: 0)
      if program.plans.count > Self.mostPlans { program.plans.removeLast() }
    }
  }

  /// Pairs of inputs that are one tensor.
  private var aliases: [(Int, Int)] {
    values.indices.flatMap { second -> [(Int, Int)] in
      guard let y = values[second].variable else { return [] }
      return (0..<second).filter { values[$0].variable === y }.map { ($0, second) }
    }
  }

  /// Of one program: a layer's formula serves layers of several sizes.
  private static let mostPlans = 8
}
