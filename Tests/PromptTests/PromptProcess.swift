import FoundationEssentials
import Glibc
import Testing

/// The real program in a real pseudo-terminal: keys in, screen out.
final class PromptProcess {
  private let terminal: Int32
  private(set) var process: pid_t = 0
  var screen: ScreenModel
  private(set) var raw: [UInt8] = []
  private(set) var status: Int32?
  let home: String
  private let ownsHome: Bool

  static let enter = "\r"
  static let up = "\u{1B}[A"
  static let down = "\u{1B}[B"
  static let right = "\u{1B}[C"
  static let left = "\u{1B}[D"
  static let backspace = "\u{7F}"
  static func control(_ letter: Character) -> String {
    String(Unicode.Scalar(letter.asciiValue! & 0x1F))
  }
  /// Whether the terminal shows what is typed and takes it line by line.
  var isCooked: Bool {
    var modes = termios()
    guard tcgetattr(terminal, &modes) == 0 else { return false }
    return modes.c_lflag & tcflag_t(ICANON) != 0 && modes.c_lflag & tcflag_t(ECHO) != 0
  }

  /// Shows what is typed and takes it line by line, as a shell has it.
  func cook() {
    var modes = termios()
    guard tcgetattr(terminal, &modes) == 0 else { return }
    modes.c_lflag |= tcflag_t(ICANON | ECHO | ISIG)
    modes.c_iflag |= tcflag_t(ICRNL)
    tcsetattr(terminal, TCSANOW, &modes)
  }

  static func pasted(_ text: String) -> String { "\u{1B}[200~\(text)\u{1B}[201~" }

