import Autodiff
import Drawing
import Support
import Tensors

extension Value {
  /// What `for` and the list functions go through; `nil` where there is nothing to go through.
  package func items() throws -> [Value]? {
    switch self {
    case .list(let items): return items
    case .record(let record): return record.values
    case .string(let text): return try text.characterStrings()
    case .range(let range):
      guard range.count <= 1 << 32 else { return nil }
      return try [Value](count: range.count) { .int(range.item(at: $0)) }
    case .lazy(let list): return try [Value](count: list.count, list.item)
    case .tensor, .parameter:
      guard let x = variable, x.rank > 0 else { return nil }
      return try [Value](count: x.shape[0]) { .tensor(x.selected(at: $0)) }
    default: return nil
    }
  }
}

extension Variable {
  /// One position of the first axis, which goes.
  package func selected(at index: Int) -> Variable {
    if !isTracked { return Variable(tensor.selected(axis: 0, at: index)) }
    var slices = shape.map(AxisSlice.all)
    slices[0] = .at(index)
    return sliced(slices)
  }
}

extension Value {
  package var isNumberOrBool: Bool {
    switch self {
    case .int, .float, .bool: true
    default: false
    }
  }
}

extension Variable {
  /// The number in a rank-0 tensor, as a plain one; any other tensor as it is.
  package var asNumber: Value {
    guard rank == 0 else { return .tensor(self) }
    switch dtype {
    case .f32, .f64: return .float(tensor.item)
    case .i32, .i64: return .int(tensor.integerItem)
    case .bool: return .bool(tensor.integerItem != 0)
    }
  }
}

extension Value {
  /// A number as one element of a dtype, exactly; `nil` where the dtype does not hold it.
  package func element(of dtype: DType) throws -> Tensor? {
    guard let number = try rankZero() else { return nil }
    let isWhole = !number.dtype.isFloat || number.item.rounded() == number.item
    guard !dtype.isInteger || isWhole else { return nil }
    return try? number.converted(to: dtype)
  }

  /// The number as messages show it.
  package func numberText() throws -> String {
    guard let number = try rankZero() else { return kind }
    return number.dtype.isInteger ? "\(number.integerItem)" : "\(number.item)"
  }

  private func rankZero() throws -> Tensor? {
    switch self {
    case .int(let value): try .scalar(value)
    case .float(let value): try .scalar(value, .f64)
    case .bool(let flag): try Tensor([flag], [])
    default: if let tensor = variable?.tensor, tensor.rank == 0 { tensor } else { nil }
    }
  }
}
