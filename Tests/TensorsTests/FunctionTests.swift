import FoundationEssentials
import Glibc
import Tensors
import Testing

/// The worst errors of the functions in `cases` are those that bench/ulp/results.md gives; those of all are bound in
/// `Tests/Kernels/elementwise_check.c`.
@Suite struct FunctionTests {
  struct Case: CustomStringConvertible, Sendable {
    var name: String
    var function: UnaryFunction
    var exact: @Sendable (Double) -> Double
    var description: String { name }
  }

  private static func logistic(_ x: Double) -> Double {
    let e = Glibc.exp(-Swift.abs(x))
    return x < 0 ? e / (1 + e) : 1 / (1 + e)
  }

  static let cases = [
    Case(name: "exp", function: .exp) { Glibc.exp($0) },
    Case(name: "log", function: .log) { Glibc.log($0) },
    Case(name: "sin", function: .sin) { Glibc.sin($0) },
    Case(name: "cos", function: .cos) { Glibc.cos($0) },
    Case(name: "tanh", function: .tanh) { Glibc.tanh($0) },
    Case(name: "erf", function: .erf) { Glibc.erf($0) },
    Case(name: "sigmoid", function: .sigmoid) { logistic($0) },
    Case(name: "silu", function: .silu) { $0 * logistic($0) },
    Case(name: "gelu", function: .gelu) { $0 * erfc(-$0 * 0.5.squareRoot()) / 2 },
    Case(name: "gelu_tanh", function: .geluTanh) { x in
      x * logistic(2 * (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))
    },
    Case(name: "softplus", function: .softplus) { Swift.max($0, 0) + log1p(Glibc.exp(-Swift.abs($0))) },
  ]

  /// Every 20,011th f32 there is, and the neighbourhoods of 0 and 1.
  private static let numbers: [Float] = {
    let all = stride(from: 0, to: 1 << 32, by: 20_011).map { Float(bitPattern: UInt32($0)) }
    return all + (-2000...2000).map { Float($0) / 1000 } + [.infinity, -.infinity, 0, -0.0, 1, -1]
  }()

  /// The table's bounds for f32, by function and range.
  private static let bounds: [String: Double] = {
    let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let text = (try? String(contentsOfFile: root + "/bench/ulp/results.md", encoding: .utf8)) ?? ""
    var result: [String: Double] = [:]
    for line in text.split(separator: "\n") {
      let cells = line.split(separator: "|").map { cell in
        cell.split(separator: " ").joined(separator: " ")
      }
      guard cells.count == 5, cells[1] == "f32", let bound = Double(cells[3]) else { continue }
      result[cells[0] + (cells[2].contains("1 or less") ? " near 0" : "")] = bound
    }
    return result
  }()

  /// The distance in units of the last place of an f32 as large as the exact value.
  private func error(_ found: Float, _ exact: Double) -> Double {
    let nearest = Float(exact)
    if exact.isNaN || found.isNaN { return exact.isNaN && found.isNaN ? 0 : .infinity }
    if found.isInfinite || nearest.isInfinite {
      if found == nearest { return 0 }
      guard !exact.isInfinite, found.isInfinite != nearest.isInfinite else { return .infinity }
      let other = found.isInfinite ? exact : Double(found)
      return Swift.abs(0x1p128 - Swift.abs(other)) * 0x1p-104
    }
    let exponent = exact == 0 ? -125 : Swift.max(Int(exact.exponent) + 1, -125)
    return Swift.abs(Double(found) - exact) / Glibc.ldexp(1, Int32(exponent - 24))
  }

  @Test(arguments: cases) func errorsStayInTheirBounds(_ test: Case) throws {
    let numbers = Self.numbers
    let found = try Tensor(numbers, [numbers.count]).unary(test.function).doubles()
    var (worst, at, worstNear, near) = (0.0, Float(0), 0.0, Float(0))
    for (x, y) in zip(numbers, found) {
      // The limits of x · f(x) at -inf, where the formulas give NaN.
      let exact =
        x == -.infinity && test.exact(-.infinity).isNaN && !test.exact(.infinity).isNaN
          && test.function != .log ? 0 : test.exact(Double(x))
      let error = error(Float(y), exact)
      if error > worst { (worst, at) = (error, x) }
      if Swift.abs(x) <= 1, error > worstNear { (worstNear, near) = (error, x) }
    }
    let bound = try #require(Self.bounds[test.name])
    #expect(worst <= bound + 0.0005, "at \(at)")
    // A bound that is far from what is measured would hide a loss.
    #expect(worst > bound / 2)
    if let bound = Self.bounds[test.name + " near 0"] {
      #expect(worstNear <= bound + 0.0005, "at \(near)")
    }
  }

  @Test func powersStayInTheirBounds() throws {
    var random = RandomState(seed: 31)
    let n = 100_000
    let x = try random.normal([n], .f32).unary(.exp)
    let y = try random.normal([n], .f32).binary(.multiply, Tensor.scalar(8, .f32))
    let found = try x.binary(.power, y).doubles()
    let bound = try #require(Self.bounds["pow"])
    var worst = 0.0
    for ((base, exponent), result) in zip(zip(try x.doubles(), try y.doubles()), found) {
      worst = Swift.max(worst, error(Float(result), Glibc.pow(base, exponent)))
    }
    #expect(worst <= bound + 0.005)
  }

