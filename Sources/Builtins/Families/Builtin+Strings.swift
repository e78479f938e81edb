import Autodiff
import Builtins
import Drawing
import Support
import Tensors
import Values

/// Strings, and the vocabularies that turn strings into ids for training.
extension Builtin {
  package static let stringFamily: [Builtin] = [
    vocabulary, encoded, decoded, asText, formatted, joined, splitLines, uppercase, lowercase,
    trimmed, replaced, repeatText, padLeft, padRight, startsWith, endsWith, findText, codePoint,
    characterOf,
  ]

  // MARK: Vocabularies

  static let vocabulary = Builtin(
    "vocabulary(text)",
    """
    The distinct characters of a text as a list sorted by code point. A character here is one \
    Unicode code point, so that decode gives back exactly what encode was given.
    """,
    examples: [.prints("vocabulary(\"banana\")", "[\"a\", \"b\", \"n\"]")]
  ) { arguments in
    .list(try Vocabulary.characters(of: arguments.string("text")).map(Value.string))
  }

  static let encoded = Builtin(
    "encode(text, vocabulary) -> i64[count]",
    "The number of each character of a string in a vocabulary, a list of characters or a string.",
    examples: [
      .prints("encode(\"banana\", vocabulary(\"banana\"))", "i64[6]\n 1  0  2  0  2  0"),
      .fails(
        "encode(\"bad\", \"ab\")", "encode: the vocabulary lacks \"d\", character 2 of the string"),
    ]
  ) { arguments in
    let numbers = try arguments.vocabulary("vocabulary").numbers(of: arguments.string("text"))
    return .tensor(Variable(try Tensor(numbers, [numbers.count])))
  }

  static let decoded = Builtin(
    "decode(ids, vocabulary)", "The text that a tensor of positions in an vocabulary stands for.",
    examples: [
      .prints("decode([1, 0, 2], \"abn\")", "\"ban\""),
      .fails(
        "decode([1, 3], \"abn\")", "decode: number 3 at position 1 is outside the vocabulary of 3"),
    ]
  ) { arguments in
    let vocabulary = try arguments.vocabulary("vocabulary")
    if case .list(let items) = arguments["ids"] {
      let numbers = items.compactMap(\.asInt)
      guard numbers.count == items.count else { throw arguments.wrong("ids", "whole numbers") }
      return .string(try vocabulary.text(of: numbers))
    }
    let ids = try arguments.integers("ids")
    guard ids.rank <= 1 else {
      throw BuiltinError(
        "{ids} is \(ids.description), and one text is a row of numbers", at: ["ids"],
        hint: "decode one row at a time, as in ids[0]")
    }
    return .string(try vocabulary.text(of: ids.integers()))
  }

  // MARK: Values as text

  static let asText = Builtin(
    "str(x)", "The text that print shows for a value.",
    examples: [.prints("str(2.50)", "\"2.5\""), .prints("str([1, 2].sum())", "\"3\"")],
    uses: .output
  ) { arguments in
    let text = arguments["x"].text(digits: arguments.output.digits, quoted: false)
    try Machine.checkStop()
    return .string(text)
  }

  static let formatted = Builtin(
    "format(x, spec)",
    "A number or string under a format: [[fill]align][sign][0][width][,][.precision][type].",
    examples: [
      .prints("format(3.14159, \".2f\")", "\"3.14\""),
      .prints("format(\"ab\", \">4\")", "\"  ab\""),
      .fails("format(true, \".2f\")", "format: a Bool has no format, only numbers and strings do"),
    ], uses: .output
  ) { arguments in
    let spec = try arguments.string("spec")
    return .string(try arguments["x"].formatted(spec, digits: arguments.output.digits))
  }

