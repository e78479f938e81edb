import Glibc
import Synchronization

/// Releases large values in the background.
///
/// Returning a gigabyte to the system takes a tenth of a second or more, and would delay cancellation.
package enum Disposal {
  /// Builds a large value. Where `body` throws, the value so far is released in the background.
  package static func making<Whole: RangeReplaceableCollection>(
    _ body: (inout Whole) throws -> Void
  ) throws -> Whole {
    var whole = Whole()
    do { try body(&whole) } catch {
      release(&whole)
      throw error
    }
    return whole
  }

  /// Releases a value that only this variable holds, and leaves the variable empty.
  package static func release<Whole: RangeReplaceableCollection>(_ whole: inout Whole) {
    // A small value is released quickly on the caller's thread.
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

  /// Blocks until all values are released, or cancellation is requested. `Memory` calls it when memory is
  /// short.
  static func finish() {
    while pending.load(ordering: .acquiring) > 0, !Machine.isStopRequested { usleep(2000) }
  }

  private static let pending = Atomic(0)
  /// Microseconds before a release begins. While the system takes memory back no thread can begin or end,
  /// as threads of the prompt do between two statements.
  private static let delay: UInt32 = 100_000

  /// Blocks from this size on are worth a thread.
  static let large = 1 << 26

  /// Frees a block of `Memory` in the background.
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

    deinit { Memory.returnToSystem(pointer, byteCount) }
  }
}
