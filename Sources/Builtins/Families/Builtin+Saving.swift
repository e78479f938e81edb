import Autodiff
import Builtins
import Drawing
import Host
import Support
import Tensors
import Values

/// Tensors and models in files, and their fingerprints.
extension Builtin {
  package static let savingFamily: [Builtin] = [saved, loaded, hashed]

  static let saved = Builtin(
    "save(value, path)",
    """
    Writes the tensors of a model, record, list or tensor to a file, whole or not at all: in the \
    safetensors format under dotted paths such as blocks.0.weight (a bare tensor is called value), \
    or one tensor in NumPy's format where the path ends in .npy. Numbers in records and lists are \
    written as tensors of rank 0. The same value gives the same bytes.
    """,
    examples: [
      .fails("save(\"text\", \"a.safetensors\")", "save: value is a String, which holds no tensor"),
      .fails(
        "save((1.0, 2.0), \"a.npy\")", "save: an .npy file holds one tensor, not a tuple of 2"),
    ],
    uses: .files
  ) { arguments in
    let path = try arguments.string("path")
    let value = arguments["value"]
    let bytes: [UInt8]
    if path.isNpy {
      guard let tensor = try? arguments.tensor("value").tensor else {
        throw BuiltinError("an .npy file holds one tensor, not \(value.kind)", at: ["value", "path"])
      }
      bytes = try Npy.encoded(tensor)
    } else {
      bytes = try Safetensors.encoded(value.savedTensors())
    }
    return try arguments.reading { files in
      try files.write(bytes, to: path)
      return .none
    }
  }

  static let loaded = Builtin(
    "load(path, like: none, names: none)",
    """
    The tensors of a safetensors file as a record under the file's names, or the tensor of an .npy \
    file. With like, a value of the same structure whose tensors (and numbers in records and lists) \
    come from the file: shapes must match, and so must names; f32 and f64 convert into each other, \
    as do i32 and i64; f16 and bf16 are read as f32. names says what another program calls them: a \
    list of tuples ("name in the file", "path in like"), or a record (path: "name in the file").
    """,
    examples: [
      .fails("load(\"nowhere.safetensors\")", "load: there is no file nowhere.safetensors"),
      .fails("load(\"nowhere.npy\")", "load: there is no file nowhere.npy"),
    ],
    uses: .files
  ) { arguments in
    let path = try arguments.string("path")
    let names = try arguments.names("names")
    let entries = try arguments.reading { files in
      let bytes = try files.readBytes(path)
      do {
        return path.isNpy
          ? [("value", try Npy.decoded(bytes))] : try Safetensors.decoded(bytes)
      } catch var error as BuiltinError {
        error.message = "\(path) can't be read: \(error.message)"
        throw error
      }
    }
    if !arguments["like"].isNone {
      return try Loading(path: path, entries: entries, names: names)
        .filled(arguments["like"])
    }
    if path.isNpy { return .tensor(Variable(entries[0].tensor)) }
    return .record(try Loading(path: path, entries: entries, names: names).record())
  }

  static let hashed = Builtin(
    "hash(x)",
    """
    16 hex digits over a tensor's dtype, shape and bits (every NaN counts as the same); for a model \
    over the paths and bits of its parameters and buffers, for a record or list over all it holds.
    """,
    examples: [
      .prints("hash([1, 2]) == hash([1, 2])", "true"),
      .prints("hash([1, 2]) == hash([1.0, 2.0])", "false"),
      .fails("hash(sqrt)", "hash: the function sqrt has no bits to hash"),
    ]
  ) { arguments in
    .string(try arguments["x"].digest())
  }
}

extension String {
  fileprivate var isNpy: Bool { lowercased().hasSuffix(".npy") }

  /// `blocks[0].weight` as `blocks.0.weight`.
  fileprivate var dotted: String {
    filter { $0 != "]" }.split(separator: "[").joined(separator: ".")
  }
}

