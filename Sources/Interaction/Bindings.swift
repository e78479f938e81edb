import Builtins
import Language
import Syntax

/// Which names were made from which, to tell those whose inputs have been bound again since.
package struct Bindings {
  private struct Binding {
    var version: Int
    /// What it was made from, and the version of each then.
    var inputs: [String: Int] = [:]
    /// What a function or model reads when it is called.
    var uses: Set<String> = []
  }
  private var bindings: [String: Binding] = [:]
  private var clock = 0
  private var told: Set<String> = []
  private var resultNames: Set<String> = []

  package init() {}

  /// A statement has run that reads and assigns names.
  ///
  /// - Parameter added: names that are new since, an import's among them.
  mutating func note(_ use: NameUse, added: Set<String>, in session: Session) {
    clock += 1
    let assigned = Set(use.assigned).union(added)
    let reads = use.readNames.subtracting(assigned)
    var inputs: [String: Int] = [:]
    for name in reads {
      for input in reached(from: name) { inputs[input] = bindings[input]?.version }
    }
    for name in assigned where session[name] != nil {
      bindings[name] =
        use.isDefinition
        ? Binding(version: clock, uses: use.readNames)
        : Binding(version: clock, inputs: inputs.filter { $0.key != name })
      told.remove(name)
      resultNames.remove(name)
    }
  }

  /// A name and, of a function, all that it reads.
  private func reached(from name: String) -> Set<String> {
    var seen: Set<String> = []
    var rest = [name]
    while let next = rest.popLast() {
      guard bindings[next] != nil, seen.insert(next).inserted else { continue }
      rest += bindings[next]?.uses ?? []
    }
    return seen
  }

  /// The input that has changed since a name was bound, or that is stale itself.
  package func staleness(of name: String) -> String? {
    var seen: Set<String> = []
    func cause(_ name: String) -> String? {
      guard seen.insert(name).inserted, let binding = bindings[name] else { return nil }
      for (input, version) in binding.inputs.sorted(by: { $0.key < $1.key }) {
        if bindings[input]?.version != version { return input }
        if let deeper = cause(input) { return deeper }
      }
      return nil
    }
    return cause(name)
  }

  /// Whether to tell about a stale name: once for each time that it is bound.
  mutating func tell(_ name: String) -> Bool { told.insert(name).inserted }

  mutating func bind(result name: String) {
    clock += 1
    bindings[name] = Binding(version: clock)
    resultNames.insert(name)
  }

  /// Whether a name still stands for the result that it was given to.
  func isResult(_ name: String) -> Bool { resultNames.contains(name) }
}
