import Autodiff
import Builtins
import Families
import FoundationEssentials
import Language
import Tensors
import Testing

/// Every primitive and many formulas against PyTorch: Tests/Reference holds the cases, the values
/// and the script that made them.
@Suite struct PrimitiveTests {
  struct Case: CustomStringConvertible {
    var name: String
    var dtype: String
    var inputs: [(name: String, needsGradient: Bool)]
    var expression: String
    var isExact: Bool
    var description: String { "\(name) \(dtype)" }
  }

  static let cases: [Case] = {
    let text =
      (try? String(contentsOfFile: Reference.folder + "/primitives.txt", encoding: .utf8)) ?? ""
    return text.split(separator: "\n").compactMap { line in
      guard !line.hasPrefix("#") else { return nil }
      let columns = line.split(separator: "|", omittingEmptySubsequences: false).map(\.trimmed)
      guard columns.count >= 4 else { return nil }
      return Case(
        name: columns[0], dtype: columns[1],
        inputs: columns[2].split(separator: " ").map {
          (String($0.filter { $0 != "*" }), $0.hasSuffix("*"))
        },
        expression: columns[3], isExact: columns.count > 4 && columns[4].contains("exact"))
    }
  }()

  @Test func casesAreFound() { #expect(Self.cases.count > 400) }

  @Test(arguments: cases) func agreesWithPyTorch(_ example: Case) throws {
    let session = Session(.standard)
    func reference(_ key: String) -> Tensor? {
      Reference.primitives["\(example.name).\(example.dtype).\(key)"]
    }
    for input in example.inputs {
      let tensor = try #require(reference(input.name), "\(example) has the input \(input.name)")
      session[input.name] = .tensor(Variable(tensor))
    }
    let isStatement = example.expression.hasPrefix("@")
    let text = isStatement ? example.expression.dropFirst() + "\nout" : example.expression[...]
    let value = try session.evaluate(String(text))
    let expected = try #require(reference("out"))
    let result = try Reference.tensor(value, like: expected)
    let tolerance = example.dtype == "f64" || !result.dtype.isFloat ? 1e-10 : 1e-5
    try Reference.expect(result, expected, example.isExact ? 0 : tolerance, "\(example)")

    let tracked = example.inputs.filter(\.needsGradient)
    guard !tracked.isEmpty, let dy = reference("dy") else { return }
    session["dy"] = .tensor(Variable(dy))
    let names = tracked.map(\.name).joined(separator: ", ")
    let body =
      isStatement
      ? "{ \(example.expression.dropFirst())\n sum(out * dy) }"
      : "sum((\(example.expression)) * dy)"
    let gradients = try session.evaluate("grad((\(names)) -> \(body), \(names))")
    let parts = tracked.count == 1 ? [gradients] : try gradients.items() ?? []
    for (input, gradient) in zip(tracked, parts) {
      let expected = try #require(reference("d\(input.name)"))
      try Reference.expect(
        try Reference.tensor(gradient, like: expected), expected, tolerance,
        "\(example): the gradient of \(input.name)")
    }
  }
}

extension Substring {
  fileprivate var trimmed: String {
    String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}
