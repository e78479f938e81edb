import Builtins
import Glibc
import Host
import Support

/// The entries of all prompts in a file, safe with several at once.
///
/// An entry is one line, with `\n` for its line breaks and `\\` for a backslash. Each is appended when
/// it is entered, under a lock, so that prompts that run side by side lose nothing of each other. A
/// process that reads a file with more than twice the limit cuts it back to the limit.
package struct HistoryFile: Sendable {
  package let path: String
  package static let limit = 10_000

  package init(path: String) { self.path = path }

  /// `attn/history` in the user's folder for such files; `nil` where there is none.
  package static func standard(_ environment: (String) -> String?) -> HistoryFile? {
    if let folder = environment("XDG_STATE_HOME"), folder.hasPrefix("/") {
      return HistoryFile(path: folder + "/attn/history")
    }
    guard let home = environment("HOME"), !home.isEmpty else { return nil }
    return HistoryFile(path: home + "/.local/state/attn/history")
  }

  /// The latest entries, oldest first. A file that can't be read has none.
  ///
  /// - Parameters:
  ///   - count: how many at most; the first prompt appears after they are read.
  ///   - limit: how many the file keeps.
  package func entries(_ count: Int = 1000, limit: Int = limit) -> [String] {
    guard let bytes = try? Files().readBytes(path) else { return [] }
    let newline = UInt8(ascii: "\n")
    if bytes.reduce(0, { $1 == newline ? $0 + 1 : $0 }) > 2 * limit { cut(to: limit) }
    // From the end, since only the last are wanted.
    var start = bytes.count
    var lines = 0
    while start > 0 {
      if bytes[start - 1] == newline {
        if lines == min(count, limit) { break }
        lines += 1
      }
      start -= 1
    }
    return bytes[start...].split(separator: newline).map {
      Self.decoded(String(decoding: $0, as: UTF8.self))
    }
  }

  /// Adds an entry; false where that can't be done.
  @discardableResult
  package func append(_ entry: String) -> Bool {
    Self.makeFolders(Files.folder(of: path))
    let line = Array((Self.encoded(entry) + "\n").utf8)
    return locked { file in
      // One write at the end of the file: the entry stays whole even if another process ignores the lock.
      Self.writeAll(line, to: file)
    }
  }

  /// Rewrites the file in place, so that no other process holds an unlinked file.
  ///
  /// The method writes the kept entries over the beginning, and truncates the rest afterwards. So the file
  /// still has the latest entries if the process ends between the two.
  private func cut(to limit: Int) {
    _ = locked(atEnd: false) { file in
      guard let bytes = try? Files().readBytes(path) else { return false }
      let lines = bytes.split(separator: UInt8(ascii: "\n"))
      guard lines.count > 2 * limit else { return true }
      let kept = lines.suffix(limit).flatMap { $0 + [UInt8(ascii: "\n")] }
      return Self.writeAll(kept, to: file) && ftruncate(file, kept.count) == 0
    }
  }

  private static func writeAll(_ bytes: [UInt8], to file: Int32) -> Bool {
    bytes.withUnsafeBytes { bytes in
      var at = 0
      while at < bytes.count {
        let count = write(file, bytes.baseAddress! + at, bytes.count - at)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        at += count
      }
      return true
    }
  }

  /// - Parameter atEnd: whether all that is written goes to the end of the file.
  private func locked(atEnd: Bool = true, _ body: (Int32) -> Bool) -> Bool {
    let file = open(path, O_RDWR | (atEnd ? O_APPEND : 0) | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { return false }
    defer { close(file) }
    while flock(file, LOCK_EX) != 0 { guard errno == EINTR else { return false } }
    return body(file)
  }

  private static func makeFolders(_ folder: String) {
    guard access(folder, F_OK) != 0 else { return }
    let parent = Files.folder(of: folder)
    if parent != folder { makeFolders(parent) }
    mkdir(folder, 0o700)
  }

  static func encoded(_ entry: String) -> String {
    // By scalars: a carriage return and a line break together are one character.
    var line = ""
    for scalar in entry.unicodeScalars {
      switch scalar {
      case "\\": line += "\\\\"
      case "\n": line += "\\n"
      case "\r": line += "\\r"
      default: line.unicodeScalars.append(scalar)
      }
    }
    return line
  }

  static func decoded(_ line: String) -> String {
    guard line.utf8.contains(UInt8(ascii: "\\")) else { return line }
    var result = ""
    var rest = line[...]
    while let backslash = rest.firstIndex(of: "\\") {
      result += rest[..<backslash]
      rest = rest[rest.index(after: backslash)...]
      switch rest.popFirst() {
      case "n": result += "\n"
      case "r": result += "\r"
      case let other?: result.append(other)
      case nil: break
      }
    }
    return result + rest
  }
}
