import Builtins
import Syntax

/// Finds the statements of a function whose scores may be left pending: those that make scores or
/// weights under a name that one later statement of the same block reads once, and nothing else does.
///
/// ```
/// score[t, s] = sum[d](q[t, d] * k[s, d]) / sqrt(d)
/// w[t, s]     = softmax[s](score[t, s] where keep[t, s])
/// out[t, e]   = sum[s](w[t, s] * v[s, e])
/// ```
///
/// Such a chain, or one with two of the three in one statement, becomes one fused attention. It is
/// only a permission: what comes out of it has the same bits if the scores are made after all.
struct AttentionChains {
  /// Where the statements begin.
  private(set) var pending: Set<Int> = []
  private var reads: [String: Int] = [:]
  private var assignments: [String: Int] = [:]

  init(_ declaration: FunctionDeclaration) {
    for parameter in declaration.parameters { assignments[parameter.name.text, default: 0] += 1 }
    for fallback in declaration.parameters.compactMap(\.fallback) { visit(fallback) }
    visit(declaration.body)
    findChains(declaration.body)
  }

  // MARK: Chains

  private mutating func findChains(_ block: Block) {
    var made: [String: (axes: [TargetAxis], value: Expression, start: Int)] = [:]
    for statement in block.statements {
      statement.forEachPart { expression in
        expression.forEachWeightedFactor { addChain($0, made) }
        for block in expression.blocks { findChains(block) }
      }
      if case .indexAssign(let name, let axes, let value) = statement.kind {
        made[name.text] = (axes, value, statement.span.start)
      }
      for inner in statement.blocks { findChains(inner) }
    }
  }

  /// A factor of a sum: weights by name, or a softmax of scores by name.
  private mutating func addChain(
    _ factor: Expression,
    _ made: [String: (axes: [TargetAxis], value: Expression, start: Int)]
  ) {
    if let name = factor.readName {
      guard isReadOnce(name), let weights = made[name], weights.value.softmaxBody != nil else {
        return
      }
      if weights.value.softmaxBody?.isScaledSum == true {
        pending.insert(weights.start)
      } else {
        addScores(weights.value, made)
      }
    } else {
      addScores(factor, made)
    }
  }

  private mutating func addScores(
    _ weights: Expression,
    _ made: [String: (axes: [TargetAxis], value: Expression, start: Int)]
  ) {
    guard let name = weights.softmaxBody?.unscaled.readName, isReadOnce(name),
      let scores = made[name], scores.value.isScaledSum
    else { return }
    pending.insert(scores.start)
  }

  private func isReadOnce(_ name: String) -> Bool {
    reads[name] == 1 && assignments[name] == 1
  }

  // MARK: Counting

  private mutating func visit(_ block: Block) {
    for statement in block.statements { visit(statement) }
  }

  private mutating func visit(_ statement: Statement) {
    statement.forEachPart { visit($0) }
    for name in statement.assignedNames { assignments[name.text, default: 0] += 1 }
    for block in statement.blocks { visit(block) }
    switch statement.kind {
    case .function(let declaration): visit(declaration.parameters)
    case .model(let declaration):
      visit(declaration.parameters)
      for method in declaration.methods { visit(method.parameters) }
    default: break
    }
  }

  private mutating func visit(_ parameters: [Syntax.Parameter]) {
    for parameter in parameters {
      assignments[parameter.name.text, default: 0] += 1
      if let fallback = parameter.fallback { visit(fallback) }
    }
  }

  private mutating func visit(_ expression: Expression) {
    switch expression.kind {
    case .name(let name): reads[name, default: 0] += 1
    case .lambda(let parameters, let body):
      visit(parameters)
      visit(body)
    case .conditional(let condition, let then, let otherwise):
      visit(condition)
      visit(then)
      if let otherwise { visit(otherwise) }
    case .comprehension:
      // What stands in it is read in each round.
      for _ in 0..<2 { expression.forEachPart { visit($0) } }
    default: expression.forEachPart { visit($0) }
    }
  }
}

extension Expression {
  private var unparenthesized: Expression {
    guard case .record(let items) = kind, items.count == 1, items[0].label == nil else { return self }
    return items[0].value.unparenthesized
  }

  /// The name of a tensor that is read at indices.
  fileprivate var readName: String? {
    guard case .subscripted(let base, _) = unparenthesized.kind, case .name(let name) = base.kind
    else { return nil }
    return name
  }

  /// What a softmax over one index is taken of.
  fileprivate var softmaxBody: Expression? {
    guard case .reducer(let name, let binders, let body, _) = unparenthesized.kind,
      binders.count == 1, ReducerName(rawValue: name.text) == .softmax
    else { return nil }
    return body
  }

  /// Whether this is a sum, scaled or not.
  fileprivate var isScaledSum: Bool {
    guard case .reducer(let name, _, _, nil) = unscaled.kind else { return false }
    return ReducerName(rawValue: name.text) == .sum
  }

  /// Without a divisor or factor that has no index.
  fileprivate var unscaled: Expression {
    switch unparenthesized.kind {
    case .binary(.divide, let left, let right) where right.isWithoutIndices: left.unscaled
    case .binary(.multiply, let left, let right) where right.isWithoutIndices: left.unscaled
    case .binary(.multiply, let left, let right) where left.isWithoutIndices: right.unscaled
    default: unparenthesized
    }
  }

  private var isWithoutIndices: Bool {
    switch kind {
    case .subscripted, .reducer, .conditional, .lambda: return false
    default: break
    }
    var result = true
    forEachPart { result = result && $0.isWithoutIndices }
    return result
  }

  /// Both factors of each sum of a product of two over one index, wherever it stands.
  fileprivate func forEachWeightedFactor(_ body: (Expression) -> Void) {
    if case .reducer(let name, let binders, let summed, nil) = kind, binders.count == 1,
      ReducerName(rawValue: name.text) == .sum,
      case .binary(.multiply, let left, let right) = summed.unparenthesized.kind
    {
      body(left)
      body(right)
    }
    if case .conditional = kind { return }
    forEachPart { $0.forEachWeightedFactor(body) }
  }
}
