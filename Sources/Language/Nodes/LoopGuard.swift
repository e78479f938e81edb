import Builtins
import Tensors
import Values

/// Lets a loop that is a statement end between two rounds: where `stop_after` says so, and, in a
/// session that keeps what interrupted loops have done, where the user interrupts it.
///
/// An interruption takes back the round in flight. For that the guard records the names' values before a
/// round, at most every twentieth of a second: a record holds on to a list that would otherwise grow in
/// place, and short rounds are quickly run again.
final class LoopGuard {
  private let interpreter: Interpreter
  private var notedAt: ContinuousClock.Instant?
  private var note: Session.Note?

  init(_ interpreter: Interpreter) {
    self.interpreter = interpreter
    interpreter.host.loops.count.started += 1
  }

  /// Whether another round may begin.
  func begin() -> Bool {
    let host = interpreter.host
    if interpreter.keepsInterruptedLoops {
      let now = ContinuousClock.now
      if notedAt.map({ now - $0 > .milliseconds(50) }) ?? true {
        note = Session.Note(interpreter)
        notedAt = now
      }
    }
    return host.loops.count.begin()
  }

  /// Runs a loop; one that is interrupted ends as it was before the round in flight.
  func run(_ loop: () throws -> Void) throws {
    do { try loop() } catch { try recover(from: error) }
  }

  private func recover(from error: any Error) throws {
    guard let note, interpreter.host.loops.isInterrupted() else { throw error }
    note.restore(interpreter)
    interpreter.host.loops.stop()
  }
}

extension Session {
  /// What a statement can change, as it is at one moment.
  struct Note {
    private let values: [(cell: GlobalCell, value: Value)]
    private let random: RandomState
    private let rounds: Int
    private let output: Int

    init(_ interpreter: Interpreter) {
      values = interpreter.mainCells().map { ($0, $0.value) }
      random = interpreter.host.random.state
      rounds = interpreter.host.loops.count.rounds
      output = interpreter.host.output.length()
    }

    func restore(_ interpreter: Interpreter) {
      for cell in interpreter.mainCells() { cell.value = .undefined }
      for (cell, value) in values { cell.value = value }
      interpreter.host.random.state = random
      interpreter.host.loops.count.rounds = rounds
      interpreter.host.output.cut(output)
    }
  }
}
