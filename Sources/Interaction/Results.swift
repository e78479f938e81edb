import Builtins
import Drawing
import Language
import Support
import Syntax

/// `ans` and `out[n]`: they stand for names, which the values get when they are first asked for.
///
/// The statement runs with the names in their place. So what is recorded is what a script with these
/// names prints, and functions mean the value of the moment when they were defined.
extension Shell {
  /// The text with names for `ans` and `out[n]`; `nil` where it mentions neither.
  func naming(results statement: Statement, _ text: String) throws(BuiltinError) -> String? {
    let use = NameUse(statement)
    var places: [(Range<Int>, Int)] = []
    if session["out"] == nil {
      for read in use.numberedReads where read.name.text == "out" {
        let number = read.number < 0 ? droppedResults + results.count + read.number : read.number
        places.append((read.span.start..<read.span.end, try checked(number, "out[\(read.number)]")))
      }
      let numbered = Set(places.map(\.0.lowerBound))
      if use.reads.contains(where: { $0.text == "out" && !numbered.contains($0.span.start) }) {
        throw BuiltinError(
          "out is read one result at a time", hint: "out[0] is the first, out[-1] the last")
      }
    }
    if session["ans"] == nil {
      for read in use.reads where read.text == "ans" {
        let number = droppedResults + results.count - 1
        places.append((read.span.start..<read.span.end, try checked(number, "ans")))
      }
    }
    guard !places.isEmpty else { return nil }
    var bytes = Array(text.utf8)
    for (place, number) in places.sorted(by: { $0.0.lowerBound > $1.0.lowerBound }) {
      bytes.replaceSubrange(place, with: Array(name(ofResult: number).utf8))
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func checked(_ number: Int, _ text: String) throws(BuiltinError) -> Int {
    let count = droppedResults + results.count
    guard count > 0 else {
      throw BuiltinError("\(text): there is no result yet", hint: "an expression's value is one")
    }
    guard number >= droppedResults, number < count else {
      throw BuiltinError(
        number >= 0 && number < droppedResults
          ? "\(text) is no longer held: the last \(results.count) results are"
          : "\(text): the results are out[\(droppedResults)] to out[\(count - 1)]")
    }
    return number
  }

  /// The name of a result, which is bound to its value from now on.
  private func name(ofResult number: Int) -> String {
    if let name = resultNames[number], bindings.isResult(name) { return name }
    var name = "result_\(number)"
    while session[name] != nil || notebook.mentions(name) { name += "_" }
    session[name] = results[number - droppedResults]
    resultNames[number] = name
    notebook.name(result: number, name)
    bindings.bind(result: name)
    return name
  }
}
