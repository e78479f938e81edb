import Builtins
import Families
import Language
import Support
import Tensors
import Testing
import Values

/// Steps of loops that end in a read which was given up; in a process of its own, which all of it stops.
@Suite struct StoppedStepTests {
  @Test func theStepIsDropped() async {
    await #expect(processExitsWith: .success) {
      Machine.withDeepStack {
        let session = Session(.standard)
        session.keepsInterruptedLoops = true
        session.host.loops.isInterrupted = { Machine.isStopRequested }
        session.host.loops.noteInterruption = { Machine.isStopRequested = false }
        // As `float` does, while the user asks to stop in the third step.
        session["read"] = .function(
          NativeFunction("read", parameters: ["i", "x"]) { arguments in
            guard let x = arguments[1].variable?.tensor else { throw BuiltinError("x is a tensor") }
            Machine.isStopRequested = arguments[0].asInt == 2
            return .float(x.item)
          })
        let loop = "big = 2.0 * ones(100000); iterate(1.0, 5, (i, x) -> read(i, (big * x)[0]))"
        do {
          let state = try session.evaluate(loop)
          #expect(state.asDouble == 4)
          #expect(try session.evaluate("big[0] + 1.0").asDouble == 3)
        } catch { Issue.record(error) }
      }
    }
  }
}
