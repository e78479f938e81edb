import Builtins
import Support
import Tensors

/// The inputs of a run by a plan: where the next ones are of the same kinds and shapes, it is the plan for
/// them, and their extents are known.
///
/// `IndexNode` asks it before every run of a formula, which may be as small as a sum of four numbers. So it
/// compares plain numbers in its own memory, without reference counting on arrays.
final class IndexMemo {
  let extents: IndexExtents
  let steps: [IndexPlan.Step]
  let result: Int
  private let plan: IndexPlan
  private let hasAliases: Bool
  private let count: Int
  // SAFETY: this object owns both, and frees them in `deinit`.
  private let keys: UnsafeMutablePointer<IndexPlan.Key>
  /// The shapes of the inputs that are tensors, one behind the other.
  private let sizes: UnsafeMutablePointer<Int>
  /// The variables whose extents are said, too.
  private let said: [Int]
  /// Runs since the last one that it served.
  @exclusivity(unchecked) private var misses = 0

  /// `nil` where the plan has no recorded steps.
  init?(_ plan: IndexPlan, _ program: IndexProgram, _ values: IndexValues, _ extents: IndexExtents) {
    guard case .recorded(let steps, let result) = plan.state else { return nil }
    (self.plan, self.steps, self.result, self.extents) = (plan, steps, result, extents)
    said = program.sizes.map(\.variable)
    hasAliases = plan.hasAliases
    count = plan.keys.count
    keys = .allocate(capacity: count)
    keys.initialize(from: plan.keys, count: count)
    let shapes = values.inputs.flatMap { $0.variable?.shape ?? [] }
    sizes = .allocate(capacity: shapes.count)
    sizes.initialize(from: shapes, count: shapes.count)
  }

  deinit {
    keys.deallocate()
    sizes.deallocate()
  }

  func serves(_ values: IndexValues, in host: Capabilities) -> Bool {
    let holds =
      holds(for: values) && plan.holds(in: host) && (!hasAliases || plan.haveAliases(values.inputs))
    misses = holds ? 0 : misses + 1
    return holds
  }

  /// Whether it is worth another one's place: where several kinds of inputs take turns, one has to stay.
  var isStale: Bool { misses > 8 }

  private func holds(for values: IndexValues) -> Bool {
    var sizes = self.sizes
    for number in 0..<count {
      let key = keys[number]
      if case .tensor(let x) = values.inputs[number] {
        guard key.isTensor(of: x.dtype, rank: x.shape.count) else { return false }
        for size in x.shape {
          guard size == sizes.pointee else { return false }
          sizes += 1
        }
      } else {
        guard IndexPlan.Key(values.inputs[number]) == key else { return false }
      }
    }
    for place in values.sizes.indices {
      guard case .int(extents.variables[said[place]]) = values.sizes[place] else { return false }
    }
    return true
  }
}
