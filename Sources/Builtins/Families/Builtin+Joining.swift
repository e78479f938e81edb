import Autodiff
import Builtins
import Drawing
import Shapes
import Support
import Tensors
import Values

/// Several made one, and one made several.
extension Builtin {
  package static let joiningFamily: [Builtin] = [concat, stack, split]

  static let concat = Builtin(
    "concat(list, axis: 0)",
    "Joins tensors along an axis that they have. Lists give one list, strings one string.",
    shape: ShapeRule(.joined, "list", "axis"),
    examples: [
      .prints("concat([zeros(2), ones(1)])", "f32[3]\n 0.0000  0.0000  1.0000"),
      .prints("shape(concat([zeros(2, 1), ones(2, 3)], axis: 1))", "(2, 4)"),
      .fails(
        "concat([zeros(2, 3), zeros(2, 4)])",
        "concat: item 0 is f32[2, 3] and item 1 is f32[2, 4], whose sizes on axis 1 differ: 3 and 4"
      ),
      .fails("concat([zeros(2), 1.0])", "concat: item 1 is a Float, and another is f32[2]"),
    ],
    gradients: [.at("concat([x, y, x], axis: 1)", [2, 3], [2, 1])]
  ) { arguments in
    let items = try arguments.list("list")
    guard arguments["axis"].asInt != nil else {
      throw arguments.wrong("axis", "a whole number", hint: "what is joined is one list: concat([a, b])")
    }
    if items.isEmpty { return .list([]) }
    let texts = items.compactMap { item -> String? in
      if case .string(let text) = item { return text }
      return nil
    }
    if texts.count == items.count { return .string(try .joining(texts)) }
    if items.allSatisfy({ $0.variable == nil && !$0.isNumberOrBool }) {
      let lists = try items.enumerated().map { position, item in
        guard let inner = try item.items() else {
          throw BuiltinError("item \(position) is \(item.kind), not a list", at: ["list"])
        }
        return inner
      }
      let count = lists.reduce(0) { $0 + $1.count }
      try Memory.checkRoom(count * MemoryLayout<Value>.stride, for: "a list of \(count) items")
      return .list(
        try Disposal.making { (joined: inout [Value]) in
          joined.reserveCapacity(count)
          for list in lists { try joined.appendStoppably(list[...]) }
        })
    }
    let parts = try checkedTensors(items)
    let axis = try arguments.axis("axis", of: parts[0])
    return .tensor(try .concatenated(parts, axis: axis))
  }

  static let stack = Builtin(
    "stack(list, axis: 0)",
    "A tensor of tensors of one shape, or of numbers, along a new axis; nested lists nest.",
    shape: ShapeRule(.stacked, "list", "axis"),
    examples: [
      .prints("stack([[1, 2], [3, 4]], axis: 1)", "i64[2, 2]\n 1  3\n 2  4"),
      .prints("stack([i / 2 for i in 0..3])", "f32[3]\n 0.0000  0.5000  1.0000"),
      .fails(
        "stack([zeros(2), zeros(3)])",
        "stack: the items' shapes differ: [0] is f32[2], [1] is f32[3]"),
    ],
    gradients: [.at("stack([x, y], axis: 1)", [2, 3], [2, 3])]
  ) { arguments in
    let items = try arguments.list("list")
    guard !items.isEmpty else { throw BuiltinError("there is nothing to stack", at: ["list"]) }
    let inner = try Stacking(dtype: nil, of: "list").stacked(.list(items), at: "")
    let axis = try resolvedNewAxis(
      arguments.int("axis"), rank: inner.rank - 1, parameter: arguments.position("axis"))
    return .tensor(inner.moved(axis: 0, to: axis))
  }

  static let split = Builtin(
    "split(x, n, axis: -1)",
    """
    A list of `n` equal parts of a tensor along `axis`; of a string, the list of its parts between \
    the separators `n`.
    """,
    shape: ShapeRule(.divided, "x", "n", "axis"),
    examples: [
      .prints("split([1, 2, 3, 4], 2)[1]", "i64[2]\n 3  4"),
      .fails("split(zeros(2, 3), 2)", "split: axis 1 of x has size 3, which does not divide by 2"),
    ],
    gradients: [.at("split(x, 2, axis: 0)[1]", [4, 2])]
  ) { arguments in
    if case .string(let text) = arguments["x"] {
      let separator = try arguments.string("n")
      guard !separator.isEmpty else {
        throw BuiltinError(
          "the separator is empty", at: ["n"], hint: "a loop goes through characters")
      }
      return .list(
        try text.parts(between: separator).map(Value.string))
    }
    let x = try arguments.tensor("x")
    let axis = try arguments.axis("axis", of: x)
    let n = try arguments.count("n")
    guard x.shape[axis] > 0 || n <= 1 << 20 else { throw BuiltinError("\(n) parts are too many", at: ["n"]) }
    let part = try arguments.shape[axis]
    return .list(
      try [Value](count: n) { .tensor(x.sliced(axis: axis, start: $0 * part, count: part)) })
  }
}

/// The tensors of a list in their common dtype.
private func checkedTensors(_ items: [Value]) throws -> [Variable] {
  let tensors = items.compactMap(\.variable)
  if tensors.count < items.count, let position = items.firstIndex(where: { $0.variable == nil }) {
    let other =
      tensors.first.map { ", and another is \($0.tensor.description)" } ?? ", not a tensor"
    throw BuiltinError(
      "item \(position) is \(items[position].kind)\(other)", at: ["list"],
      hint: items[position].isNumberOrBool ? "stack makes a tensor of numbers" : nil)
  }
  let first = tensors[0]
  if tensors.allSatisfy({ $0.dtype == first.dtype }) { return tensors }
  let dtype = tensors.map(\.dtype).reduce(.bool, DType.common)
  return try tensors.map { try $0.converted(to: dtype) }
}
