import Tensors

/// Lazy attention scores, or the lazy weights that a softmax makes of them.
///
/// Scaling, softmax and permuted axes keep them lazy. Multiplied with values they become one fused attention,
/// and no matrix of scores ever exists. Any other reader materializes them with the single operations. The
/// bits are the same either way.
///
/// The product of queries and keys reserves its entry on the tape when it is made. So adjoints add in the
/// order of the single operations.
final class PendingScores {
  private enum Source {
    /// left × right, over equal leading axes, then 0 outside the validity mask, then scaled.
    case product(left: Variable, right: Variable, place: Place?, mask: Mask?, scale: Scale?)
    /// The softmax over the last axis.
    case softmax(PendingScores, keep: Tensor?)
  }

  private struct Scale {
    let function: BinaryFunction
    let number: Variable
    let value: ScoreScale
  }

  /// The validity mask over the axes of the source, and the 0 that replaces a score outside it.
  private struct Mask {
    let keep: Variable
    let zero: Variable
  }

  /// The product's entry on the tape. The fused attention that claims it leaves the product's gradients here.
  private final class Place {
    let tape: Tape
    var node = -1
    var isTaken = false
    var gradients: [Variable?]?

    init(_ tape: Tape) { self.tape = tape }
  }

  private let source: Source
  /// The sizes of the source's axes, of which all but the last may have been reshaped.
  private let axes: [Int]
  /// Axis `i` is axis `order[i]` of `axes`.
  private let order: [Int]
  let tape: Tape?

  private init(_ source: Source, _ axes: [Int], _ order: [Int]?, _ tape: Tape?) {
    (self.source, self.axes, self.order, self.tape) = (
      source, axes, order ?? Array(axes.indices), tape
    )
  }

  var shape: [Int] { order.map { axes[$0] } }

  var dtype: DType {
    switch source {
    case .product(let left, _, _, _, _): left.dtype
    case .softmax(let scores, _): scores.dtype
    }
  }

  private var isInOrder: Bool { order.elementsEqual(order.indices) }
  /// In order but for the last two axes, which are swapped.
  private var isSwapped: Bool {
    var swapped = Array(order.indices)
    swapped.swapAt(order.count - 1, order.count - 2)
    return order == swapped
  }

  private var inverse: [Int] {
    var inverse = order
    for (to, from) in order.enumerated() { inverse[from] = to }
    return inverse
  }
  private var isMasked: Bool {
    if case .product(_, _, _, _?, _) = source { return true }
    return false
  }

  // MARK: Passing through

  /// The lazy product `[..., m, k] × [..., k, n]`; `nil` where no fused kernel would take it.
  init?(_ left: Variable, _ right: Variable) {
    let tape = [left, right].first(where: \.isTracked)?.tape
    // A gradient inside another records its pullbacks, so it needs the single operations.
    guard left.pending == nil, right.pending == nil, left.dtype == right.dtype,
      left.dtype.isFloat,
      left.tensor.count > 0, right.tensor.count > 0, left.shape[left.rank - 1] <= Self.widest,
      // With few queries there is little to save, and the single operations are quicker.
      min(left.shape[left.rank - 2], right.shape[right.rank - 1]) >= Self.fewest,
      (tape?.depth ?? 0) <= 1
    else { return nil }
    source = .product(
      left: left, right: right, place: tape.map { Self.place(left, right, $0) }, mask: nil,
      scale: nil)
    axes = Array(left.shape.dropLast()) + [right.shape[right.rank - 1]]
    order = Array(axes.indices)
    self.tape = tape
  }

  private static let widest = 1024
  private static let fewest = 8

  /// The same scores with another shape and the same last axis.
  func reshaped(_ shape: [Int]) -> PendingScores? {
    guard isInOrder, shape.count >= 2, shape.last == axes.last, !isMasked else { return nil }
    return PendingScores(source, shape, nil, tape)
  }

  func transposed(_ order: [Int]) -> PendingScores {
    PendingScores(source, axes, order.map { self.order[$0] }, tape)
  }

  func scaled(_ function: BinaryFunction, by number: Variable) -> PendingScores? {
    guard case .product(let left, let right, let place, let mask, nil) = source,
      function == .multiply || function == .divide, number.rank == 0,
      number.dtype == left.dtype, !number.isTracked,
      let value = ScoreScale(
        divides: function == .divide, number: number.tensor.item, left.dtype)
    else { return nil }
    let scale = Scale(function: function, number: number, value: value)
    return PendingScores(
      .product(left: left, right: right, place: place, mask: mask, scale: scale), axes, order, tape)
  }

  /// The scores where a validity mask of their shape is true, else 0: what index notation reads under it.
  func masked(_ keep: Variable, else zero: Variable) -> PendingScores? {
    guard case .product(let left, let right, let place, nil, nil) = source, keep.shape == shape,
      zero.rank == 0, !zero.isTracked
    else { return nil }
    let mask = Mask(keep: keep.transposed(inverse), zero: zero)
    return PendingScores(
      .product(left: left, right: right, place: place, mask: mask, scale: nil), axes, order, tape)
  }

