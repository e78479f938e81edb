/// The size of an axis: a number where a program runs, a number or symbols where it is checked.
///
/// The arithmetic has names of its own because that of `Int` traps: here a number that no tensor has is
/// `Int.max`, and the tensor that would be so large is refused when it is made.
package protocol Size: Hashable, Sendable, CustomStringConvertible {
  init(_ n: Int)
  /// What no axis has, for a name whose size is not known yet.
  static var unknown: Self { get }
  /// The number, where it is one.
  var known: Int? { get }
  func plus(_ other: Self) -> Self
  func minus(_ other: Self) -> Self
  func times(_ other: Self) -> Self
  /// `nil` where it does not divide, or where that can't be told.
  func exactly(dividedBy other: Self) -> Self?
  /// The quotient rounded down.
  func floored(dividedBy other: Self) -> Self
  /// `nil` where it can't be told, which is never a mistake.
  func isEqual(to other: Self) -> Bool?
}

extension Size {
  /// Whether two sizes certainly differ.
  @inline(__always) package func differs(from other: Self) -> Bool { isEqual(to: other) == false }

  /// Whether it is certainly negative.
  package var isNegative: Bool { known.map { $0 < 0 } ?? false }
}

extension Int: Size {
  /// Not -1, which a user's number may be.
  @inline(__always) package static var unknown: Int { .min }
  @inline(__always) package var known: Int? { self }

  @inline(__always) package func plus(_ other: Int) -> Int {
    let (sum, isTooLarge) = addingReportingOverflow(other)
    return isTooLarge ? .max : sum
  }

  @inline(__always) package func minus(_ other: Int) -> Int {
    let (difference, isTooLarge) = subtractingReportingOverflow(other)
    return isTooLarge ? .max : difference
  }

  @inline(__always) package func times(_ other: Int) -> Int {
    let (product, isTooLarge) = multipliedReportingOverflow(by: other)
    return isTooLarge ? .max : product
  }

  package func exactly(dividedBy other: Int) -> Int? {
    other > 0 && self % other == 0 ? self / other : nil
  }

  package func floored(dividedBy other: Int) -> Int { other > 0 ? self / other : 0 }

  @inline(__always) package func isEqual(to other: Int) -> Bool? { self == other }
}

/// The product of sizes: how many elements a shape has.
package func product<S: Size>(_ sizes: some Sequence<S>) -> S {
  sizes.reduce(S(1)) { $0.times($1) }
}
