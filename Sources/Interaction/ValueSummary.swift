import Builtins
import Drawing
import Support
import Tensors
import Values

extension Value {
  /// What it is, in a few words: `f32[6, 6]`, `Int`, `list of 3`, `GPT, 12,345 parameters`.
  var summary: String {
    switch self {
    case .undefined, .none: "none"
    case .bool: "Bool"
    case .int: "Int"
    case .float: "Float"
    // Counting the characters of a long string would delay the prompt: give its bytes instead.
    case .string(let text):
      "String of \(text.utf8.count > 1 << 20 ? Memory.readable(text.utf8.count) : "\(text.count)")"
    case .tensor(let variable): variable.description
    case .parameter(let parameter): parameter.value.description
    case .list(let items): "list of \(items.count)"
    case .record(let record): record.briefly
    case .range(let range): "range of \(range.count)"
    case .dtype: "dtype"
    case .function(let function): "function\(function.name.isEmpty ? "" : " \(function.name)")"
    case .builtin: "function"
    case .modelType: "model"
    case .model(let model): "\(model.type.name), \(grouped(parameterCount)) parameters"
    case .lazy(let list): list.description
    }
  }

  private var parameterCount: Int {
    leaves().reduce(0) { $1.isParameter ? $0 + $1.variable.tensor.count : $0 }
  }

  /// The memory that its tensors and strings take.
  var byteCount: Int {
    switch self {
    case .string(let text): text.utf8.count
    case .list(let items): items.reduce(8 * items.count) { $0 + $1.byteCount }
    case .record(let record): record.values.reduce(8 * record.values.count) { $0 + $1.byteCount }
    case .tensor, .parameter, .model:
      leaves().reduce(0) { $0 + $1.variable.tensor.count * $1.variable.dtype.size }
    default: 8
    }
  }

  /// What `?` says about a value, line by line.
  func description(of name: String) -> [String] {
    var lines = ["\(name) : \(summary)"]
    switch self {
    case .tensor, .parameter:
      if let tensor = variable?.tensor, tensor.count > 0, tensor.dtype != .bool,
        let numbers = try? tensor.doubles()
      {
        let finite = numbers.filter(\.isFinite)
        if let low = finite.min(), let high = finite.max() {
          let mean = finite.reduce(0, +) / Double(finite.count)
          lines.append("  from \(short(low)) to \(short(high)), mean \(short(mean))")
        }
        if finite.count < numbers.count {
          lines.append("  not finite: \(grouped(numbers.count - finite.count))")
        }
      }
      lines.append("  \(Memory.readable(byteCount))")
    case .record(let record):
      for (label, value) in zip(record.labels, record.values).prefix(40) {
        lines.append("  \(label ?? "·") : \(value.summary)")
      }
    case .model(let model):
      for (name, value) in zip(model.type.parameterNames, model.arguments) {
        lines.append("  \(name) = \(value.text())")
      }
      for (name, value) in zip(model.type.fieldNames, model.fields) {
        lines.append("  .\(name) : \(value.summary)")
      }
    case .list(let items):
      for (index, item) in items.enumerated().prefix(10) { lines.append("  [\(index)] : \(item.summary)") }
      if items.count > 10 { lines.append("  … and \(items.count - 10) more") }
    case .string(let text): lines.append("  " + quoted(String(text.prefix(200))))
    case .undefined, .none, .bool, .int, .float, .range, .dtype, .function, .builtin, .modelType, .lazy:
      lines.append("  \(text())")
    }
    return lines
  }
}

extension Record {
  fileprivate var briefly: String {
    if isTuple { return "tuple of \(values.count)" }
    let names = labels.compactMap { $0 }
    return "record (\(names.prefix(6).joined(separator: ", "))\(names.count > 6 ? ", …" : ""))"
  }
}

/// A number in four significant digits or so.
private func short(_ number: Double) -> String {
  guard number != 0 else { return "0" }
  let magnitude = abs(number)
  if (1e-3..<1e6).contains(magnitude) { return Value.float((number * 1e4).rounded() / 1e4).text() }
  return Value.float(number).text()
}
