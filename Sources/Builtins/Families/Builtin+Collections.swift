import Autodiff
import Builtins
import Drawing
import Shapes
import Support
import Tensors
import Values

/// Lists, records, ranges, and what goes through them.
extension Builtin {
  package static let collectionFamily: [Builtin] = [
    length, push, zipped, enumerated, keys, fieldValues, fieldItems, merged, reversedOrder,
    containsValue, indexOf, countOf, toList, toTensor, typeName, takes,
  ]

  static let length = Builtin(
    "len(x)",
    """
    The number of items of a list, range or record, of characters of a string, or the size of a \
    tensor's first axis.
    """,
    examples: [
      .prints("len(zeros(3, 2))", "3"), .prints("len(\"attention\")", "9"),
      .fails("len(2.5)", "len: x is a list, string, tensor, record or range, not a Float"),
    ]
  ) { arguments in
    switch arguments["x"] {
    case .list(let items): return .int(items.count)
    case .string(let text): return .int(try text.characterCount())
    case .record(let record): return .int(record.values.count)
    case .range(let range): return .int(range.count)
    case .lazy(let list): return .int(list.count)
    case let x:
      guard let tensor = x.variable else {
        throw arguments.wrong("x", "a list, string, tensor, record or range")
      }
      guard tensor.rank > 0 else {
        throw BuiltinError("{x} is a single \(tensor.dtype.name), which has no items", at: ["x"])
      }
      return .int(tensor.shape[0])
    }
  }

  static let push = Builtin(
    "push(xs, value)", "The list with a value added at its end; the list given is unchanged.",
    examples: [
      .prints("[].push(\"a\").push(\"b\")", "[\"a\", \"b\"]"),
      .fails("push([1, 2], 3)", "push: xs is a list, not i64[2]"),
    ]
  ) { arguments in
    guard case .list(var items) = arguments["xs"] else {
      throw arguments.wrong(
        "xs", "a list",
        hint: arguments["xs"].variable == nil
          ? nil : "a literal of numbers is a tensor: begin with [] or list(xs)")
    }
    try items.appendWithRoom(arguments["value"])
    return .list(items)
  }

  static let zipped = Builtin(
    "zip(a, b...)", "A list of tuples: the first items together, then the second ones, and so on.",
    examples: [
      .prints("zip([\"a\", \"b\"], 0..2)", "[(\"a\", 0), (\"b\", 1)]"),
      .fails("zip(0..3, 0..2)", "zip: the lengths differ: 3 and 2"),
    ]
  ) { arguments in
    var lists = [try arguments.list("a")]
    for (position, value) in try arguments.list("b").enumerated() {
      guard let items = try value.items() else {
        throw BuiltinError("list \(position + 2) is \(value.kind)", at: ["b"])
      }
      lists.append(items)
    }
    guard lists.allSatisfy({ $0.count == lists[0].count }) else {
      let counts = lists.map { String($0.count) }
      let text = counts.dropLast().joined(separator: ", ") + " and " + counts[counts.count - 1]
      throw BuiltinError("the lengths differ: \(text)", at: ["a", "b"])
    }
    return .list(
      try [Value](count: lists[0].count) { at in .record(Record(tuple: lists.map { $0[at] })) })
  }

  static let enumerated = Builtin(
    "enumerate(xs, start: 0)", "A list of tuples: each item behind its number.",
    examples: [
      .prints("enumerate([\"a\", \"b\"])", "[(0, \"a\"), (1, \"b\")]"),
      .prints("enumerate(\"xy\", start: 1)", "[(1, \"x\"), (2, \"y\")]"),
    ]
  ) { arguments in
    let items = try arguments.list("xs")
    let start = try arguments.int("start")
    guard !start.addingReportingOverflow(items.count).overflow else {
      throw BuiltinError("start is too large: \(start)", at: ["start"])
    }
    return .list(
      try [Value](count: items.count) { .record(Record(tuple: [.int(start + $0), items[$0]])) })
  }

  // MARK: Records

  static let keys = Builtin(
    "keys(record)", "The labels of a record, or the field names of a model, in order.",
    examples: [
      .prints("keys((loss: 0.3, step: 12))", "[\"loss\", \"step\"]"),
      .fails("keys((1, 2))", "keys: record is a tuple of 2, whose fields have no labels"),
    ]
  ) { arguments in
    .list(try arguments.fields("record").map { .string($0.0) })
  }

  static let fieldValues = Builtin(
    "values(record)", "The values of a record's fields, or of a model's, in order.",
    examples: [.prints("values((loss: 0.3, step: 12))", "[0.3, 12]")]
  ) { arguments in
    if case .record(let record) = arguments["record"] { return .list(record.values) }
    return .list(try arguments.fields("record").map(\.1))
  }

