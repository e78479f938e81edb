import Autodiff
import Builtins
import Shapes
import Syntax
import Tensors
import Values

/// An expression in index notation, its names resolved.
indirect enum IndexExpression {
  /// Input `n`: a value without indices, computed once by ordinary evaluation.
  case input(Int, Span)
  /// Input `n` read at subscripts.
  case read(Int, [IndexSubscript], Span)
  /// The value of an index variable.
  case variable(Int, Span)
  /// The extent of an index variable: `size(d)`.
  case extent(Int, Span)
  /// A parameter or local of an elementwise function.
  case bound(Int, Span)
  case arithmetic(Arithmetic, IndexExpression, IndexExpression, Span)
  case comparison(IndexExpression, [(Comparison, IndexExpression)], Span)
  case logical(BinaryFunction, IndexExpression, IndexExpression, Span)
  case unary(isNot: Bool, IndexExpression, Span)
  case select(IndexExpression, IndexExpression, IndexExpression, Span)
  /// A call of input `n`, which must turn out to be elementwise.
  case call(Int, [(label: Name?, IndexExpression)], Span)
  case reduce(Builtin, [Int], IndexExpression, condition: IndexExpression?, Span)
  /// A sum whose matrix product may stay deferred: only a softmax and a weighted sum read it.
  case scores([Int], IndexExpression, Span)

  var span: Span {
    switch self {
    case .input(_, let span), .read(_, _, let span), .variable(_, let span), .extent(_, let span),
      .bound(_, let span), .arithmetic(_, _, _, let span), .comparison(_, _, let span),
      .logical(_, _, _, let span), .unary(_, _, let span), .select(_, _, _, let span),
      .call(_, _, let span), .reduce(_, _, _, _, let span), .scores(_, _, let span):
      span
    }
  }
}

extension IndexExpression {
  /// The index variables that it computes with, those inside further reads left out.
  var directVariables: Set<Int> {
    switch self {
    case .variable(let variable, _): [variable]
    case .input, .read, .extent, .bound, .reduce, .scores: []
    case .arithmetic(_, let left, let right, _), .logical(_, let left, let right, _):
      left.directVariables.union(right.directVariables)
    case .comparison(let first, let rest, _):
      rest.reduce(first.directVariables) { $0.union($1.1.directVariables) }
    case .unary(_, let operand, _): operand.directVariables
    case .select(let test, let a, let b, _):
      test.directVariables.union(a.directVariables).union(b.directVariables)
    case .call(_, let arguments, _):
      arguments.reduce([]) { $0.union($1.1.directVariables) }
    }
  }
}

extension IndexExpression {
  /// The same with deferred scores, where it is a sum that is scaled or not.
  var withPendingScores: IndexExpression? {
    switch self {
    case .reduce(let builtin, let indices, let body, nil, let span):
      builtin.reducerName == .sum ? .scores(indices, body, span) : nil
    case .arithmetic(.divide, let left, let right, let span):
      left.withPendingScores.map { .arithmetic(.divide, $0, right, span) }
    case .arithmetic(.multiply, let left, let right, let span):
      if let left = left.withPendingScores {
        .arithmetic(.multiply, left, right, span)
      } else {
        right.withPendingScores.map { .arithmetic(.multiply, left, $0, span) }
      }
    default: nil
    }
  }

  /// The same with the scores under it deferred, where it is a softmax of such scores.
  var withPendingWeights: IndexExpression? {
    guard case .reduce(let builtin, let indices, let body, let condition, let span) = self,
      builtin.reducerName == .softmax, let scores = body.withPendingScores
    else { return nil }
    return .reduce(builtin, indices, scores, condition: condition, span)
  }
}

enum IndexSubscript {
  case variable(Int, Span)
  /// `(h d)`: one axis that holds two or more index variables, the last running fastest.
  case merged([Int], Span)
  case expression(IndexExpression, Span)
  case ellipsis(Span)

  var span: Span {
    switch self {
    case .variable(_, let span), .merged(_, let span), .expression(_, let span),
      .ellipsis(let span):
      span
    }
  }
}

/// An index assignment, or a reducer that stands by itself, ready to run.
final class IndexProgram {
  struct Variable {
    let name: String
    let span: Span
    /// The extent that the binder gives: `t: 8`.
    let extent: Node?
    /// Where the signature keeps the size of this name, with which the extent must agree.
    let size: Node?
    /// Where the extent is left for the rest of the statement.
    let slot: Int?
  }

