import Autodiff
import Builtins
import Syntax
import Tensors

/// A value on its way through index notation: a tensor whose axes carry labels.
enum Indexed {
  case none
  case scalar(Value)
  /// Labels are numbers of index variables; leading axes have labels from `IndexRun.leading` on.
  case tensor(Variable, [Int])
}

/// One run of an index program.
struct IndexRun {
  private let program: IndexProgram
  private let interpreter: Interpreter
  private var values: [Value] = []
  private var extents: [Int]
  /// Where each extent was first seen, for messages.
  private var origins: [(span: Span, text: String)?]
  private var leading: [Int] = []
  private var leadingOrigin: Span?
  private var bound: [Indexed] = []

  /// The label of the first leading axis.
  private static let leadingLabel = 1 << 20
  private static let unknown = -1

  init(_ program: IndexProgram, _ interpreter: Interpreter) {
    self.program = program
    self.interpreter = interpreter
    extents = Array(repeating: Self.unknown, count: program.variables.count)
    origins = Array(repeating: nil, count: program.variables.count)
  }

  mutating func run(_ frame: inout Frame) throws -> Value {
    values = Array(repeating: .undefined, count: program.inputs.count)
    for (index, input) in program.inputs.enumerated() where !input.usesExtents {
      values[index] = try input.node.evaluate(&frame).read
    }
    try findExtents(&frame)
    publish(&frame)
    if program.inputs.contains(where: \.usesExtents) {
      for (index, input) in program.inputs.enumerated() where input.usesExtents {
        values[index] = try input.node.evaluate(&frame).read
      }
      try findExtents(&frame)
      publish(&frame)
    }
    for (input, span) in program.scalars { _ = try scalar(values[input], span) }
    for (variable, extent) in zip(program.variables, extents) where extent == Self.unknown {
      throw Diagnostic(
        "nothing says the extent of \(variable.name)", at: variable.span,
        hint: "give it where it is bound: \(variable.name): 8")
    }
    let result = try evaluate(program.body, gate: nil)
    return try assembled(result)
  }

  /// Leaves the extents for the rest of the statement.
  private func publish(_ frame: inout Frame) {
    for (variable, extent) in zip(program.variables, extents) {
      if let slot = variable.slot, extent != Self.unknown { frame.locals[slot] = .int(extent) }
    }
  }

  // MARK: Extents

  /// Finds every index's extent from the shapes that it reads, and checks that all agree.
  private mutating func findExtents(_ frame: inout Frame) throws {
    let shapes = values.map { $0.variable?.shape }
    let isPlain = !program.variables.contains { $0.extent != nil || $0.size != nil }
    if isPlain, let cached = program.cached, cached.shapes == shapes {
      (extents, leading) = (cached.extents, cached.leading)
      return
    }
    for (index, variable) in program.variables.enumerated() {
      if let node = variable.extent {
        let size = try integer(node, "an extent", &frame)
        guard size >= 0 else {
          throw Diagnostic("an extent can't be negative: \(size)", at: node.span)
        }
        try agree(index, size, node.span, "given")
      }
      if let node = variable.size, case .int(let size) = try node.evaluate(&frame) {
        try agree(index, size, variable.span, "the signature")
      }
    }
    // Merged axes are solved once all but one of their indices are known.
    var open = program.reads.filter { read in
      if case .undefined = values[read.input] { return false }
      return true
    }
    for read in open { try checkRank(read) }
    while !open.isEmpty {
      var rest: [(input: Int, subscripts: [IndexSubscript], span: Span)] = []
      var hasProgress = false
      for read in open {
        let before = extents
        if try !bindAxes(read) { rest.append(read) }
        if extents != before { hasProgress = true }
      }
      if rest.count == open.count, !hasProgress { break }
      open = rest
    }
    if isPlain, !extents.contains(Self.unknown) { program.cached = (shapes, extents, leading) }
  }

  private mutating func agree(_ variable: Int, _ size: Int, _ span: Span, _ text: String) throws {
    if extents[variable] == Self.unknown {
      extents[variable] = size
      origins[variable] = (span, text)
    } else if extents[variable] != size {
      let origin = origins[variable]
      throw Diagnostic(
        "the extent of \(program.variables[variable].name) differs: \(extents[variable])"
          + (origin.map { " (\($0.text))" } ?? "") + " and \(size) (\(text))",
        at: [span] + (origin.map { [$0.span] } ?? []))
    }
  }