  static let fieldItems = Builtin(
    "items(record)", "A list of tuples: each label of a record, or of a model, with its value.",
    examples: [.prints("items((loss: 0.3, step: 12))", "[(\"loss\", 0.3), (\"step\", 12)]")]
  ) { arguments in
    .list(
      try arguments.fields("record").map { .record(Record(tuple: [.string($0.0), $0.1])) })
  }

  static let merged = Builtin(
    "merge(a, b)", "The fields of two records; where both have a label, the value of b stands.",
    examples: [.prints("merge((lr: 0.1, steps: 5), (lr: 0.2))", "(lr: 0.2, steps: 5)")]
  ) { arguments in
    var fields = try arguments.fields("a")
    for (label, value) in try arguments.fields("b") {
      if let position = fields.firstIndex(where: { $0.0 == label }) {
        fields[position].1 = value
      } else {
        fields.append((label, value))
      }
    }
    return .record(Record(fields))
  }

  // MARK: Order and search

  static let reversedOrder = Builtin(
    "reverse(xs[...]) -> [...]",
    "The items of a list, string or range, or a tensor's first axis, back to front.",
    examples: [
      .prints("reverse(\"abc\")", "\"cba\""), .prints("reverse([1, 2, 3])", "i64[3]\n 3  2  1"),
      .prints("[i for i in reverse(0..3)]", "[2, 1, 0]"),
    ],
    gradients: [.at("reverse(x) * [1.0, 2.0, 3.0]", [3])]
  ) { arguments in
    switch arguments["xs"] {
    case .list(let items): return .list(try items.reversed().stoppableMap { $0 })
    case .string(let text):
      return .string(try .joining(text.reversed().stoppableMap { String($0) }))
    case .record(let record) where record.isTuple:
      return .record(Record(tuple: record.values.reversed()))
    case .range(let range):
      let count = range.count
      guard count > 0 else { return .range(RangeValue(0, 0, by: 1)) }
      let (step, isTooFar) = range.step.multipliedReportingOverflow(by: -1)
      let (end, isTooLow) = range.lower.addingReportingOverflow(step)
      let limit = step < 0 ? Int.min : Int.max
      guard !isTooFar, !isTooLow || range.lower != limit else {
        throw BuiltinError("{xs} reaches the ends of the whole numbers", at: ["xs"])
      }
      return .range(RangeValue(range.item(at: count - 1), isTooLow ? limit : end, by: step))
    case let value:
      guard let x = value.variable, x.rank > 0 else {
        throw arguments.wrong("xs", "a list, string, range or tensor")
      }
      var slices = x.shape.map(AxisSlice.all)
      slices[0] = AxisSlice(
        start: Swift.max(x.shape[0] - 1, 0), count: x.shape[0], step: -1, isDropped: false)
      return .tensor(x.sliced(slices))
    }
  }

  static let containsValue = Builtin(
    "contains(xs, value)",
    """
    Whether a list, range or tensor has the value, a string the part, a record the label, or a model the \
    field or method.
    """,
    examples: [
      .prints("contains(\"attention\", \"ten\")", "true"), .prints("[1, 2].contains(3)", "false"),
      .prints("contains((lr: 0.1), \"lr\")", "true"),
    ]
  ) { arguments in
    switch arguments["xs"] {
    case .string(let text): return .bool(try text.utf8Contains(arguments.string("value")))
    case .record(let record) where !record.isTuple:
      return .bool(record[try arguments.string("value")] != nil)
    case .model(let model):
      let name = try arguments.string("value")
      return .bool(model.member(name) != nil || model.type.methodNames.contains(name))
    default: return .bool(try !arguments.positions("value", in: "xs", limit: 1).isEmpty)
    }
  }

  static let indexOf = Builtin(
    "index_of(xs, value)",
    "The position of the first item of a list, range or tensor that equals the value, or none.",
    examples: [
      .prints("index_of([\"a\", \"b\"], \"b\")", "1"),
      .prints("str(index_of(0..3, 7))", "\"none\""),
      .fails("index_of(3, 7)", "index_of: xs is a list, not an Int"),
    ]
  ) { arguments in
    if case .string = arguments["xs"] {
      throw arguments.wrong("xs", "a list", hint: "find(text, part) looks into a string")
    }
    return try arguments.positions("value", in: "xs", limit: 1).first.map(Value.int) ?? .none
  }

  static let countOf = Builtin(
    "count(xs, value)",
    "How often a value stands in a list, range or tensor, or a part in a string.",
    examples: [
      .prints("count([1, 2, 1], 1)", "2"), .prints("count(\"banana\", \"an\")", "2"),
      .fails("count(\"banana\", \"\")", "count: value is an empty string"),
    ]
  ) { arguments in
    if case .string(let text) = arguments["xs"] {
      let part = try arguments.nonEmpty("value")
      return .int(try text.utf8Offsets(of: part).count)
    }
    return .int(try arguments.positions("value", in: "xs").count)
  }

