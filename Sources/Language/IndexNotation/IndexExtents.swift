import Autodiff
import Builtins
import Shapes
import Tensors

/// How large each index runs, and the sizes of the leading axes.
struct IndexExtents: Equatable {
  let variables: [Int]
  let leading: ArraySlice<Int>

  init(_ variables: [Int], _ leading: ArraySlice<Int>) {
    (self.variables, self.leading) = (variables, leading)
  }

  subscript(label: Int) -> Int {
    label < IndexRun.leadingLabel
      ? variables[label] : leading[leading.startIndex + label - IndexRun.leadingLabel]
  }

  /// The shape of a result, merged axes as one.
  func shape(of target: [IndexProgram.TargetAxis]) -> [Int] {
    var shape: [Int] = []
    for axis in target {
      switch axis {
      case .ellipsis: shape += leading
      case .variable(let variable): shape.append(variables[variable])
      case .merged(let parts): shape.append(product(ofGiven: parts.map { variables[$0] }))
      }
    }
    return shape
  }

  /// The shape of what is read, merged axes apart.
  func shape(of x: Variable, readAt subscripts: [IndexSubscript]) -> [Int] {
    var shape: [Int] = []
    var axis = 0
    for item in subscripts {
      switch item {
      case .ellipsis:
        axis = x.rank - (subscripts.count - 1)
        shape += x.shape[..<axis]
        continue
      case .merged(let parts, _): shape += parts.map { variables[$0] }
      case .variable, .expression: shape.append(x.shape[axis])
      }
      axis += 1
    }
    return shape
  }
}

/// The extents of a program from the shapes that it reads, where nothing is amiss: what every run begins
/// with. `IndexRun.findExtents` says the same at length, and tells what is wrong.
struct ExtentSolver {
  private enum Axis {
    case variable(Int)
    case merged([Int])
    /// A computed position, with the variables in it.
    case computed([Int])
  }

  private struct Read {
    let input: Int
    let hasEllipsis: Bool
    let axes: [Axis]
  }

  private let reads: [Read]
  private let sizes: [IndexProgram.Size]
  private let allowsLeading: Bool
  private let hasComputed: Bool

  init(_ reads: [IndexProgram.Read], _ sizes: [IndexProgram.Size], allowsLeading: Bool) {
    self.sizes = sizes
    self.allowsLeading = allowsLeading
    self.reads = reads.map { read in
      Read(
        input: read.input, hasEllipsis: read.subscripts.first?.isEllipsis == true,
        axes: read.subscripts.compactMap { item in
          switch item {
          case .ellipsis: nil
          case .variable(let variable, _): .variable(variable)
          case .merged(let parts, _): .merged(parts)
          case .expression(let expression, _): .computed(Array(expression.directVariables))
          }
        })
    }
    hasComputed = self.reads.contains { $0.axes.contains { if case .computed = $0 { true } else { false } } }
  }

  /// Fills in what the inputs say that have a value; false where they disagree, or don't say enough.
  ///
  /// - Parameter infersComputed: an index that stands in one computed position alone runs over its axis.
  func solve(
    _ values: IndexValues, _ extents: UnsafeMutableBufferPointer<Int>, _ leading: inout ArraySlice<Int>,
    infersComputed: Bool
  ) -> Bool {
    func agree(_ variable: Int, _ size: Int) -> Bool {
      if extents[variable] == IndexRun.unknown { extents[variable] = size }
      return extents[variable] == size
    }
    for (place, size) in sizes.enumerated() {
      let given: Int
      switch (values.sizes[place], size.source) {
      case (.int(let number), _): given = number
      case (let value, .binder):
        guard let number = value.asInt else { return false }
        given = number
      // What a signature doesn't know it doesn't say.
      case (_, .signature): continue
      }
      guard given >= 0, agree(size.variable, given) else { return false }
    }
    /// Solves a merged axis of this size for its one unknown variable; open where several are unknown.
    func merge(_ parts: [Int], _ size: Int) -> (isOpen: Bool, agrees: Bool) {
      var product = 1
      var missing: Int?
      for part in parts {
        if extents[part] != IndexRun.unknown {
          let (next, overflow) = product.multipliedReportingOverflow(by: extents[part])
          if overflow { return (false, false) }
          product = next
        } else if missing == nil {
          missing = part
        } else {
          return (true, true)
        }
      }
      guard let missing else { return (false, product == size) }
      guard product > 0, size % product == 0 else { return (false, false) }
      return (false, agree(missing, size / product))
    }
    // A later read may give a variable of a merged axis: repeat while a pass finds new extents.
    var unknown = Int.max
    while true {
      var isOpen = false
      for read in reads {
        let shape: [Int]
        switch values.inputs[read.input] {
        case .tensor(let x): shape = x.shape
        case .none, .undefined: continue
        default: return false
        }
        let extra = shape.count - read.axes.count
        guard read.hasEllipsis ? extra >= 0 : extra == 0 else { return false }
        if extra > 0 {
          if leading.isEmpty {
            guard allowsLeading else { return false }
            leading = shape[..<extra]
          } else if leading != shape[..<extra] {
            return false
          }
        }
        for (place, axis) in read.axes.enumerated() {
          switch axis {
          case .variable(let variable): guard agree(variable, shape[extra + place]) else { return false }
          case .merged(let parts):
            let found = merge(parts, shape[extra + place])
            guard found.agrees else { return false }
            if found.isOpen { isOpen = true }
          case .computed: break
          }
        }
      }
      if !isOpen { break }
      let left = extents.count { $0 == IndexRun.unknown }
      if left == unknown { return false }
      unknown = left
    }
    if infersComputed, hasComputed { inferComputed(values, extents) }
    return true
  }

  private func inferComputed(_ values: IndexValues, _ extents: UnsafeMutableBufferPointer<Int>) {
    for read in reads {
      guard case .tensor(let x) = values.inputs[read.input] else { continue }
      for (place, axis) in read.axes.enumerated() {
        guard case .computed(let variables) = axis else { continue }
        let open = variables.filter { extents[$0] == IndexRun.unknown }
        if open.count == 1 { extents[open[0]] = x.shape[x.rank - read.axes.count + place] }
      }
    }
  }
}
