import Support
import Tensors

/// A finite number in decimal, exact to its last digit.
///
/// A binary fraction m × 2⁻ᵉ equals m × 5ᵉ × 10⁻ᵉ, so its decimal expansion ends. Rounding works on
/// that expansion and is half to even on the true value: no step before it loses anything.
struct Decimal {
  var isNegative: Bool
  /// The significant digits, most significant first, the first not 0; empty for zero.
  private(set) var digits: [UInt8]
  /// The power of ten of the place in front of the first digit: the value is 0.digits × 10^point.
  private(set) var point: Int

  init(_ value: Double) {
    precondition(value.isFinite, "only a finite number has digits")
    isNegative = value.sign == .minus
    digits = []
    point = 0
    guard value != 0 else { return }
    let isNormal = value.exponentBitPattern != 0
    var significand = value.significandBitPattern | (isNormal ? 1 << 52 : 0)
    var exponent = (isNormal ? Int(value.exponentBitPattern) : 1) - 1075
    let zeros = significand.trailingZeroBitCount
    significand >>= UInt64(zeros)
    exponent += zeros
    digits = Self.digits(
      of: significand, times: exponent < 0 ? 5 : 2, toThe: abs(exponent))
    point = digits.count + min(exponent, 0)
  }

  /// An integer times a power of ten.
  init(_ value: Int, exponent: Int = 0) {
    isNegative = value < 0
    digits = value == 0 ? [] : String(value.magnitude).utf8.map { $0 - UInt8(ascii: "0") }
    point = value == 0 ? 0 : digits.count + exponent
  }

  /// The power of ten of the first digit; 0 for zero.
  var exponent: Int { digits.isEmpty ? 0 : point - 1 }

  /// This number times a power of ten.
  func scaled(by power: Int) -> Decimal {
    var result = self
    if !digits.isEmpty { result.point += power }
    return result
  }

  /// With so many digits behind the point: `-0.0500`.
  func fixed(_ places: Int) -> String {
    let rounded = rounded(to: point + places)
    var text = isNegative ? "-" : ""
    let first = max(rounded.point, 1)
    for index in 0..<(first + places) {
      if index == first { text += "." }
      text.append(rounded.digit(index - first + rounded.point))
    }
    return text
  }

  /// A mantissa with one digit before its point and so many behind it, and the power of ten.
  func scientific(_ places: Int) -> (mantissa: String, exponent: Int) {
    let rounded = rounded(to: places + 1)
    return (rounded.scaled(by: -rounded.exponent).fixed(places), rounded.exponent)
  }

  /// The nearest number with at most so many significant digits, ties to an even last digit.
  func rounded(to count: Int) -> Decimal {
    guard count < digits.count else { return self }
    var result = self
    result.digits = Array(digits.prefix(max(count, 0)))
    if count >= 0 {
      let isTie = digits[count] == 5 && digits.count == count + 1
      let isOdd = count > 0 && digits[count - 1] % 2 == 1
      if isTie ? isOdd : digits[count] >= 5 { result.increment() }
    }
    if result.digits.isEmpty { result.point = 0 }
    return result
  }

  /// Adds one in the last place kept.
  private mutating func increment() {
    var index = digits.count - 1
    while index >= 0 {
      if digits[index] < 9 {
        digits[index] += 1
        return
      }
      digits[index] = 0
      index -= 1
    }
    digits.insert(1, at: 0)
    point += 1
  }

  private func digit(_ index: Int) -> Character {
    guard digits.indices.contains(index) else { return "0" }
    return Character(Unicode.Scalar(UInt8(ascii: "0") + digits[index]))
  }

  /// The digits of value × base^power, by schoolbook multiplication in limbs of nine digits.
  private static func digits(of value: UInt64, times base: UInt64, toThe power: Int) -> [UInt8] {
    let limb: UInt64 = 1_000_000_000
    var limbs = [value % limb, value / limb % limb, value / limb / limb]
    var left = power
    while left > 0 {
      // At most 13 factors at once: 5¹³ times a limb stays below 2⁶⁴.
      let step = min(left, 13)
      let factor = (0..<step).reduce(1 as UInt64) { product, _ in product * base }
      var carry: UInt64 = 0
      for index in limbs.indices {
        let product = limbs[index] * factor + carry
        limbs[index] = product % limb
        carry = product / limb
      }
      while carry > 0 {
        limbs.append(carry % limb)
        carry /= limb
      }
      left -= step
    }
    var digits: [UInt8] = []
    for value in limbs.reversed() {
      var divisor = limb / 10
      while divisor > 0 {
        digits.append(UInt8(value / divisor % 10))
        divisor /= 10
      }
    }
    return Array(digits.drop { $0 == 0 })
  }
}
