import Support

/// The shortest text that reads back as the same number: `0.1`, `1e-05`, `inf`, `nan`.
package func text(of value: Double) -> String {
  value.isNaN ? "nan" : value.description
}

/// What is wrong with a format, or with the value that it was given.
package struct FormatError: Error, Equatable, Sendable {
  package let message: String
}

/// A number under a format such as `.4f`, `+08.2e`, `,` or `.1%`.
///
/// The grammar is Python's: `[[fill]align][sign][0][width][,][.precision][type]`.
package func format(_ value: Double, _ spec: String) throws(FormatError) -> String {
  let format = try Format(spec)
  guard value.isFinite else {
    try format.refuse(of: "inf or nan", types: "dxbs")
    let suffix = format.type == "%" ? "%" : ""
    let magnitude = value.isNaN ? "nan" : "inf"
    return format.finished(isNegative: value < 0, magnitude + suffix, isFinite: false)
  }
  if let type = format.type, "dxb".contains(type) {
    guard value == value.rounded(.towardZero) else {
      throw format.error("\"\(type)\" writes whole numbers, not \(text(of: value))")
    }
    guard let whole = Int(exactly: value) else {
      throw format.error("\(text(of: value)) is too large for \"\(type)\"")
    }
    return try format.integer(whole)
  }
  try format.refuse(of: "a number", types: "s")
  if format.type == nil, format.precision == nil {
    return format.finished(isNegative: value.sign == .minus, text(of: abs(value)))
  }
  return format.real(Decimal(value))
}

/// An integer under a format; `f`, `e`, `g` and `%` write it as a real number.
package func format(_ value: Int, _ spec: String) throws(FormatError) -> String {
  let format = try Format(spec)
  try format.refuse(of: "a number", types: "s")
  if let type = format.type, "feg%".contains(type) { return format.real(Decimal(value)) }
  return try format.integer(value)
}

/// A string under a format such as `>8` or `.3`; widths count terminal columns.
package func format(_ value: String, _ spec: String) throws(FormatError) -> String {
  let format = try Format(spec)
  try format.refuse(of: "a string", types: "dfeg%xb")
  if format.sign != nil { throw format.error("a string has no sign") }
  if format.isGrouped { throw format.error("a string has no thousands for \",\" to part") }
  if format.isZeroFilled || format.align == "=" {
    throw format.error("only a number is filled behind its sign")
  }
  let text = format.precision.map { String(value.prefix($0)) } ?? value
  return format.padded(text, align: format.align ?? "<")
}

/// A format, read.
private struct Format {
  private let spec: String
  private var fill: Character?
  private(set) var align: Character?
  private(set) var sign: Character?
  private(set) var isZeroFilled = false
  private var width = 0
  private(set) var isGrouped = false
  private(set) var precision: Int?
  private(set) var type: Character?

  init(_ spec: String) throws(FormatError) {
    self.spec = spec
    var rest = spec[...]
    if rest.count >= 2, let second = rest.dropFirst().first, "<>^=".contains(second) {
      fill = rest.removeFirst()
    }
    if let first = rest.first, "<>^=".contains(first) { align = rest.removeFirst() }
    if let first = rest.first, "+- ".contains(first) { sign = rest.removeFirst() }
    if rest.first == "0" {
      isZeroFilled = true
      rest.removeFirst()
    }
    width = try readNumber(&rest, "width") ?? 0
    if rest.first == "," {
      isGrouped = true
      rest.removeFirst()
    }
    if rest.first == "." {
      rest.removeFirst()
      precision = try readNumber(&rest, "precision")
      if precision == nil { throw error("a number must follow the point") }
    }
    if let first = rest.first, "dfeg%sxb".contains(first) { type = rest.removeFirst() }
    guard rest.isEmpty else {
      throw error("\"\(rest)\" is not understood; the types are d f e g % s x b")
    }
  }

