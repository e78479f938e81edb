import Autodiff
import Builtins
import Families
import Host
import Language
import Shapes
import Support
import Syntax
import Tensors
import Testing
import Values

/// What holds for every primitive, without anyone remembering.
@Suite struct TableTests {
  @Test func namesAreUnique() {
    var seen: Set<String> = []
    for builtin in PrimitiveTable.standard.all {
      #expect(seen.insert(builtin.name).inserted, "\(builtin.name)")
    }
  }

  @Test(arguments: PrimitiveTable.standard.all.map(\.name))
  func summaryEndsWithAPeriod(_ name: String) throws {
    let builtin = try #require(PrimitiveTable.standard.named[name])
    #expect(builtin.summary.hasSuffix("."), "\(builtin.summary)")
  }

  @Test(arguments: PrimitiveTable.standard.all.map(\.name))
  func everyExampleHolds(_ name: String) throws {
    let builtin = try #require(PrimitiveTable.standard.named[name])
    for example in builtin.examples {
      var printed = ""
      let session = Session(.standard)
      session.host.output.write = { printed += $0 }
      switch example {
      case .prints(let text, let expected):
        try onDeepStack { try session.run(text) }
        #expect(printed == expected + "\n", "\(text)")
      case .fails(let text, let expected):
        do {
          try onDeepStack { try session.run(text) }
          Issue.record("\(text) did not fail")
        } catch let diagnostic as Diagnostic {
          #expect(diagnostic.message == expected, "\(text)")
        }
      }
    }
  }

  @Test(arguments: PrimitiveTable.standard.all.filter { !$0.gradients.isEmpty }.map(\.name))
  func everyGradientMatchesFiniteDifferences(_ name: String) throws {
    let builtin = try #require(PrimitiveTable.standard.named[name])
    for check in builtin.gradients {
      let session = Session(.standard)
      let names = ["x", "y", "z"].prefix(check.shapes.count)
      var random = RandomState(seed: 7)
      for (name, shape) in zip(names, check.shapes) {
        session[name] = .tensor(Variable(try random.normal(shape, .f64)))
      }
      let list = names.joined(separator: ", ")
      let worst = try onDeepStack {
        try session.evaluate("gradcheck((\(list)) -> \(check.expression), \(list))")
      }
      #expect(try #require(worst.asDouble) < 1e-7, "\(check.expression) at \(check.shapes)")
    }
  }

  @Test func referencePageIsTheCommittedOne() throws {
    let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    #expect(
      try Files().readText("\(root)/docs/builtins.md") == Reference.page(of: .standard),
      "attn doc > docs/builtins.md")
  }

  @Test func libraryPageIsTheCommittedOne() throws {
    let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    #expect(
      try Files().readText("\(root)/docs/library.md") == LibraryReference.page,
      "attn doc --library > docs/library.md")
  }

  /// Each has a sentence above it, and an example of which the page is the test.
  @Test func everyFunctionOfTheLibraryIsDocumented() {
    for name in EmbeddedLibrary.publicNames {
      let help = LibraryReference.help(name) ?? ""
      #expect(help.contains("\n#>"), "\(name) has an example")
      #expect(
        help.first?.isLetter == true || help.hasPrefix("y = ") || help.hasPrefix("f("),
        "\(name) has a sentence")
    }
  }

  @Test func reducersOfTheGrammarAreThoseOfTheTable() {
    #expect(Set(ReducerName.allCases) == Set(PrimitiveTable.standard.all.compactMap(\.reducerName)))
  }
}

extension Session {
  /// Runs statements as a script does, echoes included.
  fileprivate func run(_ text: String) throws { try evaluate(text) }
}

/// Runs a closure where scripts run.
func onDeepStack<Value>(_ body: () throws -> Value) throws -> Value {
  try Machine.withDeepStack { Result { try body() } }.get()
}
