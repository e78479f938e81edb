/// A lexical unit and where it stands.
struct Token: Sendable {
  enum Kind: Sendable, Equatable {
    case integer(Int)
    case float(Double)
    case string([StringPiece])
    case name(String)
    /// A word that is never a name: `fn`, `if`, `true`.
    case keyword(Keyword)
    /// An operator or bracket, as written.
    case symbol(String)
    /// The end of a line where the innermost bracket lets it end a statement.
    case newline
    case end
  }

  var kind: Kind
  var span: Span

  static let symbols = [
    "...", "|>", "->", "//", "==", "!=", "<=", ">=", "..",
    "(", ")", "[", "]", "{", "}", ",", ";", ":", "=", "<", ">",
    "+", "-", "*", "/", "%", "@", "^", ".", "?", "|", "!", "&",
  ]
}

enum Keyword: String, CaseIterable, Sendable {
  case fn, `if`, `else`, `for`, `in`, `while`, `break`, `continue`, `return`, assert
  case `import`, and, or, not, with, `true`, `false`, none
}

/// A piece of a string literal: text, or `{expression:format}`.
enum StringPiece: Sendable, Equatable {
  case text(String)
  case interpolation([Token], format: String?)

  static func == (left: StringPiece, right: StringPiece) -> Bool {
    switch (left, right) {
    case (.text(let a), .text(let b)): a == b
    default: false
    }
  }
}

/// A comment, kept beside the tokens for documentation, recorded output and the formatter.
package struct Comment: Sendable {
  package enum Kind: Sendable {
    /// `# text`
    case plain
    /// `## text`: documentation of what it stands above, or behind.
    case documentation
    /// `#> text`: a line of recorded output.
    case output
    /// `#~ text`: how recorded numbers are compared.
    case tolerance
    /// `# %% title`: the start of a cell.
    case cell
  }

  package var kind: Kind
  /// The text behind the mark; for documentation without the blank in front of it.
  package var text: String
  package var span: Span
  /// Whether code stands before it on its line.
  package var isTrailing: Bool
}
