/// How the shape of a result follows from those of the operands: data, which the evaluator runs with numbers
/// before a primitive does, and a checker with symbols before anything runs.
package struct ShapeRule: Hashable, Sendable {
  package enum Kind: String, CaseIterable, Sendable {
    /// What the signature's axes say.
    case axes
    /// The operand's, which may be of any shape.
    case same
    /// Equal shapes, a scalar with anything, or a trailing part of the longest.
    case combined
    case matrixProduct
    /// Without an axis, some, or all.
    case reduced
    /// The same without one axis, or all.
    case located
    /// The operand's, along an axis that it has; a mask is a trailing part of it.
    case along
    case resized, flattened, permuted, inserted, squeezed, broadcast, padded
    case joined, stacked, divided
    case gathered, scattered, first
    case rowsWithin, classes, attention
    case rearranged, reducedByPattern, repeated, einsum
    /// The numbers from a start up to an end.
    case counted
    /// As many as the operand's elements say when they are read.
    case dataDependent
  }

  package let kind: Kind
  /// The parameters that it reads, in the order that its kind has them.
  package let parameters: [String]

  package init(_ kind: Kind, _ parameters: String...) {
    self.kind = kind
    self.parameters = parameters
  }

  /// What a rule reads of a parameter.
  package enum Role: Sendable {
    /// A tensor's shape; a number has none.
    case operand
    /// A whole number.
    case number
    /// Whole numbers, as separate arguments or in one list.
    case numbers
    /// An axis, several, or all.
    case axes
    /// A list, and what stands in it.
    case list
    case string
    /// Numbers by name.
    case named
    case flag
  }

  /// The role of each parameter, in order; more parameters have the last one's.
  package var roles: [Role] {
    switch kind {
    case .axes, .same, .combined, .matrixProduct, .flattened, .rowsWithin, .classes, .dataDependent:
      [.operand]
    case .reduced, .located, .squeezed: [.operand, .axes]
    case .along: [.operand, .number, .operand]
    case .resized, .permuted, .broadcast: [.operand, .numbers]
    case .inserted: [.operand, .number]
    case .padded: [.operand, .number, .number, .number]
    case .joined, .stacked: [.list, .number]
    case .divided: [.operand, .number, .number]
    case .gathered: [.operand, .operand, .number]
    case .scattered: [.operand, .operand, .operand, .number]
    case .first: [.operand, .number, .number]
    case .attention: [.operand, .operand, .operand, .operand, .flag, .number]
    case .rearranged, .reducedByPattern, .repeated: [.operand, .string, .named]
    case .einsum: [.list]
    case .counted: [.number]
    }
  }

  /// How a reference page shows the result, where the signature's axes don't.
  package var summary: String? {
    func p(_ position: Int) -> String { parameters[position] }
    return switch kind {
    case .axes, .same: nil
    case .combined: "\(parameters.dropLast().joined(separator: ", ")) and \(p(parameters.count - 1)) combined"
    case .matrixProduct: "[..., rows of \(p(0)), columns of \(p(1))]"
    case .reduced, .located: "\(p(0)) without \(p(1))"
    case .along: "\(p(0))'s shape"
    case .resized, .broadcast: "[\(p(1))...]"
    case .flattened: "[size of \(p(0))]"
    case .permuted: "\(p(0)) in \(p(1))"
    case .inserted: "\(p(0)) with \(p(1)) of size 1"
    case .squeezed: "\(p(0)) without \(p(1)) of size 1"
    case .padded: "\(p(0)) with \(p(1)) and \(p(2)) more along \(p(3))"
    case .joined: "the items joined along \(p(1))"
    case .stacked: parameters.count > 1 ? "the items along a new \(p(1))" : "[..., shape of the items]"
    case .divided: "\(p(1)) parts of \(p(0)) along \(p(2))"
    case .gathered: "\(p(0)) with \(p(1)) in place of \(p(2))"
    case .scattered, .rowsWithin: "\(p(0))'s shape"
    case .first: "(values, indices) of \(p(0)) with \(p(1)) along \(p(2))"
    case .classes: "[]"
    case .attention: "[..., length of \(p(0)), width of \(p(2))]"
    case .rearranged, .reducedByPattern, .repeated, .einsum: "the right of the pattern"
    case .counted: "[count]"
    case .dataDependent: nil
    }
  }
}

/// What a rule reads of one argument.
package enum ShapeArgument<S: Size>: Sendable {
  case shape([S])
  case number(S)
  case numbers([S])
  case list([ShapeArgument<S>])
  case string(String)
  case named([(name: String, size: S)])
  case flag(Bool)
  /// `all`, as in `axis: all`.
  case all
  case none
  /// Something else, or something that is not known.
  case other

  var shape: [S]? { if case .shape(let shape) = self { shape } else { nil } }
  var number: S? { if case .number(let number) = self { number } else { nil } }
  var numbers: [S]? { if case .numbers(let numbers) = self { numbers } else { nil } }
  package var isNone: Bool { if case .none = self { true } else { false } }
}

/// What a rule gives.
package struct ShapeResult<S: Size>: Sendable {
  package let shape: [S]
  /// The way there, of a pattern.
  package let way: Way?

  package indirect enum Way: Sendable {
    case rearrangement(Rearrangement<S>)
    case einsum(EinsumTerms<S>)
  }

  package init(_ shape: [S], _ way: Way? = nil) { (self.shape, self.way) = (shape, way) }
}

/// The most axes that a tensor has.
package let highestRank = 16
