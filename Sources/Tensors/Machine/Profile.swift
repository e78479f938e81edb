import CKernels
import Glibc
import Synchronization

/// Where time and memory go: kernels report what they did, the evaluator which line it was for.
///
/// It belongs to the thread that began it; it does not record what other threads compute meanwhile.
package final class Profile {
  /// The profile that this thread takes. While another thread takes one, setting it does nothing.
  package static var current: Profile? {
    get { owner.load(ordering: .relaxed) == UInt(pthread_self()) ? taken : nil }
    set {
      let me = UInt(pthread_self())
      if newValue == nil {
        guard owner.load(ordering: .relaxed) == me else { return }
        taken = nil
        owner.store(0, ordering: .releasing)
      } else if owner.compareExchange(expected: 0, desired: me, ordering: .acquiringAndReleasing).exchanged {
        taken = newValue
      }
    }
  }

  /// The thread that takes a profile, or 0.
  private static let owner = Atomic<UInt>(0)
  // SAFETY: touched by the owner alone.
  nonisolated(unsafe) private static var taken: Profile?

  /// Totals over the calls of one kernel.
  package struct Operation {
    package var calls = 0
    package var seconds = 0.0
    /// Floating-point operations, and bytes read and written at the least.
    package var flops = 0.0
    package var bytes = 0.0
  }

  /// Totals over the runs of a line's statements.
  package struct Line {
    package let place: Place
    package var calls = 0
    /// With what it calls, and without.
    package var seconds = 0.0
    package var ownSeconds = 0.0
    package var kernelSeconds = 0.0
    /// Bytes of the tensors that it made.
    package var allocatedBytes = 0
    /// The most bytes that were live while it ran.
    package var peakBytes = 0
    fileprivate var depth = 0
  }

  package struct Place: Hashable {
    package var file: String
    package var line: Int
    package var code: String

    package init(file: String, line: Int, code: String) {
      (self.file, self.line, self.code) = (file, line, code)
    }
  }

  package private(set) var operations: [String: Operation] = [:]
  package private(set) var lines: [Line] = []
  private var numbers: [Place: Int] = [:]
  /// Seconds that all kernels have taken so far.
  private var kernelSeconds = 0.0
  /// The lines that are running, with the time that what they called has taken.
  private var running: [(line: Int, started: Double, inner: Double)] = []

  /// Whether statements that are compiled meanwhile take their times.
  package let hasLines: Bool

  package init(hasLines: Bool) { self.hasLines = hasLines }

  // MARK: Lines

  /// The number under which a line is entered.
  package func number(_ place: Place) -> Int {
    if let number = numbers[place] { return number }
    numbers[place] = lines.count
    lines.append(Line(place: place))
    return lines.count - 1
  }

  package func enter(_ line: Int) {
    lines[line].calls += 1
    lines[line].depth += 1
    running.append((line, Self.now, 0))
  }

  package func leave() {
    let (line, started, inner) = running.removeLast()
    let seconds = Self.now - started
    lines[line].depth -= 1
    lines[line].ownSeconds += seconds - inner
    // A line that called itself counts once.
    if lines[line].depth == 0 { lines[line].seconds += seconds }
    if !running.isEmpty { running[running.count - 1].inner += seconds }
  }

  // MARK: Kernels and buffers

  /// Started before a kernel; nothing where no profile is taken.
  @inline(__always) static func timer() -> Timer? {
    current.map { Timer(profile: $0, started: now, innerBefore: $0.kernelSeconds) }
  }

  struct Timer {
    fileprivate let profile: Profile
    fileprivate let started: Double
    fileprivate let innerBefore: Double

    /// Ends the timing and adds it to the profile.
    ///
    /// The time of kernels that ran meanwhile, to materialize lazy operands, counts for those kernels.
    ///
    /// - Parameters:
    ///   - flops: floating-point operations, 0 where memory bounds the kernel.
    ///   - bytes: of operands and results.
    func stop(_ name: String, flops: Double = 0, bytes: Int) {
      let seconds = Profile.now - started - (profile.kernelSeconds - innerBefore)
      profile.kernelSeconds += seconds
      var operation = profile.operations[name] ?? Operation()
      operation.calls += 1
      operation.seconds += seconds
      operation.flops += flops
      operation.bytes += Double(bytes)
      profile.operations[name] = operation
      if let line = profile.running.last?.line { profile.lines[line].kernelSeconds += seconds }
    }
  }

  func noteAllocation(_ bytes: Int, live: Int) {
    guard let line = running.last?.line else { return }
    lines[line].allocatedBytes += bytes
    lines[line].peakBytes = max(lines[line].peakBytes, live)
  }

  private static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  // MARK: What the machine can do

  /// What the machine does at the most, with the threads and the instruction set in use.
  package struct Peak {
    package let flopsPerSecond: Double
    package let bytesPerSecond: Double
  }

  /// Measured now, in about a tenth of a second: fused multiply-adds in registers, and copying more
  /// than the caches hold. The best of some tries, as other processes may use the machine too.
  package static func peak() throws -> Peak {
    var flops = 0.0
    for rounds in [1_000] + Array(repeating: Int64(1_000_000), count: 6) {
      let started = now
      flops = max(flops, attn_fma_work(rounds) / (now - started))
    }
    let bytes = 64 << 20
    let source = try Tensor.full([bytes / 4], 1, .f32)
    let target = try Tensor.full([bytes / 4], 0, .f32)
    var rate = 0.0
    for _ in 0..<5 {
      let started = now
      try source.copy(strides: [1], to: target, strides: [1], offset: 0)
      rate = max(rate, Double(2 * bytes) / (now - started))
    }
    return Peak(flopsPerSecond: flops, bytesPerSecond: rate)
  }
}
