import Builtins
import Families
import FoundationEssentials
import Glibc
import Host
import Interaction
import Language
import Support

/// A folder of its own below the system's temporary one; gone when the tests end.
func temporaryFolder() -> String {
  let folder = temporaryRoot + "/" + UUID().uuidString
  try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  return folder
}

private let temporaryRoot: String = {
  let folder = FileManager.default.temporaryDirectory.path + "/attn-tests-" + UUID().uuidString
  atexit { try? FileManager.default.removeItem(atPath: temporaryRoot) }
  return folder
}()

/// A shell whose screen is a text.
final class TestShell {
  private(set) var written = ""
  private(set) var reported = ""
  private(set) var noted: [String] = []
  private(set) var shell: Shell!
  /// What the next program does with the file that it is given.
  var program: (_ command: String, _ file: String) -> Int = { _, _ in 0 }
  /// Called at each question whether to stop.
  var isInterrupted: () -> Bool = { false }

  init(environment: [String: String] = [:], width: Int = 80) {
    var screen = Screen()
    screen.write = { [unowned self] in written += $0 }
    screen.report = { [unowned self] in reported += $0 }
    screen.note = { [unowned self] in noted.append($0) }
    screen.run = { [unowned self] in program($0, $1) }
    screen.environment = { environment[$0] }
    screen.width = { width }
    shell = Shell(.standard, screen: screen) { [unowned self] session in
      session.host.loops.isInterrupted = { [unowned self] in isInterrupted() }
      session.host.loops.noteInterruption = { [unowned self] in isInterrupted = { false } }
    }
  }

  /// What an entry writes.
  @discardableResult
  func run(_ entry: String) -> String {
    written = ""
    reported = ""
    noted = []
    _ = shell.submit(entry)
    return written + reported
  }

  /// Interrupts at the question of a number.
  func interrupt(after count: Int) {
    var asked = 0
    isInterrupted = {
      asked += 1
      return asked > count
    }
  }
}

enum TestFiles {
  static func read(_ path: String) throws -> String { try Files().readText(path) }
  static func write(_ text: String, to path: String) { write(Array(text.utf8), to: path) }
  static func write(_ bytes: [UInt8], to path: String) { try? Files().write(bytes, to: path) }
}

extension String {
  func components(of separator: String) -> [Substring] {
    self.split(separator: separator, omittingEmptySubsequences: false)
  }
}

extension TestFiles {
  static func exists(_ path: String) -> Bool { (try? Files().kind(path)) == .file }
}