  // MARK: Conversions

  static let toList = Builtin(
    "list(x)",
    "The items of a range, record or tensor's first axis, or the characters of a string, as a list.",
    examples: [
      .prints("list(0..3)", "[0, 1, 2]"), .prints("list(\"abc\")", "[\"a\", \"b\", \"c\"]"),
      .prints("list([1.5, 2.0])", "[1.5, 2.0]"),
    ]
  ) { arguments in
    .list(try arguments.list("x"))
  }

  static let toTensor = Builtin(
    "tensor(x, dtype: none)",
    """
    A tensor of nested lists, ranges, numbers and tensors of equal shapes; whole numbers give i64, \
    others f32, unless dtype says otherwise.
    """, shape: ShapeRule(.dataDependent, "x"),
    examples: [
      .prints("tensor([i * i for i in 0..3])", "i64[3]\n 0  1  4"),
      .prints("tensor([0.5 for i in 0..2], dtype: f64)", "f64[2]\n 0.5000  0.5000"),
      .fails(
        "tensor([0..i for i in 1..3])",
        "tensor: the items' shapes differ: [0] is i64[1], [1] is i64[2]"),
    ],
    gradients: [.at("tensor([x, 2.0 * x])", [3])]
  ) { arguments in
    let dtype = arguments["dtype"].isNone ? nil : try arguments.dtype("dtype")
    return .tensor(try Stacking(dtype: dtype, of: "x").stacked(arguments["x"], at: ""))
  }

  static let typeName = Builtin(
    "type(x)",
    """
    The name of a value's type: "Int", "Float", "Bool", "String", "Tensor", "List", "Record", \
    "Range", "Function", "Model", "DType", "Batches" or "none".
    """,
    examples: [.prints("type(1.0)", "\"Float\""), .prints("type([1, 2])", "\"Tensor\"")]
  ) { arguments in
    .string(arguments["x"].typeName)
  }

  static let takes = Builtin(
    "takes(f, name)", "Whether a function or a model can be called with a keyword of this name.",
    examples: [
      .prints("takes(softmax, \"axis\")", "true"), .prints("takes(x -> x, \"axis\")", "false"),
      .fails("takes(1, \"axis\")", "takes: f is a function or a model, not an Int"),
    ]
  ) { arguments in
    let names: [String]
    switch arguments["f"] {
    case .function(let function): names = function.parameterNames
    case .builtin(let primitive): names = primitive.declaration.parameterNames
    case .modelType(let type): names = type.parameterNames
    case .model(let model): names = model.type.applyParameterNames
    default: throw arguments.wrong("f", "a function or a model")
    }
    return .bool(names.contains(try arguments.string("name")))
  }
}

extension Arguments {
  /// The labelled fields of a record or a model.
  fileprivate func fields(_ name: String) throws -> [(String, Value)] {
    switch self[name] {
    case .record(let record):
      let labels = record.labels.compactMap(\.self)
      guard labels.count == record.values.count else {
        let kind = self[name].kind
        throw BuiltinError("\(name) is \(kind), whose fields have no labels", at: [name])
      }
      return Array(zip(labels, record.values))
    case .model(let model): return Array(zip(model.type.fieldNames, model.fields.map(\.read)))
    default: throw wrong(name, "a record")
    }
  }

  /// Where the items of `xs` equal a value, the first `limit` of them.
  fileprivate func positions(_ name: String, in xs: String, limit: Int = .max) throws -> [Int] {
    let value = self[name]
    if case .range(let range) = self[xs] {
      return value.asInt.flatMap(range.position).map { [$0] } ?? []
    }
    if let tensor = self[xs].variable?.tensor, tensor.rank == 1, value.variable == nil {
      return Array(try tensor.positions(of: value).prefix(limit))
    }
    var result: [Int] = []
    for (position, item) in try list(xs).enumerated() {
      try Machine.checkStop(round: position)
      guard try equal(item, value) else { continue }
      result.append(position)
      if result.count == limit { break }
    }
    return result
  }
}

extension Tensor {
  /// Where the elements of a rank-1 tensor equal a plain number.
  fileprivate func positions(of value: Value) throws -> [Int] {
    let number: Tensor
    switch (value, dtype) {
    case (.bool(let flag), .bool): number = try Tensor([flag], [])
    case (.int(let whole), .i32):
      guard Int32(exactly: whole) != nil else { return [] }
      number = try .scalar(whole, .i32)
    case (.int(let whole), .i64), (.int(let whole), .f32), (.int(let whole), .f64):
      number = try .scalar(whole, dtype)
    case (.float(let real), .f32), (.float(let real), .f64): number = try .scalar(real, dtype)
    case (.float(let real), .i32), (.float(let real), .i64):
      return try Int(exactly: real).map { try positions(of: .int($0)) } ?? []
    default: return []
    }
    return try compare(.equal, number).truePositions()
  }
}
