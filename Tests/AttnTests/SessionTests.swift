import Attn
import Foundation
import Synchronization
import Testing

/// The library as a Swift program uses it.
@Suite struct SessionTests {
  private func failure(_ body: () throws -> Void) -> AttnError? {
    do {
      try body()
      return nil
    } catch { return error as? AttnError }
  }

  /// Output collected from a session.
  private final class Printed: Sendable {
    private let lines = Mutex("")
    func add(_ text: String) { lines.withLock { $0 += text } }
    var text: String { lines.withLock { $0 } }
  }

  @Test func theExampleOfTheDocumentation() throws {
    let session = Session()
    try session.define("q", try Tensor([1, 0, 0, 1], shape: [2, 2]))
    let weights = try session.evaluate("softmax(q @ q.T, axis: -1)").tensor
    #expect(weights.shape == [2, 2])
    #expect(weights.dtype == "f32")
    #expect(abs(weights.elements[0] - 0.731_058_6) < 1e-6)
    #expect(abs(weights.elements[1] - 0.268_941_4) < 1e-6)
    session.define("scale", parameters: ["x"]) { arguments in
      let x = try arguments[0].tensor
      return try Tensor(x.elements.map { 2 * $0 }, shape: x.shape)
    }
    #expect(try session.evaluate("scale([1.0, 2.0])").tensor.elements == [2, 4])
    #expect(try session.evaluate("scale(x: [3.0])").tensor.elements == [6])
    #expect(try session.evaluate("[3.0] |> scale |> sum").double == 6)
  }

  @Test func valuesGoInAndComeOut() throws {
    let session = Session()
    try session.define("i", 42)
    try session.define("d", 0.25)
    try session.define("b", true)
    try session.define("s", "a \"word\"")
    try session.define("list", ["x", "y"])
    try session.define("numbers", [1, 2, 3])
    #expect(try session.evaluate("i + 1").int == 43)
    #expect(try session.evaluate("i").double == 42)
    #expect(try session.evaluate("d * 2").double == 0.5)
    #expect(try session.evaluate("not b").bool == false)
    #expect(try session.evaluate("s + \"!\"").string == "a \"word\"!")
    #expect(try session.evaluate("list").list.map { try $0.string } == ["x", "y"])
    #expect(try session.evaluate("[n * n for n in numbers]").list.map { try $0.int } == [1, 4, 9])
    #expect(try session.evaluate("(i, d)").list.map { try $0.double } == [42, 0.25])
    #expect(try session.evaluate("none").isNone)
    #expect(try session.evaluate("").isNone)
    #expect(try session.evaluate("i").isNone == false)
    let record = try session.evaluate("(loss: 0.5, step: i)")
    #expect(try record["loss"]?.double == 0.5)
    #expect(try record["step"]?.int == 42)
    #expect(record["other"] == nil)
    #expect(record.description == "(loss: 0.5, step: 42)")
  }

  @Test(
    arguments: [
      ("f32", [1.5, -0.0, 3]), ("f64", [0.1, 1e300, -2]), ("i32", [1, -2, 2_147_483_647]),
      ("i64", [1, -2, 4_503_599_627_370_496]), ("bool", [1, 0, 1]),
    ] as [(String, [Double])]
  )
  func tensorsOfEveryTypeGoThrough(_ dtype: String, _ elements: [Double]) throws {
    let session = Session()
    let tensor = try Tensor(elements, shape: [3, 1], dtype: dtype)
    try session.define("x", tensor)
    #expect(try session.evaluate("x").tensor == tensor)
    let transposed = try session.evaluate("x.T").tensor
    #expect(transposed.shape == [1, 3])
    #expect(transposed.dtype == dtype)
    #expect(transposed.elements == elements)
    #expect(try session.evaluate("x[1, 0]").tensor.elements == [elements[1]])
  }

