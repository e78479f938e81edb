import Builtins
import FoundationEssentials
import Glibc
import Host

/// How long files took the last time, so that the slowest start first. Kept with the user's caches;
/// a machine that keeps none loses nothing but that order.
struct TestTimes {
  private var seconds: [String: Double] = [:]
  private static let most = 10_000

  private static var path: String? {
    func folder(_ name: String) -> String? {
      Terminal.environment(name).flatMap { $0.hasPrefix("/") ? $0 : nil }
    }
    let caches = folder("XDG_CACHE_HOME") ?? folder("HOME").map { $0 + "/.cache" }
    return caches.map { $0 + "/attn/test-times.json" }
  }

  static func load() -> TestTimes {
    var times = TestTimes()
    guard let path, let bytes = try? Files().readBytes(path) else { return times }
    times.seconds = (try? JSONDecoder().decode([String: Double].self, from: Data(bytes))) ?? [:]
    return times
  }

  func save() {
    guard let path = Self.path, let data = try? JSONEncoder().encode(seconds) else { return }
    try? FileManager.default.createDirectory(
      atPath: Files.folder(of: path), withIntermediateDirectories: true)
    try? Files().write(Array(data), to: path)
  }

  /// What is not known comes first: it may be the slowest of all.
  subscript(file: String) -> Double {
    get { seconds[Self.key(file)] ?? .infinity }
    set {
      // A cache of files long gone is begun anew.
      if seconds.count >= Self.most { seconds = [:] }
      seconds[Self.key(file)] = newValue
    }
  }

  private static func key(_ file: String) -> String { Files.absolute(file) }
}