  static let joined = Builtin(
    "join(list, separator: \"\")", "The strings of a list in one, with the separator between them.",
    examples: [
      .prints("[\"a\", \"b\"].join(\", \")", "\"a, b\""),
      .fails("join([\"a\", none])", "join: item 1 is none, not a String"),
    ]
  ) { arguments in
    let items = try arguments.list("list")
    var parts: [String] = try Disposal.making { parts in
      parts.reserveCapacity(items.count)
      for (position, item) in items.enumerated() {
        try Machine.checkStop(round: position)
        guard case .string(let part) = item else {
          throw BuiltinError(
            "item \(position) is \(item.kind), not a String", at: ["list"],
            hint: "convert the items: [str(x) for x in xs].join()")
        }
        parts.append(part)
      }
    }
    do { return .string(try .joining(parts, separator: arguments.string("separator"))) } catch {
      Disposal.release(&parts)
      throw error
    }
  }

  static let splitLines = Builtin(
    "split_lines(text)", "The lines of a string as a list, without their ends.",
    examples: [.prints("split_lines(\"one\\ntwo\\n\")", "[\"one\", \"two\"]")]
  ) { arguments in
    .list(try arguments.string("text").lines().map(Value.string))
  }

  // MARK: Changes

  static let uppercase = Builtin(
    "upper(text)", "The text in capital letters.",
    examples: [.prints("upper(\"attn\")", "\"ATTN\"")]
  ) { .string(try $0.string("text").mappedInChunks { $0.uppercased() }) }

  static let lowercase = Builtin(
    "lower(text)", "The text in small letters.",
    examples: [.prints("lower(\"ATTN\")", "\"attn\"")]
  ) { .string(try $0.string("text").mappedInChunks { $0.lowercased() }) }

  static let trimmed = Builtin(
    "trim(text)", "The text without blanks and line ends at its start and end.",
    examples: [.prints("trim(\"  attn \")", "\"attn\"")]
  ) { .string(try $0.string("text").trimmed) }

  static let replaced = Builtin(
    "replace(text, old, new)", "The text with each occurrence of one part replaced by another.",
    examples: [
      .prints("replace(\"banana\", \"an\", \"-\")", "\"b--a\""),
      .fails("replace(\"banana\", \"\", \"-\")", "replace: old is an empty string"),
    ]
  ) { arguments in
    let old = try arguments.nonEmpty("old")
    let text = try arguments.string("text")
    return .string(try text.utf8Replacing(old, with: arguments.string("new")))
  }

  static let repeatText = Builtin(
    "repeat_text(text, n)", "The text n times, one after the other.",
    examples: [
      .prints("repeat_text(\"ab\", 3)", "\"ababab\""),
      .fails("repeat_text(\"ab\", -1)", "repeat_text: n can't be negative: -1"),
    ]
  ) { arguments in
    let text = try arguments.string("text")
    let count = try arguments.count("n")
    let (bytes, overflow) = text.utf8.count.multipliedReportingOverflow(by: count)
    guard !overflow, bytes <= longestText else {
      throw BuiltinError("the string would be too long, n is \(count)", at: ["n"])
    }
    guard bytes > 1 << 20 else { return .string(String(repeating: text, count: text.isEmpty ? 0 : count)) }
    // A million bytes at a time.
    let some = max((1 << 20) / text.utf8.count, 1)
    let piece = String(repeating: text, count: some)
    let last = String(repeating: text, count: count % some)
    return .string(try .joining([String](repeating: piece, count: count / some) + [last]))
  }

  static let padLeft = Builtin(
    "pad_left(text, width)", "The text with blanks before it, up to a width in terminal columns.",
    examples: [.prints("pad_left(\"ab\", 4)", "\"  ab\"")]
  ) { arguments in
    .string(try arguments.padding() + arguments.string("text"))
  }

  static let padRight = Builtin(
    "pad_right(text, width)", "The text with blanks behind it, up to a width in terminal columns.",
    examples: [.prints("pad_right(\"ab\", 4)", "\"ab  \"")]
  ) { arguments in
    .string(try arguments.string("text") + arguments.padding())
  }

