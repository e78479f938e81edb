import Builtins
import Language
import Support
import Syntax
import Tensors
import Values

/// `?name`, `??name`, `:source name`.
extension Shell {
  func help(_ name: String, wantsSource: Bool) {
    guard !name.isEmpty else { return showCommands() }
    if name.hasPrefix(":") {
      guard let command = Command.named(String(name.dropFirst())) else {
        return complain("there is no command \(name)", hint: ":help lists the commands")
      }
      return screen.write("\(command.usage)\n\n\(prose(command.summary))\n")
    }
    let value = session[name] ?? session.outerValue(name)
    if wantsSource { return showSource(name, value) }
    switch value {
    case .builtin(let primitive): screen.write(Reference.help(primitive.declaration) { prose($0) })
    case .function(let function): show(declared: name, function.documentation)
    case .modelType(let type): show(declared: name, type.documentation)
    case let value?: describe(value, as: name)
    case nil:
      if let command = Command.table.first(where: { $0.name == name }) {
        return screen.write("\(command.usage)\n\n\(prose(command.summary))\n")
      }
      // A path such as gpt.blocks[0], or any other expression.
      guard name.contains(where: { !$0.isLetter && !$0.isNumber && $0 != "_" }) || name == "ans" else {
        return complain(
          "there is nothing called \(name)",
          hint: nearest(name, among: session.visibleNames).map { "did you mean \($0)?" })
      }
      do throws(BuiltinError) {
        guard let value = try evaluate(name) else { return }
        describe(value, as: name)
      } catch { complain(error.message, hint: error.hint) }
    }
  }

  private func describe(_ value: Value, as name: String) {
    var lines = value.description(of: name)
    if case .model(let model) = value, let documentation = model.type.documentation {
      lines += ["", prose(Documentation(documentation).prose)]
    }
    screen.write(lines.joined(separator: "\n") + "\n")
  }

  /// A function or model that is written in attn: its head and what stands above it.
  private func show(declared name: String, _ documentation: String?) {
    guard let source = session.source(of: name) else {
      return screen.write((session[name]?.text() ?? name) + "\n")
    }
    screen.write(Self.head(of: source) + "\n")
    guard let documentation = documentation.map(Documentation.init) else { return }
    screen.write("\n\(prose(documentation.prose))\n")
    if !documentation.examples.isEmpty {
      screen.write("\n" + documentation.recorded.joined(separator: "\n") + "\n")
    }
  }

  private func showSource(_ name: String, _ value: Value?) {
    if let source = session.source(of: name) { return screen.write(source + "\n") }
    if case .builtin(let primitive) = value {
      return screen.write(
        "\(primitive.signatureText)\n\n"
          + prose("\(name) is part of attn itself, written in Swift.") + "\n")
    }
    if let entry = notebook.entries.last(where: { assigns($0, name) }) {
      return screen.write(entry.text + "\n")
    }
    complain(
      "there is no function or model \(name)",
      hint: nearest(name, among: session.visibleNames).map { "did you mean \($0)?" })
  }

  private func assigns(_ entry: Notebook.Entry, _ name: String) -> Bool {
    session[name] != nil && entry.kind == .statement && entry.assigned.contains(name)
  }

  /// A declaration up to the end of its parameters.
  static func head(of source: String) -> String {
    var depth = 0
    for index in source.indices {
      switch source[index] {
      case "(": depth += 1
      case ")":
        depth -= 1
        if depth == 0 { return String(source[...index]) }
      default: continue
      }
    }
    return source
  }
}
