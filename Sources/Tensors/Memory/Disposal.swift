import Glibc
import Synchronization

/// Lets go of what is large on a thread of its own: to give a gigabyte back to the system takes a tenth
/// of a second or more, in which a user who has asked to stop would wait.
package enum Disposal {
  /// Makes something large. Where that ends in an error, what is there by then is let go of behind the
  /// scenes.
  package static func making<Whole: RangeReplaceableCollection>(
    _ body: (inout Whole) throws -> Void
  ) throws -> Whole {
    var whole = Whole()
    do { try body(&whole) } catch {
      letGo(&whole)
      throw error
    }
    return whole
  }

  /// Empties a variable that is the only one to hold something.
  package static func letGo<Whole: RangeReplaceableCollection>(_ whole: inout Whole) {
    // What is small is quickly gone, and nobody need wonder on which thread.
    guard (whole as? String)?.utf8.count ?? whole.count >= 1 << 18 else {
      whole = Whole()
      return
    }
    var rest = Whole()
    swap(&rest, &whole)
    let holder = Holder(rest)
    rest = Whole()
    drop(holder)
  }

  /// Waits until all is given back, or a stop is requested, for who finds too little memory.
  static func finish() {
    while pending.load(ordering: .acquiring) > 0, !Machine.isStopRequested { usleep(2000) }
  }

  private static let pending = Atomic(0)
  /// Microseconds after which things are let go of. While the system takes memory back nobody can begin
  /// or end a thread, as the prompt does between two statements.
  private static let delay: UInt32 = 100_000

  /// Blocks from this size on are worth a thread.
  static let large = 1 << 26

  /// Gives back a block of `Memory`.
  static func free(_ block: UnsafeMutableRawPointer, _ byteCount: Int) {
    drop(Block(pointer: block, byteCount: byteCount))
  }

  /// - Parameter holder: the only reference to it.
  private static func drop(_ holder: consuming AnyObject) {
    // SAFETY: the thread takes over the reference, here or below.
    let context = Unmanaged.passRetained(holder).toOpaque()
    pending.wrappingAdd(1, ordering: .relaxed)
    // Signals are answered elsewhere: a thread inherits a mask that blocks them.
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { context in
        usleep(Disposal.delay)
        Unmanaged<AnyObject>.fromOpaque(context!).release()
        Disposal.pending.wrappingSubtract(1, ordering: .releasing)
        return nil
      }, context)
    pthread_sigmask(SIG_SETMASK, &before, nil)
    if status == 0 {
      pthread_detach(thread)
    } else {
      Unmanaged<AnyObject>.fromOpaque(context).release()
      pending.wrappingSubtract(1, ordering: .releasing)
    }
  }

  private final class Holder<Held> {
    let held: Held
    init(_ held: Held) { self.held = held }
  }

  private final class Block {
    // SAFETY: the only reference to a block of so many bytes.
    private let pointer: UnsafeMutableRawPointer
    private let byteCount: Int

    init(pointer: UnsafeMutableRawPointer, byteCount: Int) {
      self.pointer = pointer
      self.byteCount = byteCount
    }

    deinit { Memory.giveBack(pointer, byteCount) }
  }
}
