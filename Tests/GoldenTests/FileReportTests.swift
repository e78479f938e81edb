import Attn
import FoundationEssentials
import FoundationXML
import Golden
import Testing

/// Reports for other programs.
@Suite struct FileReportTests {
  /// Passed, failed with marks that XML and TAP must escape, skipped, expected to fail, and a crash.
  private var reports: [FileReport] {
    let script = """
      1 + 1
      #> 2
      print("a <b> & \\"c\\" # 50%")
      #> a
      # skip: no time
      2 + 2
      # expect-failure: not yet
      3 + 3
      #> 7
      """
    let report = GoldenTest(script, name: "folder/a&b.attn", folder: ".").run()
    var file = FileReport(name: report.name)
    file.outcomes = report.results.map { FileReport.Outcome($0, in: report.name, seconds: 0.25) }
    file.seconds = 1.2345
    var crashed = FileReport(name: "crash.attn")
    crashed.crash = .init(
      "crashed: Segmentation fault (signal 11)", at: .init(line: 7, lastLine: 8, code: "f(x)"),
      errors: "oh\u{1}no")
    return [file, crashed]
  }

  @Test func counts() {
    #expect(reports[0].count(.passed) == 1)
    #expect(reports[0].count(.failed) == 1)
    #expect(reports[0].count(.skipped) == 2)
    #expect(reports[1].count(.failed) == 1)
    #expect(!reports[1].isPassed)
    #expect(
      reports[1].text.hasPrefix("crash.attn:7: f(x)\n  crashed: Segmentation fault (signal 11)\n    oh"))
  }

  @Test func junitIsXMLWithEveryCase() throws {
    let document = try XMLDocument(xmlString: FileReport.junit(reports))
    func all(_ path: String) throws -> [XMLElement] {
      try document.nodes(forXPath: path).compactMap { $0 as? XMLElement }
    }
    func attribute(_ path: String, _ name: String) throws -> String? {
      try all(path).first?.attribute(forName: name)?.stringValue
    }
    #expect(try attribute("/testsuites", "tests") == "5")
    #expect(try attribute("/testsuites", "failures") == "1")
    #expect(try attribute("/testsuites", "errors") == "1")
    #expect(try attribute("/testsuites", "skipped") == "2")
    #expect(try attribute("/testsuites/testsuite[1]", "name") == "folder/a&b.attn")
    #expect(try attribute("/testsuites/testsuite[1]", "time") == "1.235")
    #expect(try all("//testcase").count == 5)
    #expect(try attribute("//testcase[failure]", "line") == "3")
    #expect(try all("//failure").first?.stringValue?.contains("+ a <b> & \"c\" # 50%") == true)
    #expect(try attribute("//skipped", "message") == "no time")
    #expect(try attribute("//error", "message") == "crashed: Segmentation fault (signal 11)")
  }

  @Test func tapNumbersEveryStatement() {
    let lines = FileReport.tap(reports).split(separator: "\n").map(String.init)
    #expect(lines[0] == "TAP version 14")
    #expect(lines[1] == "1..5")
    #expect(lines.contains("ok 1 - folder/a&b.attn:1: 1 + 1"))
    #expect(lines.contains { $0.hasPrefix("not ok 2 - folder/a&b.attn:3: print(") && $0.contains("\\#") })
    #expect(lines.contains("ok 3 - folder/a&b.attn:6: 2 + 2 # SKIP no time"))
    #expect(lines.contains("not ok 4 - folder/a&b.attn:8: 3 + 3 # TODO fails as expected: not yet"))
    #expect(lines.contains("not ok 5 - crash.attn:7: f(x)"))
  }

  @Test func annotationsNameFileAndLine() {
    let lines = reports[0].annotations(path: "x/a,b.attn").split(separator: "\n")
    #expect(lines.count == 1)
    #expect(lines[0].hasPrefix("::error file=x/a%2Cb.attn,line=3,endLine=3,title=attn test::"))
    #expect(lines[0].contains("# 50%25"))
    #expect(lines[0].contains("%0A"))
    #expect(reports[1].annotations(path: "crash.attn").hasPrefix("::error file=crash.attn,line=7,endLine=8,"))
  }

  /// What another setting printed or computed otherwise is a failure, even under a tolerance.
  @Test func otherSettingsMustAgree() {
    func report(_ script: String) -> FileReport {
      let run = GoldenTest(script, name: "a.attn", folder: ".").run(withDigests: true)
      var file = FileReport(name: "a.attn")
      file.outcomes = run.results.map { FileReport.Outcome($0, in: "a.attn", seconds: 0) }
      return file
    }
    var same = report("x = [1.0, 2.0]\nx\n#> ...")
    same.compare(with: report("x = [1.0, 2.0]\nx\n#> ..."), called: "--isa avx2")
    #expect(same.isPassed)
    var printed = report("[1.0, 2.0]\n#> ...")
    printed.compare(with: report("[1.0, 2.5]\n#> ..."), called: "--isa avx2 --threads 3")
    #expect(printed.text.contains("a.attn:1: [1.0, 2.0]\n  printed otherwise with --isa avx2 --threads 3:"))
    var hidden = report("x = [1.0, 2.0]")
    hidden.compare(with: report("x = [1.0, 2.0000002]"), called: "--isa avx2")
    #expect(hidden.count(.failed) == 1)
    #expect(hidden.text.contains("the value has other bits with --isa avx2"))
    var crashed = report("x = 1")
    crashed.compare(with: reports[1], called: "--isa avx2")
    #expect(crashed.text.contains("with --isa avx2: crashed"))
  }
}
