import Glibc
import Synchronization

/// The error of a computation that ran inside a getter, which cannot throw.
///
/// Reading a lazy value materializes it, and that can run out of memory or be cancelled. The getter then
/// records the error here, one for each thread. `Machine.checkStop` throws it from the next operation on
/// that thread, or the interpreter throws it at the end of the statement.
package enum LateFailure {
  private static let count = Atomic(0)
  private static let errors = Mutex<[UInt: any Error]>([:])

  /// Records an error of this thread. The first error stays, as it is the cause of the later ones.
  package static func record(_ error: any Error) {
    errors.withLock { errors in
      guard errors[thread] == nil else { return }
      errors[thread] = error
      count.wrappingAdd(1, ordering: .releasing)
    }
  }

  /// Throws the error that this thread has recorded, and removes it.
  @inline(__always) package static func check() throws {
    if count.load(ordering: .acquiring) > 0 { try checkThread() }
  }

  /// Drops the error that this thread has recorded: the statement has ended with another outcome.
  package static func forget() {
    do { try check() } catch {}
  }

  private static func checkThread() throws {
    let error = errors.withLock { errors in
      let error = errors.removeValue(forKey: thread)
      if error != nil { count.wrappingSubtract(1, ordering: .relaxed) }
      return error
    }
    if let error { throw error }
  }

  private static var thread: UInt { UInt(pthread_self()) }
}
