import Builtins
import Shapes

/// The axes of a signature with its names as numbers, so that a call whose shapes agree is checked without
/// looking a name up. `Shapes.Bindings` says what it means, and tells what is wrong.
struct AxisCheck {
  private enum Axis {
    case named(Int)
    case fixed(Int)
  }

  private struct Operand {
    let slot: Int
    let hasEllipsis: Bool
    let axes: [Axis]
  }

  private let operands: [Operand]
  private let nameCount: Int
  /// Names that are the model's own parameters, by their position there.
  private let given: [(name: Int, position: Int)]
  /// Where the body finds the sizes.
  private let sizes: [(name: Int, slot: Int)]

  var isEmpty: Bool { operands.isEmpty }

  init(
    _ parameters: [FunctionCode.Parameter], modelSizes: [(name: String, position: Int)],
    sizes: [(name: String, slot: Int)]
  ) {
    var numbers: [String: Int] = [:]
    func number(_ name: String) -> Int {
      if let number = numbers[name] { return number }
      numbers[name] = numbers.count
      return numbers.count - 1
    }
    operands = parameters.compactMap { parameter in
      guard let axes = parameter.axes else { return nil }
      return Operand(
        slot: parameter.slot, hasEllipsis: axes.first == .ellipsis,
        axes: axes.compactMap { axis in
          switch axis {
          case .ellipsis: nil
          case .named(let name): .named(number(name))
          case .fixed(let size): .fixed(size)
          case .merged, .spread, .sum: preconditionFailure("a signature names one size an axis")
          }
        })
    }
    given = modelSizes.map { (number($0.name), $0.position) }
    self.sizes = sizes.map { (number($0.name), $0.slot) }
    nameCount = numbers.count
  }

  /// Whether all agree, and then the sizes are in the frame.
  func holds(_ frame: inout Frame) -> Bool {
    // No size, and no number that a model would be given as one.
    let unknown = Int.min
    return withUnsafeTemporaryAllocation(of: Int.self, capacity: nameCount) { found in
      // SAFETY: all of them are initialized here, and integers need no end.
      found.initialize(repeating: unknown)
      for (name, position) in given {
        if let size = frame.model?.arguments[position].asInt { found[name] = size }
      }
      var leading: ArraySlice<Int> = []
      for operand in operands {
        let shape: [Int]
        switch frame.locals[operand.slot] {
        case .tensor(let x): shape = x.shape
        case .none: continue
        default: return false
        }
        let extra = shape.count - operand.axes.count
        guard operand.hasEllipsis ? extra >= 0 : extra == 0 else { return false }
        if extra > 0 {
          if leading.isEmpty {
            leading = shape[..<extra]
          } else if leading != shape[..<extra] {
            return false
          }
        }
        for (place, axis) in operand.axes.enumerated() {
          let size = shape[extra + place]
          switch axis {
          case .fixed(let fixed): if size != fixed { return false }
          case .named(let name):
            if found[name] == unknown { found[name] = size } else if found[name] != size { return false }
          }
        }
      }
      for (name, slot) in sizes where found[name] != unknown { frame.locals[slot] = .int(found[name]) }
      return true
    }
  }
}
