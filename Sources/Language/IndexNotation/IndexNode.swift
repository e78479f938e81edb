import Autodiff
import Builtins
import Shapes
import Support
import Syntax
import Tensors
import Values

/// What a program is run with: the values of its inputs, and then those of its sizes.
struct IndexValues {
  // SAFETY: the run that fills them holds them on its stack, and no code keeps them after that run.
  let inputs: UnsafeMutableBufferPointer<Value>
  let sizes: UnsafeMutableBufferPointer<Value>
  var areLateKnown = false
}

/// A formula in index notation where it stands in the code.
///
/// It replays a cached plan where one holds, which takes no longer than the calls that the plan stands for.
/// Otherwise it runs in full.
final class IndexNode: Node {
  let program: IndexProgram
  private let aligned: AlignedFormula?

  init(_ program: IndexProgram, _ span: Span) {
    self.program = program
    aligned = AlignedFormula(program)
    super.init(span)
  }

  override func evaluate(_ frame: inout Frame) throws -> Value {
    if let result = try aligned?.value(&frame) {
      program.publish(result.shape, &frame)
      return .tensor(result)
    }
    let inputCount = program.inputs.count
    let count = inputCount + program.sizes.count
    return try withUnsafeTemporaryAllocation(of: Value.self, capacity: count) { buffer in
      // SAFETY: all of them are initialized before anything else, and go at the end.
      buffer.initialize(repeating: .undefined)
      defer { buffer.deinitialize() }
      let values = IndexValues(
        inputs: .init(rebasing: buffer[..<inputCount]), sizes: .init(rebasing: buffer[inputCount...]))
      for input in values.inputs.indices where !program.hasLateInputs || !program.inputs[input].usesExtents {
        values.inputs[input] = try evaluate(input, &frame)
      }
      for place in values.sizes.indices {
        values.sizes[place] = try program.sizes[place].node.evaluate(&frame)
      }
      if let memo = program.memo, memo.serves(values, in: frame.interpreter.host) {
        program.publish(memo.extents.variables, &frame)
        if let result = try run(memo.steps, memo.result, values, memo.extents) { return .tensor(result) }
      }
      return try result(values, &frame)
    }
  }

  private func evaluate(_ input: Int, _ frame: inout Frame) throws -> Value {
    try program.inputs[input].node.evaluate(&frame).read
  }

  private func result(_ values: IndexValues, _ frame: inout Frame) throws -> Value {
    try withUnsafeTemporaryAllocation(of: Int.self, capacity: program.variables.count) { buffer in
      // SAFETY: all of them are initialized here, and integers need no end.
      buffer.initialize(repeating: IndexRun.unknown)
      var values = values
      var found = buffer.mutableSpan
      var leading = ExtentSolver.Leading<Int>()
      let hasLate = program.hasLateInputs
      var isSolved = solve(values, &found, &leading, infersComputed: !hasLate)
      if isSolved, hasLate {
        program.publish(buffer, &frame)
        for input in program.lateInputs { values.inputs[input] = try evaluate(input, &frame) }
        values.areLateKnown = true
        isSolved = solve(values, &found, &leading, infersComputed: true)
      }
      var plan: IndexPlan?
      if isSolved, !buffer.contains(IndexRun.unknown) {
        program.publish(buffer, &frame)
        let (variables, areRepeated) = program.kept(buffer)
        let extents = IndexExtents(variables, leading.sizes)
        plan = self.plan(values, extents, frame.interpreter.host)
        if let plan, case .recorded(let steps, let result) = plan.state,
          let result = try run(steps, result, values, extents)
        {
          if areRepeated, !hasLate, program.memo?.isStale ?? true {
            program.memo = IndexMemo(plan, program, values, extents)
          }
          return .tensor(result)
        }
      }
      var run = IndexRun(program, values, plan, canBePlanned: isSolved, frame.interpreter)
      return try run.run(&frame)
    }
  }

  /// Whether the shapes agree and say all; where they don't, the run in full says why.
  private func solve(
    _ values: IndexValues, _ extents: inout MutableSpan<Int>, _ leading: inout ExtentSolver.Leading<Int>,
    infersComputed: Bool
  ) -> Bool {
    var origins: [ExtentSolver.Origin] = []
    do throws(ShapeMistake) {
      return try program.solve(
        &extents, &origins, &leading, infersComputed: infersComputed,
        said: { place throws(ShapeMistake) in
          switch (values.sizes[place], program.sizes[place].source) {
          case (.int(let size), _): return size
          case (let value, .binder):
            guard let size = value.asInt else { throw .notATensor(operand: 0) }
            return size
          // What a signature doesn't know it doesn't say.
          case (_, .signature): return nil
          }
        }, input: { values.inputs[$0] })
    } catch {
      return false
    }
  }

  /// The plan that holds for these inputs: a recorded or uncacheable one, else one seen once.
  private func plan(_ values: IndexValues, _ extents: IndexExtents, _ host: Capabilities) -> IndexPlan? {
    var seen: IndexPlan?
    for plan in program.plans where plan.holds(for: values.inputs, extents, in: host) {
      if !plan.isSeen { return plan }
      if seen == nil { seen = plan }
    }
    return seen
  }

  /// The result of a plan; `nil` where it ends in an error, which the run in full reports better.
  private func run(
    _ steps: [IndexPlan.Step], _ result: Int, _ values: IndexValues, _ extents: IndexExtents
  ) throws -> Variable? {
    // Throw an earlier deferred error first: these steps did not cause it.
    try LateFailure.check()
    do {
      return try IndexPlan.run(steps, result: result, values.inputs, extents)
    } catch is Interruption {
      throw Interruption()
    } catch {
      return nil
    }
  }
}