  private func readNumber(
    _ rest: inout Substring, _ what: String
  ) throws(FormatError) -> Int? {
    let digits = rest.prefix { $0.isASCII && $0.isNumber }
    guard !digits.isEmpty else { return nil }
    rest.removeFirst(digits.count)
    // A bound, so that a slip of the keyboard does not fill the memory.
    guard let number = Int(digits), number <= 1000 else {
      throw error("a \(what) of \(digits) is too large; 1000 is the most")
    }
    return number
  }

  func error(_ message: String) -> FormatError {
    FormatError(message: "format \"\(spec)\": \(message)")
  }

  func refuse(of value: String, types: String) throws(FormatError) {
    if let type, types.contains(type) { throw error("\"\(type)\" can't write \(value)") }
  }

  func integer(_ value: Int) throws(FormatError) -> String {
    if precision != nil { throw error("a whole number has no precision; \"f\" writes decimals") }
    if isGrouped, type == "x" || type == "b" { throw error("\",\" goes with decimal digits only") }
    let radix = type == "x" ? 16 : type == "b" ? 2 : 10
    return finished(isNegative: value < 0, String(value.magnitude, radix: radix))
  }

  func real(_ value: Decimal) -> String {
    var value = value
    let isNegative = value.isNegative
    value.isNegative = false
    let precision = precision ?? 6
    let magnitude =
      switch type {
      case "f": value.fixed(precision)
      case "%": value.scaled(by: 2).fixed(precision) + "%"
      case "e": scientific(value, precision)
      case "g": general(value, max(precision, 1), alwaysPoint: false)
      default: general(value, max(precision, 1), alwaysPoint: true)
      }
    return finished(isNegative: isNegative, magnitude)
  }

  private func scientific(_ value: Decimal, _ places: Int) -> String {
    let (mantissa, exponent) = value.scientific(places)
    return mantissa + exponentText(exponent)
  }

  /// So many significant digits, without trailing zeros, in whichever notation is shorter.
  private func general(_ value: Decimal, _ digits: Int, alwaysPoint: Bool) -> String {
    let (mantissa, exponent) = value.scientific(digits - 1)
    if exponent < -4 || exponent >= digits {
      return trimmed(mantissa) + exponentText(exponent)
    }
    let text = trimmed(value.fixed(digits - 1 - exponent))
    return alwaysPoint && !text.contains(".") ? text + ".0" : text
  }

  private func trimmed(_ text: String) -> String {
    guard text.contains(".") else { return text }
    var text = text
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text
  }

  private func exponentText(_ exponent: Int) -> String {
    let digits = String(exponent.magnitude)
    return (exponent < 0 ? "e-" : "e+") + (digits.count < 2 ? "0" : "") + digits
  }

  /// Sign, thousands, fill.
  func finished(isNegative: Bool, _ magnitude: String, isFinite: Bool = true) -> String {
    let sign = isNegative ? "-" : sign == "+" ? "+" : sign == " " ? " " : ""
    let whole = isFinite ? magnitude.prefix { $0.isNumber } : magnitude[...]
    let rest = magnitude.dropFirst(whole.count)
    var digits = String(whole)
    if isZeroFilled, isFinite, align == nil {
      while sign.count + grouped(digits).count + rest.count < width { digits = "0" + digits }
    }
    let body = (isFinite ? grouped(digits) : digits) + rest
    guard align == "=" else { return padded(sign + body, align: align ?? ">") }
    return sign + padded(body, align: ">", width: width - sign.count)
  }

  private func grouped(_ digits: String) -> String {
    guard isGrouped else { return digits }
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return text
  }

  func padded(_ text: String, align: Character, width: Int? = nil) -> String {
    let missing = max((width ?? self.width) - displayWidth(text), 0)
    let before = align == ">" ? missing : align == "^" ? missing / 2 : 0
    let fill = fill ?? (isZeroFilled && self.align != nil ? "0" : " ")
    return String(repeating: fill, count: before) + text
      + String(repeating: fill, count: missing - before)
  }
}
