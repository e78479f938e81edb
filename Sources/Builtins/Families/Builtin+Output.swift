import Builtins
import Drawing
import Host
import Support
import Tensors
import Values

/// What writes to the output.
extension Builtin {
  package static let outputFamily: [Builtin] = [print, digits, heatmap, plot]

  static let print = Builtin(
    "print(values...)", "Writes values, separated by blanks, and a line break.",
    examples: [.prints("print(\"loss\", 0.5)", "loss 0.5")], uses: .output
  ) { arguments in
    let output = arguments.output
    let texts = try arguments.list("values").map { $0.text(digits: output.digits, quoted: false) }
    // A tensor takes lines of its own.
    var line = ""
    var hasBreak = false
    for text in texts {
      hasBreak = try hasBreak || text.utf8Contains("\n")
      if !line.isEmpty { line += hasBreak ? "\n" : " " }
      line = try .joining([line, text])
    }
    try Machine.checkStop()
    output.write(line + "\n")
    try Machine.checkStop()
    return .none
  }

  static let digits = Builtin(
    "digits(n)", "Sets how many decimals printed tensors have from here on; 4 at first.",
    examples: [.fails("digits(-1)", "digits: n is from 0 to 100, and -1 is given")],
    uses: .output
  ) { arguments in
    let n = try arguments.int("n")
    guard (0...100).contains(n) else {
      throw BuiltinError("n is from 0 to 100, and \(n) is given", at: ["n"])
    }
    arguments.output.digits = n
    return .none
  }

  static let heatmap = Builtin(
    "heatmap(x, rows: none, columns: none, title: none)",
    """
    Draws a matrix: colours on a terminal, digits 0 to 9 elsewhere. Labels are lists of strings, or \
    a string whose characters are the labels.
    """,
    examples: [
      .fails(
        "heatmap(zeros(2, 2, 2))", "heatmap: x is f32[2, 2, 2], and a heat map is drawn of a matrix"
      )
    ],
    uses: .output
  ) { arguments in
    let x = try arguments.tensor("x").tensor
    guard x.rank == 2 || x.rank == 1 else {
      throw BuiltinError(
        "{x} is \(x.description), and a heat map is drawn of a matrix", at: ["x"],
        hint: x.rank > 2
          ? "choose one: {x}[\([String](repeating: "0", count: x.rank - 2).joined(separator: ", "))]"
          : nil)
    }
    func labels(_ name: String, _ size: Int) throws -> [String]? {
      if arguments[name].isNone { return nil }
      let items = try arguments.list(name).map { $0.text(quoted: false) }
      guard items.count == size else {
        throw BuiltinError(
          "\(name) has \(items.count) labels, and {x} is \(x.description)",
          at: ["x", name])
      }
      return items
    }
    let rows = try labels("rows", x.rank == 1 ? 1 : x.shape[0])
    let columns = try labels("columns", x.shape[x.rank - 1])
    let title = try arguments.optionalString("title")
    try arguments.output.show(
      Picture {
        Drawing.heatmap(x, rows: rows, columns: columns, title: title, style: $0)
      } svg: {
        Drawing.heatmapSVG(x, rows: rows, columns: columns, title: title)
      })
    return .none
  }

  static let plot = Builtin(
    "plot(y, x: none, title: none)",
    "Draws a line chart of a row of numbers, or of a record of rows, one line each.",
    examples: [
      .fails("plot(\"a\")", "plot: y is a row of numbers or a record of rows, not a String")
    ],
    uses: .output
  ) { arguments in
    func row(_ value: Value) throws -> [Double]? {
      if let tensor = value.variable?.tensor {
        return tensor.rank == 1 ? try tensor.doubles() : nil
      }
      guard case .list(let items) = value else { return nil }
      let numbers = items.compactMap(\.asDouble)
      return numbers.count == items.count ? numbers : nil
    }
    let wrong = arguments.wrong("y", "a row of numbers or a record of rows")
    var rows: [(name: String, y: [Double])] = []
    if case .record(let record) = arguments["y"] {
      for (label, value) in zip(record.labels, record.values) {
        guard let y = try row(value) else { throw wrong }
        rows.append((label ?? "", y))
      }
    } else {
      guard let y = try row(arguments["y"]) else { throw wrong }
      rows = [("", y)]
    }
    var xs: [Double]?
    if !arguments["x"].isNone {
      guard let x = try row(arguments["x"]) else { throw arguments.wrong("x", "a row of numbers") }
      xs = x
    }
    let series = try rows.map { name, y in
      let x = xs ?? y.indices.map(Double.init)
      guard x.count == y.count else {
        throw BuiltinError("x has \(x.count) numbers and y \(y.count)", at: ["y", "x"])
      }
      return (name: name, x: x, y: y)
    }
    let title = try arguments.optionalString("title")
    try arguments.output.show(
      Picture {
        Drawing.plot(series, title: title, style: $0)
      } svg: {
        Drawing.plotSVG(series, title: title)
      })
    return .none
  }
}
