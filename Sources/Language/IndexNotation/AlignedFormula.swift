import Autodiff
import Builtins
import Tensors
import Values

/// A formula that reads every tensor as it writes its result, such as `y[i, j] = a[i, j] + 2 * b[i, j]`: for
/// tensors of one shape it runs its operations one after the other, and transposes and broadcasts nothing.
struct AlignedFormula {
  private let root: AlignedPart

  /// `nil` for any other formula.
  init?(_ program: IndexProgram) {
    let target = program.target
    guard !program.isFree, program.sizes.isEmpty, !program.hasLateInputs else { return nil }
    // The variables are numbered in the order of the target's axes.
    for (position, axis) in target.enumerated() {
      guard case .variable(position) = axis else { return nil }
    }
    guard !target.isEmpty, case .arithmetic = program.body,
      let root = Self.part(program.body, rank: target.count, program.inputs.map(\.node))
    else { return nil }
    self.root = root
  }

  private static func part(_ body: IndexExpression, rank: Int, _ inputs: [Node]) -> AlignedPart? {
    switch body {
    case .read(let input, let subscripts, _):
      let isAligned =
        subscripts.count == rank
        && subscripts.enumerated().allSatisfy {
          if case .variable($0, _) = $1 { true } else { false }
        }
      return isAligned && inputs[input].isPlain ? AlignedRead(inputs[input], rank: rank) : nil
    case .input(let input, _): return inputs[input].isPlain ? AlignedNumber(inputs[input]) : nil
    case .arithmetic(let operation, let left, let right, _):
      guard let left = part(left, rank: rank, inputs), let right = part(right, rank: rank, inputs) else {
        return nil
      }
      return AlignedOperation(operation, left, right)
    default: return nil
    }
  }

  /// The result; `nil` where the tensors are not of one shape, or where an error occurs, which the run in
  /// full reports better.
  func value(_ frame: inout Frame) throws -> Variable? {
    // Throw an earlier deferred error first: this formula did not cause it.
    try LateFailure.check()
    do {
      guard case .tensor(let result)? = try root.value(&frame) else { return nil }
      return result
    } catch is Interruption {
      throw Interruption()
    } catch {
      return nil
    }
  }
}

/// A node of such a formula.
///
/// Its value is `nil` where an input has another kind, rank or shape than the formula needs.
private class AlignedPart {
  func value(_ frame: inout Frame) throws -> Value? { nil }
}

private final class AlignedRead: AlignedPart {
  private let node: Node
  private let rank: Int

  init(_ node: Node, rank: Int) { (self.node, self.rank) = (node, rank) }

  override func value(_ frame: inout Frame) throws -> Value? {
    let value = try node.evaluate(&frame)
    switch value {
    case .tensor(let x): return x.shape.count == rank ? value : nil
    case .parameter(let x): return x.value.shape.count == rank ? .tensor(x.value) : nil
    default: return nil
    }
  }
}

private final class AlignedNumber: AlignedPart {
  private let node: Node

  init(_ node: Node) { self.node = node }

  override func value(_ frame: inout Frame) throws -> Value? {
    let value = try node.evaluate(&frame)
    switch value {
    case .int, .float: return value
    default: return nil
    }
  }
}

private final class AlignedOperation: AlignedPart {
  private let operation: Arithmetic
  private let left: AlignedPart
  private let right: AlignedPart

  init(_ operation: Arithmetic, _ left: AlignedPart, _ right: AlignedPart) {
    (self.operation, self.left, self.right) = (operation, left, right)
  }

  override func value(_ frame: inout Frame) throws -> Value? {
    guard let a = try left.value(&frame), let b = try right.value(&frame) else { return nil }
    guard case .tensor(let x) = a, case .tensor(let y) = b else { return try operation(a, b) }
    return x.shape == y.shape ? .tensor(try operation.tensors(x, y)) : nil
  }
}

extension Node {
  /// Whether it reads a value that is there, so that reading it twice is the same as once.
  fileprivate var isPlain: Bool {
    self is ConstantNode || self is LocalNode || self is GlobalNode || self is FieldNode
  }
}
