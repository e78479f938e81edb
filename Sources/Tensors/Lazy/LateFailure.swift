import Glibc
import Synchronization

/// An error where nothing can be thrown: numbers that were put off, asked for by a getter, and more
/// than memory holds. It is kept for the thread, and thrown by the next operation there, or at the end
/// of the statement.
package enum LateFailure {
  private static let count = Atomic(0)
  private static let errors = Mutex<[UInt: any Error]>([:])

  /// The first one stays, as it is the cause of those behind it.
  package static func note(_ error: any Error) {
    errors.withLock { errors in
      guard errors[thread] == nil else { return }
      errors[thread] = error
      count.wrappingAdd(1, ordering: .releasing)
    }
  }

  /// Throws what this thread has noted, once.
  @inline(__always) package static func check() throws {
    if count.load(ordering: .acquiring) > 0 { try checkThread() }
  }

  /// Drops what this thread has noted: the statement has ended otherwise.
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
