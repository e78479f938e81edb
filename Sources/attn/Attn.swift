import ArgumentParser
import Drawing
import Language
import Support
import Tensors

/// The command.
@main
struct AttnCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attn",
    abstract: "A small language for attention: build, train and look inside multi-head models.",
    usage: """
      attn run FILE [--ARG VALUE ...]
      attn FILE [--ARG VALUE ...]
      attn -e EXPRESSION
      attn
      """,
    discussion: """
      Without arguments attn is a prompt, or runs the script that it is given through a pipe. \
      A script's own parameters follow its name: attn run train.attn --steps 2000; \
      attn run train.attn --help lists them.
      """,
    version: Version.text,
    subcommands: [Run.self, TestCommand.self, DocCommand.self, TestWorker.self])

  @OptionGroup var machine: MachineOptions

  @Option(
    name: [.customShort("e"), .customLong("evaluate")], parsing: .unconditional,
    help: "Evaluate an expression and show its value.")
  var expression: String?

  @Flag(name: .long, help: "With --version: the machine's instruction set and threads too.")
  var verbose = false

  func run() throws {
    try machine.apply()
    if let expression {
      throw ExitCode(Runner(color: machine.color).evaluate(expression))
    }
    if verbose {
      print(Version.text)
      return
    }
    throw ExitCode(Prompt(color: machine.color).run())
  }

  /// `attn FILE` is `attn run FILE`, and what stands behind a script's name is the script's.
  static func main() {
    var arguments = Array(CommandLine.arguments.dropFirst())
    if arguments.contains("--version"), arguments.contains("--verbose"), arguments.count == 2 {
      return print(Version.verbose)
    }
    var forScript: [String] = []
    if let file = scriptPosition(in: arguments) {
      forScript = Array(arguments[(file + 1)...])
      arguments.removeSubrange((file + 1)...)
      if !arguments[..<file].contains("run") { arguments.insert("run", at: 0) }
    }
    do {
      var command = try parseAsRoot(arguments)
      if var run = command as? Run {
        run.arguments = forScript
        try run.run()
      } else {
        try command.run()
      }
    } catch let code as ExitCode {
      Terminal.exit(code.rawValue)
    } catch {
      if exitCode(for: error).isSuccess {
        print(fullMessage(for: error))
        Terminal.exit(0)
      }
      Terminal.writeError(fullMessage(for: error) + "\n")
      Terminal.exit(2)
    }
  }

  /// Where the script's name stands, if this is a call to run one.
  private static func scriptPosition(in arguments: [String]) -> Int? {
    var at = 0
    var isRun = false
    while at < arguments.count {
      let word = arguments[at]
      if ["--threads", "--isa", "--color"].contains(word) {
        at += 2
      } else if ["--sandbox", "--profile"].contains(word) {
        at += 1
      } else if word.hasPrefix("-") {
        // Other options, such as -e, belong to the command; `run --help` too.
        guard word.contains("="), word.hasPrefix("--") else { return nil }
        at += 1
      } else if !isRun, word == "run" {
        isRun = true
        at += 1
      } else {
        return isRun || !commands.contains(word) ? at : nil
      }
    }
    return nil
  }

  private static let commands = ["run", "test", "doc", "help", "test-worker"]
}

/// Options that every command takes.
struct MachineOptions: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("Threads for large operations.", valueName: "n"))
  var threads: Int?

  @Option(
    name: .long, help: ArgumentHelp("Instruction set: avx512, avx2 or baseline.", valueName: "set"))
  var isa: String?

  @Option(name: .long, help: ArgumentHelp("Colours: auto, always or never.", valueName: "when"))
  var color: ColorChoice = .auto

  func validate() throws {
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads takes a number from 1 to 256, not \(threads)")
    }
    if let isa, Machine.InstructionSet(rawValue: isa) == nil {
      throw ValidationError("--isa takes avx512, avx2 or baseline, not \(isa)")
    }
  }

  /// An option behind a script's name, where the script has no parameter of that name.
  static func apply(_ name: String, _ value: String) -> Bool {
    switch name {
    case "threads":
      guard let count = Int(value), (1...256).contains(count) else { return false }
      Machine.threadCount = count
      return true
    case "isa": return Machine.InstructionSet(rawValue: value).map(Machine.use) ?? false
    default: return false
    }
  }

  func apply() throws {
    if let threads { Machine.threadCount = threads }
    if let isa, let set = Machine.InstructionSet(rawValue: isa), !Machine.use(set) {
      throw ValidationError("this machine does not have \(isa)")
    }
  }
}

enum ColorChoice: String, ExpressibleByArgument { case auto, always, never }

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a script.",
    discussion:
      "What stands behind the file is for the script: its parameters, or --help to list them.")

  @OptionGroup var machine: MachineOptions

  @Flag(
    help: """
      Let the script read and write only in its own folder and a temporary one, and what its \
      parameters name.
      """)
  var sandbox = false

  @Flag(help: "Show on stderr where time and memory went, by line and by operation.")
  var profile = false

  @Argument(help: "The script.") var file: String

  /// What stands behind the file.
  var arguments: [String] = []

  enum CodingKeys: CodingKey { case machine, sandbox, profile, file }

  func run() throws {
    try machine.apply()
    throw ExitCode(
      Runner(color: machine.color, isSandboxed: sandbox, isProfiled: profile).run(file: file, arguments))
  }
}

enum Version {
  static let text = "attn 0.1.0"
  static var verbose: String {
    let sets = Machine.InstructionSet.allCases.map(\.rawValue).joined(separator: ", ")
    return """
      \(text)
      instruction set  \(Machine.instructionSet.rawValue)  (--isa: \(sets))
      threads          \(Machine.threadCount)
      """
  }
}
