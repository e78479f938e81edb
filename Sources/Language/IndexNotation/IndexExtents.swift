import Autodiff
import Builtins
import Shapes
import Tensors
import Values

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
    shape.reserveCapacity(target.count + leading.count)
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
    shape.reserveCapacity(x.rank + subscripts.count)
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

extension IndexProgram {
  /// What it reads and says, as the solver sees it.
  static func solver(_ names: [String], _ reads: [Read], allowsLeading: Bool) -> ExtentSolver {
    ExtentSolver(
      names: names,
      operands: reads.enumerated().map { number, read in
        ExtentSolver.Operand(
          number, hasEllipsis: read.subscripts.first?.isEllipsis == true,
          axes: read.subscripts.compactMap { item in
            switch item {
            case .ellipsis: nil
            case .variable(let variable, _): .named(variable)
            case .merged(let parts, _): .merged(parts)
            case .expression(let expression, _): .computed(Array(expression.directVariables))
            }
          })
      }, allowsLeading: allowsLeading)
  }

  /// Solves for the extents that the inputs give which have a value.
  ///
  /// - Parameters:
  ///   - said: the extents that binders and the signature give, by their place among `sizes`.
  ///   - input: the value of an input.
  /// - Returns: whether no merged axis is left open.
  func solve(
    _ extents: inout MutableSpan<Int>, _ origins: inout [ExtentSolver.Origin],
    _ leading: inout ExtentSolver.Leading<Int>, infersComputed: Bool,
    said: (Int) throws(ShapeMistake) -> Int?, input: (Int) -> Value
  ) throws(ShapeMistake) -> Bool {
    for place in sizes.indices {
      guard let size = try said(place) else { continue }
      if size < 0 { throw .negativeSize("\(size)", parameter: place) }
      let origin = ExtentSolver.Origin(operand: -1 - place, axis: 0)
      try solver.agreeNumber(sizes[place].variable, size, at: origin, &extents, &origins)
    }
    return try solver.solveNumbers(&extents, &origins, &leading, infersComputed: infersComputed) {
      read throws(ShapeMistake) in
      switch input(reads[read].input) {
      case .tensor(let x): return x.shape
      case .none, .undefined: return nil
      case let value:
        if value.isNone { return nil }
        guard let variable = value.variable else { throw .notATensor(operand: read) }
        return variable.shape
      }
    }
  }
}
