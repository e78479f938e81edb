import Builtins
import Drawing
import Families
import Host
import Language
import Support
import Syntax
import Tensors
import Values

/// Runs scripts and expressions for the command: exit status 0 fine, 1 the script failed, 2 wrong
/// usage, 130 interrupted.
struct Runner {
  let color: ColorChoice
  /// Whether a script is kept to its folder.
  var isSandboxed = false
  /// Whether a table of times follows on stderr.
  var isProfiled = false

  func evaluate(_ text: String) -> Int32 {
    Machine.withDeepStack {
      let session = makeSession(folder: ".")
      return run(Parser.parse(Source(text)), in: session)
    }
  }

  /// A script from the standard input.
  func runInput() -> Int32 {
    Machine.withDeepStack {
      let session = makeSession(folder: ".")
      do throws(BuiltinError) {
        let text = try Files().readText("/dev/stdin")
        return run(Parser.parse(Source(text, name: "stdin")), in: session)
      } catch {
        Terminal.writeError("error: \(error.message)\n")
        return 2
      }
    }
  }

  func run(file: String, _ arguments: [String]) -> Int32 {
    Machine.withDeepStack {
      let session = makeSession(folder: ".")
      let text: String
      do throws(BuiltinError) { text = try session.host.files.readText(file) } catch {
        Terminal.writeError(
          "error: \(error.message)\n" + (error.hint.map { "  hint: \($0)\n" } ?? ""))
        return 2
      }
      session.host.files.base = Files.folder(of: file)
      if isSandboxed { session.host.files.sandbox = .init(Files.folder(of: file)) }
      let script = Parser.parse(Source(text, name: file))
      let parameters = ScriptParameter.all(in: script)
      if arguments.contains("--help") || arguments.contains("-h") {
        Terminal.write(help(file, script, parameters))
        return 0
      }
      do throws(BuiltinError) {
        try read(arguments, parameters, into: session)
      } catch {
        Terminal.writeError(
          "error: \(error.message)\n" + (error.hint.map { "  hint: \($0)\n" } ?? ""))
        return 2
      }
      return isProfiled ? profiled { run(script, in: session) } : run(script, in: session)
    }
  }

  /// Runs a script with the time of its lines taken, and says where it went.
  private func profiled(_ body: () -> Int32) -> Int32 {
    let peak: Profile.Peak
    do { peak = try Profile.peak() } catch {
      Terminal.writeError("error: the machine can't be measured: \(error)\n")
      return 1
    }
    let profile = Profile(hasLines: true)
    Profile.current = profile
    Memory.resetPeak()
    let started = Terminal.now
    let status = body()
    let seconds = Terminal.now - started
    Profile.current = nil
    Terminal.writeError("\n" + ProfileReport(profile: profile, peak: peak, seconds: seconds).text)
    return status
  }

  private func makeSession(folder: String) -> Session {
    let session = Session(.standard)
    let host = session.host
    host.output.style = Terminal.style(color)
    Terminal.prepare(host)
    host.output.write = { text in
      Terminal.bar?.hide()
      Terminal.write(text)
    }
    Interrupts.install()
    return session
  }

  private func run(_ script: Script, in session: Session) -> Int32 {
    guard script.problems.isEmpty else {
      for problem in script.problems.prefix(20) { report(problem) }
      if script.problems.count > 20 {
        Terminal.writeError("… and \(script.problems.count - 20) more mistakes\n")
      }
      return 1
    }
    var wasInterrupted = false
    session.host.loops.noteInterruption = {
      wasInterrupted = true
      Interrupts.acknowledge()
    }
    for statement in script.statements {
      switch session.run(statement) {
      case .value: continue
      case .failed(let diagnostic):
        report(diagnostic)
        return 1
      case .interrupted:
        Terminal.writeError("interrupted\n")
        return 130
      }
    }
    return wasInterrupted ? 130 : 0
  }

  private func report(_ diagnostic: Diagnostic) {
    Terminal.writeError(diagnostic.rendered(location: .full) + "\n")
  }

  // MARK: Script parameters

  private func read(
    _ arguments: [String], _ parameters: [ScriptParameter], into session: Session
  ) throws(BuiltinError) {
    var rest = arguments[...]
    while let word = rest.popFirst() {
      guard word.hasPrefix("--"), word.count > 2 else {
        throw BuiltinError(
          "\(word) is not a parameter", hint: "parameters are given as --name value")
      }
      var name = String(word.dropFirst(2))
      var value: String?
      if let equals = name.firstIndex(of: "=") {
        value = String(name[name.index(after: equals)...])
        name = String(name[..<equals])
      }
      name = name.replacing("-", with: "_")
      guard let parameter = parameters.first(where: { $0.name == name }) else {
        if let next = value ?? rest.first, MachineOptions.apply(name, next) {
          if value == nil { rest.removeFirst() }
          continue
        }
        throw BuiltinError(
          "the script has no parameter \(name)",
          hint: nearest(name, among: parameters.map(\.name)).map { "did you mean --\($0)?" }
            ?? (parameters.isEmpty
              ? "it declares none; arg name = default declares one"
              : "it has --\(parameters.map(\.name).joined(separator: ", --"))"))
      }
      let fallback: Value
      do { fallback = try Session(session.primitives).evaluate(parameter.fallback) } catch {
        fallback = .none
      }
      if value == nil, case .bool = fallback, rest.first?.hasPrefix("--") ?? true { value = "true" }
      guard let text = value ?? rest.popFirst() else {
        throw BuiltinError("--\(name) wants a value")
      }
      do {
        let converted = try ScriptParameter.value(of: text, like: fallback, session.primitives)
        if case .string(let path) = converted { session.host.files.typed.insert(path) }
        session.scriptArguments[name] = converted
      } catch {
        throw BuiltinError("--\(name) \((error as? BuiltinError)?.message ?? "\(error)")")
      }
    }
  }

  private func help(_ file: String, _ script: Script, _ parameters: [ScriptParameter]) -> String {
    var lines = ["usage: attn run \(file)\(parameters.isEmpty ? "" : " [--NAME VALUE ...]")"]
    // The comment at the top of the script says what it is for.
    let head = script.comments.prefix { $0.kind != .output && !$0.isTrailing }
      .filter { $0.kind == .plain || $0.kind == .documentation }
      .prefix(while: { [first = script.statements.first?.span.start ?? Int.max] in
        $0.span.start < first
      })
    if !head.isEmpty { lines += [""] + head.map(\.text) }
    if !parameters.isEmpty {
      let width = (parameters.map(\.name.count).max() ?? 0) + 2
      let values = (parameters.map(\.fallback.count).max() ?? 0)
      lines.append("")
      for parameter in parameters {
        let name = "--\(parameter.name)".padding(width)
        lines.append(
          "  \(name)  \((parameter.help ?? "").padding(40))  default \(parameter.fallback.padding(values))"
            .trimmedEnd)
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension String {
  fileprivate func padding(_ width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
