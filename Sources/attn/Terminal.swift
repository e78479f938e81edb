import Builtins
import Drawing
import Glibc
import Support
import Tensors

/// The only place that touches the terminal: output, colours, signals, progress.
enum Terminal {
  static func write(_ text: String) { emit(text, 1) }
  static func writeError(_ text: String) { emit(text, 2) }

  /// Writes the string in chunks, each whole; after a cancellation it writes no further chunk.
  private static func emit(_ text: String, _ descriptor: Int32) {
    for (position, piece) in text.chunks(ofBytes: 1 << 14).enumerated() {
      guard position == 0 || !Machine.isStopRequested else { return }
      emit(Array(piece.utf8)[...], descriptor)
    }
  }

  private static func emit(_ bytes: ArraySlice<UInt8>, _ descriptor: Int32) {
    var bytes = bytes
    while !bytes.isEmpty {
      let count =
        bytes.withContiguousStorageIfAvailable { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        ?? 0
      if count < 0 {
        if errno == EINTR { continue }
        // The reader has closed the pipe: exit quietly, as other tools do.
        if errno == EPIPE { exit(141) }
        if descriptor == 1 {
          writeError("error: the output can't be written: \(String(cString: strerror(errno)))\n")
        }
        exit(1)
      }
      bytes = bytes.dropFirst(count)
    }
  }

  static func exit(_ code: Int32) -> Never { Glibc.exit(code) }

  static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) != 0 }

  static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  /// How pictures on stdout are drawn: NO_COLOR, TERM=dumb and pipes mean plain text.
  static func style(_ choice: ColorChoice) -> Drawing.Style {
    let depth: ColourDepth =
      ["truecolor", "24bit"].contains(environment("COLORTERM") ?? "") ? .truecolour : .palette256
    switch choice {
    case .always: return .colour(depth: depth)
    case .never: return .plain
    case .auto:
      let isPlain =
        !isTerminal(1) || environment("NO_COLOR").map { !$0.isEmpty } ?? false
        || environment("TERM") ?? "dumb" == "dumb"
      return isPlain ? .plain : .colour(depth: depth)
    }
  }

  /// Columns of the terminal on stderr, or on stdin.
  static var width: Int { size.map { Int($0.ws_col) } ?? 80 }
  static var height: Int { size.map { Int($0.ws_row) } ?? 24 }

  private static var size: winsize? {
    for descriptor: Int32 in [2, 0] {
      var size = winsize()
      if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 { return size }
    }
    return nil
  }

  /// The progress bar, where stderr is a terminal that can redraw a line. Used by the thread that
  /// evaluates.
  nonisolated(unsafe) static let bar: ProgressBar? =
    isTerminal(2) && environment("TERM") ?? "dumb" != "dumb" ? ProgressBar() : nil

  /// How a session's computations are stopped, and show how far they are.
  static func prepare(_ host: Capabilities) {
    host.loops.isInterrupted = { Interrupts.isPending }
    host.loops.noteInterruption = { Interrupts.acknowledge() }
    host.loops.progress = bar
  }

  /// Whether the terminal is ours; in the background it is the shell's.
  static var isForeground: Bool {
    let group = tcgetpgrp(2)
    return group < 0 || group == getpgrp()
  }

  /// Seconds on a clock that only runs forward.
  static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
