/// Splits a source into tokens and comments. It never fails: a mistake becomes a diagnostic and
/// lexing goes on behind it.
struct Lexer {
  private let source: Source
  private let bytes: [UInt8]
  private var position: Int
  private let limit: Int
  private var brackets: [UInt8] = []
  private(set) var tokens: [Token] = []
  private(set) var comments: [Comment] = []
  private(set) var problems: [Diagnostic] = []
  private let depth: Int

  init(_ source: Source) {
    self.init(source, from: 0, to: source.bytes.count, depth: 0)
  }

  private init(_ source: Source, from start: Int, to limit: Int, depth: Int) {
    self.source = source
    bytes = source.bytes
    position = start
    self.limit = limit
    self.depth = depth
  }

  mutating func run() {
    while position < limit { lexOne() }
    add(.end, from: limit)
  }

  // MARK: One token

  private mutating func lexOne() {
    let byte = bytes[position]
    switch byte {
    case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
      position += 1
    case UInt8(ascii: "\n"):
      lexNewline()
    case UInt8(ascii: "#"):
      lexComment()
    case UInt8(ascii: "\""):
      lexString()
    case UInt8(ascii: "0")...UInt8(ascii: "9"):
      lexNumber()
    default:
      if isNameStart(at: position) { lexName() } else { lexSymbol() }
    }
  }

  private mutating func add(_ kind: Token.Kind, from start: Int) {
    tokens.append(Token(kind: kind, span: Span(source, start, max(position, start))))
  }

  private mutating func report(_ message: String, from start: Int, hint: String? = nil) {
    problems.append(
      Diagnostic(message, at: Span(source, start, max(position, start + 1)), hint: hint))
  }

  // MARK: Lines and comments

  private mutating func lexNewline() {
    let start = position
    position += 1
    if let open = brackets.last, open != UInt8(ascii: "{") { return }
    guard let last = tokens.last?.kind, last != .newline, !continuesLine(last) else { return }
    if nextLineContinues() { return }
    tokens.append(Token(kind: .newline, span: Span(source, start, start + 1)))
  }

  /// Whether a line that ends in this token goes on.
  private func continuesLine(_ token: Token.Kind) -> Bool {
    switch token {
    case .symbol(let text):
      return [
        "|>", "->", "//", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "@", "^", "..",
        ",", "=", ".",
      ].contains(text)
    case .keyword(let word):
      return [.and, .or, .not, .with, .in].contains(word)
    case .integer, .float, .string, .name, .newline, .end:
      return false
    }
  }

  /// Whether the next line of code begins with `|>`, `.name` or `else`.
  private func nextLineContinues() -> Bool {
    var at = position
    while at < limit {
      switch bytes[at] {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"):
        at += 1
      case UInt8(ascii: "#"):
        // Recorded output ends what stands above it.
        if at + 1 < limit, bytes[at + 1] == UInt8(ascii: ">") { return false }
        while at < limit, bytes[at] != UInt8(ascii: "\n") { at += 1 }
      case UInt8(ascii: "|"):
        return at + 1 < limit && bytes[at + 1] == UInt8(ascii: ">")
      case UInt8(ascii: "."):
        return at + 1 < limit && isNameStart(at: at + 1)
      case UInt8(ascii: "e"):
        let word = Array("else".utf8)
        guard at + word.count <= limit, Array(bytes[at..<(at + word.count)]) == word else {
          return false
        }
        return at + word.count == limit || !isNamePart(at: at + word.count)
      default:
        return false
      }
    }
    return false
  }

  private mutating func lexComment() {
    let start = position
    while position < limit, bytes[position] != UInt8(ascii: "\n") { position += 1 }
    var end = position
    if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    // Of bytes: a mark that joins the character before it is still part of the text.
    let text = bytes[start..<end]
    let kinds: [(mark: String, kind: Comment.Kind)] = [
      ("#>", .output), ("#~", .tolerance), ("##", .documentation), ("# %%", .cell), ("#", .plain),
    ]
    guard let (mark, kind) = kinds.first(where: { text.starts(with: $0.mark.utf8) }) else {
      preconditionFailure("a comment begins with #")
    }
    var body = start + mark.utf8.count
    if body < end, bytes[body] == UInt8(ascii: " ") { body += 1 }
    let lineStart = source.start(ofLine: source.line(at: start))
    let isTrailing = bytes[lineStart..<start].contains { $0 != 0x20 && $0 != 0x09 }
    comments.append(
      Comment(
        kind: kind, text: source.text(body..<end), span: Span(source, start, end),
        isTrailing: isTrailing))
  }

  // MARK: Names and symbols

