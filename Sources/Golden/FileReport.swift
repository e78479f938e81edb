import Drawing
import Support
import Syntax
import Values

/// The outcome of a file, as the process that ran it sends it and reports show it.
package struct FileReport: Codable, Sendable {
  package var name: String
  package var outcomes: [Outcome] = []
  /// Why the run ended before the file did: a crash, a time-out.
  package var crash: Crash?
  package var seconds = 0.0

  package init(name: String) { self.name = name }

  /// The outcome of a statement.
  package struct Outcome: Codable, Sendable {
    package enum Status: String, Codable, Sendable { case passed, failed, skipped }
    package var place: Place
    package var status: Status
    /// Why it was skipped.
    package var why: String?
    /// The failure as a person wants to read it.
    package var text: String?
    package var printed: [String]
    package var digest: String?
    package var seconds: Double
    /// Whether a failure was known of beforehand: `# expect-failure:`.
    package var isExpectedFailure = false
    /// Whether recording fixes the failure, and whether nothing was recorded yet.
    package var isMendable = false
    package var isNew = false
  }

  /// A statement: the lines of the file that it stands on, and the first of them.
  package struct Place: Codable, Sendable {
    package var line: Int
    package var lastLine: Int
    package var code: String

    package init(line: Int, lastLine: Int, code: String) {
      (self.line, self.lastLine, self.code) = (line, lastLine, code)
    }
  }

  package struct Crash: Codable, Sendable {
    package var what: String
    /// The statement that was running.
    package var place: Place?
    /// What the process wrote to stderr.
    package var errors = ""

    package init(_ what: String, at place: Place?, errors: String = "") {
      self.what = what
      self.place = place
      self.errors = errors
    }
  }

  /// Marks the failures that a recording has fixed as passed.
  package mutating func conclude(_ recording: GoldenTest.Recording) {
    for index in outcomes.indices
    where outcomes[index].isMendable && (recording == .differing || outcomes[index].isNew) {
      outcomes[index].status = .passed
      outcomes[index].text = nil
    }
  }

  package func count(_ status: Outcome.Status) -> Int {
    outcomes.count { $0.status == status } + (status == .failed && crash != nil ? 1 : 0)
  }

  package var isPassed: Bool { count(.failed) == 0 }

  /// The failures as a person wants to read them.
  package var text: String {
    let crashes = crash.map { ["\(name):\($0.place?.line ?? 1): \($0.described)"] } ?? []
    return (outcomes.compactMap(\.text) + crashes).joined(separator: "\n")
  }
}

extension FileReport.Crash {
  package var described: String {
    var lines = [place?.code ?? "(before the first statement)", "  " + what]
    let errors = errors.split(separator: "\n")
    lines += errors.prefix(20).map { "    \($0)" }
    if errors.count > 20 { lines.append("    … \(errors.count - 20) more lines") }
    return lines.joined(separator: "\n")
  }
}

extension FileReport.Place {
  package init(_ entry: Document.Entry) {
    self.init(
      line: entry.line, lastLine: entry.lastLine,
      code: entry.span.text.split(whereSeparator: \.isNewline).first.map(String.init) ?? "")
  }
}

extension FileReport.Outcome {
  package init(_ result: GoldenTest.Result, in name: String, seconds: Double) {
    place = FileReport.Place(result.entry)
    printed = result.printed
    digest = result.digest
    isMendable = result.isMendable(by: .differing)
    isNew = result.isMendable(by: .new)
    self.seconds = seconds
    switch result.status {
    case .passed: status = .passed
    case .failed:
      status = .failed
      text = result.described(in: name)
    case .skipped(let reason):
      status = .skipped
      why = reason
      if case .expectFailure? = result.entry.directive { isExpectedFailure = true }
    }
  }
}

// MARK: The same script on other threads and instruction sets

extension FileReport {
  /// Turns what another run printed, or computed, otherwise into failures of this one.
  package mutating func compare(with other: FileReport, called name: String) {
    if let crash = other.crash, self.crash == nil {
      self.crash = Crash("with \(name): \(crash.what)", at: crash.place, errors: crash.errors)
    }
    for (index, (mine, theirs)) in zip(outcomes, other.outcomes).enumerated()
    where mine.status != .failed {
      let difference: [String]
      if mine.printed != theirs.printed {
        difference =
          ["  printed otherwise with \(name):"] + mine.printed.map { "    - \($0)" }
          + theirs.printed.map { "    + \($0)" }
      } else if mine.digest != theirs.digest {
        difference = [
          "  the value has other bits with \(name): "
            + "\(theirs.digest ?? "none"), and not \(mine.digest ?? "none")"
        ]
      } else {
        continue
      }
      outcomes[index].status = .failed
      outcomes[index].text =
        (["\(self.name):\(mine.place.line): \(mine.place.code)"] + difference).joined(separator: "\n")
    }
    seconds += other.seconds
  }
}
