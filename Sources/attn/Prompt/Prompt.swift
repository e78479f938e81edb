import Builtins
import CEditLine
import Drawing
import Families
import Host
import Interaction
import Support
import Tensors

/// `attn` without arguments: the prompt on a terminal, a script from a pipe.
struct Prompt {
  let color: ColorChoice

  /// The exit status.
  func run() -> Int32 {
    guard Terminal.isTerminal(0) else { return Runner(color: color).runInput() }
    let isShown = Terminal.isTerminal(1)
    let isPlain = !isShown || Terminal.environment("TERM") ?? "dumb" == "dumb"
    let isColoured = Terminal.style(color) != .plain && !isPlain
    Interrupts.install()
    attn_on_interrupt(Interrupts.handle)
    let reader = isPlain ? nil : LineEditor()
    let shell = Shell(.standard, screen: screen(reader, isShown: isShown, isColoured: isColoured)) {
      session in
      Terminal.prepare(session.host)
    }
    if isShown { greet(shell, isColoured) }
    runInitFile(shell)
    defer { reader?.leave() }
    return loop(shell, reader, isShown: isShown, isColoured: isColoured)
  }

  // MARK: Reading entries

  private func loop(_ shell: Shell, _ editor: LineEditor?, isShown: Bool, isColoured: Bool) -> Int32 {
    let history = HistoryFile.standard(Terminal.environment)
    if let editor {
      for entry in history?.entries() ?? [] { editor.remember(entry) }
      editor.complete = { shell.completion(of: $0) }
      editor.width = { Terminal.width }
      editor.height = { Terminal.height }
    }
    let plain = PlainReader(isShown: isShown)
    var emptyInterrupts = 0
    while true {
      Interrupts.acknowledge()
      attn_forget_interruption()
      let input = editor?.read(prompt: "attn>", style: isColoured ? "\u{1B}[1;36m" : "") ?? plain.read()
      switch input {
      case .end:
        if isShown { Terminal.write("\n") }
        return 0
      case .interrupted(let wasEmpty):
        emptyInterrupts = wasEmpty ? emptyInterrupts + 1 : 0
        _ = Interrupts.takeEcho()
        Terminal.writeError(editor == nil ? "\n" : "^C\n")
        if emptyInterrupts >= 2 { Terminal.writeError("Ctrl-D or :quit leaves\n") }
      case .entry(let text):
        emptyInterrupts = 0
        let entry = Transcript.statements(in: text)
        guard !entry.allSatisfy(\.isWhitespace) else { continue }
        if let editor {
          editor.remember(entry)
          history?.append(entry)
        }
        if evaluate(entry, shell) == .leave { return 0 }
      }
    }
  }

  /// Runs an entry on a deep stack, while this thread waits and answers signals.
  private func evaluate(_ entry: String, _ shell: Shell) -> Shell.Outcome {
    // A Ctrl-C that has come since the entry was read is meant for it.
    Machine.withDeepStack {
      attn_block_signals()
      return shell.submit(entry)
    }
  }

  // MARK: The place

  private func screen(_ reader: LineEditor?, isShown: Bool, isColoured: Bool) -> Screen {
    var screen = Screen()
    /// A line of its own for what is written, where a bar or an echo of `^C` has taken one.
    func clear() {
      Terminal.bar?.hide()
      if Interrupts.takeEcho(), isShown, reader == nil { Terminal.write("\n") }
    }
    screen.write = { text in
      clear()
      Terminal.write(text)
    }
    screen.report = { text in
      clear()
      Terminal.writeError(text)
    }
    screen.note = { text in
      guard isShown else { return }
      clear()
      Terminal.write(isColoured ? "\u{1B}[2m\(text)\u{1B}[0m\n" : text + "\n")
    }
    screen.run = { command, file in
      guard let reader else { return Int(attn_run_program(command, file)) }
      return reader.released { Int(attn_run_program(command, file)) }
    }
    screen.environment = Terminal.environment
    screen.style = isColoured ? Terminal.style(color) : color == .always ? Terminal.style(color) : .plain
    screen.width = { Terminal.width }
    screen.height = { Terminal.height }
    return screen
  }

  private func greet(_ shell: Shell, _ isColoured: Bool) {
    shell.screen.note("\(Version.text)   :help lists commands, :tour shows around, Ctrl-D leaves")
  }

  /// `attn/init.attn` in the user's folder for such files.
  private func runInitFile(_ shell: Shell) {
    let home = Terminal.environment("HOME") ?? ""
    let folder =
      Terminal.environment("XDG_CONFIG_HOME").flatMap { $0.hasPrefix("/") ? $0 : nil } ?? home + "/.config"
    let path = folder + "/attn/init.attn"
    guard (try? Files().kind(path)) == .file else { return }
    do throws(BuiltinError) {
      let text = try Files().readText(path)
      Machine.withDeepStack {
        attn_block_signals()
        shell.runInitial(text, name: path)
      }
    } catch { shell.screen.report("error: \(error.message)\n") }
  }
}
