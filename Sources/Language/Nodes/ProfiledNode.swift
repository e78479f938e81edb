import Builtins
import Syntax
import Tensors
import Values

/// A statement whose time is taken: `attn run --profile`.
final class ProfiledNode: Node {
  private let statement: Node
  private let profile: Profile
  private let line: Int

  init(_ statement: Node, _ span: Span, _ profile: Profile) {
    self.statement = statement
    self.profile = profile
    let code = span.source.text(ofLine: span.line).drop { $0 == " " }
    line = profile.number(
      Profile.Place(file: span.source.name ?? "-", line: span.line + 1, code: String(code)))
    super.init(span)
  }

  override func evaluate(_ frame: inout Frame) throws -> Value {
    profile.enter(line)
    defer { profile.leave() }
    return try statement.evaluate(&frame)
  }
}
