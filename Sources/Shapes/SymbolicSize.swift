/// A size made of symbols: a sum of products, such as `past + 2·n`, in one canonical form, so that equal
/// expressions are equal values. A quotient that is not exact is a symbol of its own, `⌊a / b⌋`.
package struct SymbolicSize: Size {
  private indirect enum Atom: Hashable, Sendable, Comparable {
    case symbol(String)
    case quotient(SymbolicSize, SymbolicSize)

    var description: String {
      switch self {
      case .symbol(let name): name
      case .quotient(let a, let b): "⌊\(a) / \(b)⌋"
      }
    }

    static func < (a: Atom, b: Atom) -> Bool { a.description < b.description }
  }

  /// A product of atoms with its factor; no atoms stand for a number.
  private struct Term: Hashable, Sendable {
    var atoms: [Atom]
    var factor: Int
  }

  /// In order of their atoms, none with a factor of 0.
  private var terms: [Term]

  /// A symbol that no program can write.
  package static let unknown = SymbolicSize("?")

  package init(_ n: Int) { terms = n == 0 ? [] : [Term(atoms: [], factor: n)] }

  /// A size with a name, which is 0 or more.
  package init(_ name: String) { terms = [Term(atoms: [.symbol(name)], factor: 1)] }

  private init(adding terms: [Term]) {
    var factors: [[Atom]: Int] = [:]
    for term in terms { factors[term.atoms, default: 0] = (factors[term.atoms] ?? 0).plus(term.factor) }
    self.terms = factors.filter { $0.value != 0 }.map { Term(atoms: $0.key, factor: $0.value) }
      .sorted {
        $0.atoms.count != $1.atoms.count
          ? $0.atoms.count > $1.atoms.count : $0.atoms.lexicographicallyPrecedes($1.atoms)
      }
  }

  package var known: Int? {
    if terms.isEmpty { return 0 }
    return terms.count == 1 && terms[0].atoms.isEmpty ? terms[0].factor : nil
  }

  package func plus(_ other: SymbolicSize) -> SymbolicSize { SymbolicSize(adding: terms + other.terms) }

  package func minus(_ other: SymbolicSize) -> SymbolicSize {
    SymbolicSize(adding: terms + other.terms.map { Term(atoms: $0.atoms, factor: -$0.factor) })
  }

  package func times(_ other: SymbolicSize) -> SymbolicSize {
    SymbolicSize(
      adding: terms.flatMap { a in
        other.terms.map { b in
          Term(atoms: (a.atoms + b.atoms).sorted(), factor: a.factor.times(b.factor))
        }
      })
  }

  package func exactly(dividedBy other: SymbolicSize) -> SymbolicSize? {
    if self == other, !terms.isEmpty { return SymbolicSize(1) }
    // By one product: each term has to hold its atoms, and a factor that divides.
    guard other.terms.count == 1, let divisor = other.terms.first else { return nil }
    var quotients: [Term] = []
    for term in terms {
      var atoms = term.atoms
      for atom in divisor.atoms {
        guard let place = atoms.firstIndex(of: atom) else { return nil }
        atoms.remove(at: place)
      }
      guard term.factor % divisor.factor == 0 else { return nil }
      quotients.append(Term(atoms: atoms, factor: term.factor / divisor.factor))
    }
    return SymbolicSize(adding: quotients)
  }

  package func floored(dividedBy other: SymbolicSize) -> SymbolicSize {
    if let exact = exactly(dividedBy: other) { return exact }
    if let a = known, let b = other.known { return SymbolicSize(a.floored(dividedBy: b)) }
    return SymbolicSize(adding: [Term(atoms: [.quotient(self, other)], factor: 1)])
  }

  /// Symbols stand for any sizes of 0 and more: what differs by a number differs, and what is more than
  /// nothing is not 0.
  package func isEqual(to other: SymbolicSize) -> Bool? {
    let difference = minus(other)
    if let number = difference.known { return number == 0 }
    let constant = difference.terms.first { $0.atoms.isEmpty }?.factor ?? 0
    if constant > 0, difference.terms.allSatisfy({ $0.factor > 0 }) { return false }
    if constant < 0, difference.terms.allSatisfy({ $0.factor < 0 }) { return false }
    return nil
  }

  /// The number that it is where the symbols have these.
  package func substituting(_ numbers: [String: Int]) -> Int? {
    var sum = 0
    for term in terms {
      var product = term.factor
      for atom in term.atoms {
        switch atom {
        case .symbol(let name):
          guard let number = numbers[name] else { return nil }
          product = product.times(number)
        case .quotient(let a, let b):
          guard let a = a.substituting(numbers), let b = b.substituting(numbers) else { return nil }
          product = product.times(a.floored(dividedBy: b))
        }
      }
      sum = sum.plus(product)
    }
    return sum
  }

  package var description: String {
    guard !terms.isEmpty else { return "0" }
    var text = ""
    for (position, term) in terms.enumerated() {
      let magnitude = String(term.factor.magnitude)
      var factors = term.atoms.map(\.description)
      if factors.isEmpty || term.factor.magnitude != 1 { factors.insert(magnitude, at: 0) }
      if position > 0 { text += term.factor < 0 ? " - " : " + " } else if term.factor < 0 { text += "-" }
      text += factors.joined(separator: "·")
    }
    return text
  }
}
