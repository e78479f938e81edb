import Builtins
import Drawing
import Support

/// The first ten minutes: one line to type at a time, and a word on what it did.
package final class Tour {
  package struct Step: Sendable {
    /// What is to be typed.
    package let line: String
    /// Said before, and after.
    let before: String
    let after: String
  }

  private var index = 0

  /// The line that the user is to type next.
  package var line: String? { Self.steps.indices.contains(index) ? Self.steps[index].line : nil }

  /// Takes an entry that has run, and goes on where it was the expected line.
  func note(_ entry: String, _ shell: Shell) {
    guard let line else { return }
    guard Self.isSame(entry, line) else {
      if !entry.hasPrefix(":tour") { shell.screen.note("tour: the line is still  \(line)") }
      return
    }
    shell.screen.note(shell.prose(Self.steps[index].after))
    index += 1
    if index < Self.steps.count {
      show(shell)
    } else {
      shell.screen.note(
        "\n" + shell.prose("That was the tour. :help lists the commands, ?NAME tells about a name."))
      shell.tour = nil
    }
  }

  func show(_ shell: Shell) {
    let step = Self.steps[index]
    let before = shell.prose("\(index + 1)/\(Self.steps.count)  \(step.before)")
    shell.screen.note("\n\(before)\n\n    \(step.line)\n")
  }

  /// Blanks don't count.
  private static func isSame(_ a: String, _ b: String) -> Bool {
    a.filter { !$0.isWhitespace } == b.filter { !$0.isWhitespace }
  }

  package static let steps: [Step] = [
    Step(
      line: "q = randn(4, 8)",
      before: "Type a line and press Enter. Tab types this one for you, :tour stop leaves.",
      after: """
        randn made a tensor of random numbers with 4 rows and 8 columns. An assignment shows the
        shape only. The same session gives the same numbers everywhere.
        """),
    Step(
      line: "k = randn(4, 8); v = randn(4, 2);",
      before: "Statements part with a semicolon, which also keeps an assignment quiet.",
      after: "There are keys k and values v now. :vars lists all that is there."),
    Step(
      line: "score[t, s] = sum[d](q[t, d] * k[s, d]) / sqrt(d)",
      before: "A formula as it stands in a paper. sum[d] runs over d; outside of it d is that axis's size.",
      after: "score has an axis for each index on the left: 4 queries by 4 keys."),
    Step(
      line: "w[t, s] = softmax[s](score[t, s] where s <= t)",
      before: "softmax along s, over the keys that are not in the future.",
      after: "What the condition leaves out takes no part, forward or backward."),
    Step(
      line: "w",
      before: "A name alone shows its value.",
      after: "Each row sums to 1, and above the diagonal stands 0."),
    Step(
      line: "sum(ans, axis: -1)",
      before: "ans is the last value that was shown.",
      after: "out[0] is the first value of the session, out[-1] the last."),
    Step(
      line: "heatmap(w)",
      before: "Pictures are drawn on the terminal.",
      after: "In a file or a pipe the same picture is made of digits."),
    Step(
      line: "q @ v",
      before: "A mistake on purpose: the shapes don't fit.",
      after: "The error names both operands, the axes and the sizes. Nothing is lost by it."),
    Step(
      line: "?softmax",
      before: "A question mark asks what a name is.",
      after: "The examples run as they stand. ??GPT shows the source of a whole model."),
    Step(
      line: "y[t, e] = sum[s](w[t, s] * v[s, e])",
      before: "The third line of attention: the values, mixed.",
      after: "That was attention, written in three formulas."),
    Step(
      line: "grad(x -> sum(softmax(x) ^ 2), [1.0, 2.0, 3.0])",
      before: "Everything has a gradient. x -> ... is a function.",
      after: "grad(f, x) gives the derivative of f by every element of x."),
    Step(
      line: "corpus = char_tokenizer(\"to be or not to be, that is the question. \".repeat_text(40))",
      before: "A text to learn from, a character at a time.",
      after: "corpus is a record: corpus.vocab counts the characters, corpus.batches(...) draws windows."),
    Step(
      line: "gpt = GPT(vocab: corpus.vocab, context: 32, width: 32, heads: 2, layers: 1)",
      before: "A small GPT. Tab behind an opening parenthesis lists the parameters.",
      after: "A model is a value. gpt alone lists its parts, gpt.blocks[0] is one of them."),
    Step(
      line: "gpt = train(gpt, corpus.batches(size: 8, context: 32), steps: 60, every: 20)",
      before: "Sixty steps of training. Ctrl-C would stop it and keep the model so far.",
      after: "The loss falls. A longer run shows a bar with the time that is left."),
    Step(
      line: "generate(gpt, corpus, prompt: \"to \", length: 40)",
      before: "Let it write.",
      after: "Not much sense yet: more steps and a larger model help."),
    Step(
      line: ":save tour.attn",
      before: "Write the session down.",
      after: """
        tour.attn holds the statements and what they printed, the mistake too. attn test tour.attn
        checks that it still prints the same; :load tour.attn brings it back here.
        """),
  ]
}

extension Shell {
  func startTour(_ word: String) throws(BuiltinError) {
    switch word {
    case "":
      tour = Tour()
      tour?.show(self)
    case "stop":
      tour = nil
      screen.note("  the tour is over")
    default: throw BuiltinError(":tour takes nothing, or stop")
    }
  }
}
