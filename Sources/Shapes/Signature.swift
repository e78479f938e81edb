/// A primitive's name, parameters and result as one line of the language's own grammar:
/// `softmax(x[...], axis: -1) -> [...]`, `one_hot(ids[...], n) -> f32[..., n]`.
package struct Signature: Sendable {
  package var name: String
  package var parameters: [Parameter]
  /// The axes of the result, where they follow from the parameters' axes and numbers. A name that no parameter
  /// has is a size that only the elements tell.
  package var result: [AxisPattern]?
  /// The dtype of the result as written: one, or the parameter that says it.
  package var resultType: String?
  /// The line as written.
  package var text: String
  /// The positions of the parameters that have axes, in the solver's order.
  private let operands: [Int]
  /// The positions of the others, whose numbers may be sizes, and their names in the solver.
  private let numbers: [(position: Int, name: Int)]
  private let spread: [Int]
  private let solver: ExtentSolver

  package struct Parameter: Sendable {
    package var name: String
    package var axes: [AxisPattern]?
    /// The default as written; `nil` where an argument is required.
    package var fallback: String?
    /// `sizes...`: takes all further positional arguments.
    package var isVariadic = false
  }

  /// Parses a signature, which is a text of ours: a mistake in it is a programming error.
  package init(_ text: String) {
    self.text = text
    var rest = Substring(text)
    func skipBlanks() { rest = rest.drop { $0 == " " } }
    func accept(_ literal: String) -> Bool {
      skipBlanks()
      guard rest.hasPrefix(literal) else { return false }
      rest.removeFirst(literal.count)
      return true
    }
    func word() -> String {
      skipBlanks()
      let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
      rest.removeFirst(word.count)
      return String(word)
    }
    func axes() -> [AxisPattern] {
      guard let end = rest.firstIndex(of: "]") else { preconditionFailure("brackets are closed: \(text)") }
      defer { rest = rest[rest.index(after: end)...] }
      do { return try PatternReader.axes(of: rest[..<end]) } catch {
        preconditionFailure("a signature's axes are names, numbers or ...: \(text)")
      }
    }
    /// Everything up to the comma or parenthesis that ends the default.
    func fallback() -> String {
      skipBlanks()
      var depth = 0
      var isQuoted = false
      var end = rest.startIndex
      while end < rest.endIndex {
        let character = rest[end]
        if character == "\"" { isQuoted.toggle() }
        if depth == 0, !isQuoted, character == "," || character == ")" { break }
        if !isQuoted, character == "(" || character == "[" { depth += 1 }
        if !isQuoted, character == ")" || character == "]" { depth -= 1 }
        end = rest.index(after: end)
      }
      defer { rest = rest[end...] }
      return String(rest[..<end])
    }

    name = word()
    parameters = []
    precondition(accept("("), "a signature has parameters: \(text)")
    while !accept(")") {
      var parameter = Parameter(name: word())
      precondition(!parameter.name.isEmpty, "a parameter has a name: \(text)")
      if accept("...") { parameter.isVariadic = true }
      if accept("[") { parameter.axes = axes() }
      if accept(":") { parameter.fallback = fallback() }
      parameters.append(parameter)
      _ = accept(",")
    }
    if accept("->") {
      let type = word()
      resultType = type.isEmpty ? nil : type
      if accept("[") { result = axes() }
    }
    let parameters = parameters
    operands = parameters.indices.filter { parameters[$0].axes != nil }
    spread = parameters.indices.filter { parameters[$0].isVariadic && parameters[$0].axes == nil }
    let plain = parameters.indices.filter { parameters[$0].axes == nil }
    numbers = plain.enumerated().map { (position: $1, name: $0) }
    solver = ExtentSolver(
      operands.map { (number: $0, axes: parameters[$0].axes ?? []) }, names: plain.map { parameters[$0].name }
    )
  }

  /// What the shapes of operands and the numbers among the arguments have to be, and the shape that the result
  /// has then; `nil` where it can't be told, or an argument is not what the primitive takes.
  ///
  /// - Parameter arguments: one for each parameter, as `roles` has them.
  package func shape<S: Size>(of arguments: [ShapeArgument<S>]) throws(ShapeMistake) -> [S]? {
    for position in operands {
      switch arguments[position] {
      case .shape, .none: continue
      default: return nil
      }
    }
    do throws(ShapeMistake) { return try solved(arguments, recordsOrigins: false) } catch {
      // Once more, for where each size was first seen.
      return try solved(arguments, recordsOrigins: true)
    }
  }

  private func solved<S: Size>(
    _ arguments: [ShapeArgument<S>], recordsOrigins: Bool
  ) throws(ShapeMistake) -> [S]? {
    var sizes = [S](repeating: .unknown, count: solver.names.count)
    var origins: [ExtentSolver.Origin] = []
    if recordsOrigins { origins = Array(repeating: .caller, count: sizes.count) }
    var leading = ExtentSolver.Leading<S>()
    var solved = sizes.mutableSpan
    for (position, name) in numbers {
      guard let number = arguments[position].number else { continue }
      if number.isNegative { throw .negativeCount("\(number)", parameter: position) }
      try solver.agree(name, number, at: .caller, &solved, &origins)
    }
    for position in spread {
      if let sizes = arguments[position].numbers { try checkSizes(sizes, parameter: position) }
    }
    _ = try solver.solve(&solved, &origins, &leading) { operand throws(ShapeMistake) in
      arguments[operands[operand]].shape
    }
    guard let result else { return nil }
    return shape(result, sizes, leading.axes, arguments)
  }

  /// `shape` with numbers, compiled for them where the generic text stands.
  package func numbers(of arguments: [ShapeArgument<Int>]) throws(ShapeMistake) -> [Int]? {
    try shape(of: arguments)
  }

  /// The shape that the result's axes stand for; `nil` where one of their names has no size.
  private func shape<S: Size>(
    _ result: [AxisPattern], _ sizes: [S], _ leading: ArraySlice<S>, _ arguments: [ShapeArgument<S>]
  ) -> [S]? {
    func size(_ axis: AxisPattern) -> S? {
      switch axis {
      case .fixed(let size): return S(size)
      case .named(let name):
        return solver.names.firstIndex(of: name).flatMap { sizes[$0] == .unknown ? nil : sizes[$0] }
      case .sum(let parts), .merged(let parts):
        let isSum = if case .sum = axis { true } else { false }
        var total = S(isSum ? 0 : 1)
        for part in parts {
          guard let size = size(part) else { return nil }
          total = isSum ? total.plus(size) : total.times(size)
        }
        return total
      case .ellipsis, .spread: return nil
      }
    }
    var shape: [S] = []
    shape.reserveCapacity(leading.count + result.count)
    for axis in result {
      switch axis {
      case .ellipsis: shape += leading
      case .spread(let name):
        guard let position = parameters.firstIndex(where: { $0.name == name }),
          let numbers = arguments[position].numbers
        else { return nil }
        shape += numbers
      case .fixed, .named, .sum, .merged:
        guard let size = size(axis) else { return nil }
        shape.append(size)
      }
    }
    return shape
  }

  /// What the shape of the result needs to know of each parameter; `nil` for those that say nothing of it.
  package var roles: [ShapeRule.Role?] {
    let used = Set((result ?? []).flatMap(\.names))
    let spread = Set((result ?? []).compactMap { if case .spread(let name) = $0 { name } else { nil } })
    return parameters.map { parameter in
      if parameter.axes != nil { return .operand }
      if spread.contains(parameter.name) { return .numbers }
      return used.contains(parameter.name) ? .number : nil
    }
  }
}
