import Builtins
import Drawing
import FoundationEssentials
import Host
import Language
import Support
import Syntax
import Values

/// What could stand at the cursor.
package struct Completion: Equatable {
  package struct Candidate: Equatable {
    package var text: String
    /// One line about it.
    package var summary: String
  }
  /// How many scalars before the cursor are replaced.
  package var replaced: Int
  package var candidates: [Candidate]

  package init(replaced: Int, candidates: [Candidate]) {
    self.replaced = replaced
    self.candidates = candidates
  }

  /// What all candidates begin with.
  package var common: String {
    guard var common = candidates.first?.text else { return "" }
    for candidate in candidates.dropFirst() { common = String(common.commonPrefix(with: candidate.text)) }
    return common
  }

  /// A list for the screen, a line for each candidate, cut to `width` and `height`.
  package func list(width: Int, height: Int) -> String {
    let most = max(height - 4, 4)
    let shown = candidates.count > most ? candidates.prefix(most - 1) : candidates[...]
    let column = min(shown.map { displayWidth($0.text) }.max() ?? 0, 40)
    var lines = shown.map { candidate in
      let line = "  " + candidate.text.padded(to: column) + "  " + candidate.summary
      return line.cut(to: max(width - 1, 10))
    }
    if shown.count < candidates.count { lines.append("  … and \(candidates.count - shown.count) more") }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension Shell {
  /// - Parameter text: the entry up to the cursor.
  package func completion(of text: String) -> Completion {
    let entry = Transcript.statements(in: text + "\u{1}").replacing("\u{1}", with: "")
    let line = entry.split(separator: "\n", omittingEmptySubsequences: false).last ?? ""
    if let tour, entry.isEmpty, let next = tour.line {
      return Completion(replaced: 0, candidates: [.init(text: next, summary: "")])
    }
    if line.hasPrefix(":") { return command(String(line.dropFirst())) }
    if line.hasPrefix("?") { return asked(String(line.drop { $0 == "?" })) }
    let place = CursorPlace(entry)
    if let path = place.openString { return files(path, isInString: true) }
    let word = place.word
    if let base = place.base { return fields(of: base, word) }
    var result = names(word)
    if let callee = place.callee, place.isAtArgumentStart {
      let keywords = keywords(of: callee, word)
      // Before anything is typed, the names of the language would only hide them.
      if word.isEmpty, !keywords.isEmpty {
        result.candidates.removeAll { session[$0.text] == nil && $0.text != "ans" }
      }
      result.candidates = keywords + result.candidates
    }
    return result
  }

  private func command(_ text: String) -> Completion {
    guard let blank = text.firstIndex(of: " ") else {
      return words(Command.table.map { ($0.name, $0.summary) }, text)
    }
    let rest = String(text[blank...].drop { $0 == " " })
    switch Command.named(String(text[..<blank]))?.completion {
    case .files: return files(rest)
    case .names: return asked(rest)
    case .tour: return words([("stop", "leaves the tour")], rest)
    case .code: return completion(of: rest)
    case .settings:
      return words([("digits", "decimals of printed tensors"), ("seed", "of random numbers")], rest)
    case .nothing, nil: return Completion(replaced: 0, candidates: [])
    }
  }

  /// What may be asked about: names, the parts of a value, commands.
  private func asked(_ text: String) -> Completion {
    if text.hasPrefix(":") {
      return words(Command.table.map { ($0.name, $0.summary) }, String(text.dropFirst()))
    }
    let place = CursorPlace(text)
    if let base = place.base { return fields(of: base, place.word) }
    return names(place.word)
  }

  private func words(_ words: [(String, String)], _ prefix: String) -> Completion {
    Completion(
      replaced: prefix.unicodeScalars.count,
      candidates: words.filter { $0.0.hasPrefix(prefix) }.map { .init(text: $0.0, summary: $0.1) })
  }

  /// Names of the session first, then of the language.
  private func names(_ prefix: String) -> Completion {
    func matching(_ names: [String]) -> [Completion.Candidate] {
      names.filter { $0.hasPrefix(prefix) }.map { .init(text: $0, summary: summary(ofName: $0)) }
    }
    var own = session.definedNames
    if !results.isEmpty { own += ["ans"].filter { session[$0] == nil } }
    let other =
      session.primitives.all.map(\.name).filter { $0.first?.isLetter == true } + session.libraryNames
    let known = Set(own)
    let words = Parser.words.filter { $0.count > 2 }
    let rest = Array(Set(other + session.primitives.constants.keys + words).subtracting(known)).sorted()
    return Completion(
      replaced: prefix.unicodeScalars.count, candidates: matching(own.sorted()) + matching(rest))
  }

  private func summary(ofName name: String) -> String {
    if let value = session[name] { return value.summary }
    if name == "ans", let last = results.last { return last.summary }
    switch session.outerValue(name) {
    case .builtin(let primitive): return primitive.declaration.summary.firstSentence
    case .function(let function): return (function.documentation ?? "").firstSentence
    case .modelType(let type): return (type.documentation ?? "").firstSentence
    case let value?: return value.text()
    case nil: return ""
    }
  }

  private func keywords(of callee: [CursorPlace.Step], _ prefix: String) -> [Completion.Candidate] {
    var value = resolve(callee)
    if value == nil, case .name(let method)? = callee.last { value = session.outerValue(method) }
    guard let value else { return [] }
    return session.parameterNames(of: value).filter { $0.hasPrefix(prefix) }.map { name in
      var summary = "parameter"
      if case .builtin(let primitive) = value,
        let fallback = primitive.declaration.signature.parameters.first(where: { $0.name == name })?.fallback
      {
        summary = "parameter, \(fallback) where it isn't given"
      }
      return .init(text: "\(name): ", summary: summary)
    }
  }

  /// The fields of a record, or what a model has; functions that take the value first where there is none.
  private func fields(of base: [CursorPlace.Step], _ prefix: String) -> Completion {
    var candidates: [Completion.Candidate] = []
    switch resolve(base) {
    case .record(let record):
      for (label, value) in zip(record.labels, record.values) {
        if let label { candidates.append(.init(text: label, summary: value.summary)) }
      }
    case .model(let model):
      candidates += zip(model.type.fieldNames, model.fields).map { .init(text: $0, summary: $1.summary) }
      for (name, value) in zip(model.type.parameterNames, model.arguments)
      where model.type.position(ofField: name) == nil {  // a field may carry its name
        candidates.append(.init(text: name, summary: value.text()))
      }
      candidates += model.type.methodNames.filter { !$0.hasPrefix("_") }.map {
        .init(text: $0, summary: "method")
      }
    default: break
    }
    candidates = candidates.filter { $0.text.hasPrefix(prefix) }
    if candidates.isEmpty {
      candidates = session.primitives.all.filter {
        $0.name.hasPrefix(prefix) && $0.name.first?.isLetter == true && !$0.signature.parameters.isEmpty
      }.map { .init(text: $0.name, summary: $0.summary.firstSentence) }.sorted { $0.text < $1.text }
    }
    return Completion(replaced: prefix.unicodeScalars.count, candidates: candidates)
  }

  /// The value of a path of names, fields and numbers. Nothing is computed for it.
  private func resolve(_ path: [CursorPlace.Step]) -> Value? {
    var value: Value?
    for (index, step) in path.enumerated() {
      switch (step, value) {
      case (.name(let name), _) where index == 0: value = session[name] ?? session.outerValue(name)
      case (.name(let name), .record(let record)): value = record[name]
      case (.name(let name), .model(let model)): value = model.member(name)
      case (.number(let number), .list(let items)):
        value = items.indices.contains(number) ? items[number] : nil
      default: value = nil
      }
      if value == nil { return nil }
    }
    return value
  }

  /// - Parameter isInString: it stands in a string of the language, where some characters are written
  ///   otherwise.
  private func files(_ written: String, isInString: Bool = false) -> Completion {
    let path = written.hasPrefix("\"") && !isInString ? String(written.dropFirst()) : written
    let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    let typed = String(path[slash...])
    let folder = isInString ? String(path[..<slash]).unescaped : String(path[..<slash])
    let prefix = isInString ? typed.unescaped : typed
    var place = folder.isEmpty ? "." : folder
    if place.hasPrefix("~/"), let home = screen.environment("HOME") { place = home + place.dropFirst(1) }
    if !place.hasPrefix("/") { place = session.host.files.base + "/" + place }
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []).sorted()
    let candidates = names.filter { $0.hasPrefix(prefix) && ($0.hasPrefix(".") == prefix.hasPrefix(".")) }
      .map { name -> Completion.Candidate in
        let isFolder = (try? Files().kind("\(place)/\(name)")) == .folder
        let text = (isInString ? name.escaped : name) + (isFolder ? "/" : "")
        return .init(text: text, summary: isFolder ? "folder" : "")
      }
    return Completion(replaced: typed.unicodeScalars.count, candidates: candidates)
  }
}

extension String {
  fileprivate var firstSentence: String {
    let line = replacing("\n", with: " ")
    guard let end = line.firstRange(of: ". ") else { return line }
    return String(line[..<end.lowerBound]) + "."
  }

  /// As it is written in a string of the language.
  fileprivate var escaped: String {
    replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      .replacing("{", with: "{{").replacing("}", with: "}}")
  }

  fileprivate var unescaped: String {
    replacing("{{", with: "{").replacing("}}", with: "}").replacing("\\\"", with: "\"")
      .replacing("\\\\", with: "\\")
  }

  fileprivate func commonPrefix(with other: String) -> Substring {
    var index = startIndex
    for (a, b) in zip(self, other) {
      guard a == b else { break }
      index = self.index(after: index)
    }
    return self[..<index]
  }

  /// As much as fits into `width` columns.
  func cut(to width: Int) -> String {
    guard displayWidth(self) > width else { return self.trimmedEnd }
    var result = ""
    var columns = 1
    for character in self {
      columns += displayWidth(of: character)
      guard columns <= width else { break }
      result.append(character)
    }
    return result + "…"
  }
}
