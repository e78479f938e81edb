import Builtins
import FoundationEssentials
import Host
import Tensors
import Testing
import Values

/// The reference values of Tests/Reference.
enum Reference {
  static let folder: String = {
    let here = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    return "/\(here)/Reference"
  }()

  static let primitives = load("primitives.safetensors")
  static let gpt = load("gpt.safetensors")

  private static func load(_ name: String) -> [String: Tensor] {
    guard let bytes = try? Files(base: folder).readBytes(name),
      let entries = try? Safetensors.decoded(bytes)
    else { return [:] }
    return Dictionary(uniqueKeysWithValues: entries.map { ($0.name, $0.tensor) })
  }

  static func tensor(_ value: Value, like expected: Tensor) throws -> Tensor {
    if let tensor = value.variable?.tensor { return tensor }
    if let flag = value.asBool { return try Tensor([flag], []) }
    return try Tensor([try #require(value.asDouble, "\(value.kind) is a number")], [])
  }

  /// Equal shapes, and every element within a tolerance relative to the larger of the expected
  /// value and a tenth of the tensor's largest, below which the rounding of f32 dominates.
  static func expect(
    _ result: Tensor, _ expected: Tensor, _ tolerance: Double, _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(result.shape == expected.shape, "\(what)", sourceLocation: sourceLocation)
    guard result.shape == expected.shape else { return }
    let found = try result.doubles()
    let wanted = try expected.converted(to: result.dtype == .f32 && tolerance == 0 ? .f32 : .f64)
      .doubles()
    let floor = (wanted.map(abs).filter(\.isFinite).max() ?? 0) / 10
    var worst = 0.0
    for (x, y) in zip(found, wanted) where !(x == y || x.isNaN && y.isNaN) {
      worst = max(worst, abs(x - y) / max(abs(y), floor, 1e-30))
      if x.isNaN != y.isNaN { worst = .infinity }
    }
    #expect(worst <= tolerance, "\(what): off by \(worst)", sourceLocation: sourceLocation)
  }
}
