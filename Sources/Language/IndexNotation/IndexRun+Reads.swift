import Autodiff
import Builtins
import Support
import Syntax
import Tensors
import Values

/// Reading tensors at index variables, at merged axes and at computed positions.
extension IndexRun {
  mutating func read(
    _ value: Value, _ input: Int, _ subscripts: [IndexSubscript], _ span: Span, _ mask: Indexed?
  ) throws -> Indexed {
    guard var x = value.variable else { return .none }
    let named = subscripts.count - (subscripts.first?.isEllipsis == true ? 1 : 0)
    guard x.rank == named || x.rank > named && subscripts.first?.isEllipsis == true else {
      throw Diagnostic(
        "\(span.text) names \(count(named, "axis", "axes")), and the tensor is \(x.description)",
        at: span)
    }
    var labels: [Int?] = []
    var expressions: [(axis: Int, IndexExpression, Span)] = []
    for item in subscripts {
      switch item {
      case .ellipsis: labels += leadingLabels.suffix(x.rank - (subscripts.count - 1))
      case .variable(let variable, _): labels.append(variable)
      case .merged(let parts, _): labels += parts
      case .expression(let expression, let span):
        expressions.append((labels.count, expression, span))
        labels.append(nil)
      }
    }
    if labels.count > x.rank {
      let whole = x
      x = try whole.reshaped(found.shape(of: whole, readAt: subscripts))
      recorder?.record(x, sized: whole) { try $0.reshaped($1.shape(of: $0, readAt: subscripts)) }
    }
    if !expressions.isEmpty { try x.materialize() }
    // The same index twice reads the diagonal.
    while let second = labels.indices.first(where: { labels[$0] != nil && labels[..<$0].contains(labels[$0]) }
    ),
      let first = labels.firstIndex(of: labels[second])
    {
      let square = x
      x = try x.diagonal(first, second)
      recorder?.record(x, square) { try $0.diagonal(first, second) }
      labels.remove(at: second)
      for index in expressions.indices where expressions[index].axis > second { expressions[index].axis -= 1 }
    }
    guard expressions.isEmpty else {
      return try gather(x, input, labels, expressions, span, mask)
    }
    return try masked(x, labels.compactMap { $0 }, mask)
  }

  /// Keeps gradients from elements that the validity mask excludes, where it has no axis beyond theirs.
  func masked(_ x: Variable, _ labels: [Int], _ mask: Indexed?) throws -> Indexed {
    guard case .tensor(let keep, let keepLabels)? = mask, interpreter.host.tape.isRecording,
      x.dtype.isFloat,
      keepLabels.allSatisfy(labels.contains)
    else { return .tensor(x, labels) }
    let zero = try Variable(Tensor.scalar(0, x.dtype))
    return .tensor(try .select(aligned(keep, keepLabels, to: labels), x, zero), labels)
  }