  private mutating func checkRank(_ read: (input: Int, subscripts: [IndexSubscript], span: Span))
    throws
  {
    let value = values[read.input]
    if value.isNone { return }
    let name = program.inputs[read.input].node.span.text
    guard let x = value.variable else {
      throw Diagnostic("\(name) is \(value.described), which has no axes", at: read.span)
    }
    var named = read.subscripts.count
    var hasEllipsis = false
    if case .ellipsis? = read.subscripts.first {
      named -= 1
      hasEllipsis = true
    }
    guard hasEllipsis ? x.rank >= named : x.rank == named else {
      let all = read.span.text.drop { $0 != "[" }.dropFirst().dropLast()
      throw Diagnostic(
        "\(read.span.text) names \(count(named, "axis", "axes")), and \(name) has \(x.rank): \(x.tensor.description)",
        at: read.span,
        hint: x.rank > named && !hasEllipsis
          ? "\(name)[..., \(all)] carries the leading axes along" : nil)
    }
    let extra = Array(x.shape.prefix(x.rank - named))
    guard !extra.isEmpty else { return }
    if leading.isEmpty {
      leading = extra
      leadingOrigin = read.span
      guard program.targetHasEllipsis || program.isFree else {
        throw Diagnostic(
          "\(name) has the leading axes \(extra), and the left side has no ...", at: read.span,
          hint: "write ... first on the left side too")
      }
    } else if leading != extra {
      throw Diagnostic(
        "the leading axes differ: \(leading) and \(extra)",
        at: [read.span] + (leadingOrigin.map { [$0] } ?? []),
        hint: "... is equal in every operand that has leading axes; name the axes that differ")
    }
  }

  /// Binds the indices of one read; false when a merged axis still has two unknown ones.
  private mutating func bindAxes(
    _ read: (input: Int, subscripts: [IndexSubscript], span: Span)
  ) throws -> Bool {
    guard let x = values[read.input].variable else { return true }
    let name = program.inputs[read.input].node.span.text
    var axis = x.rank - read.subscripts.count
    var isComplete = true
    if case .ellipsis? = read.subscripts.first { axis = x.rank - read.subscripts.count + 1 }
    for item in read.subscripts {
      switch item {
      case .ellipsis: continue
      case .variable(let variable, let span):
        try agree(variable, x.shape[axis], span, "axis \(axis) of \(name)")
      case .expression: break
      case .merged(let parts, let span):
        let known = parts.filter { extents[$0] != Self.unknown }
        let product = known.reduce(1) { $0 * extents[$1] }
        let size = x.shape[axis]
        let missing = parts.filter { extents[$0] == Self.unknown }
        if missing.count > 1 {
          isComplete = false
        } else if let last = missing.first {
          guard product > 0, size % product == 0 else {
            throw Diagnostic(
              "axis \(axis) of \(name) has size \(size), which does not divide by \(product)",
              at: span)
          }
          try agree(last, size / product, span, "axis \(axis) of \(name)")
        } else if product != size {
          let names = parts.map { "\(program.variables[$0].name) = \(extents[$0])" }
          throw Diagnostic(
            "axis \(axis) of \(name) has size \(size), and \(names.joined(separator: ", ")) make \(product)",
            at: span)
        }
      }
      axis += 1
    }
    return isComplete
  }

  private func extent(_ label: Int) -> Int {
    label >= Self.leadingLabel ? leading[label - Self.leadingLabel] : extents[label]
  }

  private var leadingLabels: [Int] { leading.indices.map { Self.leadingLabel + $0 } }

  // MARK: Evaluation