  /// The weights, where the last axis is that of the keys.
  func softmax(keep: Tensor?) -> PendingScores? {
    // A validity mask that equals `keep` has no effect: softmax ignores the scores that it zeroes.
    guard case .product(let left, _, _, let mask, _) = source,
      mask.map({ mask in
        keep.map { mask.keep.tensor.isSameView($0.transposed(inverse)) } ?? false
      }) ?? true,
      isInOrder || isSwapped && axes.dropLast().elementsEqual(left.shape.dropLast())
    else { return nil }
    return PendingScores(.softmax(self, keep: keep), shape, nil, tape)
  }

  // MARK: Materializing

  /// The scores or weights, materialized by the single operations.
  func composite() throws -> Variable {
    let value: Variable
    switch source {
    case .product(let left, let right, let place, let mask, let scale):
      var scores = try Self.product(left, right, place)
      if let mask {
        scores = try .select(mask.keep, scores.reshaped(axes), mask.zero)
      }
      if let scale { scores = try scores.binary(scale.function, scale.number) }
      value = scores
    case .softmax(let scores, let keep): value = try scores.composite().softmax(keep: keep)
    }
    return try value.reshaped(axes).transposed(order)
  }

  private static func product(
    _ left: Variable, _ right: Variable, _ place: Place?
  ) throws -> Variable {
    guard let place, !place.isTaken else { return try .product(left, right) }
    place.isTaken = true
    return Variable(
      try Tensor.product(left.tensor, right.tensor), tape: place.tape, node: place.node)
  }

  private static func place(_ left: Variable, _ right: Variable, _ tape: Tape) -> Place {
    let place = Place(tape)
    let operands = ProductOperands(left, right)
    place.node = tape.append([left, right].map { $0.isTracked ? $0.node : -1 }) { dy, needed in
      if let gradients = place.gradients {
        place.gradients = nil
        return gradients
      }
      return try operands.gradients(dy, needed)
    }
    return place
  }

  /// The fused attention `[..., t, s] × [..., s, e]` of these weights and `values`.
  ///
  /// With `isTransposed` it is the product of the transposes, `[..., e, s] × [..., s, t]`. `nil` where the fused
  /// kernel does not take the operands; the caller then materializes the weights.
  func attended(_ values: Variable, isTransposed: Bool) throws -> Variable? {
    guard case .softmax(let scores, let keep) = source, isTransposed ? isSwapped : isInOrder,
      case .product(let left, let right, let given, _, let scale) = scores.source,
      values.dtype == left.dtype, values.tensor.count > 0
    else { return nil }
    let areTurned = !scores.isInOrder
    let q = areTurned ? right.tensor.swapped() : left.tensor
    let k = areTurned ? left.tensor : right.tensor.swapped()
    let v = isTransposed ? values.tensor.swapped() : values.tensor
    let leading = Array(axes.dropLast(2))
    let t = axes[axes.count - 2]
    guard q.shape[q.rank - 2] == t, q.shape.dropLast(2).reduce(1, *) == leading.reduce(1, *),
      v.shape[v.rank - 1] <= Self.widest
    else { return nil }
    let operands = AttentionOperands(q: q, k: k, v: v, keep: keep, scale: scale?.value)
    func shaped(_ y: Tensor, isTransposed: Bool) throws -> Variable {
      let y = try y.reshaped(leading + y.shape.suffix(2))
      return Variable(isTransposed ? y.swapped() : y)
    }
    guard let tape = tape ?? (values.isTracked ? values.tape : nil), tape.isRecording else {
      return try shaped(operands.attended(saving: false).y, isTransposed: isTransposed)
    }
    // An inner gradient may be taken for the values, even where queries and keys are constants.
    guard tape.depth <= 1 else { return nil }
    // The first reader of the scores claims the entry that their product reserved. A second attention over
    // the same scores appends an entry of its own.
    let place = given.map { $0.isTaken ? Self.place(left, right, tape) : $0 }
    place?.isTaken = true
    let (y, saved) = try operands.attended(saving: true)
    guard let saved else { preconditionFailure("asked for") }
    let inputs = [place?.node ?? -1, values.isTracked ? values.node : -1]
    return tape.append(try shaped(y, isTransposed: isTransposed).tensor, inputs) { dy, _ in
      precondition(!dy.isTracked, "inside another gradient scores are not left pending")
      let dy = isTransposed ? dy.tensor.swapped() : dy.tensor
      let found = try operands.gradients(dy, saved)
      let dq = Variable(areTurned ? found.dq.swapped() : found.dq)
      let dk = Variable(areTurned ? found.dk : found.dk.swapped())
      place?.gradients = areTurned ? [dk, dq] : [dq, dk]
      // The product's entry reads dq and dk from `place`. The scalar only makes the tape visit that entry.
      return [
        Variable(try Tensor.scalar(0, .f32)),
        try shaped(found.dv, isTransposed: isTransposed),
      ]
    }
  }
}
