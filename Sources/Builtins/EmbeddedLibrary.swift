/// The part of the language that is written in attn and carried in the program.
package enum EmbeddedLibrary {
  package struct File: Sendable {
    package let name: String
    package let text: String
    /// The functions and models that it defines.
    package let names: [String]

    fileprivate init(_ name: String, _ bytes: [UInt8]) {
      self.name = name
      text = String(decoding: bytes, as: UTF8.self)
      names = text.split(separator: "\n").compactMap { line in
        for word in ["fn ", "model "] where line.hasPrefix(word) {
          return String(line.dropFirst(word.count).prefix { $0 != "(" })
        }
        return nil
      }
    }
  }

  package static let files: [File] = [
    File("functions", PackageResources.functions_attn), File("layers", PackageResources.layers_attn),
    File("attention", PackageResources.attention_attn), File("gpt", PackageResources.gpt_attn),
    File("optimizers", PackageResources.optimizers_attn), File("training", PackageResources.training_attn),
    File("text", PackageResources.text_attn),
  ]

  /// The file that defines a name.
  package static func file(defining name: String) -> File? { byName[name].map { files[$0] } }

  /// The names that are not private to the library, as those that begin with `_` are.
  package static let publicNames: [String] = files.flatMap(\.names).filter { !$0.hasPrefix("_") }.sorted()

  private static let byName: [String: Int] = Dictionary(
    uniqueKeysWithValues: files.enumerated().flatMap { number, file in file.names.map { ($0, number) } })
}
