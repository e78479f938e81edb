import Attn
import Golden
import Host
import Testing

/// Every recorded script and page of the project: what they print is what stands in them.
@Suite struct ScriptTests {
  static let root: String = {
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
  }()

  static let files: [String] = {
    let folders = ["Tests/Scripts", "docs"].map { "\(root)/\($0)" }
    let found = folders.flatMap { (try? Files().files(below: $0)) ?? [] }
    return found.filter { $0.hasSuffix(".attn") || $0.hasSuffix(".md") } + ["\(root)/README.md"]
  }()

  @Test func scriptsAreFound() { #expect(Self.files.count > 5) }

  @Test(arguments: files) func printsWhatIsRecorded(_ path: String) throws {
    let report = try GoldenTest(contentsOf: path).run()
    #expect(report.isPassed, "\n\(report.text)")
  }
}
