import Support

extension ShapeRule {
  /// The shape of the result; `nil` where it can't be told from shapes and numbers, or an argument is not what
  /// the primitive takes, which the primitive itself says.
  ///
  /// - Parameters:
  ///   - arguments: of the rule's parameters, in their order.
  ///   - positions: of the same among the signature's parameters, for what mistakes name.
  package func result<S: Size>(
    of arguments: [ShapeArgument<S>], at positions: [Int]
  ) throws(ShapeMistake) -> ShapeResult<S>? {
    func shape(_ place: Int) -> [S]? { place < arguments.count ? arguments[place].shape : nil }
    func position(_ place: Int) -> Int { positions[place] }
    switch kind {
    case .axes, .counted, .dataDependent: return nil
    case .same: return shape(0).map { ShapeResult($0) }
    case .combined:
      var shapes: [(shape: [S], position: Int)] = []
      for (argument, position) in zip(arguments, positions) {
        if let shape = argument.shape {
          shapes.append((shape, position))
        } else if !argument.isNone {
          return nil
        }
      }
      guard var result = shapes.first?.shape else { return nil }
      for (i, a) in shapes.enumerated() {
        for b in shapes.dropFirst(i + 1) {
          guard Shapes.combined(a.shape, b.shape) != nil else {
            throw .notCombined(
              a.shape.map(\.description), b.shape.map(\.description), operands: [a.position, b.position])
          }
        }
        if a.shape.count > result.count { result = a.shape }
      }
      return ShapeResult(result)
    case .matrixProduct:
      guard let a = shape(0), let b = shape(1) else { return nil }
      return ShapeResult(try Shapes.matrixProduct(a, b, operands: [position(0), position(1)]))
    case .reduced, .located:
      guard let x = shape(0) else { return nil }
      guard let axes = try resolvedAxes(arguments[1], of: x, operand: position(0), parameter: position(1))
      else {
        return nil
      }
      if kind == .located {
        guard axes.count == 1 || axes.count == x.count else {
          throw .severalAxes(axes.count, parameter: position(1))
        }
        if axes.count != 1, product(x).isEqual(to: S(0)) == true { throw .noElements(operand: position(0)) }
      }
      return ShapeResult(x.indices.filter { !axes.contains($0) }.map { x[$0] })
    case .along:
      guard let x = shape(0) else { return nil }
      if arguments.count > 1, let axis = arguments[1].number?.known {
        _ = try resolvedAxis(axis, rank: x.count, operand: position(0), parameter: position(1))
      }
      if let mask = shape(2) {
        guard mask.count <= x.count,
          !zip(x.suffix(mask.count), mask).contains(where: { $0.differs(from: $1) })
        else { throw .maskNotTrailing(operand: position(0), mask: position(2)) }
      }
      return ShapeResult(x)
    case .resized:
      guard let x = shape(0), let sizes = arguments[1].numbers else { return nil }
      return ShapeResult(try resized(x, to: sizes, operand: position(0), parameter: position(1)))
    case .flattened: return shape(0).map { ShapeResult([product($0)]) }
    case .permuted:
      guard let x = shape(0), let numbers = arguments[1].numbers else { return nil }
      guard !numbers.isEmpty else {
        guard x.count >= 2 else { throw .noAxesToSwap(operand: position(0), rank: x.count) }
        return ShapeResult(Array(x.dropLast(2)) + [x[x.count - 1], x[x.count - 2]])
      }
      let order = numbers.compactMap(\.known)
      guard order.count == numbers.count else { return nil }
      let axes = order.map { $0 < 0 ? $0 + x.count : $0 }
      guard axes.sorted().elementsEqual(0..<x.count) else {
        throw .notAPermutation(order, rank: x.count, operand: position(0), parameter: position(1))
      }
      return ShapeResult(axes.map { x[$0] })
    case .inserted:
      guard let x = shape(0), let axis = arguments[1].number?.known else { return nil }
      let place = try resolvedNewAxis(axis, rank: x.count, parameter: position(1))
      var result = x
      result.insert(S(1), at: place)
      guard result.count <= highestRank else { throw .tooManyAxes(result.count, most: highestRank) }
      return ShapeResult(result)
    case .squeezed:
      guard let x = shape(0) else { return nil }
      if arguments[1].isNone {
        // Which sizes are 1 has to be known.
        guard x.allSatisfy({ $0.isEqual(to: S(1)) != nil }) else { return nil }
        return ShapeResult(x.filter { $0.differs(from: S(1)) })
      }
      guard let axes = try resolvedAxes(arguments[1], of: x, operand: position(0), parameter: position(1))
      else {
        return nil
      }
      for axis in axes where x[axis].differs(from: S(1)) {
        throw .notOne(axis: axis, size: "\(x[axis])", operand: position(0), parameter: position(1))
      }
      return ShapeResult(x.indices.filter { !axes.contains($0) }.map { x[$0] })
    case .broadcast:
      guard let x = shape(0), let sizes = arguments[1].numbers else { return nil }
      try checkSizes(sizes, parameter: position(1))
      let missing = sizes.count - x.count
      guard missing >= 0 else {
        throw .fewerAxes(operand: position(0), sizes: text(sizes), parameter: position(1))
      }
      for axis in x.indices where x[axis].differs(from: sizes[axis + missing]) && x[axis].differs(from: S(1))
      {
        throw .notBroadcast(
          axis: axis, size: "\(x[axis])", otherAxis: axis + missing, otherSize: "\(sizes[axis + missing])",
          sizes: text(sizes), operand: position(0), parameter: position(1))
      }
      return ShapeResult(sizes)
    case .padded:
      guard let x = shape(0), let before = arguments[1].number, let after = arguments[2].number,
        let number = arguments[3].number?.known
      else { return nil }
      let axis = try resolvedAxis(number, rank: x.count, operand: position(0), parameter: position(3))
      if before.isNegative { throw .negativeCount("\(before)", parameter: position(1)) }
      if after.isNegative { throw .negativeCount("\(after)", parameter: position(2)) }
      var result = x
      result[axis] = x[axis].plus(before).plus(after)
      return ShapeResult(result)
    case .joined, .stacked: return try joined(arguments, positions)
    case .divided:
      guard let x = shape(0), let n = arguments[1].number, let number = arguments[2].number?.known else {
        return nil
      }
      let axis = try resolvedAxis(number, rank: x.count, operand: position(0), parameter: position(2))
      if n.isNegative { throw .negativeCount("\(n)", parameter: position(1)) }
      var result = x
      if let part = x[axis].exactly(dividedBy: n) {
        result[axis] = part
      } else if x[axis].known != nil, n.known != nil {
        throw .notDivided(
          axis: axis, size: "\(x[axis])", by: "\(n)", operand: position(0), parameter: position(1))
      } else {
        result[axis] = x[axis].floored(dividedBy: n)
      }
      return ShapeResult(result)
    case .gathered:
      guard let x = shape(0), let indices = shape(1), let number = arguments[2].number?.known else {
        return nil
      }
      let axis = try resolvedAxis(number, rank: x.count, operand: position(0), parameter: position(2))
      return ShapeResult(x[..<axis] + indices + x[(axis + 1)...])
    case .scattered:
      guard let x = shape(0), let indices = shape(1), let updates = shape(2),
        let number = arguments[3].number?.known
      else { return nil }
      let axis = try resolvedAxis(number, rank: x.count, operand: position(0), parameter: position(3))
      let wanted = x[..<axis] + indices + x[(axis + 1)...]
      guard updates.isEmpty || !differ(updates, Array(wanted)) else {
        throw .updates(wanted: text(wanted), operands: [position(2), position(0), position(1)])
      }
      return ShapeResult(x)
    case .first:
      guard let x = shape(0), let k = arguments[1].number, let number = arguments[2].number?.known else {
        return nil
      }
      let axis = try resolvedAxis(number, rank: x.count, operand: position(0), parameter: position(2))
      if k.isNegative { throw .negativeCount("\(k)", parameter: position(1)) }
      if let known = k.known, let size = x[axis].known, known > size {
        throw .tooFew(
          axis: axis, size: "\(size)", count: "\(known)", name: parameters[1], operand: position(0),
          parameter: position(1))
      }
      var result = x
      result[axis] = k
      return ShapeResult(result)
    case .rowsWithin:
      guard let x = shape(0) else { return nil }
      guard let n = x.last else { throw .noAxis(operand: position(0)) }
      for place in arguments.indices.dropFirst() {
        guard let weight = arguments[place].shape else {
          if arguments[place].isNone { continue }
          return nil
        }
        guard weight.count == 1, !weight[0].differs(from: n) else {
          throw .perColumn(
            operand: position(place), of: position(0), size: "\(n)", found: weight.map(\.description))
        }
      }
      return ShapeResult(x)
    case .classes:
      guard let logits = shape(0) else { return nil }
      guard !logits.isEmpty else { throw .noAxis(operand: position(0)) }
      guard let targets = shape(1) else { return nil }
      guard !differ(targets, Array(logits.dropLast())) else {
        throw .targets(wanted: text(logits.dropLast()), operands: [position(0), position(1)])
      }
      return ShapeResult([])
    case .attention: return try attention(arguments, positions).map { ShapeResult($0) }
    case .rearranged, .reducedByPattern, .repeated:
      guard let x = shape(0), case .string(let pattern) = arguments[1], case .named(let named) = arguments[2]
      else {
        return nil
      }
      let form: Rearrangement<S>.Form =
        kind == .rearranged ? .rearranges : kind == .repeated ? .repeats : .reduces
      do throws(PatternProblem) {
        let rearrangement = try Rearrangement(pattern, form, of: x, named: named)
        return ShapeResult(rearrangement.shape, .rearrangement(rearrangement))
      } catch {
        throw .pattern(error, operand: position(0), parameter: position(1))
      }
    case .einsum:
      guard case .list(let items) = arguments[0], case .string(let pattern)? = items.last, items.count > 1
      else {
        return nil
      }
      let shapes = items.dropLast().compactMap(\.shape)
      guard shapes.count == items.count - 1 else { return nil }
      do throws(EinsumProblem) {
        let terms = try EinsumTerms(pattern, shapes)
        return ShapeResult(terms.shape, .einsum(terms))
      } catch { throw .einsum(error, parameter: position(0)) }
    }
  }

