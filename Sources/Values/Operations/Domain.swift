import Autodiff
import Support
import Tensors

/// What a function works on, and how other tensors are brought there.
package enum Domain {
  /// Everything that has an order.
  case ordered
  /// Bools count as 0 and 1.
  case numbers
  /// Integers become f32.
  case floats
  case conditions

  package func of(_ x: Variable) throws -> Variable {
    switch self {
    case .ordered: return x
    case .numbers: return x.dtype == .bool ? try x.converted(to: .i64) : x
    case .floats: return x.dtype.isFloat ? x : try x.converted(to: .f32)
    case .conditions:
      guard x.dtype == .bool else {
        throw BuiltinError(
          "{x} is a condition, so its dtype is bool, not \(x.dtype.name)", at: ["x"],
          hint: "compare it with something: {x} > 0")
      }
      return x
    }
  }
}
