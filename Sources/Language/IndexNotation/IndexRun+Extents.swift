import Autodiff
import Builtins
import Shapes
import Support
import Syntax
import Tensors
import Values

/// How large each index runs: from the shapes that it reads, from binders and from signatures.
extension IndexRun {
  /// Finds the extents that the inputs give which have a value, and checks that all agree.
  mutating func findExtents(infersComputed: Bool = false) throws {
    let said = try zip(program.sizes, sizes).map { size, value -> Int? in
      switch size.source {
      case .binder: return try integer(value, size.node, "an extent")
      case .signature: if case .int(let extent) = value { return extent } else { return nil }
      }
    }
    do throws(ShapeMistake) {
      var extents = extents
      defer { self.extents = extents }
      var found = extents.mutableSpan
      _ = try program.solve(
        &found, &origins, &leadingAxes, infersComputed: infersComputed,
        said: { place throws(ShapeMistake) in said[place] }, input: { [values] in values[$0] })
    } catch {
      throw explain(error)
    }
  }

  /// A mistake in the words of the formula.
  private func explain(_ mistake: ShapeMistake) -> Diagnostic {
    func read(_ operand: Int) -> (span: Span, name: String, value: Value) {
      let read = program.reads[operand]
      return (read.span, program.inputs[read.input].node.span.text, values[read.input])
    }
    /// The subscript that names an axis, and what it says of it.
    func place(_ operand: Int, _ axis: Int) -> (span: Span, text: String) {
      guard operand >= 0 else {
        let size = program.sizes[-1 - operand]
        return size.source == .binder
          ? (size.node.span, "given") : (program.variables[size.variable].span, "the signature")
      }
      let subscripts = program.reads[operand].subscripts
      let rank = read(operand).value.variable?.rank ?? 0
      return (subscripts[axis - rank + subscripts.count].span, "axis \(axis) of \(read(operand).name)")
    }
    switch mistake {
    case .negativeSize(let extent, let place):
      return Diagnostic("an extent can't be negative: \(extent)", at: program.sizes[place].node.span)
    case .size(let name, let operand, let axis, let found, let bound, let other, let otherAxis):
      let (here, there) = (place(operand, axis), place(other, otherAxis))
      return Diagnostic(
        "the extent of \(name) differs: \(bound) (\(there.text)) and \(found) (\(here.text))",
        at: [here.span, there.span])
    case .notATensor(let operand):
      let (span, name, value) = read(operand)
      return Diagnostic("\(name) is \(value.described), which has no axes", at: span)
    case .rank(let operand, let named, let orMore, let rank):
      let (span, name, value) = read(operand)
      let all = span.text.drop { $0 != "[" }.dropFirst().dropLast()
      return Diagnostic(
        "\(span.text) names \(count(named, "axis", "axes")), and \(name) has \(rank): \(value.kind)",
        at: span,
        hint: rank > named && !orMore ? "\(name)[..., \(all)] carries the leading axes along" : nil)
    case .leadingAxesLost(let operand, let axes):
      return Diagnostic(
        "\(read(operand).name) has the leading axes \(axes), and the left side has no ...",
        at: read(operand).span, hint: "write ... first on the left side too")
    case .leadingAxes(let operand, let axes, let other, let otherAxes):
      return Diagnostic(
        "the leading axes differ: \(otherAxes) and \(axes)", at: [read(operand).span, read(other).span],
        hint: "... is equal in every operand that has leading axes; name the axes that differ")
    case .mergedNotDivided(let operand, let axis, let size, let by):
      let (span, text) = place(operand, axis)
      return Diagnostic("\(text) has size \(size), which does not divide by \(by)", at: span)
    case .mergedSize(let operand, let axis, let size, let parts, let product):
      let (span, text) = place(operand, axis)
      return Diagnostic(
        "\(text) has size \(size), and \(parts.joined(separator: ", ")) make "
          + (product == "\(Int.max)" ? "more than any tensor has" : product), at: span)
    default: preconditionFailure("the solver makes no other mistake: \(mistake)")
    }
  }

  /// The extents that have been found.
  var found: IndexExtents { IndexExtents(extents, leadingAxes.sizes) }

  func extent(_ label: Int) -> Int { found[label] }

  var leadingLabels: [Int] { leadingAxes.sizes.indices.map { Self.leadingLabel + $0 } }
}
