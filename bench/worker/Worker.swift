import Attn
import FoundationEssentials
import Glibc
import Tensors

/// attn's side of the benchmarks: bench.py sends rows as lines of JSON, and this answers with seconds.
///
/// A row is run `count` times in a loop of attn itself, so that a time holds what a user's loop pays.
@main
struct Worker {
  struct Request: Decodable {
    /// Statements that are run once, in a session of their own.
    var setup: String?
    /// What stands in front of the loop, in the function that holds it.
    var prelude: String?
    var code: String?
    var threads: Int32?
    /// How often the code of the last setup is to run now.
    var count: Int?
  }

  static func main() throws {
    var session = Session()
    while let line = readLine() {
      let request = try JSONDecoder().decode(Request.self, from: Data(line.utf8))
      if let setup = request.setup {
        session = Session()
        session.folder = "."
        Machine.threadCount = Int(request.threads ?? 2)
        try session.evaluate(setup)
        try session.evaluate(
          """
          fn bench_row(bench_count) {
            \(request.prelude ?? "")
            for bench_i in 0..bench_count {
              \(request.code ?? "")
            }
            none
          }
          """)
      }
      let start = now()
      if let count = request.count { try session.evaluate("bench_row(\(count))") }
      print(now() - start)
      fflush(nil)
    }
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
