import Tensors

extension Builtin {
  /// The primitives by family, in the order of the reference page.
  package static let families: [(title: String, members: [Builtin])] = [
    ("Operators", operatorFamily), ("Making tensors", creationFamily), ("Random numbers", randomFamily),
    ("Functions of one number", functionFamily), ("Element by element", elementwiseFamily),
    ("Reductions", reductionFamily), ("Along an axis", rowFamily), ("Einsum", einsumFamily),
    ("Patterns of axes", patternFamily), ("Shapes", shapeFamily), ("Joining and splitting", joiningFamily),
    ("Positions", indexingFamily), ("Networks", networkFamily), ("Gradients", gradientFamily),
    ("Models and training", trainingFamily), ("Lists and records", collectionFamily),
    ("Strings", stringFamily), ("Files", fileFamily), ("Saving", savingFamily), ("Output", outputFamily),
  ]

  /// Every primitive.
  package static let table: [Builtin] = families.flatMap(\.members)

  package static let named: [String: Builtin] = Dictionary(
    uniqueKeysWithValues: table.map { ($0.name, $0) })

  /// Names that stand for a value.
  package static let constants: [String: Fallback] = {
    var constants: [String: Fallback] = [
      "inf": .float(.infinity), "nan": .float(.nan), "pi": .float(.pi),
    ]
    for dtype in DType.allCases { constants[dtype.name] = .dtype(dtype) }
    return constants
  }()

  /// The sum over an index in lanes.
  package static var sumReducer: Reducer {
    guard let reducer = sum.reducer else { preconditionFailure("sum is a reducer") }
    return reducer
  }
}

/// The part of the language that is written in attn and carried in the program.
package enum EmbeddedLibrary {
  /// Files by name, in the order in which they are read.
  package static let files: [(name: String, text: String)] = [
    ("functions", PackageResources.functions_attn), ("layers", PackageResources.layers_attn),
    ("training", PackageResources.training_attn), ("text", PackageResources.text_attn),
  ].map { ($0, String(decoding: $1, as: UTF8.self)) }
}