extension Arguments {
  /// What the file calls the tensor of each dotted path.
  fileprivate func names(_ name: String) throws -> [String: String] {
    var result: [String: String] = [:]
    func add(_ path: String, _ stored: Value) throws {
      guard case .string(let stored) = stored else {
        throw wrong(name, "a list of tuples of two strings")
      }
      guard result.updateValue(stored, forKey: path.dotted) == nil else {
        throw BuiltinError("names says twice where \(path) is from", at: [name])
      }
    }
    switch self[name] {
    case .none: break
    case .record(let record) where !record.isTuple:
      for (label, value) in zip(record.labels, record.values) { try add(label ?? "", value) }
    case .list(let items):
      for item in items {
        guard case .record(let pair) = item, pair.isTuple, pair.values.count == 2,
          case .string(let path) = pair.values[1]
        else { throw wrong(name, "a list of tuples of two strings") }
        try add(path, pair.values[0])
      }
    default: throw wrong(name, "a list of tuples or a record")
    }
    return result
  }
}

extension Value {
  /// The tensors to write, under the names that they get.
  fileprivate func savedTensors() throws -> [Safetensors.Entry] {
    let leaves = try withNumbersAsTensors(isStrict: true).leaves()
    guard !leaves.isEmpty else {
      throw BuiltinError("value is \(kind), which holds no tensor", at: ["value"])
    }
    var seen: Set<String> = []
    return try leaves.map { leaf in
      let name = leaf.storedName
      guard seen.insert(name).inserted else {
        throw BuiltinError("two tensors of {value} are called \(name)", at: ["value"])
      }
      return (name, leaf.variable.tensor)
    }
  }

  /// The value with the numbers of its records and lists as tensors of rank 0. What a model holds
  /// beside its tensors is its structure and stays.
  ///
  /// - Parameter isStrict: whether what can't be written, such as a string, is an error.
  fileprivate func withNumbersAsTensors(isStrict: Bool) throws -> Value {
    try replacingLeaves(entersModels: false) { value, path in
      switch value {
      case .int(let number): return .tensor(Variable(try .scalar(number)))
      case .float(let number): return .tensor(Variable(try .scalar(number, .f64)))
      case .bool(let flag): return .tensor(Variable(try Tensor([flag], [])))
      case .tensor, .parameter, .model, .none: return value
      default:
        guard isStrict, !path.isEmpty else { return value }
        throw BuiltinError("\(path) is \(value.kind), which holds no tensor", at: ["value"])
      }
    }
  }

  /// The rank-0 tensors at which `like` has numbers as numbers again.
  fileprivate func withNumbers(of like: Value) -> Value {
    switch (like, self) {
    case (.int, .tensor): return asInt.map(Value.int) ?? self
    case (.float, .tensor): return asDouble.map(Value.float) ?? self
    case (.bool, .tensor): return asBool.map(Value.bool) ?? self
    case (.list(let old), .list(let new)):
      return .list(zip(old, new).map { $1.withNumbers(of: $0) })
    case (.record(let old), .record(let new)):
      let values = zip(old.values, new.values).map { $1.withNumbers(of: $0) }
      return .record(Record(labels: old.labels, values: values))
    default: return self
    }
  }
}

extension Leaf {
  fileprivate var storedName: String { path.isEmpty ? "value" : dottedPath }
}

/// The tensors of a file put into a value of a given structure.
private struct Loading {
  let path: String
  let entries: [Safetensors.Entry]
  /// What the file calls the tensor of each path.
  let names: [String: String]

  /// What fields were called before, in files that were written then.
  private static let formerNames = [
    "bias": "offset", "first_moment": "first", "second_moment": "second",
  ]

  /// The file's name for a path: the same, or that of a field as it was called before.
  private func storedName(of path: String, among stored: Set<String>) -> String {
    if let name = names[path] { return name }
    if stored.contains(path) { return path }
    let former = path.split(separator: ".").map { Self.formerNames[String($0)] ?? String($0) }
      .joined(separator: ".")
    return stored.contains(former) ? former : path
  }

