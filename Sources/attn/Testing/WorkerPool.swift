import Drawing
import FoundationEssentials
import Glibc
import Golden
import Support
import Synchronization

/// SIGTERM, with which a CI server cancels a run: the workers must not outlive it.
enum Termination {
  private static let pending = Atomic(false)

  static func install() {
    signal(SIGTERM) { _ in Termination.pending.store(true, ordering: .relaxed) }
  }

  static var isPending: Bool { pending.load(ordering: .relaxed) }
}

/// Runs files in processes of their own, a few at a time: what one does, a crash included, is no
/// other's concern.
struct WorkerPool {
  struct Task {
    var file: String
    /// Options for the worker.
    var options: [String]
  }

  struct Answer {
    var report: FileReport
    /// The file's text with new output recorded, where that was asked for and differs.
    var updated: String?
  }

  var jobs: Int
  /// Seconds after which the pool kills a file's worker; 0 for never.
  var timeout: Double

  /// Runs the tasks in their order and hands over each answer as it comes.
  ///
  /// Once `isInterrupted` is true, it kills the running workers and returns early.
  func run(
    _ tasks: [Task], isInterrupted: () -> Bool, didFinish: (Int, Answer) -> Void
  ) throws(WorkerError) {
    var waiting = Array(tasks.enumerated())[...]
    var running: [Worker] = []
    guard let folder = Self.makeFolder() else {
      throw WorkerError(message: "a temporary folder can't be made here")
    }
    defer {
      for worker in running { worker.kill() }
      try? FileManager.default.removeItem(atPath: folder)
    }
    while !waiting.isEmpty || !running.isEmpty {
      while running.count < jobs, let (number, task) = waiting.first {
        do throws(WorkerError) {
          running.append(try Worker(number, task, timeout: timeout, folder: folder))
          waiting.removeFirst()
        } catch {
          // A running worker releases its resources at its end; with none running, a retry can't help.
          if running.isEmpty { throw error }
          break
        }
      }
      wait(for: running)
      guard !isInterrupted() else { return }
      for worker in running where worker.isLate { worker.giveUp(after: timeout) }
      for worker in running { worker.read() }
      for worker in running where worker.isAtEnd { didFinish(worker.number, worker.answer()) }
      running.removeAll(where: \.isAtEnd)
    }
  }

  /// Blocks for at most 200 ms, until a worker has output or passes its deadline.
  private func wait(for workers: [Worker]) {
    var polls = workers.flatMap(\.descriptors).map {
      pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
    }
    let next = workers.map(\.deadline).min() ?? .infinity
    // Not for long: `poll` does not notice a signal that arrived just before it.
    let milliseconds = min(200, max(0, (next - Terminal.now) * 1000 + 1))
    poll(&polls, nfds_t(polls.count), Int32(milliseconds))
  }

  /// Where the workers' temporary files lie, those of killed ones too, until the run ends.
  private static func makeFolder() -> String? {
    let folder = FileManager.default.temporaryDirectory.path + "/attn-test-" + UUID().uuidString
    let made: ()? = try? FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
    return made == nil ? nil : folder
  }
}

struct WorkerError: Error {
  var message: String

  static let tooManyFiles = WorkerError(
    message: "no more files can be opened for tests: lower --jobs")
}

/// One process, and what it has told so far.
private final class Worker {
  let number: Int
  private let process: pid_t
  private var output: Pipe
  private var errors: Pipe
  private var report: FileReport
  private var updated: String?
  /// The statement that is running.
  private var place: FileReport.Place?
  private var hasEnded = false
  private var isGivenUp = false
  private let started = Terminal.now
  private(set) var deadline: Double

  init(
    _ number: Int, _ task: WorkerPool.Task, timeout: Double, folder: String
  ) throws(WorkerError) {
    self.number = number
    report = FileReport(name: task.file)
    deadline = timeout > 0 ? started + timeout : .infinity
    guard let output = Pipe() else { throw .tooManyFiles }
    guard let errors = Pipe() else {
      output.closeBoth()
      throw .tooManyFiles
    }
    self.output = output
    self.errors = errors
    let words =
      ["attn", "test-worker", "--limit", "\(timeout)"] + task.options + ["--", task.file]
    guard let process = Self.spawn(words, folder, output.writing, errors.writing) else {
      output.closeBoth()
      errors.closeBoth()
      throw WorkerError(message: "a process for \(task.file) can't be started")
    }
    self.process = process
    self.output.closeWriting()
    self.errors.closeWriting()
  }

