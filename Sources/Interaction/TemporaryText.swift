import Builtins
import Drawing
import FoundationEssentials
import Host
import Support

/// A text in a file that another program opens; the file is removed when this object is released.
final class TemporaryText {
  let path: String

  init(_ text: String, name: String) throws(BuiltinError) {
    let folder = FileManager.default.temporaryDirectory.path
    path = "\(folder)/attn-\(UUID().uuidString.prefix(8))-\(name)"
    try Files().write(Array(text.utf8), to: path)
  }

  /// The text as it is by now.
  func read() throws(BuiltinError) -> String { try Files().readText(path) }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
