import Drawing
import Support
import Tensors

/// What `attn run --profile` shows on stderr: the lines that took longest, and the kernels.
struct ProfileReport {
  let profile: Profile
  let peak: Profile.Peak
  let seconds: Double

  private static let most = 25
  /// What takes a smaller share of the whole isn't shown, but the first always is.
  private static let leastShare = 0.001

  var text: String {
    let inKernels = profile.operations.values.reduce(0) { $0 + $1.seconds }
    let share = Self.percent(inKernels, of: seconds)
    return """
      profile: \(Self.time(seconds)), of it in kernels \(share); \
      at the most \(Memory.readable(Memory.peakBytes)) in tensors
      machine: \(Self.rate(peak.flopsPerSecond)) GFLOP/s and \(Self.rate(peak.bytesPerSecond)) GB/s, \
      measured now (\(Machine.instructionSet.rawValue), \(count(Machine.threadCount, "thread", "threads")))

      \(lines)

      \(operations)

      """
  }

  // MARK: Lines

  private var lines: String {
    let run = profile.lines.filter { $0.calls > 0 }.sorted { $0.ownSeconds > $1.ownSeconds }
    let shown = run.prefix(shownCount(run.map(\.ownSeconds)))
    let rows = shown.map { line in
      [
        Self.time(line.ownSeconds), Self.percent(line.ownSeconds, of: seconds), Self.time(line.seconds),
        Self.percent(line.kernelSeconds, of: line.ownSeconds), "\(line.calls)",
        Memory.readable(line.allocatedBytes), Memory.readable(line.peakBytes),
        "\(line.place.file):\(line.place.line)  \(line.place.code.prefix(60))",
      ]
    }
    return Self.table(
      ["own time", "share", "with calls", "in kernels", "runs", "allocated", "live", "line"], rows)
      + Self.rest(run.count - shown.count)
  }

  private var operations: String {
    let done = profile.operations.sorted { ($1.value.seconds, $0.key) < ($0.value.seconds, $1.key) }
    let shown = done.prefix(shownCount(done.map(\.value.seconds)))
    let rows = shown.map { name, operation in
      let hasFlops = operation.flops > 0
      return [
        Self.time(operation.seconds), Self.percent(operation.seconds, of: seconds), "\(operation.calls)",
        hasFlops ? Self.rate(operation.flops / operation.seconds) : "",
        hasFlops ? Self.percent(operation.flops / operation.seconds, of: peak.flopsPerSecond) : "",
        Self.rate(operation.bytes / operation.seconds),
        Self.percent(operation.bytes / operation.seconds, of: peak.bytesPerSecond), name,
      ]
    }
    return Self.table(
      ["time", "share", "calls", "GFLOP/s", "of peak", "GB/s", "of peak", "operation"], rows)
      + Self.rest(done.count - shown.count)
  }

  /// How many of these times, the longest first, are worth a row.
  private func shownCount(_ times: [Double]) -> Int {
    let large = times.prefix(Self.most).prefix { $0 >= Self.leastShare * seconds }.count
    return min(times.count, max(large, 1))
  }

  // MARK: Text

  /// Columns to the right but for the last.
  private static func table(_ head: [String], _ rows: [[String]]) -> String {
    let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
    return ([head] + rows).map { row in
      zip(row, widths).enumerated().map { column, cell in
        column == row.count - 1
          ? cell.0 : String(repeating: " ", count: cell.1 - cell.0.count) + cell.0
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  private static func rest(_ count: Int) -> String {
    count > 0 ? "\n… and \(count) more" : ""
  }

  private static func time(_ seconds: Double) -> String {
    if seconds >= 1 { return short(seconds) + " s" }
    if seconds >= 1e-3 { return short(seconds * 1e3) + " ms" }
    return short(seconds * 1e6) + " µs"
  }

  private static func rate(_ perSecond: Double) -> String { short(perSecond / 1e9) }

  private static func percent(_ part: Double, of whole: Double) -> String {
    whole > 0 ? "\(Int((100 * part / whole).rounded())) %" : ""
  }

  private static func short(_ value: Double) -> String {
    (try? Drawing.format(value, value >= 100 ? ".0f" : value >= 10 ? ".1f" : ".2f")) ?? "\(value)"
  }
}
