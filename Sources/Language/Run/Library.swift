import Builtins
import Syntax
import Values

/// The functions and models of the embedded library. Each of its files is read and run when a name that it
/// defines is first used.
final class Library {
  private unowned let interpreter: Interpreter
  private lazy var module = Module(interpreter, isLibrary: true)
  private var scripts: [String: Script] = [:]
  private var loaded: Set<String> = []

  init(_ interpreter: Interpreter) { self.interpreter = interpreter }

  /// What a name stands for, for scripts; names that begin with `_` are the library's own.
  func value(_ name: String) throws -> Value? {
    name.hasPrefix("_") ? nil : try anyValue(name)
  }

  /// What a name stands for, for the library itself.
  func anyValue(_ name: String) throws -> Value? {
    guard let file = EmbeddedLibrary.file(defining: name) else { return nil }
    try load(file)
    guard let value = module.cells[name]?.value else { return nil }
    if case .undefined = value { return nil }
    return value
  }

  /// A file that was stopped halfway is run again the next time.
  private func load(_ file: EmbeddedLibrary.File) throws {
    guard !loaded.contains(file.name) else { return }
    let script = script(of: file)
    if let problem = script.problems.first { throw problem }
    for statement in script.statements { _ = try interpreter.execute(statement, in: module) }
    loaded.insert(file.name)
  }

  private func script(of file: EmbeddedLibrary.File) -> Script {
    if let script = scripts[file.name] { return script }
    let script = Parser.parse(Source(file.text, name: "\(file.name).attn", isLibrary: true))
    scripts[file.name] = script
    return script
  }

  var names: [String] { EmbeddedLibrary.publicNames }

  /// The text of a function or model of the library.
  func source(of name: String) -> String? {
    guard let file = EmbeddedLibrary.file(defining: name) else { return nil }
    for statement in script(of: file).statements {
      switch statement.kind {
      case .function(let declaration) where declaration.name.text == name: return declaration.span.text
      case .model(let declaration) where declaration.name.text == name: return declaration.span.text
      default: continue
      }
    }
    return nil
  }
}
