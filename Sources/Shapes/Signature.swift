/// A primitive's name, parameters and result as one line of the language's own grammar:
/// `softmax(x[...], axis: -1) -> [...]`.
package struct Signature: Sendable {
  package var name: String
  package var parameters: [Parameter]
  /// The axes of the result, where the parameters' axes say them.
  package var result: [AxisPattern]?
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
      var result: [AxisPattern] = []
      while !accept("]") {
        if accept("...") {
          result.append(.ellipsis)
        } else {
          let word = word()
          precondition(!word.isEmpty, "a signature's axes are names, numbers or ...: \(text)")
          result.append(Int(word).map(AxisPattern.fixed) ?? .named(word))
        }
        _ = accept(",")
      }
      return result
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
    result = accept("->") && accept("[") ? axes() : nil
  }

  /// The result's shape where the signature says it.
  ///
  /// - Parameter shapes: of the tensors given, by parameter; `nil` where none is.
  package func result(for shapes: [[Dimension]?]) throws(ShapeMismatch) -> [Dimension]? {
    var bindings = Bindings()
    for (operand, shape) in shapes.enumerated() {
      guard let shape, let axes = parameters[operand].axes else { continue }
      try bindings.match(axes, shape, operand: operand)
    }
    return result.flatMap { bindings.shape(of: $0) }
  }
}
