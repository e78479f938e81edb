import Families
import Host
import Language
import Tensors
import Testing
import Values

/// The library is read when a name of it is wanted, and what goes wrong then is an error like others.
@Suite struct LibraryTests {
  @Test func anInterruptionWhileItIsReadEndsTheStatementAlone() throws {
    let session = Session(.standard)
    var isInterrupted = true
    session.host.loops.isInterrupted = { isInterrupted }
    #expect(throws: Interruption.self) { try session.evaluate("l = Linear(2, 3)\nl(ones(1, 2))") }
    isInterrupted = false
    _ = try session.evaluate("l = Linear(2, 3)")
    #expect(session["l"] != nil)
  }

  @Test func aFileIsReadForItsOwnNames() throws {
    let session = Session(.standard)
    _ = try session.evaluate("l = map([1, 2], x -> x + 1)")
    #expect(session["Linear"] == nil)
    #expect(session.visibleNames.contains("Linear"))
    #expect(!session.visibleNames.contains { $0.hasPrefix("_") })
  }
}