  struct Input {
    let node: Node
    /// It needs extents that other inputs give.
    let usesExtents: Bool
  }

  /// An extent that is said, not seen in a shape.
  struct Size {
    enum Source { case binder, signature }
    let variable: Int
    let node: Node
    let source: Source
  }

  typealias Read = (input: Int, subscripts: [IndexSubscript], span: Span)

  enum TargetAxis {
    case variable(Int)
    case merged([Int])
    case ellipsis
  }

  let variables: [Variable]
  let inputs: [Input]
  private(set) var body: IndexExpression
  let target: [TargetAxis]
  let targetHasEllipsis: Bool
  /// Every read, for the extents.
  let reads: [Read]
  /// Inputs that stand without subscripts, so that they must be numbers.
  let scalars: [(input: Int, span: Span)]
  /// A reducer that stands by itself.
  let isFree: Bool
  /// The extents that binders and signatures give.
  let sizes: [Size]
  let solver: ExtentSolver
  /// Inputs that read the extents that come of the others.
  let lateInputs: [Int]
  let hasLateInputs: Bool
  /// Where extents are left for the rest of the statement.
  private let slots: [(variable: Int, slot: Int)]
  /// Cached plans, the newest first.
  @exclusivity(unchecked) var plans: [IndexPlan] = []
  @exclusivity(unchecked) private var lastExtents: [Int] = []
  /// The plan and shapes of repeated inputs, where none of the inputs reads the extents.
  @exclusivity(unchecked) var memo: IndexMemo?

  init(
    variables: [Variable], inputs: [Input], body: IndexExpression, target: [TargetAxis],
    reads: [Read],
    scalars: [(input: Int, span: Span)], isFree: Bool
  ) {
    self.scalars = scalars
    self.isFree = isFree
    self.variables = variables
    self.inputs = inputs
    self.body = body
    self.target = target
    self.reads = reads
    sizes = variables.enumerated().flatMap { index, variable in
      [
        variable.extent.map { Size(variable: index, node: $0, source: .binder) },
        variable.size.map { Size(variable: index, node: $0, source: .signature) },
      ].compactMap { $0 }
    }
    targetHasEllipsis = target.contains { if case .ellipsis = $0 { true } else { false } }
    solver = Self.solver(variables.map(\.name), reads, allowsLeading: targetHasEllipsis)
    lateInputs = inputs.indices.filter { inputs[$0].usesExtents }
    hasLateInputs = !lateInputs.isEmpty
    slots = variables.enumerated().compactMap { index, variable in variable.slot.map { (index, $0) } }
  }

  /// Extents as an array: that of the last run, where they are the same.
  func kept(_ extents: UnsafeMutableBufferPointer<Int>) -> (extents: [Int], areRepeated: Bool) {
    if lastExtents.elementsEqual(extents) { return (lastExtents, true) }
    lastExtents = Array(extents)
    return (lastExtents, false)
  }

  /// Leaves the extents that are known for the rest of the statement.
  func publish<Extents: RandomAccessCollection>(_ extents: Extents, _ frame: inout Frame)
  where Extents.Index == Int, Extents.Element == Int {
    for (variable, slot) in slots where extents[variable] != IndexRun.unknown {
      frame.locals[slot] = .int(extents[variable])
    }
  }

  /// Defers the scores that it computes, because one weighted sum alone reads its result.
  func leavePending() {
    body = body.withPendingScores ?? body.withPendingWeights ?? body
  }
}

/// A function's body as index notation sees it: parameters stand for elements.
final class ElementwiseBody {
  let inputs: [Node]
  /// Locals in the order of their assignment; parameters come first in the numbering.
  let assignments: [(slot: Int, IndexExpression)]
  let result: IndexExpression
  let slotCount: Int
  /// Slots of the frame in which the inputs are evaluated.
  let frameSlots: Int
  let captureSlots: [(name: String, slot: Int)]
  /// Defaults of the parameters, as inputs.
  let fallbacks: [Int?]

  init(
    inputs: [Node], assignments: [(Int, IndexExpression)], result: IndexExpression, slotCount: Int,
    frameSlots: Int, captureSlots: [(name: String, slot: Int)], fallbacks: [Int?]
  ) {
    self.inputs = inputs
    self.assignments = assignments.map { (slot: $0.0, $0.1) }
    self.result = result
    self.slotCount = slotCount
    self.frameSlots = frameSlots
    self.captureSlots = captureSlots
    self.fallbacks = fallbacks
  }
}
