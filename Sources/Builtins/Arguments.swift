import Autodiff
import Shapes
import Support
import Tensors
import Values

/// The values of a call, one for each parameter, defaults filled in.
///
/// The readers check types, and their errors name the parameter.
package final class Arguments {
  package let builtin: Builtin
  @exclusivity(unchecked) package private(set) var values: [Value]
  let capabilities: Capabilities
  private var derived: ShapeResult<Int>?

  package init(_ builtin: Builtin, _ values: [Value], _ capabilities: Capabilities) {
    self.builtin = builtin
    self.values = values
    self.capabilities = capabilities
  }

  /// Runs the primitive's shape rule: before its body, which takes the shape of its result from it.
  package func deriveShape() throws(ShapeMistake) {
    if let shapes = builtin.shapes, shapes.isRun { derived = try shapes.result(of: values) }
  }

  /// The shape of the result. Where the rule has none, an argument is not what the primitive takes, and the
  /// error says which.
  package var shape: [Int] {
    get throws {
      if let derived { return derived.shape }
      try checkKinds()
      return derivation.shape
    }
  }
  /// The way to it, of a pattern of axes.
  package var rearrangement: Rearrangement<Int> {
    guard case .rearrangement(let way) = derivation.way else { preconditionFailure("a pattern has one") }
    return way
  }
  package var terms: EinsumTerms<Int> {
    guard case .einsum(let terms) = derivation.way else { preconditionFailure("an einsum has terms") }
    return terms
  }

  /// Reads what the rule reads.
  private func checkKinds() throws {
    guard let shapes = builtin.shapes else { return }
    for (position, role) in zip(shapes.positions, shapes.roles) {
      let name = builtin.parameterNames[position]
      switch role {
      case .operand where !self[name].isNone: _ = try tensor(name)
      case .number where !self[name].isNone: _ = try int(name)
      case .numbers: _ = try wholeNumbers(name)
      case .axes where !self[name].isNone:
        _ = try axes(name, of: tensor(builtin.parameterNames[shapes.positions[0]]))
      case .flag: _ = try bool(name)
      case .string: _ = try string(name)
      default: continue
      }
    }
  }

  private var derivation: ShapeResult<Int> {
    guard let derived else { preconditionFailure("\(builtin.name) has no shape from its rule") }
    return derived
  }

  package func position(_ name: String) -> Int {
    guard let position = builtin.parameterNames.firstIndex(of: name) else {
      preconditionFailure("\(builtin.name) has no parameter \(name)")
    }
    return position
  }

  package subscript(name: String) -> Value { values[position(name)] }

  /// A value handed over: where the caller held the only reference, it can be changed in place.
  package func take(_ name: String) -> Value {
    let position = position(name)
    let value = values[position]
    values[position] = .none
    return value
  }

  package func wrong(_ name: String, _ wanted: String, hint: String? = nil) -> BuiltinError {
    BuiltinError("\(name) is \(wanted), not \(self[name].kind)", at: [name], hint: hint)
  }

  // MARK: Tensors

  /// A tensor; a number is one of rank 0, nested lists of numbers are not.
  package func tensor(_ name: String) throws -> Variable {
    let value = self[name]
    if let variable = value.variable { return variable }
    switch value {
    case .int(let number): return Variable(try Tensor.scalar(number))
    case .float(let number): return Variable(try Tensor.scalar(number, .f32))
    case .bool(let flag): return Variable(try Tensor([flag], []))
    case .list(let items) where items.allSatisfy({ $0.variable?.shape == items[0].variable?.shape }):
      throw wrong(
        name, "a tensor", hint: items.isEmpty ? nil : "stack(\(name)) makes a tensor of the list")
    default: throw wrong(name, "a tensor")
    }
  }

  /// A tensor of floats; integers are converted to f32.
  package func floats(_ name: String) throws -> Variable {
    let variable = try tensor(name)
    if variable.dtype.isFloat { return variable }
    guard variable.dtype != .bool else {
      throw BuiltinError(
        "{\(name)} is \(variable.description), and \(builtin.name) works on floats",
        at: [name], hint: "convert it first: \(name).to(f32)")
    }
    return try variable.converted(to: .f32)
  }

  package func optionalFloats(_ name: String) throws -> Variable? {
    self[name].isNone ? nil : try floats(name)
  }

  package func integers(_ name: String) throws -> Tensor {
    let variable = try tensor(name)
    guard variable.dtype.isInteger else {
      throw BuiltinError(
        "{\(name)} holds positions, so its dtype is i64, not \(variable.dtype.name)",
        at: [name])
    }
    return try variable.tensor.converted(to: .i64)
  }

  /// A condition; `none` keeps everything.
  package func condition(_ name: String) throws -> Tensor? {
    if self[name].isNone { return nil }
    let variable = try tensor(name)
    guard variable.dtype == .bool else {
      throw BuiltinError(
        "{\(name)} is a condition, so its dtype is bool, not \(variable.dtype.name)",
        at: [name], hint: "compare it with something: \(name) > 0")
    }
    return variable.tensor
  }

  /// Tensors of a list.
  package func tensors(_ name: String) throws -> [Variable] {
    let items = try list(name)
    let tensors = items.compactMap { item -> Variable? in
      if let variable = item.variable { return variable }
      if case .float(let value) = item {
        return (try? Tensor.scalar(value, .f32)).map(Variable.init)
      }
      if case .int(let value) = item { return (try? Tensor.scalar(value)).map(Variable.init) }
      return nil
    }
    guard tensors.count == items.count else { throw wrong(name, "a list of tensors") }
    return tensors
  }

  // MARK: Axes and sizes

  /// An axis of a tensor of some rank, counted from 0.
  package func axis(_ name: String, of x: Variable) throws -> Int {
    try resolvedAxis(int(name), rank: x.rank, operand: 0, parameter: position(name))
  }

  /// One axis, a list of axes, or all of them; highest first, so that they can go one by one.
  package func axes(_ name: String, of x: Variable) throws -> [Int] {
    switch self[name].shapeArgument(.axes) {
    case .all, .none: return Array((0..<x.rank).reversed())
    case .number(let axis):
      return try resolvedAxes([axis], rank: x.rank, operand: 0, parameter: position(name))
    case .numbers(let axes):
      return try resolvedAxes(axes, rank: x.rank, operand: 0, parameter: position(name))
    default: throw wrong(name, "an axis, a list of axes, or all")
    }
  }

  /// The sizes of a new tensor: separate arguments, or one list, tuple or shape.
  package func sizes(_ name: String) throws -> [Int] {
    var items = try list(name)
    if items.count == 1 {
      if case .record(let record) = items[0] {
        items = record.values
      } else if case .list(let list) = items[0] {
        items = list
      } else if case .tensor(let list) = items[0], list.rank == 1, list.dtype.isInteger {
        items = try list.tensor.integers().map(Value.int)
      }
    }
    return try items.map { item in
      guard let size = item.asInt else {
        throw BuiltinError("a size is a whole number, not \(item.kind)", at: [name])
      }
      guard size >= 0 else {
        throw BuiltinError("a size can't be negative: \(size)", at: [name])
      }
      return size
    }
  }

  package func dtype(_ name: String) throws -> DType {
    guard case .dtype(let dtype) = self[name] else {
      throw wrong(name, "a dtype", hint: "f32, f64, i32, i64 or bool")
    }
    return dtype
  }

  package func floatDType(_ name: String) throws -> DType {
    let dtype = try dtype(name)
    guard dtype.isFloat else {
      throw BuiltinError("\(name) is f32 or f64 here, not \(dtype.name)", at: [name])
    }
    return dtype
  }

  // MARK: Plain values

  /// An `Int`, a whole `Float`, or a rank-0 tensor of either.
  package func int(_ name: String) throws -> Int {
    guard let value = self[name].asInt else { throw wrong(name, "a whole number") }
    return value
  }

  package func optionalInt(_ name: String) throws -> Int? {
    self[name].isNone ? nil : try int(name)
  }

  /// A whole number that is not negative.
  package func count(_ name: String) throws -> Int {
    let value = try int(name)
    guard value >= 0 else {
      throw BuiltinError("\(name) can't be negative: \(value)", at: [name])
    }
    return value
  }

  package func double(_ name: String) throws -> Double {
    guard let value = self[name].asDouble else { throw wrong(name, "a number") }
    return value
  }

  package func optionalDouble(_ name: String) throws -> Double? {
    self[name].isNone ? nil : try double(name)
  }

  package func bool(_ name: String) throws -> Bool {
    guard let value = self[name].asBool else { throw wrong(name, "true or false") }
    return value
  }

  package func string(_ name: String) throws -> String {
    guard case .string(let value) = self[name] else { throw wrong(name, "a String") }
    return value
  }

  package func optionalString(_ name: String) throws -> String? {
    self[name].isNone ? nil : try string(name)
  }

  /// The items of a list, tuple or range, or along a tensor's first axis.
  package func list(_ name: String) throws -> [Value] {
    guard let items = try self[name].items() else { throw wrong(name, "a list") }
    return items
  }
}
