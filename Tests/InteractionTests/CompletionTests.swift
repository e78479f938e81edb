import Interaction
import Testing

@Suite struct CompletionTests {
  private let shell = TestShell()

  /// The candidates for a text that ends at the cursor.
  private func names(_ text: String) -> [String] { shell.shell.completion(of: text).candidates.map(\.text) }

  @Test func names() {
    #expect(names("soft") == ["softmax", "softplus", "softsign"])
    #expect(names("x = 1 + softm") == ["softmax"])
    #expect(names("MultiH") == ["MultiHeadAttention"])
    #expect(names("whil") == ["while"])
    shell.run("softly = ones(2, 3)\nsum(softly)")
    #expect(names("soft") == ["softly", "softmax", "softplus", "softsign"])
    #expect(names("an") == ["ans", "and", "any"])
    let list = shell.shell.completion(of: "soft")
    #expect(list.common == "soft" && list.replaced == 4)
    #expect(
      list.list(width: 60, height: 24) == """
          softly    f32[2, 3]
          softmax   Rescales `x` along `axis` to positive weights …
          softplus  log(1 + exp(x)), without overflow.
          softsign  x / (1 + |x|), between -1 and 1.

        """)
  }

  @Test func keywordsInsideACall() {
    #expect(names("softmax(x, ax") == ["axis: "])
    #expect(names("softmax(").prefix(2) == ["x: ", "axis: "])
    #expect(names("f(softmax(x, ax") == ["axis: "])
    #expect(names("softmax((1), ax") == ["axis: "])
    #expect(names("softmax(x + ax") == [])
    #expect(names("softmax([x, ax") == [])
    #expect(names("GPT(vocab: 5, con").first == "context: ")
    #expect(names("x.softmax(ax") == ["axis: "])
    #expect(names("softmax(\"(\", ax") == ["axis: "])
    shell.run("fn mine(first, second: 2) = first")
    #expect(names("mine(1, sec") == ["second: "])
    shell.run("m = Linear(2, 3)")
    #expect(names("m(x").contains("x: "))
  }

  @Test func fields() {
    shell.run("r = (loss: 0.5, steps: [1.0], inner: (deep: 1))\nm = Linear(2, 3)")
    #expect(names("r.") == ["loss", "steps", "inner"])
    #expect(names("1 + r.inner.d") == ["deep"])
    #expect(names("m.we") == ["weight"])
    #expect(names("m.bi") == ["bias"])
    shell.run("d = DecoderBlock(4, 2)")
    #expect(names("d.st") == ["std", "step"])
    shell.run("g = GPT(vocab: 5, context: 4, width: 4, heads: 2, layers: 2)")
    #expect(names("g.blocks[1].at") == ["attention"])
    #expect(names("g.blocks[9].sof") == ["softmax", "softplus", "softsign"])
    shell.run("x = ones(2)")
    #expect(names("x.softm") == ["softmax"])
    #expect(names("f(1).softm") == ["softmax"])
    #expect(names("0..so").contains("sort"))
  }

  @Test func commands() {
    #expect(names(":re") == ["rerun", "reset"])
    #expect(names(":set di") == ["digits"])
    #expect(names(":time softm") == ["softmax"])
    #expect(names("?softm") == ["softmax"])
    #expect(names("??Linea") == ["Linear"])
    for command in Command.table { #expect(names(":").contains(command.name)) }
  }

  @Test func whatCommandsTake() {
    shell.run("g = GPT(vocab: 5, context: 4, width: 4, heads: 2, layers: 2)")
    #expect(names("?g.bl") == ["blocks"])
    #expect(names("?g.blocks[1].at") == ["attention"])
    #expect(names(":help g.bl") == ["blocks"])
    #expect(names(":tour ") == ["stop"])
    #expect(names(":help :s") == ["source", "save", "set"])
    #expect(names("?:sa") == ["save"])
  }

  /// In a string some characters of a name are written otherwise.
  @Test func pathsOfStrangeNames() {
    let folder = temporaryFolder()
    for name in ["a\"b.txt", "a{b}.txt", "z \\ z"] { TestFiles.write("x", to: folder + "/" + name) }
    #expect(names("text(\"\(folder)/a") == ["a\\\"b.txt", "a{{b}}.txt"])
    #expect(names("text(\"\(folder)/a\\\"") == ["a\\\"b.txt"])
    #expect(names("text(\"\(folder)/a{{b") == ["a{{b}}.txt"])
    #expect(names("text(\"\(folder)/z") == ["z \\\\ z"])
    #expect(names(":load \(folder)/a") == ["a\"b.txt", "a{b}.txt"])
    #expect(names(":load \"\(folder)/z \\") == ["z \\ z"])
    for name in names("text(\"\(folder)/") {
      #expect(TestShell().run("text(\"\(folder)/\(name)\")") == "\"x\"\n")
    }
  }

  @Test func paths() {
    let folder = temporaryFolder()
    for name in ["data.txt", "date.csv", ".hidden"] { TestFiles.write("x", to: folder + "/" + name) }
    #expect(names("text(\"\(folder)/da") == ["data.txt", "date.csv"])
    #expect(names(":load \(folder)/dat") == ["data.txt", "date.csv"])
    #expect(names("text(\"\(folder)/.h") == [".hidden"])
    #expect(shell.shell.completion(of: "text(\"\(folder)/dat").common == "dat")
    let parent = String(folder[..<folder.lastIndex(of: "/")!])
    let last = folder.split(separator: "/").last!
    #expect(names("text(\"\(parent)/\(last)") == [last + "/"])
    // Inside braces of a string there is code again.
    #expect(names("\"{softm") == ["softmax"])
    #expect(names("\"{{softm") == [])
    #expect(names("\"a\" + softm") == ["softmax"])
  }

  @Test func severalLines() {
    #expect(names("fn f(x) {\n  ...   softm") == ["softmax"])
    #expect(names("softmax(\n  ...   x, ax") == ["axis: "])
  }

  @Test func theTourTypesItsLine() throws {
    shell.run(":tour")
    #expect(names("") == [Tour.steps[0].line])
  }
}

@Suite struct TourTests {
  /// Every line of it runs, in order, as it stands.
  @Test func everyStepRuns() throws {
    let folder = temporaryFolder()
    let shell = TestShell()
    shell.run(":tour")
    #expect(shell.noted.last?.contains(Tour.steps[0].line) == true)
    for (index, step) in Tour.steps.enumerated() {
      #expect(shell.shell.tour?.line == step.line)
      let line = step.line.replacing("tour.attn", with: "\(folder)/tour.attn")
      if line != step.line {
        shell.run(line)
        #expect(TestFiles.exists("\(folder)/tour.attn"))
        continue
      }
      shell.run(line)
      #expect(shell.reported.isEmpty == !line.hasPrefix("q @ v"), "\(line)\n\(shell.reported)")
      #expect(shell.shell.tour?.line == Tour.steps[index + 1].line)
    }
  }

  @Test func otherEntriesDoNotDisturbIt() {
    let shell = TestShell()
    shell.run(":tour")
    shell.run("1 + 1")
    #expect(shell.noted.last == "tour: the line is still  \(Tour.steps[0].line)")
    shell.run(":tour stop")
    #expect(shell.shell.tour == nil)
  }
}