  @Test func tensorsAreCheckedOnTheirWay() throws {
    #expect(
      failure { _ = try Tensor([1, 2, 3], shape: [2, 2]) }?.message
        == "the shape [2, 2] does not hold 3 elements")
    #expect(
      failure { _ = try Tensor([1], shape: [1], dtype: "f16") }?.message
        == "the dtype f16 is not f32, f64, i32, i64 or bool")
    #expect(failure { _ = try Tensor([1], shape: [-1, -1]) } != nil)
    #expect(failure { _ = try Tensor([], shape: [Int.max, 2, 0]) } == nil)
    let empty = try Tensor([], shape: [0, 3])
    let session = Session()
    try session.define("x", empty)
    #expect(try session.evaluate("x").tensor == empty)
    #expect(
      failure { try session.define("y", try Tensor([.nan], shape: [1], dtype: "i64")) } != nil)
    #expect(session["y"] == nil)
  }

  @Test func aValueOfTheWrongKindSaysWhatItIs() throws {
    let session = Session()
    let text = try session.evaluate("\"a\"")
    #expect(failure { _ = try text.int }?.message == "the value is a String, not a whole number")
    #expect(failure { _ = try text.double }?.message == "the value is a String, not a number")
    #expect(failure { _ = try text.bool }?.message == "the value is a String, not true or false")
    #expect(failure { _ = try text.tensor }?.message == "the value is a String, not a tensor")
    #expect(failure { _ = try session.evaluate("1").string } != nil)
    #expect(failure { _ = try session.evaluate("1").list } != nil)
    #expect(failure { _ = try session.evaluate("1.5").int } != nil)
    #expect(failure { _ = try session.evaluate("[1, 2]").int } != nil)
    #expect(try session.evaluate("tensor(7)").int == 7)
    #expect(try session.evaluate("1.5").tensor.shape == [])
  }

  /// A view has a shape for which there is no room as elements.
  @Test func elementsThatDoNotFitAreAnError() throws {
    let session = Session()
    let view = try session.evaluate("broadcast(1.5, 1000000, 10000000);")
    #expect(failure { _ = try view.tensor }?.message.hasPrefix("out of memory: ") == true)
    #expect(try session.evaluate("broadcast(1.5, 2)").tensor.elements == [1.5, 1.5])
  }

  // MARK: Errors

  @Test func errorsShowTheirPlace() throws {
    let session = Session()
    let error = try #require(failure { try session.evaluate("x = zeros(2, 3)\nx @ x") })
    #expect(
      error.message == "matmul: the inner sizes differ: 3 (axis 1 of x) and 2 (axis 0 of x)")
    #expect(
      error.description == """
        error: matmul: the inner sizes differ: 3 (axis 1 of x) and 2 (axis 0 of x)
          x @ x
          ─   ─
          x : f32[2, 3]
          hint: x @ x.T multiplies [2, 3] by [3, 2]
        """)
    #expect("\(error)" == error.description)
    let syntax = try #require(failure { try session.evaluate("y = (1,") })
    #expect(syntax.message == "this ( is not closed")
    #expect(syntax.description.contains("  y = (1,\n      ─"))
  }

  @Test func stateIsKeptAfterAnError() throws {
    let session = Session()
    try session.evaluate("x = 1; y = rand(3)")
    #expect(failure { try session.evaluate("x = 2\nx = missing\nx = 3") } != nil)
    // What ran before the mistake stays; what stands behind it did not run.
    #expect(try session.evaluate("x").int == 2)
    #expect(failure { try session.evaluate("x = 9\nz = (") } != nil)
    #expect(try session.evaluate("x").int == 2)
    #expect(session["z"] == nil)
    // A statement that failed took nothing from the stream of random numbers.
    #expect(failure { try session.evaluate("rand(5) @ missing") } != nil)
    let next = try session.evaluate("rand(2)").tensor.elements
    let other = Session()
    try other.evaluate("rand(3);")
    #expect(try other.evaluate("rand(2)").tensor.elements == next)
  }

  @Test func endlessRecursionIsAnError() {
    let session = Session()
    let error = failure { try session.evaluate("fn f(n) = f(n + 1)\nf(0)") }
    #expect(error?.message.hasPrefix("the calls are nested too deeply") == true)
    #expect(failure { try session.evaluate("1 + 1") } == nil)
  }

  // MARK: Functions and models

  @Test func functionsAreCalled() throws {
    let session = Session()
    let add = try session.evaluate("(x, y: 10) -> x + y")
    #expect(try session.call(add, 1).int == 11)
    #expect(try session.call(add, 1, 2).int == 3)
    #expect(try session.call(add, 0.5, try Tensor([1, 2], shape: [2])).tensor.elements == [1.5, 2.5])
    try session.evaluate("fn twice(f, x) = f(f(x))")
    let twice = try #require(session["twice"])
    #expect(try session.call(twice, try session.evaluate("x -> x * 3"), 2).int == 18)
    #expect(failure { _ = try session.call(add, 1, 2, 3) } != nil)
    #expect(failure { _ = try session.call(try session.evaluate("7"), 1) } != nil)
  }

  @Test func modelsAreCalled() throws {
    let session = Session()
    let text = """
      model Scale(n) {
        weight = param(2.0 * ones(n))
        apply(x) = x * weight
      }
      Scale(2)
      """
    let model = try session.evaluate(text)
    let x = try Tensor([3, 4], shape: [2])
    #expect(try session.call(model, x).tensor.elements == [6, 8])
    #expect(try model["weight"]?.tensor.elements == [2, 2])
    #expect(model["bias"] == nil)
    try session.define("m", model)
    #expect(try session.evaluate("grad(m -> sum(m([1.0, 5.0])), m).weight").tensor.elements == [1, 5])
  }

  @Test func functionsOfTheHostAreCalled() throws {
    struct Refusal: Error, CustomStringConvertible { var description: String { "not today" } }
    let session = Session()
    session.define("join", parameters: ["a", "b"]) { try "\($0[0].string)-\($0[1].string)" }
    #expect(try session.evaluate("join(\"x\", \"y\")").string == "x-y")
    #expect(try session.evaluate("join(b: \"x\", a: \"y\")").string == "y-x")
    #expect(try session.evaluate("[join(s, \"z\") for s in [\"a\", \"b\"]]").list.count == 2)
    session.define("fail", parameters: []) { _ in throw AttnError("no such row") }
    session.define("refuse", parameters: []) { _ in throw Refusal() }
    let error = try #require(failure { try session.evaluate("x = 1 + fail()") })
    #expect(error.message == "fail: no such row")
    #expect(error.description.contains("  x = 1 + fail()\n"))
    #expect(failure { try session.evaluate("refuse()") }?.message == "refuse: not today")
    #expect(failure { try session.evaluate("join(\"x\", 1)") }?.message.hasPrefix("join: ") == true)
    #expect(session["x"] == nil)
  }

  @Test func functionsOfTheHostGetAllTheirArguments() throws {
    let session = Session()
    session.define("count", parameters: ["a", "b"]) { $0.count }
    #expect(try session.evaluate("count(1, 2)").int == 2)
    #expect(failure { try session.evaluate("count(a: 1, c: 2)") } != nil)
    #expect(failure { try session.evaluate("count(1)") }?.message == "count: b is missing")
    #expect(
      failure { try session.evaluate("count(1, 2, 3)") }?.message
        == "count takes 2 arguments, and 3 are given")
    #expect(failure { try session.evaluate("count(b: 1)") }?.message == "count: a is missing")
  }

  // MARK: Output

  @Test func outputIsCaptured() throws {
    let session = Session()
    let printed = Printed()
    session.output = { printed.add($0) }
    try session.evaluate("print(\"a\", 1)\n1 + 1\nx = 5\nx;\n\"text\"\nnone\n[1.0, 2.0]")
    #expect(printed.text == "a 1\n2\n\"text\"\nf32[2]\n 1.0000  2.0000\n")
    session.output = { _ in }
    try session.evaluate("print(\"more\")")
    #expect(!printed.text.contains("more"))
  }

  @Test func twoSessionsAreApart() throws {
    let (one, two) = (Session(), Session())
    try one.evaluate("x = 1; seed(7)")
    try two.evaluate("x = 2; y = 3")
    #expect(try one["x"]?.int == 1)
    #expect(try two["x"]?.int == 2)
    #expect(one["y"] == nil)
    let a = try one.evaluate("rand(3)").tensor
    let b = try two.evaluate("rand(3)").tensor
    #expect(a != b)
    #expect(try Session().evaluate("rand(3)").tensor == b)
    // A function goes on belonging to the session that made it.
    let f = try one.evaluate("v -> v + x")
    #expect(try two.call(f, 10).int == 11)
  }

  @Test func pathsAreThoseOfTheFolder() throws {
    let folder =
      FileManager.default.temporaryDirectory.path + "/attn-session-\(UInt64.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let session = Session()
    session.folder = folder
    #expect(session.folder == folder)
    try session.evaluate("write_text(\"note.txt\", \"kept\")")
    #expect(try session.evaluate("text(\"note.txt\")").string == "kept")
    #expect(try String(contentsOfFile: folder + "/note.txt", encoding: .utf8) == "kept")
  }
}
