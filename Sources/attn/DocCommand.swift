import ArgumentParser
import Builtins
import Families
import Language
import Support

/// `attn doc [NAME]`
struct DocCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doc",
    abstract: "Show what a function or layer does; without a name, the whole reference page.")

  @Argument(help: "A name.") var name: String?
  @Flag(help: "Show the page of the library that is written in attn.") var library = false

  func run() throws {
    if library { return Terminal.write(LibraryReference.page) }
    guard let name else { return Terminal.write(Reference.page(of: .standard)) }
    if let builtin = PrimitiveTable.standard.named[name] { return Terminal.write(Reference.help(builtin)) }
    let session = Session(.standard)
    if let help = LibraryReference.help(name) { return Terminal.write(help) }
    Terminal.writeError("error: there is no function \(name)\n")
    if let near = nearest(name, among: session.visibleNames) {
      Terminal.writeError("  hint: did you mean \(near)?\n")
    }
    throw ExitCode(1)
  }
}
