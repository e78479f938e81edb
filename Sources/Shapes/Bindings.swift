/// What the names of a signature stand for at one call.
package struct Bindings<S: Size>: Sendable {
  /// Sizes by name, and the operand that each was first seen in.
  package private(set) var sizes: [String: (size: S, operand: Int, axis: Int)] = [:]
  package private(set) var leading: (axes: [S], operand: Int)?

  package init() {}

  /// Names that are sizes already, such as a model's own parameters and the numbers among the arguments.
  package mutating func define(_ name: String, _ size: S) {
    sizes[name] = (size, -1, 0)
  }

  /// Binds a pattern's names to the shape of an operand.
  package mutating func match(
    _ pattern: [AxisPattern], _ shape: [S], operand: Int
  ) throws(ShapeMistake) {
    let hasEllipsis = pattern.first == .ellipsis
    let named = hasEllipsis ? pattern.dropFirst() : pattern[...]
    guard hasEllipsis ? shape.count >= named.count : shape.count == named.count else {
      throw .rank(operand: operand, wanted: named.count, orMore: hasEllipsis, found: shape.count)
    }
    let extra = shape.count - named.count
    if hasEllipsis, extra > 0 {
      let axes = Array(shape[..<extra])
      if let leading {
        guard leading.axes.count == axes.count,
          !zip(leading.axes, axes).contains(where: { $0.differs(from: $1) })
        else {
          throw .leadingAxes(
            operand: operand, axes: text(axes), otherOperand: leading.operand, otherAxes: text(leading.axes))
        }
      } else {
        leading = (axes, operand)
      }
    }
    for (position, axis) in named.enumerated() {
      let found = shape[extra + position]
      switch axis {
      case .fixed(let size):
        guard !found.differs(from: S(size)) else {
          throw .fixedSize(operand: operand, axis: extra + position, wanted: size, found: "\(found)")
        }
      case .named(let name):
        guard let bound = sizes[name] else {
          sizes[name] = (found, operand, extra + position)
          continue
        }
        guard !found.differs(from: bound.size) else {
          throw .size(
            name: name, operand: operand, axis: extra + position, found: "\(found)", bound: "\(bound.size)",
            otherOperand: bound.operand, otherAxis: bound.axis)
        }
      case .ellipsis, .merged, .spread, .sum:
        preconditionFailure("an operand's axes are names and numbers behind an ellipsis")
      }
    }
  }

  /// The shape that a pattern stands for now; `nil` where a name is free.
  ///
  /// - Parameter spread: the numbers of a parameter, as in `sizes...`.
  package func shape(of pattern: [AxisPattern], spread: (String) -> [S]? = { _ in nil }) -> [S]? {
    var result: [S] = []
    for axis in pattern {
      switch axis {
      case .ellipsis: result += leading?.axes ?? []
      case .spread(let name):
        guard let numbers = spread(name) else { return nil }
        result += numbers
      case .fixed, .named, .sum, .merged:
        guard let size = size(of: axis) else { return nil }
        result.append(size)
      }
    }
    return result
  }

  private func size(of axis: AxisPattern) -> S? {
    switch axis {
    case .fixed(let size): return S(size)
    case .named(let name): return sizes[name]?.size
    case .sum(let parts), .merged(let parts):
      let isSum = if case .sum = axis { true } else { false }
      var total = S(isSum ? 0 : 1)
      for part in parts {
        guard let size = size(of: part) else { return nil }
        total = isSum ? total.plus(size) : total.times(size)
      }
      return total
    case .ellipsis, .spread: return nil
    }
  }
}

/// `[2, 3]`
func text(_ sizes: some Sequence<some Size>) -> String {
  "[\(sizes.map(\.description).joined(separator: ", "))]"
}
