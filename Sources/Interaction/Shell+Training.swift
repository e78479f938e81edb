import Builtins
import Drawing
import Host
import Language
import Syntax

/// Calls of `train` and `generate` as they are written down, so that they replay.
extension Shell {
  /// A training run whose checkpoint is not there yet begins at the beginning, and does so again: by
  /// then there is the file that it wrote. `nil` where the statement is no such run.
  func beginningAnew(_ statement: Statement, _ text: String) -> String? {
    guard let call = statement.call(of: ["train"]), session[call.name] == nil,
      call.argument("resume") == nil, let path = checkpoint(of: call),
      (try? session.host.files.kind(path)) == .missing
    else { return nil }
    let new = call.with("resume", "false")
    var bytes = Array(text.utf8)
    bytes.replaceSubrange(statement.span.start..<statement.span.end, with: Array(new.utf8))
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The text of a call that was stopped, with the number of steps that ran; `nil` where the statement
  /// is no plain call.
  func stoppedCall(_ statement: Statement, after rounds: Int) -> String? {
    guard let call = statement.call(of: ["train", "generate"]), session[call.name] == nil else { return nil }
    let parameter = call.name == "train" ? "steps" : "length"
    guard call.argument(parameter) != nil || call.positionalCount < 3 else { return nil }
    guard call.name == "train" else { return call.with("length", "\(rounds)") }
    guard call.argument("checkpoint") != nil, call.argument("resume")?.text != "false" else {
      return call.with("steps", "\(rounds)")
    }
    // It went on from a checkpoint, which says by now how far it came in all.
    guard let path = checkpoint(of: call), let steps = stepsDone(path) else { return nil }
    return call.with("steps", "\(steps)")
  }

  /// The file that a call names, as far as that can be told without running anything.
  private func checkpoint(of call: PlainCall) -> String? {
    guard let argument = call.argument("checkpoint") else { return nil }
    if case .string(let path)? = session[argument.text] { return path }
    guard argument.text.hasPrefix("\""), !argument.text.contains("{"),
      case .string(let path)? = try? Session(session.primitives).evaluate(argument.text)
    else { return nil }
    return path
  }

  private func stepsDone(_ path: String) -> Int? {
    guard let file = try? session.host.files.readBytes(path),
      let saved = try? Safetensors.decoded(file),
      let step = saved.first(where: { $0.name == "step" })?.tensor
    else { return nil }
    return (try? step.integers())?.first
  }
}

/// A statement that is a call of a name, or binds names to one.
struct PlainCall {
  let name: String
  private let arguments: [Argument]
  private let span: Span

  fileprivate init?(_ statement: Statement, of names: Set<String>) {
    let value: Expression
    switch statement.kind {
    case .assign(_, let expression), .expression(let expression): value = expression
    default: return nil
    }
    guard case .call(let callee, let arguments) = value.kind, case .name(let name) = callee.kind,
      names.contains(name), !arguments.isEmpty
    else { return nil }
    self.name = name
    self.arguments = arguments
    span = statement.span
  }

  func argument(_ label: String) -> Span? {
    arguments.first { $0.label?.text == label }?.value.span
  }

  var positionalCount: Int { arguments.count { $0.label == nil } }

  /// The statement's text with an argument of that value.
  func with(_ label: String, _ value: String) -> String {
    var bytes = Array(span.text.utf8)
    if let given = argument(label) {
      bytes.replaceSubrange((given.start - span.start)..<(given.end - span.start), with: Array(value.utf8))
    } else if let last = arguments.last {
      bytes.insert(contentsOf: Array(", \(label): \(value)".utf8), at: last.value.span.end - span.start)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension Statement {
  func call(of names: Set<String>) -> PlainCall? { PlainCall(self, of: names) }
}
