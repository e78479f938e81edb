import Drawing
import Support
import Tensors

/// Tables as text, by RFC 4180: cells between separators, one record a line, and quotes around cells
/// that hold separators, line ends or quotes, which are doubled inside.
package struct CSV {
  package struct Row: Equatable {
    /// The 1-based line on which the row begins.
    package var line: Int
    package var cells: [String]
  }

  package enum Column {
    case numbers(Tensor)
    case strings([String])
  }

  /// The rows of a text; lines with nothing on them are left out.
  ///
  /// - Parameter progress: shows how much of it has been read.
  package static func rows(
    of text: String, separator: UInt8 = UInt8(ascii: ","), progress: (any ProgressReporter)? = nil
  ) throws -> [Row] {
    var reader = Reader(bytes: try text.bytes(), separator: separator)
    return try Disposal.making { (rows: inout [Row]) in
      while let row = try reader.row() {
        rows.append(row)
        guard rows.count & 0xFFF == 0 else { continue }
        try Machine.checkStop()
        try Memory.checkRoom(1 << 24, for: "a table of \(rows.count) rows and more")
        progress?.update(
          "parse", done: reader.at >> 20, total: reader.bytes.count >> 20, unit: "MB", note: "")
      }
    }
  }

  /// The columns under their names: an i64 tensor where every cell is a whole number, an f32 tensor
  /// where every cell is a number or empty (which gives NaN), else a list of strings.
  package static func columns(
    of text: String, hasHeader: Bool = true, separator: UInt8 = UInt8(ascii: ","),
    progress: (any ProgressReporter)? = nil
  ) throws -> [(String, Column)] {
    var rows = try rows(of: text, separator: separator, progress: progress)
    do { return try columns(of: rows, hasHeader: hasHeader, progress) } catch {
      Disposal.release(&rows)
      throw error
    }
  }

  private static func columns(
    of rows: [Row], hasHeader: Bool, _ progress: (any ProgressReporter)?
  ) throws -> [(String, Column)] {
    guard let first = rows.first else { throw BuiltinError("it has no rows") }
    var names: [String] = []
    for position in first.cells.indices {
      let title = hasHeader ? withoutBlanks(first.cells[position]) : ""
      let name = title.isEmpty ? "column_\(position)" : title
      if let other = names.firstIndex(of: name) {
        throw BuiltinError("columns \(other) and \(position) are both called \(quoted(name))")
      }
      names.append(name)
    }
    let body = hasHeader ? rows.dropFirst() : rows[...]
    for (position, row) in body.enumerated() {
      try Machine.checkStop(round: position)
      guard row.cells.count != names.count else { continue }
      throw BuiltinError(
        "line \(row.line) has \(counted(row.cells.count)), line \(first.line) \(names.count)")
    }
    return try names.enumerated().map { position, name in
      var cells = try body.stoppableMap { $0.cells[position] }
      do {
        let value = try column(cells) { row in
          progress?.update(
            "columns", done: position * body.count + row, total: names.count * body.count, unit: "cell",
            note: "")
        }
        return (name, value)
      } catch {
        Disposal.release(&cells)
        throw error
      }
    }
  }

  private static func column(_ cells: [String], _ show: (Int) -> Void) throws -> Column {
    let strings = Column.strings(cells)
    let texts = try cells.stoppableMap(withoutBlanks)
    var whole: [Int] = []
    for (position, text) in texts.enumerated() {
      try Machine.checkStop(round: position)
      if position & 0xFFF == 0 { show(position) }
      guard let number = Int(text) else { break }
      whole.append(number)
    }
    if whole.count == cells.count, !cells.isEmpty {
      return .numbers(try Tensor(whole, [whole.count]))
    }
    var real: [Float] = []
    for (position, text) in texts.enumerated() {
      try Machine.checkStop(round: position)
      if position & 0xFFF == 0 { show(position) }
      guard let number = text.isEmpty ? .nan : number(text) else { return strings }
      real.append(number)
    }
    guard texts.contains(where: { !$0.isEmpty }) else { return strings }
    return .numbers(try Tensor(real, [real.count]))
  }

  /// A decimal number, `nan` or `inf`; `Float.init` alone would take hexadecimal ones too.
  private static func number(_ text: String) -> Float? {
    switch text {
    case "nan", "NaN", "NAN": return .nan
    case "inf", "+inf": return .infinity
    case "-inf": return -.infinity
    default:
      let isDecimal = text.utf8.allSatisfy {
        switch $0 {
        case 0x30...0x39, 0x2B, 0x2D, 0x2E, 0x45, 0x65: true
        default: false
        }
      }
      return isDecimal ? Float(text) : nil
    }
  }

  private static func withoutBlanks(_ cell: String) -> String {
    guard cell.utf8.first == 0x20 || cell.utf8.last == 0x20 else { return cell }
    var cell = cell[...]
    while cell.first == " " { cell.removeFirst() }
    while cell.last == " " { cell.removeLast() }
    return String(cell)
  }
}

/// "1 cell", "2 cells".
private func counted(_ cells: Int) -> String { cells == 1 ? "1 cell" : "\(cells) cells" }

/// Goes through the bytes of a table once.
private struct Reader {
  let bytes: [UInt8]
  let separator: UInt8
  private(set) var at = 0
  private var line = 1

  init(bytes: [UInt8], separator: UInt8) {
    self.bytes = bytes
    self.separator = separator
  }

  private var byte: UInt8? { at < bytes.count ? bytes[at] : nil }

  /// The next row; `nil` at the end.
  mutating func row() throws(BuiltinError) -> CSV.Row? {
    while acceptLineEnd() {}
    guard byte != nil else { return nil }
    var row = CSV.Row(line: line, cells: [])
    while true {
      row.cells.append(try byte == quote ? quoted() : plain())
      if byte == separator {
        at += 1
        continue
      }
      if acceptLineEnd() || byte == nil { return row }
      throw BuiltinError(
        "line \(line) goes on behind a closing quote",
        hint: "a quote inside a quoted cell is written twice")
    }
  }

  /// Everything up to a separator or line end. A quote that doesn't open the cell is a character.
  private mutating func plain() -> String {
    let start = at
    while let byte, byte != separator, byte != newline, !isReturn(at: at) { at += 1 }
    return String(decoding: bytes[start..<at], as: UTF8.self)
  }

  private mutating func quoted() throws(BuiltinError) -> String {
    let firstLine = line
    var cell: [UInt8] = []
    at += 1
    while let byte {
      at += 1
      if byte == quote {
        guard self.byte == quote else { return String(decoding: cell, as: UTF8.self) }
        at += 1
      } else if byte == newline {
        line += 1
      }
      cell.append(byte)
    }
    throw BuiltinError("line \(firstLine) opens a quote that nothing closes")
  }

  private mutating func acceptLineEnd() -> Bool {
    if isReturn(at: at) { at += 1 }
    guard byte == newline else { return false }
    at += 1
    line += 1
    return true
  }

  /// A carriage return that belongs to a line end.
  private func isReturn(at position: Int) -> Bool {
    bytes.indices.contains(position) && bytes[position] == 0x0D
      && (position + 1 == bytes.count || bytes[position + 1] == newline)
  }
}

private let quote = UInt8(ascii: "\"")
private let newline = UInt8(ascii: "\n")
