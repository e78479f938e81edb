import Support
import Tensors

/// An axis of a plot: its range, and ticks at round numbers.
struct Axis {
  private(set) var low: Double
  private(set) var high: Double
  private(set) var ticks: [(value: Double, label: String)] = []

  /// About `count` ticks, 1, 2 or 5 times a power of ten apart.
  ///
  /// `extended`, the axis begins and ends at a tick. Whole values get no ticks between them.
  init(_ values: some Sequence<Double>, count: Int, extended: Bool) {
    var low = Double.infinity
    var high = -Double.infinity
    var isWhole = true
    for value in values where value.isFinite {
      // Beyond this, arithmetic on the range would overflow.
      let value = min(max(value, -1e300), 1e300)
      low = min(low, value)
      high = max(high, value)
      isWhole = isWhole && value == value.rounded()
    }
    if low > high { (low, high) = (0, 1) }
    let largest = max(abs(low), abs(high))
    if high - low <= max(largest * 1e-12, 1e-280) {
      let margin = isWhole && !extended && largest < 1e6 ? 0.5 : largest > 1e-280 ? largest / 2 : 1
      low -= margin
      high += margin
    }
    self.low = low
    self.high = high

    let (multiple, exponent) = Self.step(
      over: (high - low) / Double(max(count, 1)), isWhole: isWhole && !extended)
    let size = Self.value(multiple, exponent)
    // A hair of slack, or 0.3 / 0.1 would begin the axis a tick too early.
    let slack = extended ? 1e-9 : -1e-9
    let first = extended ? (low / size + slack).rounded(.down) : (low / size + slack).rounded(.up)
    let last = extended ? (high / size - slack).rounded(.up) : (high / size - slack).rounded(.down)
    guard first <= last else { return }
    let steps = Int(first)...Int(last)
    ticks = steps.map { step in
      (
        Self.value(step * multiple, exponent),
        Self.label(step * multiple, exponent, steps, multiple)
      )
    }
    if extended {
      self.low = min(low, ticks[0].value)
      self.high = max(high, ticks[ticks.count - 1].value)
    }
  }

  /// Where a value lies, from 0 to 1; beyond the ends at the ends.
  func fraction(_ value: Double) -> Double {
    min(max((value - low) / (high - low), 0), 1)
  }

  /// The least of 1, 2, 5, 10 times a power of ten that is not below `size`.
  private static func step(over size: Double, isWhole: Bool) -> (multiple: Int, exponent: Int) {
    if isWhole, size <= 1 { return (1, 0) }
    let exponent = Decimal(size).exponent
    for multiple in [1, 2, 5] where value(multiple, exponent) >= size * (1 - 1e-9) {
      return (multiple, exponent)
    }
    return (1, exponent + 1)
  }

  private static func value(_ multiple: Int, _ exponent: Int) -> Double {
    let power = (0..<abs(exponent)).reduce(1.0) { product, _ in product * 10 }
    return exponent < 0 ? Double(multiple) / power : Double(multiple) * power
  }

  private static func label(
    _ multiple: Int, _ exponent: Int, _ steps: ClosedRange<Int>, _ stepSize: Int
  ) -> String {
    let tick = Decimal(multiple, exponent: exponent)
    let largest = max(abs(steps.lowerBound), abs(steps.upperBound)) * stepSize
    let highest = Decimal(largest, exponent: exponent).exponent
    if exponent >= -4, highest < 6 { return tick.fixed(max(-exponent, 0)) }
    if multiple == 0 { return "0" }
    var (mantissa, power) = tick.scientific(max(tick.exponent - exponent, 0))
    if mantissa.contains(".") {
      while mantissa.hasSuffix("0") { mantissa.removeLast() }
      if mantissa.hasSuffix(".") { mantissa.removeLast() }
    }
    return "\(mantissa)e\(power)"
  }
}