  private func scalar(at offset: Int) -> (Unicode.Scalar, length: Int)? {
    let lead = bytes[offset]
    if lead < 0x80 { return (Unicode.Scalar(lead), 1) }
    let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
    guard offset + length <= limit else { return nil }
    let text = source.text(offset..<(offset + length))
    guard let scalar = text.unicodeScalars.first, scalar.value != 0xFFFD else { return nil }
    return (scalar, length)
  }

  private func isNameStart(at offset: Int) -> Bool {
    guard let (scalar, _) = scalar(at: offset) else { return false }
    return scalar == "_" || scalar.properties.isAlphabetic
  }

  private func isNamePart(at offset: Int) -> Bool {
    guard let (scalar, _) = scalar(at: offset) else { return false }
    return scalar == "_" || scalar.properties.isAlphabetic
      || ("0"..."9").contains(scalar) || scalar.properties.numericType != nil
      || scalar.properties.generalCategory == .nonspacingMark || scalar == "′"
  }

  private mutating func lexName() {
    let start = position
    while position < limit, isNamePart(at: position), let (_, length) = scalar(at: position) {
      position += length
    }
    let word = source.text(start..<position)
    add(Keyword(rawValue: word).map(Token.Kind.keyword) ?? .name(word), from: start)
  }

  private mutating func lexSymbol() {
    let start = position
    for symbol in Token.symbols {
      let text = symbol.utf8
      guard start + text.count <= limit, bytes[start..<(start + text.count)].elementsEqual(text)
      else { continue }
      position += text.count
      note(bracket: bytes[start], at: start, is: symbol)
      add(.symbol(symbol), from: start)
      return
    }
    // A run of the same unknown character is one mistake.
    let length = scalar(at: start)?.length ?? 1
    let unit = bytes[start..<(start + length)]
    repeat {
      position += length
    } while position + length <= limit
      && bytes[position..<(position + length)].elementsEqual(unit)
    let text = source.text(start..<(start + length))
    switch text {
    case "'":
      report("a string is written in double quotes", from: start)
    case "“", "”", "„":
      report("this is a typographic quote", from: start, hint: "write a plain \"")
    case "×", "·":
      report("the character \(text) is not an operator", from: start, hint: "write *")
    case "−", "–":
      report("the character \(text) is not an operator", from: start, hint: "write -")
    case "≤", "≥", "≠":
      report("the character \(text) is not an operator", from: start, hint: "write <=, >= or !=")
    default:
      report("the character \(text.debugDescription) means nothing here", from: start)
    }
  }

  /// Keeps track of open brackets, which decide what a line break means.
  private mutating func note(bracket: UInt8, at start: Int, is symbol: String) {
    switch symbol {
    case "(", "[", "{":
      brackets.append(bracket)
    case ")", "]", "}":
      let open: UInt8 =
        symbol == ")" ? UInt8(ascii: "(") : symbol == "]" ? UInt8(ascii: "[") : UInt8(ascii: "{")
      // A closing bracket ends those that were left open inside; the parser reports them.
      if let index = brackets.lastIndex(of: open) { brackets.removeSubrange(index...) }
    default:
      break
    }
  }

  // MARK: Numbers

  private mutating func lexNumber() {
    let start = position
    if bytes[position] == UInt8(ascii: "0"), position + 1 < limit,
      bytes[position + 1] | 0x20 == UInt8(ascii: "x")
    {
      position += 2
      while position < limit, isNamePart(at: position), bytes[position] < 0x80 { position += 1 }
      let digits = source.text((start + 2)..<position).filter { $0 != "_" }
      guard let value = Int(digits, radix: 16) else {
        report(
          "\(source.text(start..<position)) is not a hexadecimal integer of 64 bits", from: start)
        return add(.integer(0), from: start)
      }
      return add(.integer(value), from: start)
    }
    skipDigits()
    var isFloat = false
    if position + 1 < limit, bytes[position] == UInt8(ascii: "."), isDigit(at: position + 1) {
      isFloat = true
      position += 1
      skipDigits()
    }
    if position < limit, bytes[position] | 0x20 == UInt8(ascii: "e") {
      var at = position + 1
      if at < limit, bytes[at] == UInt8(ascii: "-") || bytes[at] == UInt8(ascii: "+") { at += 1 }
      if at < limit, isDigit(at: at) {
        isFloat = true
        position = at
        skipDigits()
      }
    }
    if position < limit, isNameStart(at: position) {
      let end = position
      while position < limit, isNamePart(at: position), let (_, n) = scalar(at: position) {
        position += n
      }
      let number = source.text(start..<end)
      report(
        "\(source.text(start..<position)) is neither a number nor a name", from: start,
        hint: "a product is written \(number) * \(source.text(end..<position))")
      return add(.integer(0), from: start)
    }
    let text = source.text(start..<position).filter { $0 != "_" }
    if isFloat {
      add(.float(Double(text) ?? .nan), from: start)
    } else if let value = Int(text) {
      add(.integer(value), from: start)
    } else {
      report(
        "the integer \(text) does not fit in 64 bits", from: start,
        hint: "write \(text).0 for a float")
      add(.integer(0), from: start)
    }
  }

