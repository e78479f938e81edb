import CKernels
import Glibc

/// The machine's threads, instruction sets and stacks.
package enum Machine {
  package enum InstructionSet: String, CaseIterable, Sendable {
    case baseline, avx2, avx512

    var kernel: attn_isa {
      switch self {
      case .baseline: ATTN_ISA_BASELINE
      case .avx2: ATTN_ISA_AVX2
      case .avx512: ATTN_ISA_AVX512
      }
    }
  }

  package static var instructionSet: InstructionSet {
    let current = attn_current_isa()
    return InstructionSet.allCases.first { $0.kernel == current } ?? .baseline
  }

  /// The instruction sets that this machine has, the plainest first.
  package static var instructionSets: [InstructionSet] {
    InstructionSet.allCases.filter { $0.kernel.rawValue <= attn_best_isa().rawValue }
  }

  /// Selects an instruction set; false, and no change, where the machine does not have it.
  package static func use(_ set: InstructionSet) -> Bool { attn_use_isa(set.kernel) }

  /// The cores that this process may use.
  package static var coreCount: Int { Int(attn_core_count()) }

  package static var threadCount: Int {
    get { Int(attn_thread_count()) }
    set { attn_use_threads(Int32(clamping: newValue)) }
  }

  /// Whether cancellation is requested.
  ///
  /// Long kernels, and loops that call `checkStop`, then end early. The operation drops what they have
  /// computed by then and throws an `Interruption`.
  package static var isStopRequested: Bool {
    get { attn_is_stop_requested() }
    set { attn_request_stop(newValue) }
  }

  /// Checks for cancellation every 4096 rounds of a long loop outside the kernels.
  @inline(__always) package static func checkStop(round: Int) throws {
    if round & 0xFFF == 0 { try checkStop() }
  }

  /// Checks for cancellation, and throws the `LateFailure` of this thread.
  ///
  /// Long loops outside the kernels call it, and every operation after its kernel: no reader may see the
  /// result of a cancelled kernel.
  @inline(__always) package static func checkStop() throws {
    if attn_must_look() { try throwCancellation() }
    try LateFailure.check()
  }

  private static func throwCancellation() throws {
    if isStopRequested { throw Interruption() }
    if attn_take_no_memory() {
      throw TensorError("out of memory: there is none for the operation to work in")
    }
  }

  /// Runs `body` on a new thread with a stack of 4 GiB, joins the thread, and returns what `body` returned.
  ///
  /// Scripts can so recurse as deep as the interpreter allows, whatever stack the caller has. Where the
  /// system refuses a thread, the next attempt asks for half the stack. When `body` returns, the thread
  /// drops a `LateFailure` that it recorded and did not throw: the next thread may get the same id, and
  /// would throw it.
  package static func withDeepStack<Result>(_ body: () -> Result) -> Result {
    var result: Result?
    withoutActuallyEscaping(body) { body in
      let work = Work {
        result = body()
        LateFailure.forget()
      }
      // SAFETY: the object outlives the thread, which is joined below.
      let context = Unmanaged.passRetained(work).toOpaque()
      var attributes = pthread_attr_t()
      pthread_attr_init(&attributes)
      var size = stackSize
      var thread = pthread_t()
      while true {
        pthread_attr_setstacksize(&attributes, size)
        let status = pthread_create(
          &thread, &attributes,
          { context in
            Unmanaged<Work>.fromOpaque(context!).takeUnretainedValue().run()
            return nil
          }, context)
        if status == 0 { break }
        size /= 2
        precondition(size > 1 << 20, "a thread can be started")
      }
      pthread_join(thread, nil)
      pthread_attr_destroy(&attributes)
      Unmanaged<Work>.fromOpaque(context).release()
    }
    return result!
  }

  /// Bytes of address space; the system commits a page when it is touched.
  private static let stackSize = 4 << 30

  private final class Work {
    let run: () -> Void
    init(run: @escaping () -> Void) { self.run = run }
  }
}

/// The error of an operation that was cancelled.
package struct Interruption: Error {
  package init() {}
}