  /// Beside the tests.
  static let program: String = {
    var path = [Int8](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    let own = String(decoding: path[..<max(count, 0)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let beside = own.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/attn"
    if access(beside, X_OK) == 0 { return beside }
    let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    return root + "/.build/release/attn"
  }()

  /// A new folder for one test.
  static func makeHome() -> String {
    let folder = FileManager.default.temporaryDirectory.path
    var template = Array("\(folder)/attn-prompt-XXXXXX".utf8CString)
    return String(cString: mkdtemp(&template))
  }

  /// - Parameters:
  ///   - home: the user's folder, in which it starts; a new one, gone at the end, where none is given.
  ///   - output: a descriptor that takes the place of the terminal for stdout.
  init(
    _ arguments: [String] = [], environment: [String: String] = [:], home: String? = nil,
    columns: Int = 90, rows: Int = 30, output: Int32? = nil, waits: Bool = true
  ) throws {
    self.home = home ?? Self.makeHome()
    ownsHome = home == nil
    screen = ScreenModel(columns: columns, rows: rows)
    terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)
    // Linux's requests to unlock the other side and for its number; Glibc's functions for it are not
    // to be had from Swift.
    var lock: Int32 = 0
    var number: Int32 = 0
    try #require(terminal >= 0)
    try #require(ioctl(terminal, 0x4004_5431, &lock) == 0 && ioctl(terminal, 0x8004_5430, &number) == 0)
    let name = "/dev/pts/\(number)"
    Self.resize(terminal, columns, rows)
    var variables = [
      "HOME": self.home, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin",
      "TMPDIR": self.home,
    ]
    variables.merge(environment) { $1 }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_addopen(&actions, 0, name, O_RDWR, 0)
    if let output {
      posix_spawn_file_actions_adddup2(&actions, output, 1)
    } else {
      posix_spawn_file_actions_adddup2(&actions, 0, 1)
    }
    posix_spawn_file_actions_adddup2(&actions, 0, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    // The threads that tests run on keep signals away, and a child would inherit that.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Self.newSession | Int16(POSIX_SPAWN_SETSIGMASK))
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    // The first terminal that the leader of a new session opens controls it.
    let inFolder = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", self.home, Self.program]
    let words = Self.copies(inFolder + arguments)
    let settings = Self.copies(variables.map { "\($0)=\($1)" })
    defer { for word in words + settings { free(word) } }
    let result = posix_spawn(&process, inFolder[0], &actions, &attributes, words, settings)
    try #require(result == 0, "the program is not there: \(Self.program)")
    if waits { try expectPrompt() }
  }

  deinit {
    if status == nil {
      kill(process, SIGKILL)
      waitpid(process, nil, 0)
    }
    close(terminal)
    if ownsHome { Self.remove(home) }
  }

  /// Words as C wants them, to be freed.
  private static func copies(_ words: [String]) -> [UnsafeMutablePointer<CChar>?] {
    words.map { strdup($0) } + [nil]
  }

  /// POSIX_SPAWN_SETSID
  private static let newSession: Int16 = 0x80

  static func remove(_ folder: String) {
    var child: pid_t = 0
    let words = copies(["rm", "-rf", folder])
    defer { for word in words { free(word) } }
    if posix_spawn(&child, "/bin/rm", nil, nil, words, environ) == 0 { waitpid(child, nil, 0) }
  }

  // MARK: In

  func type(_ keys: String) {
    var bytes = Array(keys.utf8)[...]
    while !bytes.isEmpty {
      let chunk = Array(bytes.prefix(512))
      let count = Glibc.write(terminal, chunk, chunk.count)
      if count > 0 { bytes = bytes.dropFirst(count) }
      // The program may have to read before there is room for more.
      if !bytes.isEmpty { collect(for: 1) }
    }
  }

  /// Types a line, and waits for the prompt behind what it printed.
  func enter(_ line: String, timeout: Double = 30, sourceLocation: SourceLocation = #_sourceLocation)
    throws
  {
    let before = promptCount
    type(line + Self.enter)
    try wait("a prompt after \(line)", timeout: timeout, sourceLocation: sourceLocation) {
      promptCount > before && isAtPrompt
    }
  }

  /// Waits until what has begun is in the middle of its work, or has waited a while for something else.
  func letWork(for seconds: Double = 0.15) {
    let (begun, used) = (Self.now, processorTime)
    while Self.now - begun < seconds || processorTime - used < seconds && Self.now - begun < 10 * seconds {
      collect(for: 10)
    }
  }

  /// The seconds that processors have spent on it.
  private var processorTime: Double {
    // Behind the name in parentheses: state, ..., and as the 12th and 13th the times in ticks.
    let fields = Self.read("/proc/\(process)/stat")?.split(separator: ")").last?.split(separator: " ") ?? []
    guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  func interrupt() { type(Self.control("C")) }

  private static func resize(_ terminal: Int32, _ columns: Int, _ rows: Int) {
    var size = winsize(
      ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(terminal, UInt(TIOCSWINSZ), &size)
  }

  func resize(columns: Int, rows: Int) {
    screen.resize(columns: columns, rows: rows)
    Self.resize(terminal, columns, rows)
  }

  // MARK: Out

  /// How often the program has begun to read an entry: it asks for marks around what is pasted then.
  var promptCount: Int { screen.sequences.count { $0 == "[?2004h" } }

  var isAtPrompt: Bool { screen.cursorLine == "attn>" && screen.column == 6 }

  var lines: [String] { screen.lines }
  var text: String { lines.joined(separator: "\n") }

  /// The last lines in front of the prompt.
  func last(_ count: Int) -> [String] { Array(lines.dropLast().suffix(count)) }

  func expectPrompt(sourceLocation: SourceLocation = #_sourceLocation) throws {
    try wait("a prompt", sourceLocation: sourceLocation) { isAtPrompt }
  }

  func expectText(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    try wait(text, sourceLocation: sourceLocation) { self.text.contains(text) }
  }

  /// Waits until something holds on the screen.
  func wait(
    _ what: String, timeout: Double = 30, every milliseconds: Int32 = 20,
    sourceLocation: SourceLocation = #_sourceLocation, _ condition: () -> Bool
  ) throws {
    let start = Self.now
    while !condition() {
      guard Self.now - start < timeout else {
        let written = String(decoding: raw.suffix(600), as: UTF8.self).debugDescription
        Issue.record(
          "waited in vain for \(what); the screen:\n\(text)\nlast written: \(written)",
          sourceLocation: sourceLocation)
        throw Timeout()
      }
      collect(for: milliseconds)
    }
  }

  struct Timeout: Error {}

  /// Waits for the end, and gives the exit status.
  func exitStatus(timeout: Double = 30) throws -> Int32 {
    let start = Self.now
    var result: Int32 = 0
    while waitpid(process, &result, WNOHANG) == 0 {
      guard Self.now - start < timeout else {
        Issue.record("it has not ended; the screen:\n\(text)")
        throw Timeout()
      }
      collect(for: 10)
    }
    collect(for: 0)
    let code = result & 0x7F == 0 ? (result >> 8) & 0xFF : 128 + result & 0x7F
    status = code
    return code
  }

  /// Takes what the program has written, waiting for it a while.
  func collect(for milliseconds: Int32) {
    var waiting = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
    guard poll(&waiting, 1, milliseconds) > 0 else { return }
    guard waiting.revents & Int16(POLLIN) != 0 else {
      // Nobody has the other side open.
      if milliseconds > 0 { usleep(1000) }
      return
    }
    var chunk = [UInt8](repeating: 0, count: 65536)
    let count = Glibc.read(terminal, &chunk, chunk.count)
    guard count > 0 else { return }
    raw += chunk[..<count]
    screen.feed(Array(chunk[..<count]))
  }

  static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  // MARK: Files

  func write(_ text: String, to name: String) { Self.write(text, to: home + "/" + name) }

  static func write(_ text: String, to path: String) {
    guard let file = fopen(path, "w") else { return }
    fputs(text, file)
    fclose(file)
  }

  func read(_ name: String) -> String? { Self.read(home + "/" + name) }

  static func read(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = fread(&chunk, 1, chunk.count, file)
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += chunk[..<count]
    }
  }
}