  @Test func squareRootsAndQuotientsAreCorrectlyRounded() throws {
    let numbers = Self.numbers
    let x = try Tensor(numbers, [numbers.count])
    let roots = try x.unary(.sqrt).doubles()
    let quotients = try Tensor([Float(3)], []).binary(.divide, x).doubles()
    var wrong = 0
    for (at, number) in numbers.enumerated() {
      let (root, quotient) = (number.squareRoot(), 3 / number)
      if root.isNaN ? !roots[at].isNaN : Float(roots[at]).bitPattern != root.bitPattern { wrong += 1 }
      if quotient.isNaN
        ? !quotients[at].isNaN : Float(quotients[at]).bitPattern != quotient.bitPattern
      {
        wrong += 1
      }
    }
    #expect(wrong == 0)
  }

  @Test func squaresAreProducts() throws {
    let numbers = Self.numbers.filter { !$0.isNaN }
    let x = try Tensor(numbers, [numbers.count])
    let squares = try x.binary(.power, Tensor.scalar(2, .f32)).doubles()
    #expect(try squares.map(\.bitPattern) == x.binary(.multiply, x).doubles().map(\.bitPattern))
  }

  @Test(arguments: [DType.f32, .f64]) func specialValues(_ dtype: DType) throws {
    func value(_ function: UnaryFunction, _ x: Double) throws -> Double {
      try Tensor.full([5], x, dtype).unary(function).number(at: [3])
    }
    func expect(
      _ function: UnaryFunction, _ x: Double, _ y: Double, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let found = try value(function, x)
      #expect(
        y.isNaN ? found.isNaN : found.bitPattern == y.bitPattern, "\(function)(\(x)) is \(found)",
        sourceLocation: sourceLocation)
    }
    let infinity = Double.infinity
    for function in UnaryFunction.allCases where function != .not {
      try expect(function, .nan, .nan)
    }
    try expect(.exp, infinity, infinity)
    try expect(.exp, -infinity, 0)
    try expect(.exp, 0, 1)
    try expect(.exp, -0.0, 1)
    try expect(.exp, 1000, infinity)
    try expect(.exp, -1000, 0)
    try expect(.log, 0, -infinity)
    try expect(.log, -0.0, -infinity)
    try expect(.log, 1, 0)
    try expect(.log, infinity, infinity)
    try expect(.log, -1, .nan)
    try expect(.log, -infinity, .nan)
    try expect(.sqrt, -0.0, -0.0)
    try expect(.sqrt, -1, .nan)
    try expect(.sqrt, infinity, infinity)
    for function in [UnaryFunction.sin, .tanh, .erf, .negate] {
      try expect(function, 0, function == .negate ? -0.0 : 0)
      try expect(function, -0.0, function == .negate ? 0 : -0.0)
    }
    try expect(.sin, infinity, .nan)
    try expect(.cos, -infinity, .nan)
    try expect(.cos, 0, 1)
    for function in [UnaryFunction.tanh, .erf] {
      try expect(function, infinity, 1)
      try expect(function, -infinity, -1)
      try expect(function, 50, 1)
    }
    try expect(.sigmoid, infinity, 1)
    try expect(.sigmoid, -infinity, 0)
    try expect(.sigmoid, 0, 0.5)
    for function in [UnaryFunction.silu, .gelu, .geluTanh, .softplus, .relu] {
      try expect(function, infinity, infinity)
      #expect(try value(function, -infinity) == 0)
      #expect(try value(function, -1e30) == 0)
      try expect(function, 1e30, dtype == .f32 ? Double(Float(1e30)) : 1e30)
    }
    try expect(.relu, -1, 0)
    try expect(.abs, -0.0, 0)
    try expect(.abs, -infinity, infinity)
    try expect(.sign, -3, -1)
    try expect(.sign, 0.5, 1)
    #expect(try value(.sign, 0) == 0)
    for (x, y) in [(0.5, 0.0), (1.5, 2), (2.5, 2), (-0.5, -0.0), (-1.5, -2), (3.4, 3), (-3.6, -4)] {
      try expect(.round, x, y)
    }
    try expect(.floor, -0.5, -1)
    try expect(.ceil, -0.5, -0.0)
    for function in [UnaryFunction.floor, .ceil, .round] {
      try expect(function, infinity, infinity)
      try expect(function, 1e20, dtype == .f32 ? Double(Float(1e20)) : 1e20)
    }
  }

  /// A plain Float and an element of an f64 tensor give the same bits.
  @Test func numbersAndTensorsAgree() throws {
    var random = RandomState(seed: 32)
    let x = try random.normal([1000], .f64).binary(.multiply, Tensor.scalar(5, .f64))
    let numbers = try x.doubles()
    for function in UnaryFunction.allCases where function != .not {
      let tensor = try x.unary(function).doubles()
      for (number, element) in zip(numbers, tensor) {
        let scalar = function(number)
        if scalar.bitPattern != element.bitPattern, !(scalar.isNaN && element.isNaN) {
          Issue.record("\(function)(\(number)): \(scalar) and \(element)")
          break
        }
      }
    }
    let powers = try x.unary(.abs).binary(.power, x).doubles()
    #expect(zip(numbers, powers).allSatisfy { power(Swift.abs($0), $0).bitPattern == $1.bitPattern })
  }
}