  /// Starts this same program anew, with nothing on stdin.
  private static func spawn(
    _ words: [String], _ folder: String, _ output: Int32, _ errors: Int32
  ) -> pid_t? {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, errors, 2)
    var arguments = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    // A backtrace would take seconds, and show addresses.
    let settings = ["TMPDIR": folder, "SWIFT_BACKTRACE": "enable=no"]
    var environment = settings.map { strdup("\($0)=\($1)") }
    defer { for setting in environment.prefix(settings.count) { free(setting) } }
    var variable = environ
    while let text = variable.pointee {
      let name = String(cString: text).prefix { $0 != "=" }
      if settings[String(name)] == nil { environment.append(text) }
      variable += 1
    }
    environment.append(nil)
    var process = pid_t()
    let status = posix_spawn(&process, "/proc/self/exe", &actions, nil, &arguments, &environment)
    return status == 0 ? process : nil
  }

  var descriptors: [Int32] { [output.reading, errors.reading].filter { $0 >= 0 } }
  var isAtEnd: Bool { descriptors.isEmpty }
  var isLate: Bool { !isGivenUp && Terminal.now >= deadline }

  func read() {
    for line in output.lines() {
      guard let event = try? JSONDecoder().decode(TestWorker.Event.self, from: Data(line)) else {
        report.crash = FileReport.Crash("told what can't be read", at: place)
        continue
      }
      switch event {
      case .began(let place): self.place = place
      case .came(let outcome):
        report.outcomes.append(outcome)
        place = nil
      case .ended(let text):
        hasEnded = true
        updated = text
      }
    }
    errors.read()
  }

  func giveUp(after seconds: Double) {
    isGivenUp = true
    deadline = .infinity
    report.crash = FileReport.Crash(
      "took longer than \(seconds == seconds.rounded() ? "\(Int(seconds))" : "\(seconds)") s and was "
        + "stopped; --timeout gives it more", at: place)
    Glibc.kill(process, SIGKILL)
  }

  func kill() {
    Glibc.kill(process, SIGKILL)
    waitpid(process, nil, 0)
    output.close()
    errors.close()
  }

  /// Waits for the process, which has closed its streams.
  func answer() -> WorkerPool.Answer {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    report.seconds = Terminal.now - started
    if !isGivenUp, !hasEnded || status != 0 {
      let signal = status & 0x7F
      let what =
        signal != 0
        ? "crashed: \(String(cString: strsignal(signal))) (signal \(signal))"
        : "ended early with status \(status >> 8 & 0xFF)"
      report.crash = FileReport.Crash(what, at: place, errors: errors.text)
    }
    return WorkerPool.Answer(report: report, updated: report.crash == nil ? updated : nil)
  }
}

/// A pipe whose end for reading stays with us.
private struct Pipe {
  private(set) var reading: Int32
  private(set) var writing: Int32
  private var bytes: [UInt8] = []

  init?() {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return nil }
    (reading, writing) = (ends[0], ends[1])
    // No worker inherits another's pipe. Our reads never block; a worker's writes block as on any stream.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(reading, F_SETFL, O_NONBLOCK)
  }

  var text: String { String(decoding: bytes, as: UTF8.self) }

  mutating func closeWriting() { Glibc.close(writing) }

  func closeBoth() {
    Glibc.close(reading)
    Glibc.close(writing)
  }

  mutating func close() {
    if reading >= 0 { Glibc.close(reading) }
    reading = -1
  }

  /// Takes what is there, and closes at the end.
  mutating func read() {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while reading >= 0 {
      let count = Glibc.read(reading, &chunk, chunk.count)
      if count > 0 {
        bytes += chunk[..<count]
      } else if count == 0 {
        close()
      } else if errno != EINTR {
        return
      }
    }
  }

  /// The whole lines that have come since the last time.
  mutating func lines() -> [ArraySlice<UInt8>] {
    read()
    guard let last = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
    let lines = bytes[...last].split(separator: UInt8(ascii: "\n"))
    bytes.removeSubrange(...last)
    return lines
  }
}
