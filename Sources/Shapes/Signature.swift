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
  }

  /// What the shapes of operands and the numbers among the arguments have to be, and the shape that the result
  /// has then; `nil` where it can't be told, or an argument is not what the primitive takes.
  ///
  /// - Parameter arguments: one for each parameter, as `roles` has them.
  @_specialize(where S == Int)
  @_specialize(where S == SymbolicSize)
  package func shape<S: Size>(of arguments: [ShapeArgument<S>]) throws(ShapeMistake) -> [S]? {
    var bindings = Bindings<S>()
    for (position, parameter) in parameters.enumerated() where parameter.axes == nil {
      guard let number = arguments[position].number else { continue }
      if number.isNegative { throw .negativeCount("\(number)", parameter: position) }
      bindings.define(parameter.name, number)
    }
    for (position, parameter) in parameters.enumerated() {
      if let axes = parameter.axes {
        switch arguments[position] {
        case .shape(let shape): try bindings.match(axes, shape, operand: position)
        case .none: continue
        default: return nil
        }
      } else if parameter.isVariadic, let sizes = arguments[position].numbers {
        try checkSizes(sizes, parameter: position)
      }
    }
    guard let result else { return nil }
    return bindings.shape(of: result) { name in
      parameters.firstIndex { $0.name == name }.flatMap { arguments[$0].numbers }
    }
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
