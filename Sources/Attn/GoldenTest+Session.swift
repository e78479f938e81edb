import Builtins
import Families
import Golden
import Host
import Language
import Support

extension GoldenTest {
  /// - Parameters:
  ///   - text: a script, or a Markdown page with ```` ```attn ```` blocks.
  ///   - name: what the report calls it; a name that ends in `.md` is read as Markdown.
  ///   - folder: against which the script's paths are resolved.
  ///   - isSandboxed: whether the script may read and write only there.
  ///   - configure: changes the session before it runs, for a host's own names.
  public init(
    _ text: String, name: String, folder: String, isSandboxed: Bool = true,
    configure: @escaping (Attn.Session) -> Void = { _ in }
  ) {
    self.init(text, name: name, folder: folder, .standard, isSandboxed: isSandboxed) {
      configure(Attn.Session($0))
    }
  }

  /// A script or page in a file, in whose folder it runs.
  ///
  /// - Throws: `AttnError` where the file can't be read as UTF-8 text.
  public init(
    contentsOf path: String, isSandboxed: Bool = true,
    configure: @escaping (Attn.Session) -> Void = { _ in }
  ) throws {
    let text: String
    do { text = try Files().readText(path) } catch { throw AttnError(error.message) }
    self.init(
      text, name: path, folder: Files.folder(of: path), isSandboxed: isSandboxed, configure: configure)
  }
}
