import Builtins
import Drawing
import Host
import Language
import Support
import Syntax
import Tensors

/// A recorded script or Markdown page as a test: text in, results out.
///
/// ```swift
/// let report = try GoldenTest(contentsOf: "docs/attention.md").run()
/// #expect(report.isPassed, "\(report.text)")
/// ```
///
/// The session is empty at the start, its seed is 0, and the script reads in its folder alone. What it
/// writes goes to a folder of the run's own, from which it reads it back, and is gone at the end.
public struct GoldenTest {
  package let document: Document
  let text: String
  private let configure: (Session) -> Void

  private let primitives: PrimitiveTable

  /// - Parameters:
  ///   - name: what the report calls it; a name that ends in `.md` is read as Markdown.
  ///   - folder: against which the script's paths are resolved.
  ///   - isSandboxed: whether the script may read and write only there.
  ///   - configure: changes the session before it runs.
  package init(
    _ text: String, name: String, folder: String, _ primitives: PrimitiveTable, isSandboxed: Bool = true,
    configure: @escaping (Session) -> Void = { _ in }
  ) {
    self.text = text
    self.primitives = primitives
    document = Document(text, name: name)
    self.configure = { session in
      session.host.files.base = folder
      session.host.files.workingFolder = folder
      if isSandboxed { session.host.files.sandbox = .init(folder, keepsWrites: true) }
      configure(session)
    }
  }

  /// The outcome of a statement.
  public struct Result {
    public enum Status: Equatable, Sendable {
      case passed
      case failed
      /// Not run, or known to fail, and why.
      case skipped(String)
    }
    package let entry: Document.Entry
    public internal(set) var status: Status
    /// The lines that the statement printed.
    public let printed: [String]
    let comparison: Comparison?
    /// Why it failed where that is not a difference: an unexpected pass.
    package var reason: String?
    /// The bits of the statement's value, where they were asked for and it has any.
    package var digest: String?

    /// The line of the file on which the statement starts, counted from 1.
    public var line: Int { entry.span.line + 1 }
    /// The recorded lines.
    public var recorded: [String] { entry.recorded.map { $0.text.trimmedLine } }
  }

  /// The outcome of a file.
  public struct Report: CustomStringConvertible {
    public let name: String
    public let results: [Result]

    public var failures: [Result] { results.filter { $0.status == .failed } }
    public var isPassed: Bool { failures.isEmpty }
    public var description: String { "\(name): \(failures.count) of \(results.count) statements failed" }
    /// The failures as a person wants to read them.
    public var text: String { failures.map { $0.described(in: name) }.joined(separator: "\n") }
  }

  /// Runs every statement, also behind one that failed.
  public func run() -> Report { run(withDigests: false) }

  /// - Parameters:
  ///   - withDigests: whether results say which bits their values have.
  ///   - willRun: called before each statement.
  ///   - didRun: called with each result.
  package func run(
    withDigests: Bool, willRun: (Document.Entry) -> Void = { _ in }, didRun: (Result) -> Void = { _ in }
  ) -> Report {
    Machine.withDeepStack {
      let session = Session(primitives)
      configure(session)
      let output = Output()
      session.host.output.write = { output.write($0) }
      session.host.loops.isInterrupted = { output.isFull }
      let results = document.entries.map { entry in
        willRun(entry)
        output.text = ""
        let result = run(entry, session, withDigests, output)
        didRun(result)
        return result
      }
      return Report(name: document.source.name ?? "", results: results)
    }
  }

  private func run(
    _ entry: Document.Entry, _ session: Language.Session, _ withDigest: Bool, _ output: Output
  ) -> Result {
    if case .skip(let why)? = entry.directive {
      return Result(entry: entry, status: .skipped(why), printed: [], comparison: nil)
    }
    var digests: [String?] = []
    for part in entry.parts {
      switch part {
      case .problem(let problem): output.text += problem.rendered() + "\n"
      case .statement(let statement):
        switch session.run(statement) {
        case .value(let value): digests.append(withDigest ? try? value.digest() : nil)
        case .failed(let diagnostic): output.text += diagnostic.rendered() + "\n"
        case .interrupted: output.text += "interrupted\n"
        }
      }
    }
    let printed = output.lines
    let comparison = Comparison(
      recorded: entry.recorded.map { $0.text.trimmedLine }, printed: printed, tolerance: entry.tolerance)
    var result = Result(
      entry: entry, status: comparison.isEqual ? .passed : .failed, printed: printed,
      comparison: comparison, digest: withDigest ? digests.map { $0 ?? "-" }.joined(separator: " ") : nil)
    if let wrong = entry.wrongTolerance {
      result.fail("\(wrong) is no tolerance: it is written #~ 1e-3 (relative) or #~ abs 1e-6")
    } else if entry.parts.isEmpty {
      result.fail("recorded output with no statement above it")
    } else if output.isFull {
      result.fail("printed more than \(Output.limit >> 20) MiB and was stopped")
    } else if case .expectFailure(let why)? = entry.directive {
      if comparison.isEqual {
        result.fail("passed, and was expected to fail: \(why)")
      } else {
        result.status = .skipped("fails as expected: \(why)")
      }
    }
    return result
  }
}

/// What a statement prints, up to a limit.
private final class Output {
  static let limit = 64 << 20
  var text = ""

  var isFull: Bool { text.utf8.count > Self.limit }

  func write(_ more: String) {
    if !isFull { text += more }
  }

  var lines: [String] { RecordedOutput.lines(of: text) }
}

extension GoldenTest.Result {
  fileprivate mutating func fail(_ why: String) {
    status = .failed
    reason = why
  }
}
