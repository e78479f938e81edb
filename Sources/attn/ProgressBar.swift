import Builtins
import Host
import Support

/// `train  42%|████▏     | 168/400 [00:07<00:10, 23.1 step/s, loss 2.013]`, one line on stderr that
/// is redrawn and gone at the end.
final class ProgressBar: ProgressReporter {
  private var label = ""
  private var started: Double?
  private var startedAt = 0
  private var lastDrawn = 0.0
  private var isShown = false

  /// Drawn at most ten times a second, and not before half a second has passed.
  var isDue: Bool {
    guard let started else { return false }
    let now = Terminal.now
    return now - started > 0.5 && now - lastDrawn > 0.1
  }

  func update(_ label: String, done: Int, total: Int, unit: String, note: String) {
    guard let started, label == self.label else {
      self.label = label
      started = Terminal.now
      startedAt = done
      return
    }
    guard isDue, Terminal.isForeground else { return }
    lastDrawn = Terminal.now
    let seconds = lastDrawn - started
    let rate = Double(done - startedAt) / seconds
    let rest = rate > 0 ? Double(total - done) / rate : 0
    let percent = total > 0 ? 100 * done / total : 100
    let head = "\(label) \(percent < 100 ? " " : "")\(percent < 10 ? " " : "")\(percent)%"
    let speed = rate >= 100 ? "\(Int(rate))" : "\(Double(Int(rate * 10)) / 10)"
    let tail =
      " \(done)/\(total) [\(Self.clock(seconds))<\(Self.clock(rest)), \(speed) \(unit)/s"
      + (note.isEmpty ? "]" : ", \(note)]")
    let room = Terminal.width - head.count - tail.count - 3
    let bar = room >= 5 ? "|\(Self.bar(min(room, 30), Double(done) / Double(max(total, 1))))|" : ""
    // The cursor waits at the line's start: where a narrower window breaks the line, what is to be
    // cleared still begins there.
    Terminal.writeError(Self.clear + String((head + bar + tail).prefix(max(Terminal.width - 1, 1))) + "\r")
    isShown = true
  }

  func finish() {
    if isShown { Terminal.writeError(Self.clear) }
    started = nil
    isShown = false
  }

  /// The line is taken away while something else is written.
  func hide() {
    if isShown { Terminal.writeError(Self.clear) }
    isShown = false
  }

  /// The line and what has become of it below.
  private static let clear = "\r\u{1B}[J"

  private static func bar(_ width: Int, _ fraction: Double) -> String {
    let eighths = Int(Double(width * 8) * min(max(fraction, 0), 1))
    let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    let bar = String(repeating: "█", count: eighths / 8) + parts[eighths % 8]
    return bar + String(repeating: " ", count: width - bar.count)
  }

  private static func clock(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 359_999))
    func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
    let minutes = two(whole / 60 % 60) + ":" + two(whole % 60)
    return whole >= 3600 ? "\(whole / 3600):\(minutes)" : minutes
  }
}