  /// - Parameter gate: where reads count; elsewhere an index may be out of range.
  private mutating func evaluate(_ expression: IndexExpression, gate: Indexed?) throws -> Indexed {
    switch expression {
    case .input(let input, let span): return try scalar(values[input], span)
    case .read(let input, let subscripts, let span):
      return try read(values[input], input, subscripts, span, gate)
    case .variable(let variable, _):
      return .tensor(Variable(try Tensor.range(extents[variable])), [variable])
    case .extent(let variable, _): return .scalar(.int(extents[variable]))
    case .bound(let slot, _): return bound[slot]
    case .arithmetic(let operation, let left, let right, let span):
      let a = try evaluate(left, gate: gate)
      let b = try evaluate(right, gate: gate)
      return try combined(a, b, span, [left, right], operation.rawValue) { try operation($0, $1) }
    case .comparison(let first, let rest, let span):
      var result: Indexed?
      var left = try evaluate(first, gate: gate)
      for (comparison, next) in rest {
        let right = try evaluate(next, gate: gate)
        let holds: Indexed
        switch (left, right) {
        case (.none, _), (_, .none):
          holds = .scalar(try compare(comparison, Self.value(left), Self.value(right)))
        default:
          holds = try combined(left, right, span, [first, next], comparison.symbol) {
            try compare(comparison, $0, $1)
          }
        }
        if let sum = result {
          result = try combined(sum, holds, span, [first, next], "and") {
            try combine(.and, $0, $1)
          }
        } else {
          result = holds
        }
        left = right
      }
      return result ?? left
    case .logical(let function, let left, let right, let span):
      let a = try evaluate(left, gate: gate)
      let b = try evaluate(right, gate: gate)
      switch (a, b) {
      case (.none, let other), (let other, .none): return function == .and ? other : .none
      default:
        return try combined(a, b, span, [left, right], function == .and ? "and" : "or") {
          try combine(function, $0, $1)
        }
      }
    case .unary(let isNot, let operand, let span):
      switch try evaluate(operand, gate: gate) {
      case .none: throw Diagnostic("none can't be negated", at: span)
      case .scalar(let value):
        return .scalar(
          try interpreter.located(span) { try isNot ? Builtins.negate(value) : negative(value) })
      case .tensor(let x, let labels):
        let value = try interpreter.located(span) {
          try isNot ? Builtins.negate(.tensor(x)) : negative(.tensor(x))
        }
        return .tensor(value.variable ?? x, labels)
      }
    case .select(let test, let then, let otherwise, let span):
      return try select(test, then, otherwise, span, gate)
    case .call(let input, let arguments, let span):
      return try call(input, arguments, span, gate)
    case .reduce(let builtin, let indices, let body, let condition, let span):
      return try reduce(builtin, indices, body, condition, span, gate)
    }
  }

  private func scalar(_ value: Value, _ span: Span) throws -> Indexed {
    switch value {
    case .none: return .none
    case .int, .float, .bool: return .scalar(value)
    default:
      guard let x = value.variable else {
        throw Diagnostic("\(value.described) can't stand in index notation", at: span)
      }
      guard x.rank == 0 else {
        let letters = ["i", "j", "k", "l", "m"].prefix(x.rank).joined(separator: ", ")
        throw Diagnostic(
          "\(span.text) is \(x.tensor.description), and stands here without its indices", at: span,
          hint: "write \(span.text)[\(letters)] with indices that are bound")
      }
      return .tensor(x, [])
    }
  }

  private static func value(_ indexed: Indexed) -> Value {
    switch indexed {
    case .none: .none
    case .scalar(let value): value
    case .tensor(let x, _): .tensor(x)
    }
  }

  /// An operation on two operands whose axes are brought in line.
  private func combined(
    _ a: Indexed, _ b: Indexed, _ span: Span, _ operands: [IndexExpression], _ symbol: String,
    _ operation: (Value, Value) throws -> Value
  ) throws -> Indexed {
    func diagnosed(_ x: Value, _ y: Value) throws -> Value {
      do { return try operation(x, y) } catch {
        let site = OperandSite(
          function: Builtin.operators[symbol]?.name ?? "", spans: operands.map(\.span),
          valueIndices: [0, 1], fallbackNames: ["the left", "the right"], whole: span)
        throw interpreter.diagnose(error, site, [x, y])
      }
    }
    switch (a, b) {
    case (.none, _), (_, .none):
      throw Diagnostic("none can't be reckoned with", at: span)
    case (.scalar(let x), .scalar(let y)): return .scalar(try diagnosed(x, y))
    case (.scalar(let x), .tensor(let y, let labels)):
      return .tensor(try diagnosed(x, .tensor(y)).variable ?? y, labels)
    case (.tensor(let x, let labels), .scalar(let y)):
      return .tensor(try diagnosed(.tensor(x), y).variable ?? x, labels)
    case (.tensor(let x, let xLabels), .tensor(let y, let yLabels)):
      let union = Self.union(xLabels, yLabels)
      // A trailing part combines as it is.
      let isTrailing =
        union == xLabels && xLabels.suffix(yLabels.count).elementsEqual(yLabels)
        || union == yLabels && yLabels.suffix(xLabels.count).elementsEqual(xLabels)
      let left = try isTrailing ? x : aligned(x, xLabels, to: union)
      let right = try isTrailing ? y : aligned(y, yLabels, to: union)
      return .tensor(try diagnosed(.tensor(left), .tensor(right)).variable ?? left, union)
    }
  }

