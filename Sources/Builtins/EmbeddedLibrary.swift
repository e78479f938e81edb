/// The part of the language that is written in attn and carried in the program.
package enum EmbeddedLibrary {
  /// Files by name, in the order in which they are read.
  package static let files: [(name: String, text: String)] = [
    ("functions", PackageResources.functions_attn), ("layers", PackageResources.layers_attn),
    ("training", PackageResources.training_attn), ("text", PackageResources.text_attn),
  ].map { ($0, String(decoding: $1, as: UTF8.self)) }
}
