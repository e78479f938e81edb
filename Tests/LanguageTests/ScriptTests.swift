import Builtins
import Golden
import Testing

/// Every recorded script and page of the project: what they print is what stands in them.
@Suite struct ScriptTests {
  static let root: String = {
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
  }()

  static let files: [String] = {
    var found: [String] = []
    func add(_ folder: String) {
      for name in (try? Files().list(folder)) ?? [] {
        let path = "\(folder)/\(name)"
        if (try? Files().kind(path)) == .folder {
          add(path)
        } else if name.hasSuffix(".attn") || name.hasSuffix(".md") {
          found.append(path)
        }
      }
    }
    for folder in ["Tests/Scripts", "docs"] { add("\(root)/\(folder)") }
    return found + ["\(root)/README.md"]
  }()

  @Test func scriptsAreFound() { #expect(Self.files.count > 5) }

  @Test(arguments: files) func printsWhatIsRecorded(_ path: String) throws {
    let name = String(path.dropFirst(Self.root.count + 1))
    let report = GoldenTest(try Files().readText(path), name: name, folder: Files.folder(of: path)).run()
    #expect(report.isPassed, "\n\(report.text)")
  }
}