  /// The labels of both, in the order of the one that has all where there is one.
  static func union(_ a: [Int], _ b: [Int]) -> [Int] {
    if a == b { return a }
    if b.allSatisfy(a.contains) { return a }
    if a.allSatisfy(b.contains) { return b }
    return a + b.filter { !a.contains($0) }
  }

  /// A view with the axes in the order of `union`, repeated along those that it lacks.
  private func aligned(_ x: Variable, _ labels: [Int], to union: [Int]) throws -> Variable {
    if labels == union { return x }
    let present = union.filter(labels.contains)
    let ordered = x.transposed(present.map { labels.firstIndex(of: $0) ?? 0 })
    if present.count == union.count { return ordered }
    let kept = union.map { labels.contains($0) ? extent($0) : 1 }
    return try ordered.reshaped(kept).expanded(to: union.map(extent))
  }

  // MARK: Reads

  private mutating func read(
    _ value: Value, _ input: Int, _ subscripts: [IndexSubscript], _ span: Span, _ gate: Indexed?
  ) throws -> Indexed {
    guard var x = value.variable else { return .none }
    let named = subscripts.count - (subscripts.first?.isEllipsis == true ? 1 : 0)
    guard x.rank == named || x.rank > named && subscripts.first?.isEllipsis == true else {
      throw Diagnostic(
        "\(span.text) names \(count(named, "axis", "axes")), and the tensor is \(x.tensor.description)",
        at: span)
    }
    var labels: [Int?] = []
    var expressions: [(axis: Int, IndexExpression, Span)] = []
    var shape: [Int] = []
    var axis = 0
    for item in subscripts {
      switch item {
      case .ellipsis:
        let count = x.rank - (subscripts.count - 1)
        labels += leadingLabels.suffix(count)
        shape += x.shape.prefix(count)
        axis += count
        continue
      case .variable(let variable, _):
        labels.append(variable)
        shape.append(x.shape[axis])
      case .merged(let parts, _):
        labels += parts
        shape += parts.map { extents[$0] }
      case .expression(let expression, let span):
        expressions.append((labels.count, expression, span))
        labels.append(nil)
        shape.append(x.shape[axis])
      }
      axis += 1
    }
    x = try x.reshaped(shape)
    guard expressions.isEmpty else {
      return try gather(x, input, labels, expressions, span, gate)
    }
    var plain = labels.compactMap { $0 }
    // The same index twice reads the diagonal.
    while let second = plain.indices.first(where: { plain[..<$0].contains(plain[$0]) }) {
      let first = plain.firstIndex(of: plain[second]) ?? 0
      x = try x.diagonal(first, second)
      plain.remove(at: second)
    }
    return try gated(x, plain, gate)
  }

  /// Keeps gradients from elements that a condition excludes, where it has no axis beyond theirs.
  private func gated(_ x: Variable, _ labels: [Int], _ gate: Indexed?) throws -> Indexed {
    guard case .tensor(let keep, let keepLabels)? = gate, x.isTracked, x.dtype.isFloat,
      keepLabels.allSatisfy(labels.contains)
    else { return .tensor(x, labels) }
    let zero = try Variable(Tensor.scalar(0, x.dtype))
    return .tensor(try .select(aligned(keep, keepLabels, to: labels), x, zero), labels)
  }

