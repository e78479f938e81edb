import Glibc
import Synchronization
import Tensors

/// Ctrl-C: the first cancels the computation. In a script the second ends the program.
enum Interrupts {
  private static let pending = Atomic(0)
  private static let echoed = Atomic(false)

  static func install() {
    signal(SIGINT) { _ in
      Interrupts.handle(SIGINT)
      if Interrupts.pending.load(ordering: .relaxed) > 1 { _exit(130) }
    }
    signal(SIGPIPE, SIG_IGN)
  }

  /// Records the request for a cancellation; safe in a signal handler.
  static let handle: @convention(c) (Int32) -> Void = { _ in
    Interrupts.pending.wrappingAdd(1, ordering: .relaxed)
    Interrupts.echoed.store(true, ordering: .relaxed)
    Machine.isStopRequested = true
  }

  static var isPending: Bool { pending.load(ordering: .relaxed) > 0 }

  /// Whether the terminal has put `^C` where the next text is to go; asked once.
  static func takeEcho() -> Bool { echoed.exchange(false, ordering: .relaxed) }

  /// The request has been answered; the script or the prompt goes on.
  static func acknowledge() {
    pending.store(0, ordering: .relaxed)
    Machine.isStopRequested = false
  }
}