  /// `result` with numbers, compiled for them where the generic text stands.
  package func numbers(
    of arguments: [ShapeArgument<Int>], at positions: [Int]
  ) throws(ShapeMistake) -> ShapeResult<Int>? {
    try result(of: arguments, at: positions)
  }

  private func resized<S: Size>(
    _ x: [S], to sizes: [S], operand: Int, parameter: Int
  ) throws(ShapeMistake) -> [S] {
    for size in sizes {
      if let number = size.known, number < -1 { throw .negativeSize("\(size)", parameter: parameter) }
    }
    guard sizes.count <= highestRank else { throw .tooManyAxes(sizes.count, most: highestRank) }
    let elements = product(x)
    var result = sizes
    let open = sizes.firstIndex { $0.known == -1 }
    if let open { result[open] = S(1) }
    let others = result.reduce(0) { $1.known == -1 ? $0 + 1 : $0 }
    guard others == 0 else { throw .openSizes(others + 1, parameter: parameter) }
    let known = product(result)
    if let place = open {
      if let rest = elements.exactly(dividedBy: known) {
        result[place] = rest
      } else if known.known != nil, elements.known != nil {
        throw .elementsNotDivided(
          operand: operand, count: "\(elements)", by: "\(known)", parameter: parameter)
      } else {
        result[place] = elements.floored(dividedBy: known)
      }
    } else if known.differs(from: elements) {
      throw .elementsDiffer(
        operand: operand, count: "\(elements)", sizes: text(sizes), held: "\(known)", parameter: parameter)
    }
    return result
  }