  /// Reads at computed positions: one flat position for each combination of the indices in them.
  private mutating func gather(
    _ x: Variable, _ input: Int, _ labels: [Int?],
    _ expressions: [(axis: Int, IndexExpression, Span)], _ span: Span, _ gate: Indexed?
  ) throws -> Indexed {
    var positions: [(axis: Int, Tensor, [Int], Span)] = []
    var union: [Int] = []
    for (axis, expression, span) in expressions {
      switch try evaluate(expression, gate: gate) {
      case .tensor(let position, let own) where position.dtype.isInteger:
        positions.append((axis, try position.tensor.converted(to: .i64), own, span))
        union = Self.union(union, own)
      case .scalar(let value):
        guard let position = value.asInt else {
          throw Diagnostic("a position is a whole number, not \(value.described)", at: span)
        }
        positions.append((axis, try Tensor.scalar(position), [], span))
      case .tensor(let position, _):
        throw Diagnostic(
          "a position is a whole number, not \(position.dtype.name)", at: span,
          hint: position.dtype.isFloat ? "// divides whole numbers" : nil)
      case .none: throw Diagnostic("a position is a whole number, not none", at: span)
      }
    }
    // An index that is read plainly and stands in a position too runs with it.
    for (axis, label) in labels.enumerated() {
      if let label, union.contains(label) {
        positions.append((axis, try Tensor.range(extents[label]), [label], span))
      }
    }
    positions.sort { $0.axis < $1.axis }
    let isOutside = try positions.contains { try Self.isOutside($0.1, x.shape[$0.axis]) }
    var keep: Tensor?
    if isOutside {
      if case .tensor(let condition, let own)? = gate {
        union = Self.union(union, own)
        keep = try aligned(condition, own, to: union).tensor.contiguous()
      }
      try checkInside(x, input, positions, union, keep)
    }
    let sizes = union.map(extent)
    let gathered = positions.map(\.axis)
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
    return try gated(result, union + inner.compactMap { labels[$0] }, keep == nil ? gate : nil)
  }

  private static func isOutside(_ position: Tensor, _ size: Int) throws -> Bool {
    guard position.count > 0 else { return false }
    func any(_ condition: Tensor) throws -> Bool {
      try condition.reshaped([condition.count]).reduced(.any, axis: 0).integerItem != 0
    }
    return try any(position.compare(.less, Tensor.scalar(0)))
      || any(position.compare(.greaterOrEqual, Tensor.scalar(size)))
  }

