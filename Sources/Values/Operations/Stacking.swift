import Autodiff
import Support
import Tensors

/// Nested values made into one tensor.
package struct Stacking {
  /// The elements' type; where it is `nil`, whole numbers give i64, others f32.
  package let dtype: DType?
  /// The parameter that is made into a tensor, for messages.
  private let parameter: String

  package init(dtype: DType?, of parameter: String) {
    self.dtype = dtype
    self.parameter = parameter
  }

  /// - Parameter path: where the value stands, such as `[2][0]`, for messages.
  package func stacked(_ value: Value, at path: String) throws -> Variable {
    switch value {
    case .int(let number):
      return try converted(Variable(Tensor([number], [])))
    case .float(let number):
      return try converted(Variable(Tensor.scalar(number, floatDType)))
    case .bool(let flag): return try converted(Variable(Tensor([flag], [])))
    case .tensor(let variable): return try converted(variable)
    case .parameter(let parameter): return try converted(parameter.value)
    case .range(let range):
      guard range.count <= 1 << 40 else { break }
      return try converted(
        Variable(Tensor.range(range.count, start: range.lower, step: range.step)))
    case .list(let items): return try stacked(items, at: path)
    case .record(let record): return try stacked(record.values, at: path)
    case .lazy(let list): return try stacked((0..<list.count).map(list.item), at: path)
    default: break
    }
    let place = path.isEmpty ? "{\(parameter)}" : path
    throw BuiltinError("\(place) is \(value.kind), not a number, list or tensor", at: [parameter])
  }

  private func stacked(_ items: [Value], at path: String) throws -> Variable {
    if let numbers = try numbers(items) { return numbers }
    let parts = try items.enumerated().stoppableMap { try stacked($1, at: "\(path)[\($0)]") }
    for (position, part) in parts.enumerated() where part.shape != parts[0].shape {
      throw BuiltinError(
        "the items' shapes differ: \(path)[0] is \(parts[0].tensor.description), "
          + "\(path)[\(position)] is \(part.tensor.description)", at: [parameter])
    }
    for (position, part) in parts.enumerated()
    where (part.dtype == .bool) != (parts[0].dtype == .bool) {
      throw BuiltinError(
        "\(path)[0] is \(parts[0].tensor.description), \(path)[\(position)] "
          + "is \(part.tensor.description): numbers and booleans don't mix", at: [parameter],
        hint: "with a dtype, true is 1")
    }
    let common = parts.dropFirst().reduce(parts[0].dtype) { DType.common($0, $1.dtype) }
    let rows = try parts.map { try $0.converted(to: common).reshaped([1] + $0.shape) }
    return try Variable.concatenated(rows, axis: 0)
  }

  /// The short way for a list of plain numbers; `nil` where it holds something else.
  private func numbers(_ items: [Value]) throws -> Variable? {
    guard !items.isEmpty else { return Variable(try Tensor.full([0], 0, dtype ?? .f32)) }
    var whole: [Int] = []
    whole.reserveCapacity(items.count)
    for (position, item) in items.enumerated() {
      guard case .int(let number) = item else { break }
      whole.append(number)
      try Machine.checkStop(round: position)
    }
    if whole.count == items.count { return try converted(Variable(Tensor(whole, [whole.count]))) }
    var real: [Double] = []
    real.reserveCapacity(items.count)
    for (position, item) in items.enumerated() {
      try Machine.checkStop(round: position)
      switch item {
      case .int(let number): real.append(Double(number))
      case .float(let number): real.append(number)
      default: return nil
      }
    }
    let tensor = try Tensor(real, [real.count])
    return try converted(Variable(tensor.converted(to: floatDType)))
  }

  /// What numbers with a point are made in: no narrower than the elements are to be.
  private var floatDType: DType { dtype == nil || dtype == .f32 ? .f32 : .f64 }

  private func converted(_ variable: Variable) throws -> Variable {
    try dtype.map { try variable.converted(to: $0) } ?? variable
  }
}
