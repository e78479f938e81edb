/// The columns that a text takes on a terminal: 2 for East Asian wide characters and emoji, 0 for
/// marks that join the character before them.
package func displayWidth(_ text: String) -> Int {
  text.reduce(0) { $0 + displayWidth($1) }
}

func displayWidth(_ character: Character) -> Int {
  let scalars = character.unicodeScalars
  guard let first = scalars.first else { return 0 }
  if first.isASCII { return 1 }
  if scalars.contains("\u{FE0F}") || first.properties.isEmojiPresentation { return 2 }
  switch first.properties.generalCategory {
  case .nonspacingMark, .enclosingMark, .format: return 0
  default: return wideRanges.contains { $0.contains(first.value) } ? 2 : 1
  }
}

/// The blocks of Unicode whose characters are East Asian wide or full width.
private let wideRanges: [ClosedRange<UInt32>] = [
  0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
  0xA000...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
  0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18CFF, 0x1B000...0x1B2FF, 0x1F200...0x1F2FF,
  0x20000...0x3FFFD,
]

/// A label on one line in which nothing is invisible: `⏎` for a newline, `⇥` for a tab, a picture
/// for any other control character, `␣` for blanks at either end.
func visible(_ label: String) -> String {
  var characters: [Character] = label.flatMap { character -> [Character] in
    switch character {
    case "\n", "\r\n": ["⏎"]
    case "\t": ["⇥"]
    default: character.unicodeScalars.contains(where: isControl) ? pictures(character) : [character]
    }
  }
  for index in characters.indices {
    guard characters[index] == " " else { break }
    characters[index] = "␣"
  }
  for index in characters.indices.reversed() {
    guard characters[index] == " " else { break }
    characters[index] = "␣"
  }
  return String(characters)
}

private func isControl(_ scalar: Unicode.Scalar) -> Bool {
  let category = scalar.properties.generalCategory
  return category == .control || category == .lineSeparator || category == .paragraphSeparator
}

private func pictures(_ character: Character) -> [Character] {
  character.unicodeScalars.map { scalar in
    switch scalar.value {
    case 0x00...0x1F: Character(Unicode.Scalar(0x2400 + scalar.value) ?? "�")
    case 0x7F: "␡"
    default: isControl(scalar) ? "�" : Character(scalar)
    }
  }
}

/// A text cut to a width, with `…` where something was cut.
func abbreviated(_ text: String, to width: Int) -> String {
  guard displayWidth(text) > width else { return text }
  var result = ""
  var used = 1
  for character in text {
    used += displayWidth(character)
    if used > width { break }
    result.append(character)
  }
  return result + "…"
}

func leftAligned(_ text: String, _ width: Int) -> String {
  text + blanks(width - displayWidth(text))
}

func rightAligned(_ text: String, _ width: Int) -> String {
  blanks(width - displayWidth(text)) + text
}

func blanks(_ count: Int) -> String { String(repeating: " ", count: max(count, 0)) }

/// A text without the blanks at its end.
func trimmedEnd(_ text: String) -> String {
  var text = text[...]
  while text.last == " " { text.removeLast() }
  return String(text)
}
