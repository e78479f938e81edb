import ArgumentParser
import Builtins
import Golden

/// `attn test PATH...`
struct TestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Run scripts and Markdown pages, and compare what they print with what is recorded.")

  @OptionGroup var machine: MachineOptions

  @Argument(help: "Scripts, Markdown pages, or folders of them.") var paths: [String]

  @Flag(name: .long, help: "Rewrite the recorded output that differs, in place.") var update = false
  @Flag(name: .long, help: "Show what --update would write.") var diff = false
  @Flag(name: .long, help: "Record the output of a new script; the same as --update.") var record = false
  @Option(name: .long, help: ArgumentHelp("Only files whose path contains this.", valueName: "text"))
  var filter: String?

  func run() throws {
    try machine.apply()
    if update || record, let ci = Terminal.environment("CI"), !ci.isEmpty, ci != "false" {
      Terminal.writeError("error: recorded output is not rewritten where CI is set\n")
      throw ExitCode(2)
    }
    var counts = (passed: 0, failed: 0, skipped: 0)
    let files = try found()
    guard !files.isEmpty else {
      Terminal.writeError("error: no test found\n")
      throw ExitCode(2)
    }
    for file in files {
      let text: String
      do throws(BuiltinError) { text = try Files().readText(file) } catch {
        Terminal.writeError("error: \(error.message)\n")
        throw ExitCode(2)
      }
      let test = GoldenTest(text, name: file, folder: Files.folder(of: file))
      guard !test.document.entries.isEmpty else { continue }
      let report = test.run()
      for result in report.results {
        switch result.status {
        case .passed: counts.passed += 1
        case .failed: counts.failed += 1
        case .skipped: counts.skipped += 1
        }
      }
      if report.isPassed { continue }
      if update || record {
        do throws(BuiltinError) { try Files().write(Array(test.updated(report).utf8), to: file) } catch {
          Terminal.writeError("error: \(error.message)\n")
          throw ExitCode(2)
        }
        Terminal.write("updated \(file)\n")
        counts.failed -= report.failures.count
        counts.passed += report.failures.count
      } else if diff {
        Terminal.write(Self.difference(file, text, test.updated(report)))
      } else {
        Terminal.write(report.text + "\n")
      }
    }
    Terminal.write("\(counts.passed) passed, \(counts.failed) failed, \(counts.skipped) skipped\n")
    if counts.failed > 0 { throw ExitCode(1) }
  }

  /// The lines that an update takes out and puts in, with their numbers.
  private static func difference(_ file: String, _ old: String, _ new: String) -> String {
    let before = old.split(separator: "\n", omittingEmptySubsequences: false)
    let after = new.split(separator: "\n", omittingEmptySubsequences: false)
    var lines: [(number: Int, order: Int, text: String)] = []
    for change in after.difference(from: before) {
      switch change {
      case .remove(let offset, let line, _): lines.append((offset, 0, "-\(offset + 1): \(line)"))
      case .insert(let offset, let line, _): lines.append((offset, 1, "+\(offset + 1): \(line)"))
      }
    }
    lines.sort { ($0.number, $0.order) < ($1.number, $1.order) }
    return file + "\n" + lines.map { "  \($0.text)\n" }.joined()
  }

  /// The files to run, sorted.
  private func found() throws -> [String] {
    func isTest(_ path: String) -> Bool { path.hasSuffix(".attn") || path.hasSuffix(".md") }
    var files: [String] = []
    do throws(BuiltinError) {
      for path in paths {
        switch try Files().kind(path) {
        case .folder: files += try Files().files(below: path).filter(isTest)
        case .missing: throw BuiltinError("there is no file \(path)")
        case .file, .other: files.append(path)
        }
      }
    } catch {
      Terminal.writeError("error: \(error.message)\n")
      throw ExitCode(2)
    }
    if let filter { files = files.filter { $0.contains(filter) } }
    return files
  }
}
