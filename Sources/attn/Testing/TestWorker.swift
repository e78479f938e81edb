import ArgumentParser
import Builtins
import Drawing
import Families
import FoundationEssentials
import Glibc
import Golden
import Host
import Support

/// The process that runs one file for `attn test` and tells on stdout, a line of JSON each, what came.
struct TestWorker: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test-worker", abstract: "Run one file for attn test.", shouldDisplay: false)

  @OptionGroup var machine: MachineOptions
  @OptionGroup var settings: Settings
  @Argument var file: String

  /// What the command hands on to its workers.
  struct Settings: ParsableArguments {
    @Flag(inversion: .prefixedNo) var sandbox = true
    /// Seconds after which the process ends itself; 0 for never.
    @Option var limit = 0.0
    /// Whether each outcome says which bits the statement's value has.
    @Flag var digests = false
    /// Whether the text with the output recorded is wanted: `new` or `differing`.
    @Option var recording: Recording?
  }

  enum Recording: String, ExpressibleByArgument { case new, differing }

  enum Event: Codable {
    case began(FileReport.Place)
    case came(FileReport.Outcome)
    /// The end, with the file's new text where that was asked for and differs.
    case ended(updated: String?)
  }

  func run() throws {
    try machine.apply()
    // If the command has ended by then, only this alarm ends an endless loop.
    if settings.limit > 0 { alarm(UInt32(min(settings.limit + 5, 1e9))) }
    let text: String
    let mark: String
    do throws(BuiltinError) {
      text = try Files().readText(file)
      mark = try Files().readBytes(file).starts(with: "\u{FEFF}".utf8) ? "\u{FEFF}" : ""
    } catch {
      Terminal.writeError(error.message + "\n")
      throw ExitCode(1)
    }
    let test = GoldenTest(
      text, name: file, folder: Files.folder(of: file), .standard, isSandboxed: settings.sandbox)
    var started = Terminal.now
    let report = test.run(withDigests: settings.digests) { entry in
      tell(.began(FileReport.Place(entry)))
      started = Terminal.now
    } didRun: { result in
      tell(.came(FileReport.Outcome(result, in: file, seconds: Terminal.now - started)))
    }
    var updated: String?
    if let recording = settings.recording {
      let new = test.updated(report, recording == .new ? .new : .differing)
      if !new.utf8.elementsEqual(text.utf8) { updated = mark + new }
    }
    tell(.ended(updated: updated))
  }

  private func tell(_ event: Event) {
    guard let line = try? JSONEncoder().encode(event) else {
      preconditionFailure("an event is text and finite numbers")
    }
    Terminal.write(String(decoding: line, as: UTF8.self) + "\n")
  }
}