  private func joined<S: Size>(
    _ arguments: [ShapeArgument<S>], _ positions: [Int]
  ) throws(ShapeMistake) -> ShapeResult<S>? {
    guard case .list(let items) = arguments[0] else { return nil }
    if kind == .stacked {
      guard let inner = try stacked(items, [], list: positions[0]) else { return nil }
      guard arguments.count > 1 else { return ShapeResult(inner) }
      guard let number = arguments[1].number?.known else { return nil }
      let axis = try resolvedNewAxis(number, rank: inner.count - 1, parameter: positions[1])
      var result = Array(inner.dropFirst())
      result.insert(inner[0], at: axis)
      return ShapeResult(result)
    }
    guard let first = items.first?.shape, let number = arguments[1].number?.known else { return nil }
    for item in items.indices {
      guard let shape = items[item].shape else { return nil }
      guard shape.count == first.count else { throw .itemRank(item, list: positions[0]) }
    }
    guard !first.isEmpty else { throw .nothingToJoin(list: positions[0]) }
    let axis = try resolvedAxis(number, rank: first.count, operand: positions[0], parameter: positions[1])
    var joined = first[axis]
    for item in items.indices.dropFirst() {
      guard let shape = items[item].shape else { return nil }
      for other in shape.indices where other != axis && shape[other].differs(from: first[other]) {
        throw .itemSize(
          item, axis: other, first: "\(first[other])", size: "\(shape[other])", list: positions[0])
      }
      joined = joined.plus(shape[axis])
    }
    var result = first
    result[axis] = joined
    return ShapeResult(result)
  }

