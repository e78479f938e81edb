import Support

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

/// A string cut to a width, with `…` where something was cut.
func abbreviated(_ text: String, to width: Int) -> String {
  guard displayWidth(text) > width else { return text }
  var result = ""
  var used = 1
  for character in text {
    used += displayWidth(of: character)
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