  // MARK: Search

  static let startsWith = Builtin(
    "starts_with(text, part)", "Whether a string begins with a part.",
    examples: [.prints("starts_with(\"attention\", \"at\")", "true")]
  ) { arguments in
    let text = try arguments.string("text")
    return .bool(text.utf8.starts(with: try arguments.string("part").utf8))
  }

  static let endsWith = Builtin(
    "ends_with(text, part)", "Whether a string ends with a part.",
    examples: [.prints("ends_with(\"gpt.safetensors\", \".npy\")", "false")]
  ) { arguments in
    let text = try arguments.string("text")
    return .bool(text.utf8.reversed().starts(with: try arguments.string("part").utf8.reversed()))
  }

  static let findText = Builtin(
    "find(text, part)", "The position of the first occurrence of a part, in characters, or none.",
    examples: [
      .prints("find(\"attention\", \"ten\")", "2"),
      .prints("str(find(\"attn\", \"x\"))", "\"none\""),
    ]
  ) { arguments in
    let text = try arguments.string("text")
    let part = try arguments.string("part")
    if part.isEmpty { return .int(0) }
    guard let offset = try text.utf8Offsets(of: part, limit: 1).first else { return .none }
    let index = text.utf8.index(text.startIndex, offsetBy: offset)
    // A part may begin inside a character, as \n does in \r\n: that character's position counts.
    var position = 0
    var at = text.index(after: text.startIndex)
    while at <= index, at < text.endIndex {
      position += 1
      try Machine.checkStop(round: position)
      text.formIndex(after: &at)
    }
    return .int(position)
  }

  // MARK: Code points

  static let codePoint = Builtin(
    "ord(character)", "The Unicode code point of a character.",
    examples: [
      .prints("ord(\"a\")", "97"), .fails("ord(\"ab\")", "ord: \"ab\" is 2 code points, not one"),
    ]
  ) { arguments in
    let text = try arguments.string("character")
    let scalars = text.unicodeScalars
    guard let scalar = scalars.first, scalars.count == 1 else {
      throw BuiltinError("\(quoted(text)) is \(scalars.count) code points, not one", at: ["character"])
    }
    return .int(Int(scalar.value))
  }

  static let characterOf = Builtin(
    "chr(code)", "The character of a Unicode code point.",
    examples: [
      .prints("chr(97)", "\"a\""), .fails("chr(-1)", "chr: -1 is not a Unicode code point"),
    ]
  ) { arguments in
    let code = try arguments.int("code")
    guard let scalar = UInt32(exactly: code).flatMap(Unicode.Scalar.init) else {
      throw BuiltinError("\(code) is not a Unicode code point", at: ["code"])
    }
    return .string(String(scalar))
  }
}

/// Bytes that a text which is made of repetitions may take.
private let longestText = 1 << 30

extension Arguments {
  /// A string of at least one character.
  func nonEmpty(_ name: String) throws -> String {
    let text = try string(name)
    guard !text.isEmpty else {
      throw BuiltinError("\(name) is an empty string", at: [name])
    }
    return text
  }

  fileprivate func vocabulary(_ name: String) throws -> Vocabulary {
    if case .string(let text) = self[name] {
      return try Vocabulary(text.unicodeScalars.stoppableMap { String($0) })
    }
    let items = try list(name)
    let characters = try items.stoppableMap { item -> String? in
      if case .string(let character) = item { character } else { nil }
    }.compactMap(\.self)
    guard characters.count == items.count else {
      throw wrong(name, "a list of characters", hint: "vocabulary(text) makes one")
    }
    return try Vocabulary(characters)
  }

  /// The blanks that `text` lacks for `width`.
  fileprivate func padding() throws -> String {
    let width = try count("width")
    guard width <= longestText else {
      throw BuiltinError("width is too large: \(width)", at: ["width"])
    }
    return String(repeating: " ", count: max(width - displayWidth(try string("text")), 0))
  }
}
