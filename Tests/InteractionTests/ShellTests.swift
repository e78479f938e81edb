import Attn
import Builtins
import Glibc
import Golden
import Interaction
import Language
import Tensors
import Testing
import Values

/// Entries, results, staleness, commands.
@Suite struct ShellTests {
  @Test func valuesPrintAsInScripts() {
    let shell = TestShell()
    #expect(shell.run("1 + 1") == "2\n")
    #expect(shell.run("[1.0, 2.0]") == "f32[2]\n 1.0000  2.0000\n")
    #expect(shell.run("1 + 1;") == "")
    #expect(shell.run("print(\"a\")\nnone") == "a\n")
  }

  @Test func assignmentsShowShapes() {
    let shell = TestShell()
    shell.run("w = ones(2, 3)")
    #expect(shell.noted == ["  w : f32[2, 3]"])
    shell.run("a, b = (1, \"x\")")
    #expect(shell.noted == ["  a : Int   b : String of 1"])
    shell.run("w = 1;")
    #expect(shell.noted == [])
    shell.run("w[i] = [1.0, 2.0][i] * 2.0")
    #expect(shell.noted == ["  w : f32[2]"])
    shell.run("for i in 0..3 { x = i }")
    #expect(shell.noted == [])
    shell.run("m = Linear(2, 3)")
    #expect(shell.noted == ["  m : Linear, 9 parameters"])
  }

  @Test func results() {
    let shell = TestShell()
    #expect(shell.run("ans").contains("there is no result yet"))
    shell.run("10 + 1")
    #expect(shell.run("ans * 2") == "22\n")
    #expect(shell.run("out[0] + out[-1]") == "33\n")
    #expect(shell.run("out[7]").contains("the results are out[0] to out[2]"))
    #expect(shell.run("x = out").contains("out is read one result at a time"))
    shell.run("out")
    #expect(shell.noted.count == 3)
    // Names of the user's own mean what they say.
    shell.run("out = [5, 6]")
    #expect(shell.run("out[0]") == "5\n")
    shell.run("ans = 7")
    #expect(shell.run("ans") == "7\n")
  }

  /// What a function says of `ans` is the value of the moment when it was defined.
  @Test func resultsInFunctions() {
    let shell = TestShell()
    shell.run("5")
    shell.run("fn f(x) = x + ans")
    shell.run("100")
    #expect(shell.run("f(1)") == "6\n")
    #expect(shell.run("fn g(ans) = ans + 1\ng(1)") == "2\n")
    #expect(shell.run("fn h(x) {\n  out[i] = x[i] * 2.0\n  out\n}\nh([1.0])") == "f32[1]\n 2.0000\n")
  }

  @Test func onlyTheLastResultsAreHeld() {
    let shell = TestShell()
    for number in 0..<150 { shell.run("\(number)") }
    #expect(shell.run("out[3]").contains("is no longer held"))
    #expect(shell.run("out[100]") == "100\n")
  }

