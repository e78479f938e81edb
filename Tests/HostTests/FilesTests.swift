import FoundationEssentials
import Host
import Support
import Testing

@Suite final class FilesTests {
  private let folder: String
  private let files: Files

  init() throws {
    let name = "attn-files-\(UInt64.random(in: 0 ... .max))"
    let parent = FileManager.default.temporaryDirectory.path
    folder = "\(parent)/\(name)"
    try FileManager.default.createDirectory(
      atPath: folder + "/inner", withIntermediateDirectories: true)
    files = Files(base: folder, workingFolder: folder + "/inner", sandbox: .init(folder + "/inner"))
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private func problem(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return (error as? BuiltinError)?.message ?? "\(error)" }
  }

  @Test func writesAndReads() throws {
    var files = files
    try files.write(Array("one".utf8), to: "inner/a.txt")
    try files.write(Array("two".utf8), to: "inner/a.txt")
    #expect(try files.readText("inner/a.txt") == "two")
    files.typed = ["a.txt"]
    #expect(try files.readText("a.txt") == "two")
    #expect(try files.list("inner") == ["a.txt"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/inner") == ["a.txt"])
  }

  @Test func saysWhatIsWrong() throws {
    try files.write([0x61, 0xFF], to: "inner/corpus.txt")
    #expect(
      problem { _ = try files.readText("inner/corpus.txt") }
        == "inner/corpus.txt is not UTF-8 text: byte 1")
    #expect(problem { _ = try files.readText("inner") } == "inner is a folder")
    #expect(problem { try files.write([], to: "inner") } == "inner is a folder")
    do {
      _ = try files.readBytes("inner/corpsu.txt")
    } catch {
      #expect(error.message == "there is no file inner/corpsu.txt")
      #expect(error.hint == "did you mean \"inner/corpus.txt\"?")
    }
    #expect(
      problem { try files.write([], to: "inner/no/a.txt") }
        == "there is no folder inner/no to write inner/no/a.txt in")
  }

  @Test func staysInTheSandbox() throws {
    let refused =
      "the script may read and write only in its own folder and a temporary one here"
    try FileManager.default.createSymbolicLink(
      atPath: folder + "/inner/out", withDestinationPath: folder)
    for path in ["a.txt", "/etc/hostname", "inner/../a.txt", "inner/out/a.txt", "inner2/a.txt"] {
      #expect(problem { try files.write([], to: path) } == refused)
      #expect(problem { _ = try files.readBytes(path) } == refused)
    }
    #expect(problem { try files.write([1], to: "inner/./b.txt") } == nil)
  }

  @Test func keepsSymbolicLinks() throws {
    try files.write(Array("old".utf8), to: "inner/real.txt")
    try FileManager.default.createSymbolicLink(
      atPath: folder + "/inner/link.txt", withDestinationPath: "real.txt")
    try files.write(Array("new".utf8), to: "inner/link.txt")
    #expect(try files.readText("inner/real.txt") == "new")
  }
}
