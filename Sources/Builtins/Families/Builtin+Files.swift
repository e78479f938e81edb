import Autodiff
import Builtins
import Drawing
import Host
import Support
import Tensors
import Values

/// Text in files.
extension Builtin {
  package static let fileFamily: [Builtin] = [
    readText, readLines, readTable, fileExists, listFiles, writeText,
  ]

  static let readText = Builtin(
    "text(path)",
    """
    The text of a UTF-8 file; of a folder the texts of its files, in the order of their names and \
    joined by a line end. A path is relative to the script, one from the command line to where it \
    was typed.
    """,
    examples: [.fails("text(\"nowhere.txt\")", "text: there is no file nowhere.txt")],
    uses: .files
  ) { arguments in
    let path = try arguments.string("path")
    return try arguments.reading { files in
      guard try files.kind(path) == .folder else { return .string(try files.readText(path)) }
      let names = try files.list(path)
      guard !names.isEmpty else { throw BuiltinError("\(path) is a folder without files") }
      let folder = path.hasSuffix("/") ? path : path + "/"
      let isTyped = files.typed.contains(path)
      var files = files
      var parts: [String] = []
      for name in names {
        if isTyped { files.typed.insert(folder + name) }
        parts.append(try files.readText(folder + name))
      }
      return .string(try .joining(parts, separator: "\n"))
    }
  }

  static let readLines = Builtin(
    "lines(path)", "The lines of a UTF-8 file as a list of strings, without their ends.",
    examples: [.fails("lines(\"nowhere.txt\")", "lines: there is no file nowhere.txt")],
    uses: .files
  ) { arguments in
    let path = try arguments.string("path")
    return try arguments.reading { .list(try $0.readText(path).lines().map(Value.string)) }
  }

  static let readTable = Builtin(
    "csv(path, header: true, separator: none)",
    """
    The columns of a table as a record. A column of whole numbers is an i64 tensor, one of numbers \
    an f32 tensor in which empty cells are NaN, any other a list of strings. Without a header, and \
    where it is blank, columns are called column_0, column_1, …. Cells stand between commas, or \
    between the separators given; quotes follow RFC 4180.
    """,
    examples: [
      .fails("csv(\"nowhere.csv\")", "csv: there is no file nowhere.csv"),
      .fails(
        "csv(\"nowhere.csv\", separator: \"--\")",
        "csv: separator is one character such as \";\", not \"--\""),
    ],
    uses: [.files, .progress]
  ) { arguments in
    let path = try arguments.string("path")
    let hasHeader = try arguments.bool("header")
    let text = try arguments.optionalString("separator") ?? ","
    guard text.utf8.count == 1, let separator = text.utf8.first, !"\"\r\n".utf8.contains(separator)
    else {
      throw BuiltinError(
        "separator is one character such as \";\", not \(quoted(text))",
        at: ["separator"])
    }
    let progress = arguments.progress
    return try arguments.reading { files in
      let table = try files.readText(path)
      do {
        let columns = try CSV.columns(
          of: table, hasHeader: hasHeader, separator: separator, progress: progress)
        return .record(
          Record(
            try columns.map { name, column in
              switch column {
              case .numbers(let tensor): (name, .tensor(Variable(tensor)))
              case .strings(let strings): (name, .list(try strings.stoppableMap(Value.string)))
              }
            }))
      } catch var error as BuiltinError {
        error.message = "\(path) is not a table: \(error.message)"
        throw error
      }
    }
  }

  static let fileExists = Builtin(
    "exists(path)", "Whether there is a file or folder at a path.",
    examples: [.prints("exists(\"nowhere.txt\")", "false")],
    uses: .files
  ) { arguments in
    let path = try arguments.string("path")
    return try arguments.reading { .bool(try $0.kind(path) != .missing) }
  }

  static let listFiles = Builtin(
    "list_files(folder)",
    "The sorted names of the files in a folder, without those that begin with a dot.",
    examples: [.fails("list_files(\"nowhere\")", "list_files: there is no folder nowhere")],
    uses: .files
  ) { arguments in
    let folder = try arguments.string("folder")
    return try arguments.reading { .list(try $0.list(folder).map(Value.string)) }
  }

  static let writeText = Builtin(
    "write_text(path, text)",
    "Writes a string to a file, whole or not at all; a file that is there is replaced.",
    examples: [
      .fails(
        "write_text(\"nowhere/a.txt\", \"\")",
        "write_text: there is no folder nowhere to write nowhere/a.txt in")
    ],
    uses: .files
  ) { arguments in
    let path = try arguments.string("path")
    let text = try arguments.string("text")
    return try arguments.reading { files in
      try files.write(text.bytes(), to: path)
      return .none
    }
  }
}