  /// The shape of a tensor of nested lists of tensors of one shape.
  private func stacked<S: Size>(
    _ items: [ShapeArgument<S>], _ path: [Int], list: Int
  ) throws(ShapeMistake) -> [S]? {
    guard !items.isEmpty else { throw .nothingToStack(list: list) }
    var first: [S]?
    for (position, item) in items.enumerated() {
      let shape: [S]
      switch item {
      case .shape(let own): shape = own
      case .number: shape = []
      case .list(let inner):
        guard let own = try stacked(inner, path + [position], list: list) else { return nil }
        shape = own
      default: return nil
      }
      if let first, differ(first, shape) { throw .itemShapes(path: path, other: position, list: list) }
      first = first ?? shape
    }
    return first.map { [S(items.count)] + $0 }
  }

  /// q, k, v, keep, causal, kv_heads.
  private func attention<S: Size>(
    _ arguments: [ShapeArgument<S>], _ p: [Int]
  ) throws(ShapeMistake) -> [S]? {
    guard let q = arguments[0].shape, let k = arguments[1].shape, let v = arguments[2].shape else {
      return nil
    }
    for (position, x) in [q, k, v].enumerated() where x.count < 2 {
      throw .attentionRank(operand: p[position])
    }
    let rank = q.count
    guard k.count == rank, v.count == rank else {
      throw .attentionRanks([rank, k.count, v.count], operands: Array(p[..<3]))
    }
    if k[rank - 1].differs(from: q[rank - 1]) {
      throw .attentionWidths("\(q[rank - 1])", "\(k[rank - 1])", axis: rank - 1, operands: [p[0], p[1]])
    }
    if k[rank - 2].differs(from: v[rank - 2]) {
      throw .attentionLengths("\(k[rank - 2])", "\(v[rank - 2])", axis: rank - 2, operands: [p[1], p[2]])
    }
    let leading = Array(q.dropLast(2))
    if let groups = arguments[5].number {
      guard rank >= 3 else { throw .noHeads(operand: p[0]) }
      let (axis, heads) = (rank - 3, q[rank - 3])
      if heads.known != nil, groups.known != nil, heads.exactly(dividedBy: groups) == nil {
        throw .headGroups(heads: "\(heads)", axis: axis, groups: "\(groups)", operand: p[0])
      }
      for (x, operand) in [(k, p[1]), (v, p[2])] {
        guard !x[axis].differs(from: groups) else {
          throw .groupCount(groups: "\(groups)", axis: axis, size: "\(x[axis])", operand: operand)
        }
        guard !differ(Array(x.dropLast(3)), Array(q.dropLast(3))) else {
          throw .attentionLeading(
            [text(leading), text(k.dropLast(2)), text(v.dropLast(2))], operands: Array(p[..<3]))
        }
      }
    } else if !arguments[5].isNone {
      return nil
    } else if differ(Array(k.dropLast(2)), leading) || differ(Array(v.dropLast(2)), leading) {
      throw .attentionLeading(
        [text(leading), text(k.dropLast(2)), text(v.dropLast(2))], operands: Array(p[..<3]))
    }
    let scores = leading + [q[rank - 2], k[rank - 2]]
    if case .flag(true) = arguments[4], scores[rank - 2].differs(from: scores[rank - 1]) {
      throw .notSquare("\(scores[rank - 2])", "\(scores[rank - 1])", operands: [p[0], p[1]])
    }
    if let mask = arguments[3].shape, !Self.masks(mask, scores) {
      throw .attentionMask(scores: text(scores), mask: p[3])
    }
    return leading + [q[rank - 2], v[rank - 1]]
  }

  /// Whether a mask is one of scores: of rank 2, of all their axes, or without that of the heads; an axis of
  /// heads may have size 1.
  private static func masks<S: Size>(_ mask: [S], _ scores: [S]) -> Bool {
    var mask = mask
    if mask.count == scores.count - 1, scores.count > 3 {
      mask.insert(S(1), at: scores.count - 3 - (scores.count - 1 - mask.count))
    }
    guard mask.count == 2 || mask.count == scores.count else { return false }
    return !zip(mask.reversed(), scores.reversed()).enumerated().contains { place, sizes in
      sizes.0.differs(from: sizes.1) && !(place == 2 && !sizes.0.differs(from: S(1)))
    }
  }
}

