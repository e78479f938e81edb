import Autodiff
import Builtins
import Shapes
import Support
import Syntax
import Tensors
import Values

/// How large each index runs: from the shapes that it reads, from binders and from signatures.
extension IndexRun {
  /// Finds every index's extent from the shapes that it reads, and checks that all agree.
  mutating func findExtents() throws {
    for (size, value) in zip(program.sizes, sizes) {
      switch size.source {
      case .binder:
        let extent = try integer(value, size.node, "an extent")
        guard extent >= 0 else {
          throw Diagnostic("an extent can't be negative: \(extent)", at: size.node.span)
        }
        try agree(size.variable, extent, size.node.span, "given")
      case .signature:
        guard case .int(let extent) = value else { continue }
        try agree(size.variable, extent, program.variables[size.variable].span, "the signature")
      }
    }
    // Merged axes are solved once all but one of their indices are known.
    var open = program.reads.filter { read in
      if case .undefined = values[read.input] { return false }
      return true
    }
    for read in open { try checkRank(read) }
    while !open.isEmpty {
      var rest: [IndexProgram.Read] = []
      var hasProgress = false
      for read in open {
        let before = extents
        if try !bindAxes(read) { rest.append(read) }
        if extents != before { hasProgress = true }
      }
      if rest.count == open.count, !hasProgress { break }
      open = rest
    }
  }

  mutating func agree(_ variable: Int, _ size: Int, _ span: Span, _ text: String) throws {
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

  mutating func checkRank(_ read: IndexProgram.Read) throws {
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
        "\(read.span.text) names \(count(named, "axis", "axes")), and \(name) has \(x.rank): \(x.description)",
        at: read.span,
        hint: x.rank > named && !hasEllipsis
          ? "\(name)[..., \(all)] carries the leading axes along" : nil)
    }
    let extra = Array(x.shape.prefix(x.rank - named))
    guard !extra.isEmpty else { return }
    if leading.isEmpty {
      leading = extra
      leadingOrigin = read.span
      guard program.targetHasEllipsis else {
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
  mutating func bindAxes(_ read: IndexProgram.Read) throws -> Bool {
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
        let product = product(ofGiven: known.map { extents[$0] })
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
            "axis \(axis) of \(name) has size \(size), and \(names.joined(separator: ", ")) make "
              + (product == .max ? "more than any tensor has" : "\(product)"),
            at: span)
        }
      }
      axis += 1
    }
    return isComplete
  }

  /// The extents that have been found.
  var found: IndexExtents { IndexExtents(extents, leading[...]) }

  func extent(_ label: Int) -> Int { found[label] }

  var leadingLabels: [Int] { leading.indices.map { Self.leadingLabel + $0 } }

  /// Gives an index that only stands in computed positions the size of the axis that it reads:
  /// `h[t, d] = x[t, (d + 1) % n]`.
  mutating func inferExtents() throws {
    guard extents.contains(Self.unknown) else { return }
    for read in program.reads {
      guard let x = values[read.input].variable else { continue }
      let name = program.inputs[read.input].node.span.text
      var axis = x.rank - read.subscripts.count
      if axis < 0 { axis = 0 }
      if case .ellipsis? = read.subscripts.first { axis = x.rank - read.subscripts.count }
      for item in read.subscripts {
        if case .expression(let expression, let span) = item, axis < x.rank {
          let open = expression.directVariables.filter { extents[$0] == Self.unknown }
          if open.count == 1, let variable = open.first {
            try agree(variable, x.shape[axis], span, "axis \(axis) of \(name)")
          }
        }
        axis += 1
      }
    }
  }
}
