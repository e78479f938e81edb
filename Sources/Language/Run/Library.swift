import Builtins
import Syntax
import Values

/// The functions and models of the embedded library, compiled when a name of theirs is first used.
final class Library {
  private unowned let interpreter: Interpreter
  private lazy var module: Module = load()
  private(set) var scripts: [Script] = []

  init(_ interpreter: Interpreter) { self.interpreter = interpreter }

  private func load() -> Module {
    let module = Module(interpreter, isLibrary: true)
    for file in EmbeddedLibrary.files {
      let script = Parser.parse(Source(file.text, name: "\(file.name).attn", isLibrary: true))
      precondition(script.problems.isEmpty, "the embedded library parses: \(file.name)")
      scripts.append(script)
      for statement in script.statements {
        do { _ = try interpreter.execute(statement, in: module) } catch {
          preconditionFailure("the embedded library runs: \(error)")
        }
      }
    }
    return module
  }

  func value(_ name: String) -> Value? {
    guard let cell = module.cells[name] else { return nil }
    if case .undefined = cell.value { return nil }
    return cell.value
  }

  var names: [String] { module.definedNames }

  /// The text of a function or model of the library.
  func source(of name: String) -> String? {
    _ = module
    for statement in scripts.flatMap(\.statements) {
      switch statement.kind {
      case .function(let declaration) where declaration.name.text == name:
        return declaration.span.text
      case .model(let declaration) where declaration.name.text == name: return declaration.span.text
      default: continue
      }
    }
    return nil
  }
}
