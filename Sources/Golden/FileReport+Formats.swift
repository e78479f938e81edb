import Drawing
import Support

/// Reports in the forms that other programs read.
extension FileReport {
  // MARK: JUnit

  /// A document with one suite a file and one case a statement, as CI servers read it.
  package static func junit(_ reports: [FileReport]) -> String {
    func counts(_ reports: [FileReport]) -> String {
      let tests = reports.reduce(0) { $0 + $1.outcomes.count + ($1.crash == nil ? 0 : 1) }
      let failures = reports.reduce(0) { $0 + $1.outcomes.count { $0.status == .failed } }
      let errors = reports.count { $0.crash != nil }
      let skipped = reports.reduce(0) { $0 + $1.count(.skipped) }
      let seconds = reports.reduce(0) { $0 + $1.seconds }
      return """
        tests="\(tests)" failures="\(failures)" errors="\(errors)" skipped="\(skipped)" \
        time="\(decimal(seconds))"
        """
    }
    var lines = ["<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<testsuites \(counts(reports))>"]
    for report in reports {
      lines.append("  <testsuite name=\"\(xml(report.name))\" \(counts([report]))>")
      func open(_ place: Place?, _ seconds: Double, _ end: String) -> String {
        let name = place.map { "line \($0.line): \($0.code)" } ?? "before the first statement"
        return """
              <testcase classname="\(xml(report.name))" name="\(xml(name))" file="\(xml(report.name))" \
          line="\(place?.line ?? 1)" time="\(decimal(seconds))"\(end)>
          """
      }
      for outcome in report.outcomes {
        switch outcome.status {
        case .passed: lines.append(open(outcome.place, outcome.seconds, "/"))
        case .skipped:
          lines.append(open(outcome.place, outcome.seconds, ""))
          lines.append("      <skipped message=\"\(xml(outcome.why ?? ""))\"/>")
          lines.append("    </testcase>")
        case .failed:
          let text = outcome.text ?? ""
          lines.append(open(outcome.place, outcome.seconds, ""))
          lines.append(
            "      <failure message=\"\(xml(headline(text)))\">\(xml(text, isAttribute: false))</failure>")
          lines.append("    </testcase>")
        }
      }
      if let crash = report.crash {
        lines.append(open(crash.place, 0, ""))
        lines.append(
          "      <error message=\"\(xml(crash.what))\">\(xml(crash.described, isAttribute: false))</error>")
        lines.append("    </testcase>")
      }
      lines.append("  </testsuite>")
    }
    return lines.joined(separator: "\n") + "\n</testsuites>\n"
  }

  /// In attributes line ends and tabs would be read as blanks.
  private static func xml(_ text: String, isAttribute: Bool = true) -> String {
    let text = escapedMarkup(text)
    return isAttribute ? text.replacing("\n", with: "&#10;").replacing("\t", with: "&#9;") : text
  }

  private static func decimal(_ seconds: Double) -> String {
    let thousandths = Int((seconds * 1000).rounded())
    let rest = String(thousandths % 1000)
    return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
  }

  /// The one line that says most about the failure: what stands behind the place.
  private static func headline(_ text: String) -> String {
    let lines = text.split(separator: "\n")
    return String(
      lines.last { $0.hasPrefix("  ") && !$0.hasPrefix("    ") }?.dropFirst(2) ?? lines.first ?? "")
  }

  // MARK: TAP

  /// Version 14 of the Test Anything Protocol, one test a statement.
  package static func tap(_ reports: [FileReport]) -> String {
    var lines: [String] = []
    var number = 0
    func line(_ why: String?) -> String {
      (why ?? "").unicodeScalars.split { $0 == "\n" || $0 == "\r" }.map(String.init).joined(separator: " ")
    }
    func add(_ isOk: Bool, _ report: FileReport, _ place: Place?, _ directive: String, _ text: String?) {
      number += 1
      let title = line("\(report.name):\(place?.line ?? 1): \(place?.code ?? "")")
      let safe = title.replacing("\\", with: "\\\\").replacing("#", with: "\\#")
      lines.append("\(isOk ? "ok" : "not ok") \(number) - \(safe)\(directive)".trimmedLine)
      guard let text else { return }
      lines.append("  ---")
      lines.append("  message: |")
      lines += text.split(separator: "\n", omittingEmptySubsequences: false).map { "    \($0)".trimmedLine }
      lines.append("  ...")
    }
    for report in reports {
      for outcome in report.outcomes {
        switch outcome.status {
        case .passed: add(true, report, outcome.place, "", nil)
        case .failed: add(false, report, outcome.place, "", outcome.text)
        case .skipped where outcome.isExpectedFailure:
          add(false, report, outcome.place, " # TODO \(line(outcome.why))", nil)
        case .skipped: add(true, report, outcome.place, " # SKIP \(line(outcome.why))", nil)
        }
      }
      if let crash = report.crash { add(false, report, crash.place, "", crash.described) }
    }
    return (["TAP version 14", "1..\(number)"] + lines).joined(separator: "\n") + "\n"
  }

  // MARK: Annotations

  /// Commands of GitHub's workflows that show each failure beside its line.
  ///
  /// - Parameter path: the file's path as the repository knows it.
  package func annotations(path: String) -> String {
    func escaped(_ text: String) -> String {
      text.replacing("%", with: "%25").replacing("\r", with: "%0D").replacing("\n", with: "%0A")
    }
    func property(_ text: String) -> String {
      escaped(text).replacing(":", with: "%3A").replacing(",", with: "%2C")
    }
    func annotation(_ place: Place?, _ text: String) -> String {
      """
      ::error file=\(property(path)),line=\(place?.line ?? 1),endLine=\(place?.lastLine ?? 1),\
      title=attn test::\(escaped(text))\n
      """
    }
    let failures = outcomes.compactMap { outcome in outcome.text.map { annotation(outcome.place, $0) } }
    let crashes = crash.map { [annotation($0.place, $0.described)] } ?? []
    return (failures + crashes).joined()
  }
}