  func filled(_ like: Value) throws -> Value {
    let shaped = try like.withNumbersAsTensors(isStrict: false)
    let wanted = shaped.leaves().map(\.storedName)
    try checkNames(wanted)
    let tensors = Dictionary(entries.map { ($0.name, $0.tensor) }) { first, _ in first }
    let stored = Set(tensors.keys)
    let result = try shaped.mapLeaves { leaf in
      let name = leaf.storedName
      guard let tensor = tensors[storedName(of: name, among: stored)] else {
        preconditionFailure("the names have been checked")
      }
      return Variable(try converted(tensor, for: leaf))
    }
    return result.withNumbers(of: like)
  }

  /// All tensors of the file, those that `names` speaks of under their new names.
  func record() throws -> Record {
    let stored = Set(entries.map(\.name))
    for name in names.values.sorted() where !stored.contains(name) {
      throw BuiltinError(
        "\(path) has no tensor \(name)", at: ["path", "names"],
        hint: nearest(name, among: entries.map(\.name)).map { "did you mean \($0)?" })
    }
    let paths = Dictionary(names.map { ($1, $0) }) { first, _ in first }
    let labels = entries.map { paths[$0.name] ?? $0.name }
    guard Set(labels).count == labels.count else {
      throw BuiltinError("names gives two tensors of \(path) one name", at: ["names"])
    }
    return Record(Array(zip(labels, entries.map { .tensor(Variable($0.tensor)) })))
  }

  private func converted(_ tensor: Tensor, for leaf: Leaf) throws -> Tensor {
    let wanted = leaf.variable.tensor
    let isSameKind =
      tensor.dtype == wanted.dtype || tensor.dtype.isFloat && wanted.dtype.isFloat
      || tensor.dtype.isInteger && wanted.dtype.isInteger
    guard tensor.shape == wanted.shape, isSameKind else {
      let isTransposed = tensor.rank == 2 && tensor.shape == wanted.shape.reversed()
      let hint =
        isSameKind
        ? isTransposed ? "the file holds it with its axes swapped" : nil
        : "floats convert into each other, as do whole numbers; without like it is read as it is"
      throw BuiltinError(
        "\(leaf.storedName) is \(tensor.description) in \(path), and "
          + "\(wanted.description) in {like}", at: ["path", "like"], hint: hint)
    }
    return try tensor.converted(to: wanted.dtype)
  }

  /// Throws where a tensor is missing or has no place.
  private func checkNames(_ wanted: [String]) throws {
    let stored = Set(entries.map(\.name))
    let places = Set(wanted)
    for path in names.keys.sorted() where !places.contains(path) {
      throw BuiltinError(
        "names speaks of \(path), which {like} does not have", at: ["like", "names"],
        hint: nearest(path, among: wanted).map { "did you mean \($0)?" })
    }
    let needed = wanted.map { storedName(of: $0, among: stored) }
    let used = Set(needed)
    let missing = needed.filter { !stored.contains($0) }
    let spare = entries.map(\.name).filter { !used.contains($0) }
    if !missing.isEmpty {
      throw BuiltinError(
        "\(path) has no tensor \(listed(missing))", at: ["path", "like"],
        hint: missing.lazy.compactMap { nearest($0, among: spare) }.first.map {
          "did you mean \($0)? names: [(\"\($0)\", \"path in like\")] says what is what"
        } ?? (spare.isEmpty ? nil : "it has \(listed(spare)), for which like has no place"))
    }
    if !spare.isEmpty {
      throw BuiltinError("{like} has no place for \(listed(spare)) of \(path)", at: ["path", "like"])
    }
  }

  /// Up to five names, and how many more there are.
  private func listed(_ names: [String]) -> String {
    let shown = names.prefix(5).joined(separator: ", ")
    return names.count > 5 ? "\(shown) and \(names.count - 5) more" : shown
  }
}