  /// Reads at computed positions: one flat position for each combination of the indices in them.
  mutating func gather(
    _ x: Variable, _ input: Int, _ labels: [Int?],
    _ expressions: [(axis: Int, IndexExpression, Span)], _ span: Span, _ mask: Indexed?
  ) throws -> Indexed {
    var computed: [(axis: Int, Variable, [Int], Span)] = []
    var union: [Int] = []
    func constant(_ position: Tensor, hangsOnExtents: Bool = true) -> Variable {
      let position = Variable(position)
      recorder?.constant(position, hangsOnExtents: hangsOnExtents)
      return position
    }
    for (axis, expression, span) in expressions {
      switch try evaluate(expression, mask: mask) {
      case .tensor(let position, let own) where position.dtype.isInteger:
        computed.append((axis, position, own, span))
        union = Self.union(union, own)
      case .scalar(let value):
        guard let position = value.asInt else {
          throw Diagnostic("a position is a whole number, not \(value.described)", at: span)
        }
        computed.append(
          (axis, constant(try Tensor.scalar(position), hangsOnExtents: false), [], span))
      case .tensor(let position, _):
        throw Diagnostic(
          "a position is a whole number, not \(position.dtype.name)", at: span,
          hint: position.dtype.isFloat ? "// divides whole numbers" : nil)
      case .none: throw Diagnostic("a position is a whole number, not none", at: span)
      }
    }
    /// An index that is read plainly and runs with the positions is a position too.
    func addPlainIndices() throws {
      for (axis, label) in labels.enumerated() {
        guard let label, union.contains(label), !computed.contains(where: { $0.axis == axis })
        else { continue }
        computed.append((axis, constant(try Tensor.range(extent(label))), [label], span))
      }
      computed.sort { $0.axis < $1.axis }
    }
    try addPlainIndices()
    if mask == nil, let result = try gatheredAtOne(x, labels, computed) { return result }
    // Whether a position is inside depends on the numbers.
    recorder?.abort()
    let isOutside = try computed.contains {
      try Self.isOutside($0.1.tensor.converted(to: .i64), x.shape[$0.axis])
    }
    var condition: (Variable, [Int])?
    if isOutside, case .tensor(let keep, let own)? = mask {
      condition = (keep, own)
      union = Self.union(union, own)
      try addPlainIndices()
    }
    let keep = try condition.map { try aligned($0.0, $0.1, to: union).tensor.contiguous() }
    let positions = try computed.map { ($0.axis, try $0.1.tensor.converted(to: .i64), $0.2, $0.3) }
    if isOutside { try checkInside(x, input, positions, union, keep) }
    let sizes = union.map(extent)
    let gathered = positions.map(\.0)
    let inner = labels.indices.filter { !gathered.contains($0) }
    var flat = try Tensor.full(sizes, 0, .i64)
    var stride = 1
    for (axis, position, own, _) in positions.reversed() {
      let step = try aligned(Variable(position), own, to: union).tensor
        .binary(.multiply, Tensor.scalar(stride))
      flat = try flat.binary(.add, step)
      stride *= x.shape[axis]
    }
    let rows = try x.transposed(gathered + inner).reshaped([stride] + inner.map { x.shape[$0] })
    let result = try rows.gatheredRows(flat, keep: keep)
    return try masked(result, union + inner.compactMap { labels[$0] }, keep == nil ? mask : nil)
  }

  /// The rows at one computed position, which the kernel itself checks; `nil` where there are more, or one
  /// is outside.
  private func gatheredAtOne(
    _ x: Variable, _ labels: [Int?], _ positions: [(axis: Int, Variable, [Int], Span)]
  ) throws -> Indexed? {
    guard positions.count == 1, case (let axis, let position, let own, _) = positions[0] else { return nil }
    let inner = labels.indices.filter { $0 != axis }
    func rows(_ x: Variable, _ position: Variable) throws -> Variable {
      try (axis == 0 ? x : x.transposed([axis] + inner))
        .gatheredRows(position.tensor.converted(to: .i64), keep: nil)
    }
    do {
      let result = try rows(x, position)
      recorder?.record(result, x, position, rows)
      return .tensor(result, own + inner.compactMap { labels[$0] })
    } catch is IndexOutOfRange { return nil }
  }

  static func isOutside(_ position: Tensor, _ size: Int) throws -> Bool {
    guard position.count > 0 else { return false }
    func any(_ condition: Tensor) throws -> Bool {
      try condition.reshaped([condition.count]).reduced(.any, axis: 0).integerItem != 0
    }
    return try any(position.compare(.less, Tensor.scalar(0)))
      || any(position.compare(.greaterOrEqual, Tensor.scalar(size)))
  }

  func checkInside(
    _ x: Variable, _ input: Int, _ positions: [(axis: Int, Tensor, [Int], Span)], _ union: [Int],
    _ keep: Tensor?
  ) throws {
    let kept = try keep?.integers()
    let shape = union.map(extent)
    for (axis, position, own, span) in positions {
      let all = try aligned(Variable(position), own, to: union).tensor.integers()
      for (index, value) in all.enumerated()
      where (value < 0 || value >= x.shape[axis]) && kept?[index] ?? 1 != 0 {
        let place = zip(union, coordinates(of: index, in: shape)).filter { own.contains($0.0) }
          .map { "\(name($0)) = \($1)" }
        let whose = isInFunction ? "the tensor" : program.inputs[input].node.span.text
        throw Diagnostic(
          "the index \(value)\(place.isEmpty ? "" : " at " + place.joined(separator: ", ")) is outside "
            + "0..\(x.shape[axis]), axis \(axis) of \(whose)", at: span,
          hint: value < 0
            ? "index notation doesn't count from the end; a condition can exclude the read" : nil)
      }
    }
  }

  func name(_ label: Int) -> String {
    label >= Self.leadingLabel ? "..." : program.variables[label].name
  }
}
