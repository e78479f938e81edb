import Drawing
import Support
import Tensors

extension Value {
  /// 16 hex digits over the bits of a value.
  ///
  /// - Throws: what a value without bits, such as a function, has wrong.
  package func digest() throws -> String {
    var digest = Digest()
    try digest.add(self)
    return digest.text
  }
}

extension Digest {
  fileprivate mutating func add(_ value: Value) throws {
    switch value {
    case .list(let items):
      add("list \(items.count)")
      for item in items { try add(item) }
    case .record(let record):
      add("record \(record.values.count)")
      for (label, item) in zip(record.labels, record.values) {
        if let label { add(label) }
        try add(item)
      }
    case .model:
      for leaf in value.leaves() {
        add(leaf.dottedPath)
        try add(leaf.variable.tensor)
      }
    case .tensor(let variable): try add(variable.tensor)
    case .parameter(let parameter): try add(parameter.value.tensor)
    case .int(let number): try add(.scalar(number))
    case .float(let number): try add(.scalar(number, .f64))
    case .bool(let flag): try add(Tensor([flag], []))
    case .string(let text): add("string \(text)")
    case .none: add("none")
    case .range(let range): add("range \(range.lower) \(range.upper) \(range.step)")
    case .dtype(let dtype): add("dtype \(dtype.name)")
    case .undefined, .function, .builtin, .modelType, .lazy:
      throw BuiltinError("\(value.kind) has no bits to hash", at: ["x"])
    }
  }
}
