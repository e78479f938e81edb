import Builtins
import Host
import Shapes
import Values

extension PrimitiveTable {
  /// The primitives of attn.
  package static let standard = PrimitiveTable(
    [
      ("Operators", Builtin.operatorFamily),
      ("Making tensors", Builtin.creationFamily),
      ("Random numbers", Builtin.randomFamily),
      ("Functions of one number", Builtin.functionFamily),
      ("Element by element", Builtin.elementwiseFamily),
      ("Reductions", Builtin.reductionFamily),
      ("Along an axis", Builtin.rowFamily),
      ("Einsum", Builtin.einsumFamily),
      ("Patterns of axes", Builtin.patternFamily),
      ("Shapes", Builtin.shapeFamily),
      ("Joining and splitting", Builtin.joiningFamily),
      ("Positions", Builtin.indexingFamily),
      ("Networks", Builtin.networkFamily),
      ("Gradients", Builtin.gradientFamily),
      ("Models and training", Builtin.trainingFamily),
      ("Lists and records", Builtin.collectionFamily),
      ("Strings", Builtin.stringFamily),
      ("Files", Builtin.fileFamily),
      ("Saving", Builtin.savingFamily),
      ("Output", Builtin.outputFamily),
    ], operators: Builtin.operators)
}
