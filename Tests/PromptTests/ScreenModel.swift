/// What a terminal shows: enough of xterm to follow libedit and our own output.
struct ScreenModel {
  private(set) var rows: [[String]]
  private(set) var row = 0
  private(set) var column = 0
  /// Lines that have left the screen at the top.
  private(set) var scrolled: [String] = []
  private(set) var columns: Int
  /// Escape sequences that were seen, without those that only move the cursor.
  private(set) var sequences: [String] = []
  private(set) var bells = 0
  /// How often everything behind the cursor was cleared.
  private(set) var clearings = 0
  /// Whether a window of another width breaks lines anew, as most terminals do, or cuts them, as xterm.
  var breaksLinesAnew = true
  /// The rows that go on in the next.
  private var isSoft: [Bool]
  private var wrapsNext = false
  private var pending: [UInt8] = []
  private var escape: [UInt8]?

  init(columns: Int, rows: Int) {
    self.columns = columns
    self.rows = Array(repeating: Array(repeating: " ", count: columns), count: rows)
    isSoft = Array(repeating: false, count: rows)
  }

  /// The lines on the screen and above it, without blanks at their ends.
  var lines: [String] {
    var lines = scrolled + rows.map(Self.text)
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }

  /// The line of the cursor.
  var cursorLine: String { Self.text(rows[row]) }

  private static func text(_ row: [String]) -> String {
    var text = row.joined()
    while text.last == " " { text.removeLast() }
    return text
  }

  mutating func resize(columns: Int, rows count: Int) {
    if breaksLinesAnew { breakLines(into: columns) }
    while row >= count || rows.count > count && Self.text(rows[rows.count - 1]) != "" {
      scrolled.append(Self.text(rows.removeFirst()))
      isSoft.removeFirst()
      row -= 1
    }
    rows = rows.map { Array($0.prefix(columns)) + Array(repeating: " ", count: max(0, columns - $0.count)) }
    while rows.count > count { rows.removeLast() }
    while rows.count < count { rows.append(Array(repeating: " ", count: columns)) }
    isSoft = Array((isSoft + Array(repeating: false, count: count)).prefix(count))
    self.columns = columns
    column = min(column, columns - 1)
    wrapsNext = false
  }

  /// Joins the rows of each line and breaks it at another width; the cursor stays at its character.
  private mutating func breakLines(into width: Int) {
    var (broken, softness): ([[String]], [Bool]) = ([], [])
    var cursor = (row: 0, column: 0)
    var index = 0
    while index < rows.count {
      var line: [String] = []
      var place: Int?
      while true {
        if index == row { place = line.count + column }
        line += rows[index]
        index += 1
        guard isSoft[index - 1], index < rows.count else { break }
      }
      while line.last == " ", line.count > place ?? 0 { line.removeLast() }
      if let place { cursor = (broken.count + place / width, place % width) }
      repeat {
        let part = Array(line.prefix(width))
        line.removeFirst(part.count)
        broken.append(part + Array(repeating: " ", count: width - part.count))
        softness.append(!line.isEmpty)
      } while !line.isEmpty
      while broken.count <= cursor.row {
        softness[softness.count - 1] = true
        broken.append(Array(repeating: " ", count: width))
        softness.append(false)
      }
    }
    while broken.count > cursor.row + 1, broken.last?.allSatisfy({ $0 == " " }) == true {
      broken.removeLast()
      softness.removeLast()
    }
    (rows, isSoft, row, column) = (broken, softness, cursor.row, cursor.column)
  }

  mutating func feed(_ bytes: [UInt8]) {
    for byte in bytes { feed(byte) }
  }

