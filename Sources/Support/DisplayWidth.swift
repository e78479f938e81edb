/// The cells that a character takes on a terminal: 2 for East Asian wide forms (Unicode Standard Annex 11)
/// and emoji, 0 for marks and joiners that are shown with the character before them, else 1.
package func displayWidth(of character: Character) -> Int {
  let scalars = character.unicodeScalars
  guard let first = scalars.first else { return 0 }
  if first.isASCII { return 1 }
  if scalars.contains("\u{FE0F}") || first.properties.isEmojiPresentation { return 2 }
  switch first.properties.generalCategory {
  case .nonspacingMark, .enclosingMark, .format: return 0
  default: return wideBlocks.contains { $0.contains(first.value) } ? 2 : 1
  }
}

/// The cells that a string takes on a terminal.
package func displayWidth(_ string: some StringProtocol) -> Int {
  string.reduce(0) { $0 + displayWidth(of: $1) }
}

/// The blocks of Unicode whose characters are East Asian wide or full width.
private let wideBlocks: [ClosedRange<UInt32>] = [
  0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
  0xA000...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
  0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18CFF, 0x1B000...0x1B2FF, 0x1F200...0x1F2FF,
  0x20000...0x3FFFD,
]
