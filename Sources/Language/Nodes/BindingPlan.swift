import Support
import Syntax

/// How the arguments at one place in the text go to the parameters of what is called: the one binding of
/// arguments, for calls of every kind, those inside index notation too.
struct BindingPlan {
  /// An argument's label and place.
  typealias Argument = (label: Name?, span: Span)

  /// For each argument, its parameter; -1 for the variadic one, -2 for an extra keyword.
  let parameters: [Int]
  /// Labels of the extra keywords, in order.
  let extraLabels: [String]
  /// Whether the arguments stand in the order of the parameters.
  let isInOrder: Bool

  init(parameters: [Int], extraLabels: [String] = []) {
    self.parameters = parameters
    self.extraLabels = extraLabels
    isInOrder = parameters.elementsEqual(parameters.indices)
  }

  /// Matches positions and keywords with parameters. An argument without a keyword takes the first parameter
  /// that none of those before it has.
  init(_ arguments: [Argument], of name: String, _ parameters: [String], variadic: Int? = nil) throws {
    var positions: [Int] = []
    var extraLabels: [String] = []
    var taken = [Bool](repeating: false, count: parameters.count)
    let takesKeywords = variadic.map { parameters[$0] == "named" } ?? false
    var next = 0
    for (label, span) in arguments {
      if let label {
        if let position = parameters.firstIndex(of: label.text), position != variadic {
          guard !taken[position] else {
            throw Diagnostic("\(name): \(label.text) is given twice", at: label.span)
          }
          taken[position] = true
          positions.append(position)
        } else if takesKeywords {
          positions.append(-2)
          extraLabels.append(label.text)
        } else {
          throw Diagnostic(
            "\(name) has no parameter \(label.text)", at: label.span, hint: Self.hint(label.text, parameters))
        }
        continue
      }
      while next < parameters.count, next != variadic, taken[next] { next += 1 }
      if next == variadic, !takesKeywords {
        positions.append(-1)
      } else if next < parameters.count, next != variadic {
        taken[next] = true
        positions.append(next)
        next += 1
      } else {
        let most = parameters.count - (takesKeywords ? 1 : 0)
        throw Diagnostic(
          "\(name) takes \(most == 0 ? "no arguments" : count(most, "argument", "arguments"))"
            + ", and \(arguments.count) are given", at: span)
      }
    }
    self.init(parameters: positions, extraLabels: extraLabels)
  }

  private static func hint(_ label: String, _ parameters: [String]) -> String {
    if let new = FormerNames.keywords[label], parameters.contains(new) {
      return "\(label) is called \(new) now"
    }
    if let near = nearest(label, among: parameters) { return "did you mean \(near)?" }
    return parameters.isEmpty
      ? "it has no parameters" : "its parameters are \(parameters.joined(separator: ", "))"
  }
}