  private func checkInside(
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
        let whose =
          program.inputs.indices.contains(input) ? program.inputs[input].node.span.text : "it"
        throw Diagnostic(
          "the index \(value)\(place.isEmpty ? "" : " at " + place.joined(separator: ", ")) is outside "
            + "0..\(x.shape[axis]), axis \(axis) of \(whose)", at: span,
          hint: value < 0
            ? "index notation doesn't count from the end; a condition can exclude the read" : nil)
      }
    }
  }

  private func name(_ label: Int) -> String {
    label >= Self.leadingLabel ? "..." : program.variables[label].name
  }

  // MARK: Conditions and calls

  private mutating func select(
    _ test: IndexExpression, _ then: IndexExpression, _ otherwise: IndexExpression, _ span: Span,
    _ gate: Indexed?
  ) throws -> Indexed {
    let condition = try evaluate(test, gate: gate)
    switch condition {
    case .scalar(.bool(let flag)): return try evaluate(flag ? then : otherwise, gate: gate)
    case .tensor(let keep, let labels) where keep.dtype == .bool:
      if labels.isEmpty {
        return try evaluate(keep.tensor.integerItem != 0 ? then : otherwise, gate: gate)
      }
      let opposite = Indexed.tensor(Variable(try keep.tensor.unary(.not)), labels)
      let a = try evaluate(then, gate: both(gate, condition))
      let b = try evaluate(otherwise, gate: both(gate, opposite))
      return try chosen(keep, labels, a, b, span)
    default:
      throw Diagnostic(
        "a condition is true or false, not \(Self.value(condition).described)", at: test.span)
    }
  }

  private func both(_ a: Indexed?, _ b: Indexed) throws -> Indexed {
    guard case .tensor(let x, let xLabels)? = a, case .tensor(let y, let yLabels) = b else {
      return b
    }
    let union = Self.union(xLabels, yLabels)
    return .tensor(
      Variable(
        try aligned(x, xLabels, to: union).tensor.binary(
          .and, aligned(y, yLabels, to: union).tensor)),
      union)
  }

  private func chosen(
    _ keep: Variable, _ labels: [Int], _ a: Indexed, _ b: Indexed, _ span: Span
  ) throws -> Indexed {
    var union = labels
    for case .tensor(_, let own) in [a, b] { union = Self.union(union, own) }
    let dtype: DType
    switch (a, b) {
    case (.tensor(let x, _), .tensor(let y, _)): dtype = .common(x.dtype, y.dtype)
    case (.tensor(let x, _), .scalar(let value)), (.scalar(let value), .tensor(let x, _)):
      if case .float = value, !x.dtype.isFloat { dtype = .f32 } else { dtype = x.dtype }
    case (.scalar(.bool), .scalar(.bool)): dtype = .bool
    case (.scalar(.int), .scalar(.int)): dtype = .i64
    case (.scalar, .scalar): dtype = .f32
    default: throw Diagnostic("a branch is none", at: span)
    }
    func operand(_ value: Indexed) throws -> Variable {
      switch value {
      case .tensor(let x, let own): return try aligned(x.converted(to: dtype), own, to: union)
      case .scalar(let value): return try number(value, dtype)
      case .none: throw Diagnostic("a branch is none", at: span)
      }
    }
    return .tensor(
      try .select(aligned(keep, labels, to: union), operand(a), operand(b)), union)
  }

  private func number(_ value: Value, _ dtype: DType) throws -> Variable {
    if case .int(let number) = value { return Variable(try Tensor.scalar(number, dtype)) }
    if case .bool(let flag) = value { return Variable(try Tensor.scalar(flag ? 1 : 0, dtype)) }
    return Variable(try Tensor.scalar(value.asDouble ?? 0, dtype))
  }

  private mutating func call(
    _ input: Int, _ arguments: [(label: Name?, IndexExpression)], _ span: Span, _ gate: Indexed?
  ) throws -> Indexed {
    let given = try arguments.map { try evaluate($0.1, gate: gate) }
    switch values[input] {
    case .builtin(let builtin) where builtin.traits.contains(.elementwise):
      return try call(builtin, given, arguments, span)
    case .function(let function):
      guard let closure = function as? Closure else { break }
      return try call(closure, given, arguments, span)
    default: break
    }
    let name = values.indices.contains(input) ? values[input] : .none
    throw Diagnostic(
      "\(name.kind) is called with an index inside, and is not elementwise", at: span,
      hint: "call it on whole tensors in a line of its own, or use a reducer such as sum[i](...)")
  }

  private func call(
    _ builtin: Builtin, _ given: [Indexed], _ arguments: [(label: Name?, IndexExpression)],
    _ span: Span
  ) throws -> Indexed {
    var union: [Int] = []
    for case .tensor(_, let labels) in given { union = Self.union(union, labels) }
    let operands = try given.map { value -> Value in
      if case .tensor(let x, let labels) = value {
        return .tensor(try aligned(x, labels, to: union))
      }
      return Self.value(value)
    }
    let names = builtin.signature.parameters.map(\.name)
    var next = 0
    let plan = BindingPlan(
      parameters: try arguments.map { argument in
        guard let label = argument.label else {
          defer { next += 1 }
          guard next < names.count else {
            throw Diagnostic("\(builtin.name) takes \(names.count) arguments", at: span)
          }
          return next
        }
        guard let position = names.firstIndex(of: label.text) else {
          throw Diagnostic("\(builtin.name) has no parameter \(label.text)", at: label.span)
        }
        return position
      })
    let result = try interpreter.run(builtin, operands, plan) {
      OperandSite(
        function: builtin.name, spans: arguments.map { $0.1.span },
        valueIndices: Array(arguments.indices), fallbackNames: names, whole: span)
    }
    guard let x = result.variable else { return .scalar(result) }
    return .tensor(x, x.rank == union.count ? union : [])
  }

  /// A function of the user's, element by element: its body is run on the indexed values.
  private mutating func call(
    _ closure: Closure, _ given: [Indexed], _ arguments: [(label: Name?, IndexExpression)],
    _ span: Span
  ) throws -> Indexed {
    let code = closure.code
    if code.elementwise == nil {
      do {
        code.elementwise = try Compiler(module: code.module, interpreter: interpreter)
          .compileElementwise(code.declaration, captures: code.captureNames)
      } catch let problem as Diagnostic {
        throw Diagnostic(
          "\(code.displayName) is called with an index inside, and is not elementwise: \(problem.message)",
          at: span, hint: "call it on whole tensors in a line of its own")
      }
    }
    guard let body = code.elementwise else { preconditionFailure("made above") }
    var frame = Frame(interpreter, slots: body.frameSlots, model: closure.model)
    for (name, slot) in body.captureSlots {
      if let at = code.captureNames.firstIndex(of: name) {
        frame.locals[slot] = closure.captured[at]
      }
    }
    var inner = self
    inner.values = try body.inputs.map { try $0.evaluate(&frame).read }
    inner.bound = Array(repeating: .none, count: body.slotCount)
    var isGiven = [Bool](repeating: false, count: code.parameters.count)
    var next = 0
    for (argument, value) in zip(arguments, given) {
      var position = next
      if let label = argument.label {
        guard let at = code.parameters.firstIndex(where: { $0.name == label.text }) else {
          throw Diagnostic("\(code.displayName) has no parameter \(label.text)", at: label.span)
        }
        position = at
      } else {
        next += 1
      }
      guard position < code.parameters.count else {
        throw Diagnostic(
          "\(code.displayName) takes \(count(code.parameters.count, "argument", "arguments"))",
          at: span)
      }
      inner.bound[position] = value
      isGiven[position] = true
    }
    for (position, parameter) in code.parameters.enumerated() where !isGiven[position] {
      guard let input = body.fallbacks[position] else {
        throw Diagnostic("\(code.displayName): \(parameter.name) is missing", at: span)
      }
      inner.bound[position] = try scalar(inner.values[input], span)
    }
    do {
      for (slot, expression) in body.assignments {
        inner.bound[slot] = try inner.evaluate(expression, gate: nil)
      }
      return try inner.evaluate(body.result, gate: nil)
    } catch var problem as Diagnostic {
      problem.trace.append(.init(function: code.displayName, span: span))
      throw problem
    }
  }

  // MARK: Reducers

  private mutating func reduce(
    _ builtin: Builtin, _ indices: [Int], _ body: IndexExpression, _ condition: IndexExpression?,
    _ span: Span, _ gate: Indexed?
  ) throws -> Indexed {
    guard let reducer = builtin.reducer else { preconditionFailure("compiled as a reducer") }
    var keep = Indexed.none
    if let condition {
      keep = try evaluate(condition, gate: gate)
      if case .tensor(let x, _) = keep, x.dtype != .bool {
        throw Diagnostic(
          "a condition is true or false, not \(x.dtype.name)", at: condition.span,
          hint: "compare it with something: \(condition.span.text) > 0")
      }
      if case .scalar(let value) = keep {
        guard case .bool(let flag) = value else {
          throw Diagnostic(
            "a condition is true or false, not \(value.described)", at: condition.span)
        }
        keep = flag ? .none : .tensor(Variable(try Tensor([false], [])), [])
      }
    }
    if reducer.isSum, case .none = keep {
      return try sumOfProducts(indices, factors(body), span, gate)
    }
    var inner = gate
    if case .tensor = keep { inner = try both(gate, keep) }
    // The reducer itself leaves out what is not kept, so a plain read needs no gate.
    if case .read(_, let subscripts, _) = body, !subscripts.contains(where: \.isExpression) {
      inner = gate
    }
    return try reduce(reducer, indices, evaluate(body, gate: inner), keep, span)
  }

  /// The factors of a product, from left to right.
  private func factors(_ expression: IndexExpression) -> [IndexExpression] {
    if case .arithmetic(.multiply, let left, let right, _) = expression {
      return factors(left) + factors(right)
    }
    return [expression]
  }

  /// A sum over indices: factors free of an index are taken out; exactly two factors that both use
  /// it make a matrix product, summed ascending; anything else is a sum in lanes.
  private mutating func sumOfProducts(
    _ indices: [Int], _ expressions: [IndexExpression], _ span: Span, _ gate: Indexed?
  ) throws -> Indexed {
    var factors = try expressions.map { try evaluate($0, gate: gate) }
    func uses(_ factor: Indexed, _ index: Int) -> Bool {
      if case .tensor(_, let labels) = factor { return labels.contains(index) }
      return false
    }
    let multiply: (Value, Value) throws -> Value = { try Arithmetic.multiply($0, $1) }
    var open = indices
    while let index = open.last {
      let using = factors.indices.filter { uses(factors[$0], index) }
      // Several indices that the same two factors share are summed in one product.
      let group =
        using.count == 2
        ? open.filter { other in factors.indices.filter { uses(factors[$0], other) } == using }
        : [index]
      let part: Indexed
      if using.count == 2, case .tensor(let a, let aLabels) = factors[using[0]],
        case .tensor(let b, let bLabels) = factors[using[1]], a.dtype != .bool, b.dtype != .bool
      {
        let dtype = DType.common(a.dtype, b.dtype)
        let (x, y) = try (a.converted(to: dtype), b.converted(to: dtype))
        let (product, labels) = try interpreter.located(span) {
          try contract(
            x, aLabels, y, bLabels, keeping: Set(aLabels + bLabels).subtracting(group))
        }
        part = .tensor(product, labels)
      } else {
        var product: Indexed?
        for at in using {
          product =
            try product.map {
              try combined(
                $0, factors[at], span, [expressions[at], expressions[at]], "*", multiply)
            }
            ?? factors[at]
        }
        let whole = product ?? .scalar(.int(1))
        part = try reduce(Builtin.sumReducer, [index], whole, .none, span)
      }
      factors = factors.indices.filter { !using.contains($0) }.map { factors[$0] }
      factors.insert(part, at: 0)
      open.removeAll { using.count == 2 ? group.contains($0) : $0 == index }
    }
    var result = factors[0]
    for factor in factors.dropFirst() {
      result = try combined(
        result, factor, span, [.input(0, span), .input(0, span)], "*", multiply)
    }
    return result
  }

  private func reduce(
    _ reducer: Builtin.Reducer, _ indices: [Int], _ body: Indexed, _ keep: Indexed, _ span: Span
  ) throws -> Indexed {
    var x: Variable
    var labels: [Int]
    switch body {
    case .tensor(let tensor, let own): (x, labels) = (tensor, own)
    case .scalar(let value):
      let dtype: DType
      switch value {
      case .int: dtype = .i64
      case .bool: dtype = .bool
      default: dtype = .f32
      }
      (x, labels) = (try number(value, dtype), [])
    case .none: throw Diagnostic("there is nothing to reduce: the expression is none", at: span)
    }
    var union = labels
    if case .tensor(_, let own) = keep { union = Self.union(union, own) }
    let outer = union.filter { !indices.contains($0) }
    // The order of what stays is the body's; the reduced indices come last.
    let order = outer + indices
    x = try aligned(x, labels, to: order)
    let sizes = outer.map(extent)
    let n = indices.reduce(1) { $0 * extents[$1] }
    func apply(_ x: Variable, _ condition: Tensor?) throws -> Variable {
      try interpreter.located(span) { try reducer.apply(x, condition) }
    }
    var condition: Tensor?
    if case .tensor(let mask, let own) = keep {
      condition = try aligned(mask, own, to: order).tensor.reshaped(sizes + [n])
    }
    switch reducer.form {
    case .reduces where condition == nil && indices.count > 1 && reducer.isSum:
      for _ in indices { x = try apply(x, nil) }
      return .tensor(x, outer)
    case .reduces: return .tensor(try apply(x.reshaped(sizes + [n]), condition), outer)
    case .along:
      let result = try apply(x.reshaped(sizes + [n]), condition)
      return .tensor(try result.reshaped(order.map(extent)), order)
    }
  }

  // MARK: The result

  /// The axes in the order of the left side, merged where it says so.
  private func assembled(_ result: Indexed) throws -> Value {
    var order = program.isFree ? leadingLabels : []
    var shape = program.isFree ? leading : []
    for axis in program.target {
      switch axis {
      case .ellipsis:
        order += leadingLabels
        shape += leading
      case .variable(let variable):
        order.append(variable)
        shape.append(extents[variable])
      case .merged(let parts):
        order += parts
        shape.append(parts.reduce(1) { $0 * extents[$1] })
      }
    }
    switch result {
    case .none: return .none
    case .scalar(let value):
      if program.target.isEmpty, program.reads.isEmpty { return value }
      let dtype: DType
      switch value {
      case .int: dtype = .i64
      case .bool: dtype = .bool
      default: dtype = .f32
      }
      return .tensor(try number(value, dtype).expanded(to: shape))
    case .tensor(let x, let labels):
      return .tensor(try aligned(x, labels, to: order).reshaped(shape))
    }
  }
}

extension IndexSubscript {
  fileprivate var isEllipsis: Bool {
    if case .ellipsis = self { return true }
    return false
  }
  fileprivate var isExpression: Bool {
    if case .expression = self { return true }
    return false
  }
}
