import Interaction
import Testing

@Suite struct CommandTests {
  /// The page's table is the table.
  @Test func thePageHasEveryCommand() throws {
    let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let page = try TestFiles.read(root + "/docs/prompt.md")
    let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `:") }.map(String.init)
    #expect(rows == Command.table.map { "| `\($0.usage)` | \($0.summary) |" })
  }

  @Test func theTable() {
    #expect(Set(Command.table.map(\.name)).count == Command.table.count)
    for command in Command.table {
      #expect(command.summary.hasSuffix("."), "\(command.name)")
      #expect(command.summary.first?.isUppercase == true, "\(command.name)")
    }
  }

  @Test func beginningsOfNames() {
    #expect(Command.named("sa")?.name == "save")
    #expect(Command.named("s") == nil)
    #expect(Command.named("") == nil)
    #expect(Command.named("quit")?.name == "quit")
  }
}