// MARK: What rules share

/// The shape in which two operands meet: equal shapes, a scalar with anything, or a trailing part of the other.
/// A size of 1 never broadcasts by itself. `nil` where they certainly don't.
@_specialize(where S == Int)
package func combined<S: Size>(_ a: [S], _ b: [S]) -> [S]? {
  let (long, short) = a.count >= b.count ? (a, b) : (b, a)
  let extra = long.count - short.count
  for axis in short.indices where short[axis].differs(from: long[extra + axis]) { return nil }
  return long
}

/// `a @ b`: the sum over the last axis of `a` and the last but one of `b`; vectors count as a row and a column,
/// and leading axes combine.
@_specialize(where S == Int)
package func matrixProduct<S: Size>(
  _ a: [S], _ b: [S], operands: [Int] = [0, 1]
) throws(ShapeMistake) -> [S] {
  if a.isEmpty { throw .scalarProduct(operand: operands[0]) }
  if b.isEmpty { throw .scalarProduct(operand: operands[1]) }
  let inner = b.count == 1 ? 0 : b.count - 2
  if a[a.count - 1].differs(from: b[inner]) {
    throw .innerSizes(a.map(\.description), b.map(\.description), operands: operands)
  }
  let (before, behind) = (a.dropLast(2), b.dropLast(2))
  var result: [S]
  if before.isEmpty || behind.isEmpty {
    result = Array(before.isEmpty ? behind : before)
  } else {
    guard let leading = combined(Array(before), Array(behind)) else {
      throw .productLeadingAxes(before.map(\.description), behind.map(\.description), operands: operands)
    }
    result = leading
  }
  if a.count > 1 { result.append(a[a.count - 2]) }
  if b.count > 1 { result.append(b[b.count - 1]) }
  return result
}

/// An axis counted from 0.
package func resolvedAxis(
  _ axis: Int, rank: Int, operand: Int, parameter: Int
) throws(ShapeMistake) -> Int {
  guard axis >= -rank, axis < rank else {
    throw .axisOutOfRange(axis, operand: operand, rank: rank, parameter: parameter)
  }
  return axis < 0 ? axis + rank : axis
}

/// The place of an axis that a tensor of a rank is to get: one more than it has axes.
package func resolvedNewAxis(_ axis: Int, rank: Int, parameter: Int) throws(ShapeMistake) -> Int {
  guard axis >= -rank - 1, axis <= rank else {
    throw .newAxisOutOfRange(axis, rank: rank, parameter: parameter)
  }
  return axis < 0 ? axis + rank + 1 : axis
}

/// Axes from 0, highest first, so that they can go one by one.
package func resolvedAxes(
  _ numbers: [Int], rank: Int, operand: Int, parameter: Int
) throws(ShapeMistake) -> [Int] {
  var axes: [Int] = []
  for number in numbers {
    axes.append(try resolvedAxis(number, rank: rank, operand: operand, parameter: parameter))
  }
  guard Set(axes).count == axes.count else { throw .axisTwice(parameter: parameter) }
  return axes.sorted(by: >)
}

private func resolvedAxes<S: Size>(
  _ argument: ShapeArgument<S>, of x: [S], operand: Int, parameter: Int
) throws(ShapeMistake) -> [Int]? {
  switch argument {
  case .all, .none: return Array(x.indices.reversed())
  case .number, .numbers:
    let sizes = argument.numbers ?? [argument.number].compactMap { $0 }
    let numbers = sizes.compactMap(\.known)
    guard numbers.count == sizes.count else { return nil }
    return try Shapes.resolvedAxes(numbers, rank: x.count, operand: operand, parameter: parameter)
  default: return nil
  }
}

/// Sizes of a new tensor: none is negative.
package func checkSizes(_ sizes: [some Size], parameter: Int) throws(ShapeMistake) {
  for size in sizes where size.isNegative { throw .negativeSize("\(size)", parameter: parameter) }
  guard sizes.count <= highestRank else { throw .tooManyAxes(sizes.count, most: highestRank) }
}

/// Whether two shapes certainly differ.
private func differ<S: Size>(_ a: [S], _ b: [S]) -> Bool {
  a.count != b.count || zip(a, b).contains { $0.differs(from: $1) }
}