  private func isDigit(at offset: Int) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset])
  }

  private mutating func skipDigits() {
    while position < limit, isDigit(at: position) || bytes[position] == UInt8(ascii: "_") {
      position += 1
    }
  }

  // MARK: Strings

  private mutating func lexString() {
    let start = position
    position += 1
    var pieces: [StringPiece] = []
    var text: [UInt8] = []
    func isAt(_ character: Unicode.Scalar, _ offset: Int) -> Bool {
      offset < limit && bytes[offset] == UInt8(ascii: character)
    }
    while true {
      guard position < limit, bytes[position] != UInt8(ascii: "\n") else {
        report("the string is not closed", from: start, hint: "end it with \"")
        break
      }
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        position += 1
        break
      }
      if byte == UInt8(ascii: "\\") {
        text += lexEscape()
      } else if isAt("{", position), isAt("{", position + 1) {
        text.append(byte)
        position += 2
      } else if isAt("}", position), isAt("}", position + 1) {
        text.append(byte)
        position += 2
      } else if isAt("}", position) {
        position += 1
        report("a } stands alone in the string", from: position - 1, hint: "write }} for a brace")
      } else if isAt("{", position) {
        if !text.isEmpty { pieces.append(.text(String(decoding: text, as: UTF8.self))) }
        text = []
        guard let piece = lexInterpolation(ofStringAt: start) else { break }
        pieces.append(piece)
      } else {
        text.append(byte)
        position += 1
      }
    }
    if !text.isEmpty { pieces.append(.text(String(decoding: text, as: UTF8.self))) }
    add(.string(pieces), from: start)
  }

  private mutating func lexEscape() -> [UInt8] {
    let start = position
    position = min(position + 2, limit)
    guard start + 1 < limit else { return [] }
    switch bytes[start + 1] {
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "0"): return [0]
    case UInt8(ascii: "e"): return [0x1B]
    case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "{"), UInt8(ascii: "}"):
      return [bytes[start + 1]]
    case UInt8(ascii: "u"):
      guard position < limit, bytes[position] == UInt8(ascii: "{"),
        let close = bytes[position..<limit].firstIndex(of: UInt8(ascii: "}")),
        let value = UInt32(source.text((position + 1)..<close), radix: 16),
        let scalar = Unicode.Scalar(value)
      else {
        report("the escape \\u wants a code point in braces", from: start, hint: "\\u{3bb} is λ")
        return []
      }
      position = close + 1
      return Array(String(Character(scalar)).utf8)
    default:
      let length = scalar(at: start + 1)?.length ?? 1
      position = start + 1 + length
      report(
        "the escape \(source.text(start..<position)) is not known", from: start,
        hint: "\\n, \\t, \\\", \\\\ and \\u{…} are; write \\\\ for a backslash")
      return []
    }
  }

  /// Lexes `{expression:format}` with the real lexer; the format starts at the first colon that is
  /// outside brackets.
  private mutating func lexInterpolation(ofStringAt start: Int) -> StringPiece? {
    let open = position
    guard depth < 8 else {
      // The rest of the line is given up, on every level.
      while position < limit, bytes[position] != UInt8(ascii: "\n") { position += 1 }
      report("strings are nested too deeply", from: open)
      return nil
    }
    var inner = Lexer(source, from: open + 1, to: limit, depth: depth + 1)
    inner.brackets = [UInt8(ascii: "(")]  // line breaks mean nothing in here
    var format: String?
    while true {
      guard inner.position < limit, bytes[inner.position] != UInt8(ascii: "\n") else {
        position = inner.position
        problems += inner.problems
        report(
          "the { in the string is not closed", from: open, hint: "write {{ for a brace")
        return nil
      }
      let byte = bytes[inner.position]
      if inner.brackets.count == 1 {
        if byte == UInt8(ascii: "}") { break }
        if byte == UInt8(ascii: ":") {
          let from = inner.position + 1
          guard let close = bytes[from..<limit].firstIndex(of: UInt8(ascii: "}")) else {
            position = from
            report("the { in the string is not closed", from: open)
            return nil
          }
          format = source.text(from..<close)
          inner.position = close
          break
        }
      }
      if byte == UInt8(ascii: "#") {
        position = inner.position
        report("a comment can't stand inside a string", from: inner.position)
        return nil
      }
      inner.lexOne()
    }
    inner.add(.end, from: inner.position)
    problems += inner.problems
    position = inner.position + 1
    return .interpolation(inner.tokens, format: format)
  }
}