  private mutating func feed(_ byte: UInt8) {
    if var sequence = escape {
      sequence.append(byte)
      escape = sequence
      let isWhole: Bool
      switch sequence.first {
      case UInt8(ascii: "["): isWhole = sequence.count > 1 && (0x40...0x7E).contains(byte)
      case UInt8(ascii: "]"): isWhole = byte == 7
      case UInt8(ascii: "("), UInt8(ascii: ")"): isWhole = sequence.count == 2
      default: isWhole = true
      }
      if isWhole {
        escape = nil
        apply(String(decoding: sequence, as: UTF8.self))
      }
      return
    }
    switch byte {
    case 0x1B: escape = []
    case 0x07: bells += 1
    case 0x08:
      column = max(0, column - 1)
      wrapsNext = false
    case 0x09: column = min(columns - 1, (column / 8 + 1) * 8)
    case 0x0A: lineFeed()
    case 0x0D:
      column = 0
      wrapsNext = false
    case ..<0x20: break
    default:
      pending.append(byte)
      guard let text = String(validating: pending, as: UTF8.self), let scalar = text.unicodeScalars.first
      else { return }
      pending = []
      put(scalar)
    }
  }

  private mutating func lineFeed() {
    wrapsNext = false
    if row + 1 < rows.count {
      row += 1
    } else {
      scrolled.append(Self.text(rows.removeFirst()))
      rows.append(Array(repeating: " ", count: columns))
      isSoft.removeFirst()
      isSoft.append(false)
    }
  }

  private mutating func put(_ scalar: Unicode.Scalar) {
    let width = Self.width(scalar)
    guard width > 0 else {
      if column > 0 { rows[row][column - 1].unicodeScalars.append(scalar) }
      return
    }
    if wrapsNext || column + width > columns {
      column = 0
      isSoft[row] = true
      lineFeed()
    }
    rows[row][column] = String(Character(scalar))
    // The second half of a wide character is an empty cell.
    if width == 2 { rows[row][column + 1] = "" }
    column += width
    if column >= columns {
      column = columns - 1
      wrapsNext = true
    }
  }

  private static func width(_ scalar: Unicode.Scalar) -> Int {
    if scalar.properties.generalCategory == .nonspacingMark { return 0 }
    let value = scalar.value
    let isWide =
      (0x1100...0x115F).contains(value) || (0x2E80...0xA4CF).contains(value)
      || (0xAC00...0xD7A3).contains(value) || (0xFF00...0xFF60).contains(value)
      || (0x1F300...0x1F64F).contains(value) || (0x1F680...0x1FAFF).contains(value)
    return isWide ? 2 : 1
  }

  private mutating func apply(_ sequence: String) {
    guard sequence.hasPrefix("["), let final = sequence.last else {
      sequences.append(sequence)
      return
    }
    let numbers = sequence.dropFirst().dropLast().split(separator: ";", omittingEmptySubsequences: false)
      .map { Int($0) ?? 0 }
    let first = numbers.first ?? 0
    let count = max(first, 1)
    wrapsNext = false
    switch final {
    case "A": row = max(0, row - count)
    case "B": row = min(rows.count - 1, row + count)
    case "C": column = min(columns - 1, column + count)
    case "D": column = max(0, column - count)
    case "G": column = min(columns - 1, count - 1)
    case "d": row = min(rows.count - 1, count - 1)
    case "H":
      row = min(rows.count - 1, count - 1)
      column = min(columns - 1, max(numbers.count > 1 ? numbers[1] : 1, 1) - 1)
    case "J":
      clearings += 1
      if first == 0 {
        clear(row, column..<columns)
        for below in rows.indices where below > row { clear(below, 0..<columns) }
      } else {
        for each in rows.indices { clear(each, 0..<columns) }
      }
    case "K":
      switch first {
      case 0: clear(row, column..<columns)
      case 1: clear(row, 0..<(column + 1))
      default: clear(row, 0..<columns)
      }
    case "P":
      for _ in 0..<min(count, columns - column) {
        rows[row].remove(at: column)
        rows[row].append(" ")
      }
    case "@":
      for _ in 0..<min(count, columns - column) {
        rows[row].insert(" ", at: column)
        rows[row].removeLast()
      }
    case "X": clear(row, column..<min(columns, column + count))
    default: sequences.append(sequence)
    }
  }

  private mutating func clear(_ row: Int, _ range: Range<Int>) {
    for column in range { rows[row][column] = " " }
    if range.count == columns { isSoft[row] = false }
  }
}
