import Shapes
import Values

/// The axes of a function's signature: checked at each call, and the sizes of their names left in its frame.
struct AxisCheck {
  private let solver: ExtentSolver
  /// Where the parameters that have axes stand in the frame.
  private let slots: [Int]
  /// The position of each, for what mistakes mark.
  private let positions: [Int]
  /// The model's own parameters that are names of axes, the solver's first, by their position there.
  private let given: [Int]
  /// Where the body finds the sizes.
  private let sizes: [(name: Int, slot: Int)]

  var isEmpty: Bool { slots.isEmpty }

  init(
    _ parameters: [FunctionCode.Parameter], modelSizes: [(name: String, position: Int)],
    sizes: [(name: String, slot: Int)]
  ) {
    positions = parameters.indices.filter { parameters[$0].axes != nil }
    slots = positions.map { parameters[$0].slot }
    given = modelSizes.map(\.position)
    let solver = ExtentSolver(
      positions.map { (number: $0, axes: parameters[$0].axes ?? []) }, names: modelSizes.map(\.name))
    self.solver = solver
    self.sizes = sizes.compactMap { size in
      solver.names.firstIndex(of: size.name).map { ($0, size.slot) }
    }
  }

  /// Leaves the sizes in the frame, or says what disagrees, and with what.
  func check(_ frame: inout Frame) throws(ShapeMistake) {
    if (try? solve(&frame, recordsOrigins: false)) == nil {
      try solve(&frame, recordsOrigins: true)
    }
  }

  private func solve(_ frame: inout Frame, recordsOrigins: Bool) throws(ShapeMistake) {
    try withUnsafeTemporaryAllocation(of: Int.self, capacity: solver.names.count) {
      buffer throws(ShapeMistake) in
      // SAFETY: all of them are initialized here, and integers need no end.
      buffer.initialize(repeating: Int.unknown)
      var found = buffer.mutableSpan
      var origins: [ExtentSolver.Origin] = []
      if recordsOrigins { origins = Array(repeating: .caller, count: found.count) }
      var leading = ExtentSolver.Leading<Int>()
      for (name, position) in given.enumerated() {
        if let size = frame.model?.arguments[position].asInt { found[name] = size }
      }
      _ = try solver.solveNumbers(&found, &origins, &leading) { operand throws(ShapeMistake) in
        try Self.shape(of: frame.locals[slots[operand]], positions[operand])
      }
      for (name, slot) in sizes where found[name] != .unknown { frame.locals[slot] = .int(found[name]) }
    }
  }

  /// `nil` for `none`, which stands for no tensor.
  @inline(__always)
  private static func shape(of value: Value, _ position: Int) throws(ShapeMistake) -> [Int]? {
    switch value {
    case .tensor(let x): return x.shape
    case .none: return nil
    default:
      if value.isNone { return nil }
      if let variable = value.variable { return variable.shape }
      guard value.isNumberOrBool else { throw .notATensor(operand: position) }
      return []
    }
  }
}