  @Test func aMistakeEndsTheEntry() {
    let shell = TestShell()
    #expect(shell.run("x = 1\none\nx = 2").hasPrefix("error: the name one is not known\n"))
    #expect(shell.run("x") == "1\n")
    // Where an error was recorded, it is meant.
    #expect(
      shell.run("one\n#> error: the name one is not known\nx = 3\nx").hasPrefix("3\nerror: the name one"))
    #expect(shell.run("y = (1").hasPrefix("error: this ( is not closed"))
  }

  @Test func staleNames() {
    let shell = TestShell()
    shell.run("q = 2\nfn f(x) = x * q\nw = f(3)\nz = w + 1")
    #expect(!shell.run(":vars").contains("stale"))
    shell.run("q = 5")
    let rows = shell.run(":vars").split(separator: "\n")
    #expect(rows.filter { $0.contains("stale: q has changed since") }.count == 2)
    #expect(rows.contains { $0.hasPrefix("w ") && $0.contains("stale") })
    #expect(rows.contains { $0.hasPrefix("z ") && $0.contains("stale") })
    shell.run("z")
    #expect(shell.noted == ["  z is stale: q has changed since"])
    shell.run("z")
    #expect(shell.noted == [])
    shell.run("w = f(3)\nz = w + 1")
    #expect(!shell.run(":vars").contains("stale"))
    shell.run("x = 1\nx = x + 1\nx = x + 1")
    #expect(!shell.run(":vars").contains("stale"))
  }

  @Test func settings() {
    let shell = TestShell()
    shell.run(":set digits 2")
    #expect(shell.run("[1.0]") == "f32[1]\n 1.00\n")
    shell.run(":set seed 7")
    #expect(shell.run(":set") == "digits  2\nseed    7\n")
    #expect(shell.run(":set colour 1").contains("there is no setting colour"))
    #expect(shell.run(":set digits many").contains("takes a whole number"))
    #expect(shell.shell.notebook.script == "digits(2)\n[1.0]\n#> f32[1]\n#>  1.00\nseed(7)\n")
  }

  @Test func help() {
    let shell = TestShell()
    #expect(shell.run("?softmax").hasPrefix("softmax(x[...], axis: -1"))
    #expect(shell.run("softmax?").hasPrefix("softmax(x[...], axis: -1"))
    #expect(shell.run("??Linear").hasPrefix("model Linear("))
    #expect(shell.run(":source Linear").hasPrefix("model Linear("))
    #expect(shell.run("?Linear").hasPrefix("model Linear("))
    #expect(shell.run("?sotfmax").contains("did you mean softmax?"))
    #expect(shell.run("?:save").hasPrefix(":save FILE"))
    shell.run("w = [[1.0, 2.0], [3.0, nan]]")
    #expect(shell.run("?w") == "w : f32[2, 2]\n  from 1.0 to 3.0, mean 2.0\n  not finite: 1\n  16 bytes\n")
    shell.run("## Twice as much.\nfn double(x) = 2 * x")
    #expect(shell.run("?double") == "fn double(x)\n\nTwice as much.\n")
    #expect(shell.run("??double") == "fn double(x) = 2 * x\n")
    shell.run("m = Linear(2, 3)")
    #expect(shell.run("?m.weight").hasPrefix("m.weight : f32[3, 2]"))
    #expect(shell.run("?m.wieght").contains("did you mean weight?"))
    for command in Command.table { #expect(shell.run(":help").contains(command.usage)) }
  }

  @Test func commandsThatAreWrong() {
    let shell = TestShell()
    #expect(shell.run(":sav x").contains("nothing to save") || shell.run(":sav x").contains("kind of file"))
    #expect(shell.run(":saev x").contains("did you mean :save?"))
    #expect(shell.run(":save").contains(":save is written :save FILE"))
    #expect(shell.run(":rerun now").contains("takes nothing behind it"))
    #expect(shell.run(":load nowhere.attn").contains("there is no file nowhere.attn"))
    #expect(shell.run(":time x = 1").contains("takes one expression"))
  }

  @Test func timeLeavesNothingBehind() {
    let shell = TestShell()
    let first = shell.run("randn(2)")
    shell.run(":reset")
    let timed = shell.run(":time randn(200, 200) @ randn(200, 200)")
    #expect(timed.contains("allocation") && timed.contains("at the peak") && timed.contains("  matmul"))
    #expect(shell.run("randn(2)") == first)
    #expect(shell.shell.notebook.entries.count == 1)
  }

  @Test func pagesShowAll() {
    let shell = TestShell(environment: ["PAGER": "my-pager -x"])
    var shown = ""
    shell.program = { command, file in
      shown = command + "\n" + ((try? TestFiles.read(file)) ?? "")
      return 0
    }
    shell.run(":page range(1000)")
    #expect(shown.hasPrefix("my-pager -x \"$1\"\ni64[1000]\n"))
    #expect(shown.contains(" 500 ") && !shown.contains("…"))
    shell.program = { _, _ in 127 }
    #expect(shell.run(":page 1").contains("the pager can't be run"))
  }

  @Test func editing() {
    let shell = TestShell(environment: ["EDITOR": "my-editor"])
    shell.run("x = 1\nfn f(y) = y + x\nf(1)")
    shell.program = { command, file in
      #expect(command == "my-editor \"$1\"")
      guard let text = try? TestFiles.read(file) else { return 1 }
      #expect(text == "x = 1\nfn f(y) = y + x\nf(1)\n")
      TestFiles.write(text.replacing("x = 1", with: "x = 10"), to: file)
      return 0
    }
    #expect(shell.run(":edit") == "11\n")
    shell.program = { _, file in
      TestFiles.write("fn f(y) = y * x", to: file)
      return 0
    }
    shell.run(":edit f")
    #expect(shell.run("f(3)") == "30\n")
    shell.program = { _, file in
      TestFiles.write("x = (", to: file)
      return 0
    }
    #expect(shell.run(":edit").contains("nothing was run\nthe text is in "))
    #expect(shell.run("x") == "10\n")
    // What could not be run is opened again, and its file is gone in the end.
    var path = ""
    shell.program = { _, file in
      path = file
      #expect((try? TestFiles.read(file)) == "x = (")
      TestFiles.write("x = (3)", to: file)
      return 0
    }
    shell.run(":edit")
    #expect(shell.run("x") == "3\n")
    #expect(!TestFiles.exists(path))
    shell.program = { _, file in
      path = file
      return 1
    }
    #expect(shell.run(":edit").contains("the editor has not run well"))
    #expect(!TestFiles.exists(path))
  }

  /// What could not be run is kept through whatever goes wrong with the editor, until it has run.
  @Test func whatWasEditedIsNotLost() {
    let shell = TestShell()
    shell.run("fn f(y) = y")
    var path = ""
    func edit(_ status: Int = 0, expecting: String, _ text: String?) {
      shell.program = { _, file in
        path = file
        #expect((try? TestFiles.read(file)) == expecting)
        if let text { TestFiles.write(text, to: file) }
        return status
      }
      shell.run(":edit f")
    }
    edit(expecting: "fn f(y) = y\n", "fn f(y) = (")
    edit(1, expecting: "fn f(y) = (", nil)
    edit(1, expecting: "fn f(y) = (", "fn f(y) = 2 * (")
    shell.program = { _, file in
      TestFiles.write([0x66, 0xFF], to: file)
      return 0
    }
    #expect(shell.run(":edit f").contains("error: "))
    #expect(TestFiles.exists(path))
    shell.program = { _, file in
      TestFiles.write("fn f(y) = 3 * (", to: file)
      return 0
    }
    shell.run(":edit f")
    edit(expecting: "fn f(y) = 3 * (", "fn f(y) = 3 * y")
    #expect(shell.run("f(2)") == "6\n")
    #expect(!TestFiles.exists(path))
    edit(expecting: "fn f(y) = 3 * y\n", "fn f(y) = (")
    edit(expecting: "fn f(y) = (", "fn f(y) = 3 * y\n")
    #expect(shell.noted == ["  nothing has changed"])
    #expect(!TestFiles.exists(path))
    // Another session knows nothing of it.
    edit(expecting: "fn f(y) = 3 * y\n", "fn f(y) = (")
    #expect(TestFiles.exists(path))
    shell.run(":reset")
    #expect(!TestFiles.exists(path))
  }

  /// Deferred operations run under `:time`, and an interruption of them is said there.
  @Test func timeThatIsInterruptedInDeferredWork() async {
    await #expect(processExitsWith: .success) {
      let shell = TestShell()
      shell.shell.session["stop"] = .function(
        NativeFunction("stop", parameters: ["x"]) { arguments in
          Machine.isStopRequested = true
          return arguments[0]
        })
      shell.run("big = ones(100000);")
      for line in [":time stop(big * 2.0)", ":time stop(big * 2.0);", ":time stop(big * 2.0)\n1 + 1"] {
        #expect(shell.run(line).hasPrefix("interrupted\n"))
        Machine.isStopRequested = false
        #expect(shell.run("sum(big)") == "100000.0\n")
      }
      #expect(shell.run(":time big * 2.0").contains("allocation"))
    }
  }

  /// A session that is run again and stopped on the way is the one before.
  @Test func rerunThatIsStopped() {
    let shell = TestShell()
    shell.run("x = 1\n5\nfor i in 0..300 { x = x + 1 }\ny = ans + x\nz = 7")
    shell.run("z = 8")
    let script = shell.shell.notebook.script
    for questions in [3, 20, 200] {
      shell.interrupt(after: questions)
      #expect(shell.run(":rerun").hasSuffix("the session is as it was before\n"))
      #expect(shell.shell.notebook.script == script)
      #expect(shell.run(":vars").split(separator: "\n").count == 6)
    }
    #expect(shell.run("(x, y, z, out[0])") == "(301, 306, 8, 5)\n")
    shell.program = { _, file in
      TestFiles.write("x = 0\nwhile true { x = x + 1 }\n", to: file)
      return 0
    }
    shell.interrupt(after: 50)
    #expect(shell.run(":edit").contains("the session is as it was before\nthe text is in "))
    #expect(shell.run("x") == "301\n")
  }

  @Test func mistakesInTheInitFileHaveAPlace() {
    let shell = TestShell()
    shell.shell.runInitial(
      """
      # Mine.
      a = 1; b = one
      :set digitz 3

      ## Twice.
      fn f(x) {
        x * two
      }
      c = 3; d = f(c)
      e = 4
      """, name: "init.attn")
    let errors = shell.reported.split(separator: "\n").filter { $0.contains("error: ") }
    #expect(
      errors == [
        "init.attn:2:12: error: the name one is not known", "init.attn:3: error: there is no setting digitz",
        "init.attn:7:7: error: the name two is not known",
      ])
    #expect(shell.reported.contains("  b = one\n      ───\n"))
    #expect(shell.reported.contains("\n  in f, called at init.attn:9: d = f(c)\n"))
    #expect(shell.run("(a, c, e)") == "(1, 3, 4)\n")
    // At the prompt there is nothing to name, and what is recorded has no place.
    #expect(shell.run("one").hasPrefix("error: the name one"))
    #expect(!shell.shell.notebook.script.contains("init.attn"))
    let other = TestShell()
    other.shell.runInitial("a = 1\n:set digits 2\nb = )\n", name: "init.attn")
    #expect(other.reported.hasPrefix("init.attn:3:5: error: "))
    #expect(other.run("a") == "1\n")
  }

  @Test func proseIsBrokenAtTheWidth() {
    for (width, most) in [(20, 40), (40, 40), (57, 57), (100, 100), (300, 100)] {
      let shell = TestShell(width: width)
      for entry in [":help", "?:save", "?attention", "?train", "?GPT", "?adamw"] {
        let lines = shell.run(entry).split(separator: "\n")
        // Heads and examples stand as they are.
        let prose = lines.filter { !$0.contains("(") && !$0.hasPrefix("#>") && !$0.hasPrefix("   ") }
        #expect(prose.allSatisfy { $0.count <= most }, "\(entry) in \(width): \(prose)")
      }
      shell.run(":tour")
      #expect(shell.noted.allSatisfy { $0.split(separator: "\n").allSatisfy { $0.count <= most } })
    }
    let shell = TestShell(width: 60)
    #expect(
      shell.run("?cosine").hasSuffix(
        "\n\nA schedule that rises to `lr` over `warmup` steps and falls\nto `end` along a half cosine.\n"
          + "\ncosine(1.0, steps: 4)(2)\n#> 0.5\n"))
  }

  @Test func whatIsStoppedSaysSo() {
    let shell = TestShell()
    shell.interrupt(after: 40)
    let timed = shell.run(":time iterate(1.0, 100000, (i, x) -> x + 1.0)")
    #expect(timed.contains("interrupted after ") && timed.contains("allocation"))
    shell.interrupt(after: 40)
    #expect(shell.run("?iterate(1.0, 100000, (i, x) -> x + 1.0)").contains("interrupted after "))
    #expect(shell.shell.notebook.isEmpty)
  }

  @Test func savingElsewhereNamesTheFilesThatAreMissed() {
    let (here, there) = (temporaryFolder(), temporaryFolder())
    TestFiles.write("some", to: here + "/data.txt")
    let shell = TestShell()
    shell.shell.session.host.files.base = here
    shell.run("a = text(\"data.txt\"); b = \"data.txt\"")
    #expect(shell.run(":save \(here)/s.attn") == "")
    let warning = shell.run(":save \(there)/s.attn")
    #expect(warning.hasPrefix("warning: a script's paths are relative to its own folder"))
    #expect(
      warning.contains("data.txt")
        && warning.contains("hint: copy it there, or save the script where it lies"))
    shell.run(":reset")
    shell.run("a = text(\"\(here)/data.txt\")")
    #expect(shell.run(":save \(here)/s.attn") == "")
    #expect(shell.run(":save \(there)/s.attn").hasPrefix("warning: attn test reads in the script's folder"))
  }

  /// Thousands of names cost no more each than a few.
  @Test func manyNames() {
    let shell = TestShell()
    // The thread's own time, which other work on the machine doesn't lengthen.
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
    func seconds(_ range: Range<Int>) -> Double {
      let start = now()
      shell.run(range.map { "name_\($0) = \($0);" }.joined(separator: "\n"))
      return now() - start
    }
    // The best of a few, since other tests run beside it.
    func best(from start: Int) -> Double {
      (0..<4).map { seconds((start + 300 * $0)..<(start + 300 * ($0 + 1))) }.min() ?? 0
    }
    let first = best(from: 0)
    _ = seconds(1200..<6000)
    #expect(best(from: 6000) < 4 * first + 0.02)
  }

  @Test func resetForgetsAll() {
    let shell = TestShell()
    shell.shell.runInitial("digits(3)\nfn mine(x) = x + 1\n", name: "init.attn")
    shell.run("x = 1\n5")
    shell.run(":reset")
    #expect(shell.run("x").contains("not known"))
    #expect(shell.run("ans").contains("no result yet"))
    #expect(shell.run("mine(1)") == "2\n")
    shell.run(":rerun")
    #expect(shell.shell.notebook.script.components(of: "fn mine").count == 2)
  }

  @Test func outputThatIsTooMuchToKeep() {
    let shell = TestShell()
    shell.run("for i in 0..30000 { print(\"a line of some length {i}\") }")
    let script = shell.shell.notebook.script
    #expect(script.utf8.count < 400_000)
    #expect(script.hasSuffix("#> ...\n"))
    #expect(GoldenTest(script, name: "long.attn", folder: temporaryFolder()).run().isPassed)
  }
}
