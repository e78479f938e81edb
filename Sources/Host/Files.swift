import Drawing
import FoundationEssentials
import Glibc
import Support
import Synchronization
import Tensors

/// Where a session reads and writes, and plain words for what goes wrong there.
///
/// Messages show a path as the user wrote it, never an absolute one, so that a recorded script reads
/// the same everywhere.
package struct Files: Sendable {
  /// The script's folder, against which relative paths resolve.
  package var base: String
  /// Where the user stands: paths from the command line are relative to it.
  package var workingFolder: String
  /// The strings that came from the command line.
  package var typed: Set<String>
  /// Where paths that begin with `tmp:` lie: a folder of this session's own, gone with it.
  private let temporary = TemporaryFolder()
  /// What is written under a sandbox that keeps it.
  private let overlay = TemporaryFolder()
  /// Where reading and writing is confined to; `nil` allows every place.
  package var sandbox: Sandbox?

  /// A folder that a script may not leave.
  package struct Sandbox: Sendable {
    package var folder: String
    /// Whether what is written goes to a folder of the session's own, laid over this one: the script
    /// reads back what it wrote, and leaves nothing behind.
    package var keepsWrites: Bool

    package init(_ folder: String, keepsWrites: Bool = false) {
      self.folder = folder
      self.keepsWrites = keepsWrites
    }
  }
  /// Told how many bytes of how many have been read. Only the thread that reads has it.
  nonisolated(unsafe) package var watch: ((_ done: Int, _ total: Int) -> Void)?

  package init(
    base: String = ".", workingFolder: String = ".", typed: Set<String> = [],
    sandbox: Sandbox? = nil
  ) {
    self.base = base
    self.workingFolder = workingFolder
    self.typed = typed
    self.sandbox = sandbox
  }

  /// The place that a path stands for, once it is known to be allowed.
  package func resolve(_ path: String) throws(BuiltinError) -> String {
    try resolve(path, isWriting: false)
  }

  private func resolve(_ path: String, isWriting: Bool) throws(BuiltinError) -> String {
    guard !path.isEmpty else { throw BuiltinError("the path is empty", at: []) }
    guard !path.utf8.contains(0) else {
      throw BuiltinError("\(quoted(path)) is not a path", at: [])
    }
    if path.hasPrefix("tmp:") {
      let name = String(path.dropFirst(4))
      guard !name.isEmpty, !name.contains("/"), name != ".." else {
        throw BuiltinError("\(path) is not a name in the temporary folder: it is written tmp:name")
      }
      return try temporary.path() + "/" + name
    }
    // A place that the user typed is not one that the script chose.
    let isTyped = typed.contains(path)
    let folder = isTyped ? workingFolder : base
    let full = path.hasPrefix("/") ? path : folder + "/" + path
    return isTyped ? full : try place(full, isWriting: isWriting)
  }

  /// Where a place is read or written under the sandbox, if there is one.
  private func place(_ full: String, isWriting: Bool = false) throws(BuiltinError) -> String {
    guard let sandbox else { return full }
    guard let inside = Self.path(full, inside: sandbox.folder) else {
      throw BuiltinError(
        "the script may read and write only in its own folder and a temporary one here",
        hint: "a file that need not stay is written tmp:name")
    }
    return sandbox.keepsWrites ? try laidOver(full, inside, isWriting: isWriting) : full
  }

  /// A place in the sandbox, or the one in the overlay where something was written instead.
  private func laidOver(_ full: String, _ inside: String, isWriting: Bool) throws(BuiltinError) -> String {
    guard isWriting || overlay.isMade else { return full }
    let shadow = try overlay.path() + "/" + inside
    if isWriting, Self.kind(of: Self.folder(of: full)) == .folder {
      try? FileManager.default.createDirectory(
        atPath: Self.folder(of: shadow), withIntermediateDirectories: true)
    }
    return isWriting || Self.kind(of: shadow) == .file ? shadow : full
  }

  /// The names in a folder, those that this session wrote there included; `nil` where it can't be read.
  private func names(in full: String) -> [String]? {
    guard let names = Self.names(in: full) else { return nil }
    guard let sandbox, sandbox.keepsWrites, overlay.isMade,
      let inside = Self.path(full, inside: sandbox.folder), let root = try? overlay.path(),
      let written = Self.names(in: root + "/" + inside)
    else { return names }
    return Set(names + written).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The folder that a path's last part lies in.
  package static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The path from the root, links followed where it exists.
  package static func absolute(_ path: String) -> String {
    if path.hasPrefix("/") { return realPath(path) }
    return realPath(FileManager.default.currentDirectoryPath + "/" + path)
  }

  package enum Kind: Sendable {
    case missing, file, folder, other
  }

  package func kind(_ path: String) throws(BuiltinError) -> Kind {
    Self.kind(of: try resolve(path))
  }

  // MARK: Reading

  package func readBytes(_ path: String) throws(BuiltinError) -> [UInt8] {
    let full = try resolve(path)
    switch Self.kind(of: full) {
    case .missing: throw missing(path, full)
    case .folder: throw BuiltinError("\(path) is a folder")
    case .file, .other: break
    }
    // Opening a named pipe would block until another process writes, and no cancellation could end it.
    let mayWait = Self.kind(of: full) == .other
    let file = open(full, O_RDONLY | O_CLOEXEC | (mayWait ? O_NONBLOCK : 0))
    guard file >= 0 else { throw failure("read", path, errno) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw failure("read", path, errno) }
    var bytes: [UInt8] = []
    guard Int(status.st_size) <= Memory.limit else {
      throw BuiltinError(
        "\(path) takes \(Memory.readable(Int(status.st_size))), which does not fit in memory")
    }
    bytes.reserveCapacity(Int(status.st_size))
    let size = 1 << 20
    var chunk = [UInt8](repeating: 0, count: size)
    while true {
      if mayWait {
        var waiting = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
        while poll(&waiting, 1, 20) == 0, !Machine.isStopRequested {}
      }
      // The caller checks for a cancellation, and so knows what this error means.
      guard !Machine.isStopRequested else {
        Disposal.release(&bytes)
        throw BuiltinError("the reading of \(path) was stopped")
      }
      let count = read(file, &chunk, size)
      if count < 0, errno == EINTR || errno == EAGAIN { continue }
      guard count >= 0 else { throw failure("read", path, errno) }
      guard count > 0 else { return bytes }
      bytes += chunk[..<count]
      watch?(bytes.count, max(Int(status.st_size), bytes.count))
      guard bytes.count <= Memory.limit else {
        throw BuiltinError("\(path) does not fit in memory")
      }
    }
  }

  /// The text of a UTF-8 file, without the mark that some programs put at its start.
  package func readText(_ path: String) throws(BuiltinError) -> String {
    var bytes = try readBytes(path)
    let hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
    do {
      if let text = try String(checking: hasMark ? bytes[3...] : bytes[...]) { return text }
    } catch {
      Disposal.release(&bytes)
      throw BuiltinError("the reading of \(path) was stopped")
    }
    throw BuiltinError("\(path) is not UTF-8 text: byte \(Self.validPrefix(of: bytes))")
  }

  /// The names of the files in a folder, sorted, without those that begin with a dot.
  package func list(_ folder: String) throws(BuiltinError) -> [String] {
    let full = try resolve(folder)
    switch Self.kind(of: full) {
    case .missing: throw missing(folder, full, what: "folder")
    case .file, .other: throw BuiltinError("\(folder) is not a folder")
    case .folder: break
    }
    guard let names = names(in: full) else {
      throw BuiltinError("no permission to read \(folder)")
    }
    var result: [String] = []
    for name in names where !name.hasPrefix(".") {
      let file = full + "/" + name
      if Self.kind(of: typed.contains(folder) ? file : try place(file)) == .file { result.append(name) }
    }
    return result
  }

  /// The paths of all files below a folder, sorted; those that begin with a dot are left out. A folder
  /// that links lead to a second time is read once.
  package func files(below folder: String) throws(BuiltinError) -> [String] {
    var seen: Set<String> = []
    return try files(below: folder, &seen)
  }

  private func files(below folder: String, _ seen: inout Set<String>) throws(BuiltinError) -> [String] {
    let full = try resolve(folder)
    guard seen.insert(Self.realPath(full)).inserted else { return [] }
    guard let names = Self.names(in: full) else {
      throw BuiltinError("no permission to read \(folder)")
    }
    let root = folder.hasSuffix("/") ? String(folder.dropLast()) : folder
    var result: [String] = []
    for name in names where !name.hasPrefix(".") {
      switch Self.kind(of: full + "/" + name) {
      case .folder: result += try files(below: "\(root)/\(name)", &seen)
      case .file: result.append("\(root)/\(name)")
      case .missing, .other: continue
      }
    }
    return result
  }

  // MARK: Writing

  /// Writes a whole file or nothing: a temporary file beside it takes its name in the end.
  package func write(_ bytes: [UInt8], to path: String) throws(BuiltinError) {
    let full = try resolve(path, isWriting: true)
    let kind = Self.kind(of: full)
    guard kind != .folder else { throw BuiltinError("\(path) is a folder") }
    // What is no regular file, such as /dev/stdout, is written to, and keeps its place.
    guard kind != .other else {
      return try write(bytes, opening: full, O_WRONLY, path)
    }
    // A symbolic link stays one: what it points to is replaced.
    let target = kind == .file ? Self.realPath(full) : full
    let (folder, name) = Self.split(target)
    guard Self.kind(of: folder) == .folder else {
      let shown = Self.split(path).folder
      throw BuiltinError("there is no folder \(shown) to write \(path) in")
    }
    // Who may read and write the file stays as it was.
    var status = stat()
    let mode = kind == .file && stat(target, &status) == 0 ? status.st_mode & 0o7777 : nil
    if mode != nil, access(target, W_OK) != 0 { throw failure("write", path, errno) }
    let temporary = "\(folder)/.\(name).\(UInt64.random(in: 0 ... .max)).tmp"
    unlink(temporary)
    do throws(BuiltinError) {
      try write(bytes, opening: temporary, O_WRONLY | O_CREAT | O_EXCL, path)
      if let mode { chmod(temporary, mode) }
      if rename(temporary, target) != 0 { throw failure("write", path, errno) }
    } catch {
      unlink(temporary)
      throw error
    }
  }

  private func write(
    _ bytes: [UInt8], opening full: String, _ flags: Int32, _ path: String
  ) throws(BuiltinError) {
    let file = open(full, flags | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw failure("write", path, errno) }
    defer { close(file) }
    var at = 0
    while at < bytes.count {
      guard !Machine.isStopRequested else { throw BuiltinError("the writing of \(path) was stopped") }
      let chunk = Array(bytes[at..<min(at + 1 << 20, bytes.count)])
      let count = Glibc.write(file, chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure("write", path, errno) }
      at += count
    }
    // The name must not change before the bytes are safe; a device has nothing to make safe.
    if fsync(file) != 0, errno != EINVAL, errno != EROFS { throw failure("write", path, errno) }
  }

  // MARK: Words for what went wrong

  private func missing(_ path: String, _ full: String, what: String = "file") -> BuiltinError {
    let (folder, name) = Self.split(full)
    var error = BuiltinError("there is no \(what) \(path)")
    if let names = names(in: folder) {
      if let near = nearest(name, among: names) {
        error.hint = "did you mean \(quoted(path.dropLast(name.count) + near))?"
      }
    } else {
      error.hint = "there is no folder \(Self.split(path).folder)"
    }
    return error
  }

  private func failure(_ verb: String, _ path: String, _ code: Int32) -> BuiltinError {
    switch code {
    case EACCES, EPERM, EROFS: BuiltinError("no permission to \(verb) \(path)")
    case ENOSPC, EDQUOT: BuiltinError("no space is left for \(path)")
    case ENAMETOOLONG: BuiltinError("the name \(path) is too long")
    case ENOENT, ENOTDIR:
      BuiltinError(verb == "write" ? "can't write \(path): its folder is gone" : "there is no file \(path)")
    default: BuiltinError("can't \(verb) \(path): \(String(cString: strerror(code)))")
    }
  }
}

// MARK: Paths

extension Files {
  private static func kind(of full: String) -> Kind {
    var status = stat()
    guard stat(full, &status) == 0 else { return .missing }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .file
    case S_IFDIR: return .folder
    default: return .other
    }
  }

  /// The names in a folder, sorted by their bytes; `nil` where it can't be read.
  private static func names(in full: String) -> [String]? {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: full) else { return nil }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The folder part of a path, `.` where there is none, and the name.
  private static func split(_ path: String) -> (folder: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let folder = slash == path.startIndex ? "/" : String(path[..<slash])
    return (folder, String(path[path.index(after: slash)...]))
  }

  /// The rest of a path behind a folder that it lies in, links followed; `nil` where it lies elsewhere.
  private static func path(_ full: String, inside folder: String) -> String? {
    let (place, folder) = (realPath(full), realPath(folder))
    if place == folder { return "" }
    let root = folder == "/" ? folder : folder + "/"
    return place.hasPrefix(root) ? String(place.dropFirst(root.count)) : nil
  }

  /// The path without symbolic links; what doesn't exist yet is taken as written behind what does.
  private static func realPath(_ path: String) -> String {
    var known = path
    var rest: [String] = []
    while true {
      if let resolved = realpath(known, nil) {
        defer { free(resolved) }
        let text = String(cString: resolved)
        return ([text == "/" ? "" : text] + rest.reversed()).joined(separator: "/")
      }
      let (folder, name) = split(known)
      // A climb out of a folder that doesn't exist leads nowhere that may be written to.
      guard folder != known, name != ".." else { return "" }
      if !name.isEmpty, name != "." { rest.append(name) }
      known = folder
    }
  }

  /// The number of bytes that are valid UTF-8 before the first that is not.
  private static func validPrefix(of bytes: [UInt8]) -> Int {
    var parser = Unicode.UTF8.ForwardParser()
    var iterator = bytes.makeIterator()
    var count = 0
    while case .valid(let scalar) = parser.parseScalar(from: &iterator) { count += scalar.count }
    return count
  }
}

/// A folder that is made when it is first asked for and removed with its last user.
private final class TemporaryFolder: Sendable {
  private let made = Mutex<String?>(nil)

  var isMade: Bool { made.withLock { $0 != nil } }

  func path() throws(BuiltinError) -> String {
    let path = made.withLock { made -> String? in
      if let made { return made }
      let manager = FileManager.default
      let path = manager.temporaryDirectory.path + "/attn-" + UUID().uuidString
      guard (try? manager.createDirectory(atPath: path, withIntermediateDirectories: true)) != nil else {
        return nil
      }
      made = path
      return path
    }
    guard let path else { throw BuiltinError("a temporary folder can't be made here") }
    return path
  }

  deinit {
    if let path = made.withLock({ $0 }) { try? FileManager.default.removeItem(atPath: path) }
  }
}
