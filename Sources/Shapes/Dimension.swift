/// The size of an axis: a number, or a name that stands for one.
package enum Dimension: Hashable, Sendable, CustomStringConvertible {
  case known(Int)
  case symbol(String)

  package var description: String {
    switch self {
    case .known(let size): String(size)
    case .symbol(let name): name
    }
  }
}

/// An axis as a signature writes it.
package enum AxisPattern: Hashable, Sendable, CustomStringConvertible {
  /// `...`: any number of leading axes, equal in every operand that has some.
  case ellipsis
  case named(String)
  case fixed(Int)

  package var description: String {
    switch self {
    case .ellipsis: "..."
    case .named(let name): name
    case .fixed(let size): String(size)
    }
  }
}

/// What the names of a signature stand for at one call.
package struct Bindings: Sendable {
  /// Sizes by name, and the operand that each was first seen in.
  package private(set) var sizes: [String: (size: Dimension, operand: Int, axis: Int)] = [:]
  package private(set) var leading: (axes: [Dimension], operand: Int)?

  package init() {}

  /// Names that are sizes already, such as a model's own parameters.
  package mutating func define(_ name: String, _ size: Int) {
    sizes[name] = (.known(size), -1, 0)
  }

  /// Binds a pattern's names to the shape of an operand.
  package mutating func match(
    _ pattern: [AxisPattern], _ shape: [Dimension], operand: Int
  ) throws(ShapeMismatch) {
    let hasEllipsis = pattern.first == .ellipsis
    let named = hasEllipsis ? Array(pattern.dropFirst()) : pattern
    guard hasEllipsis ? shape.count >= named.count : shape.count == named.count else {
      throw ShapeMismatch(
        .rank(wanted: named.count, orMore: hasEllipsis, found: shape.count), operand: operand)
    }
    let extra = shape.count - named.count
    if hasEllipsis, extra > 0 {
      let axes = Array(shape[..<extra])
      if let leading, leading.axes != axes {
        throw ShapeMismatch(
          .leading(axes, other: leading.axes, otherOperand: leading.operand), operand: operand)
      }
      leading = leading ?? (axes, operand)
    }
    for (position, axis) in named.enumerated() {
      let found = shape[extra + position]
      switch axis {
      case .ellipsis:
        preconditionFailure("an ellipsis comes first")
      case .fixed(let size):
        guard found == .known(size) else {
          throw ShapeMismatch(.fixed(size, axis: extra + position, found: found), operand: operand)
        }
      case .named(let name):
        if let bound = sizes[name] {
          guard bound.size == found else {
            throw ShapeMismatch(
              .size(
                name, axis: extra + position, found: found, bound: bound.size,
                otherOperand: bound.operand, otherAxis: bound.axis), operand: operand)
          }
        } else {
          sizes[name] = (found, operand, extra + position)
        }
      }
    }
  }

  /// The shape that a pattern stands for now; `nil` where a name is free.
  package func shape(of pattern: [AxisPattern]) -> [Dimension]? {
    var result: [Dimension] = []
    for axis in pattern {
      switch axis {
      case .ellipsis: result += leading?.axes ?? []
      case .fixed(let size): result.append(.known(size))
      case .named(let name):
        guard let bound = sizes[name] else { return nil }
        result.append(bound.size)
      }
    }
    return result
  }
}

/// How an operand's shape fails to be what a signature says.
package struct ShapeMismatch: Error, Sendable {
  package enum Reason: Sendable {
    case rank(wanted: Int, orMore: Bool, found: Int)
    case fixed(Int, axis: Int, found: Dimension)
    case size(
      String, axis: Int, found: Dimension, bound: Dimension, otherOperand: Int, otherAxis: Int)
    case leading([Dimension], other: [Dimension], otherOperand: Int)
  }

  package var reason: Reason
  package var operand: Int

  init(_ reason: Reason, operand: Int) {
    self.reason = reason
    self.operand = operand
  }
}
