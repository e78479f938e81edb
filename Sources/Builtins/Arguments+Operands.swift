import Autodiff
import Support
import Tensors
import Values

/// Operands that meet: numbers with tensors, dtypes with dtypes, shapes with shapes.
extension Arguments {
  /// Numbers and tensors in the dtype in which they meet.
  ///
  /// A number takes the tensors' dtype, but a `Float` turns integers into f32. The shape rule has seen that
  /// their shapes combine.
  package func operands(_ names: String...) throws -> [Variable] {
    var dtype = names.compactMap { self[$0].variable?.dtype }.reduce(.bool, DType.common)
    for name in names {
      switch self[name] {
      case .float where !dtype.isFloat: dtype = .f32
      case .int where dtype == .bool: dtype = .i64
      default: break
      }
    }
    let operands = try names.map { name in
      try self[name].variable?.converted(to: dtype) ?? Variable(try element(name, dtype))
    }
    return operands
  }

  /// A number as one element of a dtype.
  package func element(_ name: String, _ dtype: DType) throws -> Tensor {
    let value = self[name]
    guard value.isNumberOrBool || value.variable?.rank == 0 else {
      throw wrong(name, value.variable == nil ? "a number or a tensor" : "a number")
    }
    guard let result = try value.element(of: dtype) else {
      throw BuiltinError(
        "\(name) is \(try value.numberText()), which \(dtype.name) does not hold", at: [name])
    }
    return result
  }

  /// A tensor of numbers: bools are counted as 0 and 1.
  package func numbers(_ name: String) throws -> Variable {
    let x = try tensor(name)
    return x.dtype == .bool ? try x.converted(to: .i64) : x
  }

  /// Whole numbers that stand as separate arguments, or in one list, tuple or shape.
  package func wholeNumbers(_ name: String) throws -> [Int] {
    var items = try list(name)
    if items.count == 1, let inner = try items[0].items() { items = inner }
    return try items.map { item in
      guard let number = item.asInt else {
        throw BuiltinError("\(name) are whole numbers, not \(item.kind)", at: [name])
      }
      return number
    }
  }
}

extension Variable {
  /// The slice of one axis, all of the others.
  package func sliced(axis: Int, start: Int, count: Int, step: Int = 1) -> Variable {
    var slices = shape.map(AxisSlice.all)
    slices[axis] = AxisSlice(start: start, count: count, step: step, isDropped: false)
    return sliced(slices)
  }

  /// The number of elements.
  package var count: Int { tensor.count }
}
