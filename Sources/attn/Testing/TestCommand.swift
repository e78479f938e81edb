import ArgumentParser
import Builtins
import Drawing
import Golden
import Host
import Support
import Tensors
import Values

/// `attn test PATH...`
struct TestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Run scripts and Markdown pages, and compare what they print with what is recorded.",
    discussion: """
      Each file runs in a process of its own, from an empty session. The exit status is 0 when all \
      hold, 1 when some differ, and 2 when nothing could be run.
      """)

  @OptionGroup var machine: MachineOptions

  @Argument(help: "Scripts, Markdown pages, or folders of them.") var paths: [String]

  @Flag(name: .long, help: "Rewrite the recorded output that differs, in place.") var update = false
  @Flag(name: .long, help: "Show what --update would write.") var diff = false
  @Flag(name: .long, help: "Record output where none is recorded yet.") var record = false
  @Option(name: .long, help: ArgumentHelp("Only files whose path contains this.", valueName: "text"))
  var filter: String?
  @Option(name: .long, help: ArgumentHelp("Files run at once (default: one a core).", valueName: "n"))
  var jobs: Int?
  @Option(
    name: .long, help: ArgumentHelp("Seconds after which a file is given up; 0: never.", valueName: "s"))
  var timeout = 300.0
  @Option(name: .long, help: ArgumentHelp("Only the k-th of n parts of the files.", valueName: "k/n"))
  var shard: Shard?
  @Flag(
    name: .long,
    help: "Run each file with every instruction set of this machine and 1, 2 and 3 threads.")
  var everywhere = false
  @Flag(
    inversion: .prefixedNo,
    help: "Whether scripts may read and write only in their own folder and a temporary one.")
  var sandbox = true
  @Option(name: .long, help: ArgumentHelp("Write a report in JUnit's XML.", valueName: "file"))
  var junit: String?
  @Flag(name: .long, help: "Print the results as TAP, version 14.") var tap = false

  func validate() throws {
    if let jobs, !(1...256).contains(jobs) {
      throw ValidationError("--jobs takes a number from 1 to 256, not \(jobs)")
    }
    if !(timeout >= 0) { throw ValidationError("--timeout takes a number of seconds, not \(timeout)") }
    if [update, diff, record].count(where: { $0 }) > 1 {
      throw ValidationError("--update, --diff and --record can't be used together")
    }
    if tap, update || diff || record {
      throw ValidationError("--tap shows results, not what --update, --diff or --record would write")
    }
    if everywhere, update || diff || record {
      throw ValidationError("--everywhere only compares: record with one setting, then compare")
    }
    if everywhere, machine.isa != nil || machine.threads != nil {
      throw ValidationError("--everywhere chooses --isa and --threads itself")
    }
  }

  func run() throws {
    try machine.apply()
    if update || record, isCI {
      Terminal.writeError("error: recorded output is not rewritten where CI is set\n")
      throw ExitCode(2)
    }
    let files = try chosenFiles()
    Interrupts.install()
    Termination.install()
    let answers: [WorkerPool.Answer?]
    do throws(WorkerError) { answers = try run(files) } catch {
      Terminal.writeError("error: \(error.message)\n")
      throw ExitCode(2)
    }
    let finished = answers.compactMap(\.self)
    // A page without any block of code is no test.
    let tests = finished.filter { !$0.report.outcomes.isEmpty || $0.report.crash != nil }
    guard !tests.isEmpty || shard != nil || isStopped else {
      Terminal.writeError("error: no test found\n")
      throw ExitCode(2)
    }
    let reports = try tests.map(shown)
    if let junit { try write(FileReport.junit(reports), to: Self.typed(junit)) }
    func count(_ status: FileReport.Outcome.Status) -> Int {
      reports.reduce(0) { $0 + $1.count(status) }
    }
    if tap { Terminal.write(FileReport.tap(reports)) }
    if isGitHub {
      for report in reports { Terminal.write(report.annotations(path: repositoryPath(report.name))) }
    }
    let summary = "\(count(.passed)) passed, \(count(.failed)) failed, \(count(.skipped)) skipped"
    if isStopped {
      Terminal.writeError("interrupted: \(finished.count) of \(files.count) files ran\n")
    }
    Terminal.write((tap ? "# " : "") + summary + "\n")
    if isStopped { throw ExitCode(Termination.isPending ? 143 : 130) }
    if count(.failed) > 0 { throw ExitCode(1) }
  }

  // MARK: Running

  /// The outcome of each file; `nil` for a file that an interruption left out.
  private func run(_ files: [String]) throws(WorkerError) -> [WorkerPool.Answer?] {
    var times = TestTimes.load()
    let order = files.indices.sorted { (times[files[$0]], $1) > (times[files[$1]], $0) }
    let jobs = min(jobs ?? Machine.coreCount, max(files.count, 1))
    let settings = self.settings(jobs: jobs)
    let tasks = order.flatMap { file in
      settings.map { WorkerPool.Task(file: files[file], options: $0.options) }
    }
    var answers = files.map { _ in [WorkerPool.Answer?](repeating: nil, count: settings.count) }
    var done = 0
    var failed = 0
    let line = StatusLine()
    defer { line.clear() }
    let pool = WorkerPool(jobs: jobs, timeout: timeout)
    func note(_ number: Int, _ answer: WorkerPool.Answer) {
      answers[order[number / settings.count]][number % settings.count] = answer
      done += 1
      failed += answer.report.isPassed ? 0 : 1
      line.show("\(done) of \(tasks.count) runs" + (failed > 0 ? ", \(failed) with failures" : ""))
    }
    try pool.run(tasks, isInterrupted: { isStopped }, didFinish: note)
    let result = zip(files, answers).map { file, runs -> WorkerPool.Answer? in
      // Interrupted between its runs, a file has no result.
      guard var answer = runs[0], !runs.contains(where: { $0 == nil }) else { return nil }
      times[file] = answer.report.seconds
      for (run, setting) in zip(runs, settings).dropFirst() {
        if let run { answer.report.compare(with: run.report, called: setting.name) }
      }
      return answer
    }
    times.save()
    return result
  }

  /// The machine settings that each file runs under, with the worker's options for them.
  private func settings(jobs: Int) -> [(name: String, options: [String])] {
    var common: [String] = []
    if !sandbox { common.append("--no-sandbox") }
    if everywhere { common.append("--digests") }
    if update || diff { common += ["--recording", "differing"] }
    if record { common += ["--recording", "new"] }
    guard everywhere else {
      let threads = machine.threads ?? max(1, Machine.coreCount / jobs)
      let isa = machine.isa.map { ["--isa", $0] } ?? []
      return [("", common + ["--threads", "\(threads)"] + isa)]
    }
    return Machine.instructionSets.reversed().flatMap { set in
      [1, 2, 3].map { threads in
        let options = ["--isa", set.rawValue, "--threads", "\(threads)"]
        return (options.joined(separator: " "), common + options)
      }
    }
  }

  // MARK: Showing

  /// Writes what there is to see of a file, and what it was asked to rewrite; the report that is left.
  private func shown(_ answer: WorkerPool.Answer) throws -> FileReport {
    var report = answer.report
    if let updated = answer.updated, diff {
      Terminal.write(lineDifference(report.name, try text(of: report.name), updated))
    } else if let updated = answer.updated {
      try write(updated, to: report.name)
      Terminal.write("updated \(report.name)\n")
      report.conclude(record ? .new : .differing)
    }
    // A failure that an update would fix is shown as its difference.
    var shown = report
    if diff { shown.conclude(.differing) }
    if !tap, !shown.isPassed { Terminal.write(asText(coloured(shown.text)) + "\n") }
    return report
  }

  /// No line of a script's output is taken for a command by GitHub.
  private func asText(_ text: String) -> String {
    guard isGitHub else { return text }
    let word = "attn-\(UInt64.random(in: 0 ... .max))"
    return "::stop-commands::\(word)\n\(text)\n::\(word)::"
  }

  private func coloured(_ text: String) -> String {
    guard case .colour = Terminal.style(machine.color) else { return text }
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.hasPrefix("    - ")
        ? "\u{1B}[31m\(line)\u{1B}[0m" : line.hasPrefix("    + ") ? "\u{1B}[32m\(line)\u{1B}[0m" : "\(line)"
    }.joined(separator: "\n")
  }

  /// The lines that an update takes out and puts in, with their numbers.
  private func lineDifference(_ file: String, _ old: String, _ new: String) -> String {
    func lines(_ text: String) -> [String] {
      text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        .map { String(decoding: $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0, as: UTF8.self) }
    }
    let (before, after) = (lines(old), lines(new))
    var lines: [(number: Int, order: Int, text: String)] = []
    for change in after.difference(from: before) {
      switch change {
      case .remove(let offset, let line, _): lines.append((offset, 0, "    - \(offset + 1): \(line)"))
      case .insert(let offset, let line, _): lines.append((offset, 1, "    + \(offset + 1): \(line)"))
      }
    }
    lines.sort { ($0.number, $0.order) < ($1.number, $1.order) }
    return coloured(file + "\n" + lines.map { "\($0.text)\n" }.joined())
  }

  /// The path as the repository knows it, which annotations are about.
  private func repositoryPath(_ file: String) -> String {
    guard let root = Terminal.environment("GITHUB_WORKSPACE") else { return file }
    let (path, folder) = (Files.absolute(file), Files.absolute(root) + "/")
    return path.hasPrefix(folder) ? String(path.dropFirst(folder.count)) : file
  }

  private func write(_ text: String, to path: String) throws {
    do throws(BuiltinError) { try Files().write(Array(text.utf8), to: path) } catch { try stop(error) }
  }

  private func text(of path: String) throws -> String {
    do throws(BuiltinError) { return try Files().readText(path) } catch { try stop(error) }
  }

  private func stop(_ error: BuiltinError) throws -> Never {
    Terminal.writeError("error: \(error.message)\n" + (error.hint.map { "  hint: \($0)\n" } ?? ""))
    throw ExitCode(2)
  }

  private var isStopped: Bool { Interrupts.isPending || Termination.isPending }

  private var isGitHub: Bool { Terminal.environment("GITHUB_ACTIONS") == "true" }

  private var isCI: Bool {
    Terminal.environment("CI").map { !$0.isEmpty && $0 != "false" } ?? false
  }

  // MARK: Finding files

  /// The files to run, in the order of their paths; only one shard of them with `--shard`.
  private func chosenFiles() throws -> [String] {
    func isTest(_ path: String) -> Bool {
      [".attn", ".md"].contains { path.lowercased().hasSuffix($0) }
    }
    var files: [String] = []
    do throws(BuiltinError) {
      for path in paths.map(Self.typed) {
        switch try Files().kind(path) {
        case .folder: files += try Files().files(below: path).filter(isTest)
        case .missing: throw BuiltinError("there is no file \(path)")
        case .file, .other: files.append(path)
        }
      }
    } catch {
      try stop(error)
    }
    var seen = Set<[UInt8]>()
    files = files.filter { seen.insert(Array(Files.absolute($0).utf8)).inserted }
    if let filter { files = files.filter { $0.contains(filter) } }
    guard !files.isEmpty else { try stop(BuiltinError("no test found")) }
    guard let shard else { return files }
    return files.enumerated().filter { $0.offset % shard.count == shard.number - 1 }.map(\.element)
  }

  /// A path as typed: `tmp:` means nothing outside a script.
  private static func typed(_ path: String) -> String { path.hasPrefix("tmp:") ? "./" + path : path }

  /// `2/3`: the second of three shards.
  struct Shard: ExpressibleByArgument {
    var number: Int
    var count: Int

    init?(argument: String) {
      let parts = argument.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
      guard parts.count == 2, let number = parts[0], let count = parts[1], count > 0,
        (1...count).contains(number)
      else { return nil }
      (self.number, self.count) = (number, count)
    }
  }
}

/// One line on a terminal's stderr that is redrawn, and gone at the end.
private final class StatusLine {
  private let isShown = Terminal.isTerminal(2) && Terminal.environment("TERM") != "dumb"
  private var lastDrawn = 0.0

  func show(_ text: String) {
    guard isShown, Terminal.now - lastDrawn > 0.1 else { return }
    lastDrawn = Terminal.now
    Terminal.writeError("\r\u{1B}[K" + text.prefix(max(Terminal.width - 1, 10)))
  }

  func clear() {
    if isShown, lastDrawn > 0 { Terminal.writeError("\r\u{1B}[K") }
  }
}
