import Drawing
import Support
import Tensors

extension Value {
  /// What an echo or `print` shows. At the top a string stands bare for `print`, quoted for an echo.
  package func text(digits: Int = 4, quoted: Bool = true) -> String {
    switch self {
    case .string(let text) where !quoted: return text
    case .model(let model): return model.table
    default: return inline(digits: digits)
    }
  }

  /// All of it, nothing left out: what a pager opens.
  package func wholeText(digits: Int) -> String {
    switch self {
    case .string(let text): text
    case .tensor(let variable): Drawing.text(of: variable.tensor, digits: digits, isWhole: true)
    case .list(let items):
      items.map { Machine.isStopRequested ? "" : $0.wholeText(digits: digits) }.joined(separator: "\n")
    case .record(let record) where !record.isTuple:
      zip(record.labels, record.values).map { label, value in
        (label.map { "\($0): " } ?? "") + value.wholeText(digits: digits)
      }.joined(separator: "\n")
    default: text(digits: digits)
    }
  }

  /// One value; tensors of rank 1 and more take several lines.
  private func inline(digits: Int) -> String {
    switch self {
    case .undefined: return "undefined"
    case .none: return "none"
    case .bool(let value): return value ? "true" : "false"
    case .int(let value): return String(value)
    case .float(let value): return Drawing.text(of: value)
    case .string(let text): return quoted(text)
    case .tensor(let variable): return Drawing.text(of: variable.tensor, digits: digits)
    case .parameter(let parameter): return Drawing.text(of: parameter.value.tensor, digits: digits)
    case .list(let items): return Self.sequence("[", items.count, "]") { items[$0].item(digits) }
    case .record(let record):
      if record.isTuple, record.values.count == 1 { return "(\(record.values[0].item(digits)),)" }
      return Self.sequence("(", record.values.count, ")") { position in
        (record.labels[position].map { "\($0): " } ?? "") + record.values[position].item(digits)
      }
    case .range(let range):
      return "\(range.lower)..\(range.upper)" + (range.step == 1 ? "" : " by \(range.step)")
    case .dtype(let dtype): return dtype.name
    case .function(let function):
      let parameters = function.parameterNames.joined(separator: ", ")
      return function.name.isEmpty ? "(\(parameters)) -> …" : "fn \(function.name)(\(parameters))"
    case .builtin(let primitive): return "fn \(primitive.signatureText)"
    case .modelType(let type):
      return "model \(type.name)(\(type.parameterNames.joined(separator: ", ")))"
    case .model(let model): return model.summary
    case .lazy(let list): return list.description
    }
  }

  /// Inside a list or record a large tensor is only described.
  private func item(_ digits: Int) -> String {
    if let tensor = variable?.tensor, tensor.rank > 0 {
      guard tensor.rank == 1, tensor.count <= 8 else { return tensor.description }
      let text = Drawing.text(of: tensor, digits: digits)
      guard let row = text.split(separator: "\n").dropFirst().first, !text.contains("×") else {
        return tensor.description
      }
      return tensor.description + " [" + row.split(separator: " ").joined(separator: " ") + "]"
    }
    return inline(digits: digits)
  }

  /// Long lists keep their ends.
  private static func sequence(
    _ open: String, _ count: Int, _ close: String, _ part: (Int) -> String
  ) -> String {
    guard count > 40 else { return open + (0..<count).map(part).joined(separator: ", ") + close }
    let shown = (0..<10).map(part) + ["… \(count - 20) more …"] + (count - 10..<count).map(part)
    return open + shown.joined(separator: ", ") + close
  }
}

extension Value {
  /// A number or string under a format, as in `"{loss:.4f}"`; anything else under no format.
  package func formatted(_ spec: String, digits: Int = 4) throws -> String {
    if spec.isEmpty { return text(digits: digits, quoted: false) }
    do {
      switch self {
      case .string(let text): return try Drawing.format(text, spec)
      case .int(let number): return try Drawing.format(number, spec)
      case .float(let number): return try Drawing.format(number, spec)
      default:
        guard let tensor = variable?.tensor, tensor.rank == 0, tensor.dtype != .bool else { break }
        if tensor.dtype.isInteger { return try Drawing.format(tensor.integerItem, spec) }
        return try Drawing.format(tensor.item, spec)
      }
    } catch {
      throw BuiltinError(error.message, at: ["spec"])
    }
    throw BuiltinError("\(kind) has no format, only numbers and strings do", at: ["x"])
  }
}

extension Model {
  /// `Linear(8, 4): 36 parameters`
  var summary: String {
    let count = Value.model(self).leaves().filter(\.isParameter).reduce(0) {
      $0 + $1.variable.tensor.count
    }
    let values = arguments.map { $0.text() }.joined(separator: ", ")
    return "\(type.name)(\(values)): \(grouped(count)) parameters"
  }

  /// Path, shape and parameters of every tensor, and the total.
  package var table: String {
    let leaves = Value.model(self).leaves()
    var rows = leaves.map { leaf in
      let note = leaf.isParameter ? (leaf.isFrozen ? "  frozen" : "") : "  buffer"
      return (
        leaf.path, leaf.variable.description, grouped(leaf.variable.tensor.count) + note
      )
    }
    let total = leaves.filter(\.isParameter).reduce(0) { $0 + $1.variable.tensor.count }
    rows.append(("total", "", grouped(total)))
    let first = rows.map(\.0.count).max() ?? 0
    let second = rows.map(\.1.count).max() ?? 0
    let third = rows.map { $0.2.prefix { $0 != " " }.count }.max() ?? 0
    var lines = ["\(type.name)(\(named))"]
    for (path, shape, count) in rows {
      let digits = count.prefix { $0 != " " }
      lines.append(
        "  " + path + String(repeating: " ", count: first - path.count + 2)
          + shape + String(repeating: " ", count: second - shape.count + 2)
          + String(repeating: " ", count: third - digits.count) + count)
    }
    return lines.joined(separator: "\n")
  }

  private var named: String {
    zip(type.parameterNames, arguments).map { "\($0): \($1.text())" }.joined(separator: ", ")
  }
}
