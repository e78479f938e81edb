import Drawing
import Support

/// A difference as a person wants to see it: the place, what was recorded beside what was printed with
/// the changed figures marked, how large the difference is, and where.
extension GoldenTest.Result {
  package func described(in name: String) -> String {
    var lines = ["\(name):\(line): \(code)"]
    if let reason {
      lines.append("  \(reason)")
    } else if entry.recorded.isEmpty {
      lines.append("  printed, and nothing is recorded:")
      lines += printed.map { added($0) }
    } else if let comparison {
      lines += comparison.picture
      lines += comparison.largest.map { ["  " + $0.described] } ?? []
    }
    return lines.joined(separator: "\n")
  }

  /// The statement's first line.
  var code: String { entry.span.text.split(whereSeparator: \.isNewline).first.map(String.init) ?? "" }
}

extension Comparison {
  /// Recorded lines with `-`, printed ones with `+`; those that hold stand once, and far from a change
  /// not at all.
  fileprivate var picture: [String] {
    let steps = alignment.steps
    let changes = steps.indices.filter { !steps[$0].isQuiet }
    var lines: [String] = []
    var wasLeftOut = false
    for (index, step) in steps.enumerated() {
      if step.isQuiet, !changes.contains(where: { abs($0 - index) <= 3 }) {
        if !wasLeftOut { lines.append("      ⋮") }
        wasLeftOut = true
        continue
      }
      wasLeftOut = false
      switch step {
      case .holds(_, let j): lines.append("      \(printed[j].text)")
      case .wildcard: lines.append("      ...")
      case .missing(let i): lines.append(missing(recorded[i].text))
      case .added(let j): lines.append(added(printed[j].text))
      case .changed(let i, let j):
        lines.append(missing(recorded[i].text))
        lines.append(added(printed[j].text))
        lines.append("      \(marks(recorded[i], printed[j], tolerance))")
      }
    }
    return lines.map { $0.trimmedLine }
  }
}

extension Alignment.Step {
  fileprivate var isQuiet: Bool {
    switch self {
    case .holds, .wildcard: true
    case .changed, .missing, .added: false
    }
  }
}

extension Comparison.Largest {
  fileprivate var described: String {
    func short(_ value: Double) -> String { (try? Drawing.format(value, ".3g")) ?? "\(value)" }
    return "largest difference: \(short(absolute)) absolute, \(short(relative)) relative"
      + (place.map { ", at \($0)" } ?? "") + (count > 1 ? "; \(count) numbers differ" : "")
  }
}

/// Carets under what changed: the digits of a number that is as long as before, whole figures where the
/// lines have the same number of them, otherwise everything between what they have in common.
private func marks(_ recorded: Line, _ printed: Line, _ tolerance: Tolerance?) -> String {
  let (a, b) = (recorded.pieces, printed.pieces)
  let text = printed.text
  var marked = Set<String.Index>()
  if a.count == b.count, zip(a, b).contains(where: { !$0.matches($1, tolerance) }) {
    for (x, y) in zip(a, b) where !x.matches(y, tolerance) {
      let isSameLength = x.text.count == y.text.count
      for (index, other) in zip(y.text.indices, isSameLength ? Array(x.text) : Array(y.text)) {
        if !isSameLength || y.text[index] != other { marked.insert(index) }
      }
    }
  } else {
    let (x, y) = (Array(recorded.text), Array(text))
    let shorter = min(x.count, y.count)
    let head = (0..<shorter).first { x[$0] != y[$0] } ?? shorter
    let tail =
      (0..<(shorter - head)).first { x[x.count - 1 - $0] != y[y.count - 1 - $0] } ?? (shorter - head)
    let indices = Array(text.indices)
    marked.formUnion(indices[head..<max(head, y.count - tail)])
    // Something is gone, and nothing stands in its place.
    if marked.isEmpty { return String(repeating: " ", count: displayWidth(String(y[..<head]))) + "^" }
  }
  return text.indices.map { index in
    String(repeating: marked.contains(index) ? "^" : " ", count: displayWidth(String(text[index])))
  }.joined().trimmedLine
}

private func missing(_ text: String) -> String { "    - \(text)" }

private func added(_ text: String) -> String { "    + \(text)" }
