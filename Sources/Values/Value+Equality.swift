import Autodiff
import Support
import Tensors

/// Whether two values are the same, all the way down; `==` gives this for what is not a tensor.
///
/// `Int` and `Float` compare as numbers. Tensors are equal when dtype, shape and all elements are,
/// so that one with a NaN equals nothing; a rank-0 tensor equals a number that its dtype holds.
/// Records compare label by label in order; functions and Swift values are equal to themselves.
package func equal(_ a: Value, _ b: Value) throws -> Bool {
  switch (a.read, b.read) {
  case (.undefined, .undefined), (.none, .none): return true
  case (.bool(let a), .bool(let b)): return a == b
  case (.int(let a), .int(let b)): return a == b
  case (.float(let a), .float(let b)): return a == b
  case (.int(let whole), .float(let number)), (.float(let number), .int(let whole)):
    return Int(exactly: number) == whole
  case (.string(let a), .string(let b)): return try a.isEqual(to: b)
  case (.dtype(let a), .dtype(let b)): return a == b
  case (.tensor(let a), .tensor(let b)): return try a.tensor.isEqual(to: b.tensor)
  case (.tensor(let tensor), let number), (let number, .tensor(let tensor)):
    return tensor.tensor.isEqual(toNumber: number)
  case (.list(let a), .list(let b)): return try equal(a, b)
  case (.record(let a), .record(let b)):
    return try a.labels == b.labels && equal(a.values, b.values)
  case (.range(let a), .range(let b)):
    let count = a.count
    guard count == b.count else { return false }
    return count == 0 || a.lower == b.lower && (count == 1 || a.step == b.step)
  case (.model(let a), .model(let b)):
    return try a === b
      || a.type === b.type && a.isTraining == b.isTraining && equal(a.arguments, b.arguments)
        && equal(a.fields, b.fields)
  case (.function(let a), .function(let b)): return a === b
  case (.builtin(let a), .builtin(let b)): return a === b
  case (.modelType(let a), .modelType(let b)): return a === b
  case (.lazy(let a), .lazy(let b)): return a === b
  default: return false
  }
}

private func equal(_ a: [Value], _ b: [Value]) throws -> Bool {
  guard a.count == b.count else { return false }
  for (position, (a, b)) in zip(a, b).enumerated() {
    if try !equal(a, b) { return false }
    try Machine.checkStop(round: position)
  }
  return true
}

extension Tensor {
  /// Whether dtype, shape and all elements are equal; NaN differs from everything.
  fileprivate func isEqual(to other: Tensor) throws -> Bool {
    guard dtype == other.dtype, shape == other.shape else { return false }
    guard count > 0 else { return true }
    return try compare(.equal, other).reshaped([count]).reduced(.all, axis: 0).integerItem != 0
  }

  /// Whether this is of rank 0 and holds a number, which takes the tensor's dtype first.
  fileprivate func isEqual(toNumber number: Value) -> Bool {
    guard rank == 0 else { return false }
    switch (number, dtype) {
    case (.bool(let flag), .bool): return flag == (integerItem != 0)
    case (.int(let whole), .i32), (.int(let whole), .i64): return whole == integerItem
    case (.int(let whole), .f32): return Float(whole) == Float(item)
    case (.int(let whole), .f64): return Double(whole) == item
    case (.float(let real), .i32), (.float(let real), .i64):
      return Int(exactly: real) == integerItem
    case (.float(let real), .f32): return Float(real) == Float(item)
    case (.float(let real), .f64): return real == item
    default: return false
    }
  }
}
