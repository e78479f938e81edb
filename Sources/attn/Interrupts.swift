import Glibc
import Synchronization

/// Ctrl-C: the first asks the computation to stop, the second ends the program.
enum Interrupts {
  private static let pending = Atomic(0)

  static func install() {
    signal(SIGINT) { _ in
      if Interrupts.pending.wrappingAdd(1, ordering: .relaxed).newValue > 1 { _exit(130) }
    }
    signal(SIGPIPE, SIG_IGN)
  }

  static var isPending: Bool { pending.load(ordering: .relaxed) > 0 }

  /// A loop has stopped early; the script goes on.
  static func acknowledge() { pending.store(0, ordering: .relaxed) }
}
