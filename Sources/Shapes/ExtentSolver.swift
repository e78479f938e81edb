/// How large each name of the axes of some operands is: solved for the signature of a primitive, that of a
/// user's function, and a formula in index notation.
///
/// Names are numbers here, so that a call whose shapes agree is checked without looking one up.
package struct ExtentSolver: Sendable {
  package enum Axis: Sendable {
    case named(Int)
    case fixed(Int)
    /// `(h d)`: several names in one axis, the last running fastest.
    case merged([Int])
    /// A computed position and the names in it: it bounds none of them, and gives a lone one its size.
    case computed([Int])
  }

  package struct Operand: Sendable {
    /// What mistakes and origins call it.
    let number: Int
    /// Whether any number of leading axes, which are equal in all operands that have some, come first.
    let hasEllipsis: Bool
    let axes: [Axis]

    package init(_ number: Int, hasEllipsis: Bool, axes: [Axis]) {
      (self.number, self.hasEllipsis, self.axes) = (number, hasEllipsis, axes)
    }
  }

  /// Where a name was first given its size: an axis of an operand; with `operand` below 0, by the caller.
  package struct Origin: Sendable {
    package let operand: Int
    package let axis: Int

    @inline(__always) package init(operand: Int, axis: Int) { (self.operand, self.axis) = (operand, axis) }
    @inline(__always) package static var caller: Origin { Origin(operand: -1, axis: 0) }
  }

  /// The sizes of the leading axes, and the operand that first had some.
  package struct Leading<S: Size> {
    /// The shape of that operand, which begins with them, and how many they are.
    fileprivate var shape: [S] = []
    fileprivate var count = 0
    fileprivate var operand = 0

    @inline(__always) package init() {}

    package var axes: ArraySlice<S> { shape[0..<count] }
  }

  package let names: [String]
  private let operands: [Operand]
  /// Whether leading axes have a place in the result.
  private let allowsLeading: Bool
  private let hasComputed: Bool

  package init(names: [String], operands: [Operand], allowsLeading: Bool = true) {
    self.names = names
    self.operands = operands
    self.allowsLeading = allowsLeading
    hasComputed = operands.contains { $0.axes.contains { if case .computed = $0 { true } else { false } } }
  }

  /// Of the axes of a signature's operands.
  ///
  /// - Parameters:
  ///   - operands: by the number that mistakes have for them.
  ///   - names: numbered first, such as those of a model's own parameters.
  package init(_ operands: [(number: Int, axes: [AxisPattern])], names: [String] = []) {
    var names = names
    func number(_ name: String) -> Int {
      if let number = names.firstIndex(of: name) { return number }
      names.append(name)
      return names.count - 1
    }
    let compiled = operands.map { operand in
      Operand(
        operand.number, hasEllipsis: operand.axes.first == .ellipsis,
        axes: operand.axes.compactMap { axis in
          switch axis {
          case .ellipsis: nil
          case .named(let name): .named(number(name))
          case .fixed(let size): .fixed(size)
          case .merged, .spread, .sum:
            preconditionFailure("an operand's axes are names and numbers behind an ellipsis")
          }
        })
    }
    self.init(names: names, operands: compiled)
  }

  // MARK: Solving

  /// Gives a name its size, or checks that it has it.
  ///
  /// - Parameters:
  ///   - sizes: by name, `S.unknown` for those that have none yet.
  ///   - origins: the same; empty where the caller has no use for them.
  @inline(__always)
  package func agree<S: Size>(
    _ name: Int, _ size: S, at origin: Origin, _ sizes: inout MutableSpan<S>, _ origins: inout [Origin]
  ) throws(ShapeMistake) {
    let known = sizes[name]
    if known == size { return }
    if known == .unknown {
      sizes[name] = size
      if !origins.isEmpty { origins[name] = origin }
    } else if known.differs(from: size) {
      throw conflict(name, size, at: origin, known, origins)
    }
  }

  @inline(never)
  private func conflict<S: Size>(
    _ name: Int, _ size: S, at origin: Origin, _ known: S, _ origins: [Origin]
  ) -> ShapeMistake {
    let first = origins.isEmpty ? .caller : origins[name]
    return .size(
      name: names[name], operand: origin.operand, axis: origin.axis, found: "\(size)", bound: "\(known)",
      otherOperand: first.operand, otherAxis: first.axis)
  }

  /// Solves for the names in the shapes.
  ///
  /// - Parameters:
  ///   - infersComputed: whether a name that stands in one computed position alone runs over its axis.
  ///   - shape: of an operand by its number; `nil` where it is left out.
  /// - Returns: whether no merged axis is left with two names that nothing gives a size.
  package func solve<S: Size>(
    _ sizes: inout MutableSpan<S>, _ origins: inout [Origin], _ leading: inout Leading<S>,
    infersComputed: Bool = false, shape: (Int) throws(ShapeMistake) -> [S]?
  ) throws(ShapeMistake) -> Bool {
    // With origins a mistake is shown to the user, and one in the ranks comes before one in the sizes.
    if !origins.isEmpty {
      for operand in operands.indices {
        if let shape = try shape(operand) { _ = try leadingCount(shape, operand, &leading) }
      }
    }
    var unknownBefore = Int.max
    var isOpen: Bool
    repeat {
      isOpen = false
      for operand in operands.indices {
        guard let shape = try shape(operand) else { continue }
        let extra = try leadingCount(shape, operand, &leading)
        let axes = operands[operand].axes
        for place in axes.indices {
          let size = shape[extra + place]
          let origin = Origin(operand: operands[operand].number, axis: extra + place)
          switch axes[place] {
          case .named(let name): try agree(name, size, at: origin, &sizes, &origins)
          case .fixed(let fixed):
            if size.differs(from: S(fixed)) {
              throw .fixedSize(
                operand: origin.operand, axis: origin.axis, wanted: fixed, found: "\(size)")
            }
          case .merged(let parts):
            if try !solveMerged(parts, size, at: origin, &sizes, &origins) { isOpen = true }
          case .computed: break
          }
        }
      }
      // A later operand may give a name of a merged axis: again, while that finds sizes.
      guard isOpen else { break }
      var unknown = 0
      for name in sizes.indices where sizes[name] == .unknown { unknown += 1 }
      guard unknown < unknownBefore else { break }
      unknownBefore = unknown
    } while true
    if infersComputed, hasComputed { try inferComputed(&sizes, &origins, shape) }
    return !isOpen
  }

  /// `agree` and `solve` with numbers, compiled for them where the generic text stands.
  package func agreeNumber(
    _ name: Int, _ size: Int, at origin: Origin, _ sizes: inout MutableSpan<Int>, _ origins: inout [Origin]
  ) throws(ShapeMistake) {
    try agree(name, size, at: origin, &sizes, &origins)
  }

  package func solveNumbers(
    _ sizes: inout MutableSpan<Int>, _ origins: inout [Origin], _ leading: inout Leading<Int>,
    infersComputed: Bool = false, shape: (Int) throws(ShapeMistake) -> [Int]?
  ) throws(ShapeMistake) -> Bool {
    try solve(&sizes, &origins, &leading, infersComputed: infersComputed, shape: shape)
  }

  /// How many leading axes an operand has, which have to be those of the others.
  private func leadingCount<S: Size>(
    _ shape: [S], _ operand: Int, _ leading: inout Leading<S>
  ) throws(ShapeMistake) -> Int {
    let (named, hasEllipsis) = (operands[operand].axes.count, operands[operand].hasEllipsis)
    let extra = shape.count - named
    let number = operands[operand].number
    guard hasEllipsis ? extra >= 0 : extra == 0 else {
      throw .rank(operand: number, wanted: named, orMore: hasEllipsis, found: shape.count)
    }
    guard extra > 0 else { return 0 }
    if leading.count == 0 {
      guard allowsLeading else { throw .leadingAxesLost(operand: number, axes: text(shape[..<extra])) }
      (leading.shape, leading.count, leading.operand) = (shape, extra, number)
    } else if leading.count != extra
      || (0..<extra).contains(where: { leading.shape[$0].differs(from: shape[$0]) })
    {
      throw .leadingAxes(
        operand: number, axes: text(shape[..<extra]), otherOperand: leading.operand,
        otherAxes: text(leading.axes))
    }
    return extra
  }

  /// Solves a merged axis for its one unknown name; false where several are unknown.
  private func solveMerged<S: Size>(
    _ parts: [Int], _ size: S, at origin: Origin, _ sizes: inout MutableSpan<S>, _ origins: inout [Origin]
  ) throws(ShapeMistake) -> Bool {
    var product = S(1)
    var missing: Int?
    for part in parts {
      let known = sizes[part]
      if known != .unknown {
        product = product.times(known)
      } else if missing == nil {
        missing = part
      } else {
        return false
      }
    }
    guard let missing else {
      guard !product.differs(from: size) else {
        let held = parts.map { "\(names[$0]) = \(sizes[$0])" }
        throw .mergedSize(
          operand: origin.operand, axis: origin.axis, size: "\(size)", parts: held, product: "\(product)")
      }
      return true
    }
    if let quotient = size.exactly(dividedBy: product) {
      try agree(missing, quotient, at: origin, &sizes, &origins)
    } else if size.known != nil, product.known != nil {
      throw .mergedNotDivided(
        operand: origin.operand, axis: origin.axis, size: "\(size)", by: "\(product)")
    } else {
      try agree(missing, size.floored(dividedBy: product), at: origin, &sizes, &origins)
    }
    return true
  }

  private func inferComputed<S: Size>(
    _ sizes: inout MutableSpan<S>, _ origins: inout [Origin], _ shape: (Int) throws(ShapeMistake) -> [S]?
  ) throws(ShapeMistake) {
    for operand in operands.indices {
      guard let shape = try shape(operand) else { continue }
      let extra = shape.count - operands[operand].axes.count
      for (place, axis) in operands[operand].axes.enumerated() {
        guard case .computed(let inside) = axis else { continue }
        var open: Int?
        var count = 0
        for name in inside where sizes[name] == .unknown { (open, count) = (name, count + 1) }
        guard let open, count == 1 else { continue }
        let origin = Origin(operand: operands[operand].number, axis: extra + place)
        try agree(open, shape[extra + place], at: origin, &sizes, &origins)
      }
    }
  }
}

/// `[2, 3]`
func text(_ sizes: some Sequence<some Size>) -> String {
  "[\(sizes.map(\.description).joined(separator: ", "))]"
}

extension ExtentSolver.Leading where S == Int {
  /// `axes`, compiled for numbers.
  package var sizes: ArraySlice<Int> { axes }
}
