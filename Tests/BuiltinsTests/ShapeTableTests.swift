import Autodiff
import Builtins
import Families
import Language
import Shapes
import Support
import Tensors
import Testing
import Values

/// The shape rules of all primitives, over every call in their examples and gradient checks.
@Suite struct ShapeTableTests {
  /// A call of a primitive, and what came of it.
  struct Call {
    var builtin: Builtin
    var values: [Value]
    var result: Result<Value, any Error>
  }

  /// The calls that running some expressions makes.
  private final class Recorder: @unchecked Sendable {
    var calls: [Call] = []
  }

  private static func calls(_ expressions: [String], _ inputs: [(String, [Int])] = []) throws -> [Call] {
    let recorder = Recorder()
    func observed(_ builtin: Builtin) -> Builtin {
      Builtin(builtin) { arguments in
        let result = Result { try arguments.call(builtin, arguments.values) }
        recorder.calls.append(Call(builtin: builtin, values: arguments.values, result: result))
        return try result.get()
      }
    }
    let standard = PrimitiveTable.standard
    let table = PrimitiveTable(
      standard.families.map { ($0.title, $0.members.map(observed)) }, operators: standard.operators)
    return try onDeepStack {
      let session = Session(table)
      var random = RandomState(seed: 7)
      for (name, shape) in inputs { session[name] = .tensor(Variable(try random.normal(shape, .f64))) }
      for expression in expressions { _ = try? session.evaluate(expression) }
      return recorder.calls
    }
  }

  private static func calls(of builtin: Builtin) throws -> [Call] {
    var calls = try calls(
      builtin.examples.map { if case .prints(let text, _) = $0 { text } else { "none" } })
    for check in builtin.gradients {
      calls += try Self.calls([check.expression], Array(zip(["x", "y", "z"], check.shapes)))
    }
    return calls.filter { $0.builtin === builtin }
  }

  /// The tensors of a result, of which a rule speaks.
  private func tensors(_ value: Value, _ kind: ShapeRule.Kind?) -> [Variable] {
    switch value {
    case .tensor(let x): [x]
    case .parameter(let parameter): [parameter.value]
    case .list(let items) where kind == .divided: items.compactMap(\.variable)
    case .record(let record) where record.labels == ["values", "indices"]:
      record.values.compactMap(\.variable)
    default: []
    }
  }

  /// The arguments with a symbol for each size, and the numbers that the symbols stand for.
  private struct Symbols {
    var numbers: [String: Int] = [:]
    var symbolizesNumbers: Bool

    mutating func symbol(_ number: Int) -> SymbolicSize {
      let name = "s\(numbers.count)"
      numbers[name] = number
      return SymbolicSize(name)
    }

    mutating func argument(_ argument: ShapeArgument<Int>) -> ShapeArgument<SymbolicSize> {
      switch argument {
      case .shape(let shape): .shape(shape.map { symbol($0) })
      case .number(let number): .number(symbolizesNumbers ? symbol(number) : SymbolicSize(number))
      case .numbers(let numbers):
        .numbers(numbers.map { symbolizesNumbers && $0 >= 0 ? symbol($0) : SymbolicSize($0) })
      case .list(let items): .list(items.map { self.argument($0) })
      case .named(let named): .named(named.map { ($0.name, symbol($0.size)) })
      case .string(let text): .string(text)
      case .flag(let flag): .flag(flag)
      case .all: .all
      case .none: .none
      case .other: .other
      }
    }
  }

  private func arguments(_ call: Call, _ shapes: ResultShape) -> [ShapeArgument<Int>] {
    zip(shapes.positions, shapes.roles).map { position, role in
      role.map { call.values[position].shapeArgument($0) } ?? .other
    }
  }

  @Test(arguments: PrimitiveTable.standard.all.map(\.name))
  func everyTensorHasTheShapeOfTheRule(_ name: String) throws {
    let builtin = try #require(PrimitiveTable.standard.named[name])
    for call in try Self.calls(of: builtin) {
      guard case .success(let value) = call.result else { continue }
      let results = tensors(value, builtin.shapes?.rule.kind)
      guard !results.isEmpty else { continue }
      guard let shapes = builtin.shapes else {
        Issue.record("\(name) gives a tensor and has no shape rule")
        continue
      }
      let arguments = arguments(call, shapes)
      guard let concrete = try shapes.result(of: arguments)?.shape else {
        // Lists are not told by their shapes, nor is what only the elements say.
        let isTold = arguments.allSatisfy { if case .other = $0 { false } else { true } }
        #expect(!isTold || shapes.rule.kind == .dataDependent || shapes.rule.kind == .axes, "\(name)")
        continue
      }
      for result in results { #expect(concrete == result.shape, "\(name) of \(call.values.map(\.kind))") }
      for symbolizesNumbers in [false, true] {
        var symbols = Symbols(symbolizesNumbers: symbolizesNumbers)
        let symbolic = try shapes.result(of: arguments.map { symbols.argument($0) })?.shape
        if symbolic == nil, symbolizesNumbers || shapes.rule.kind == .squeezed { continue }
        let sizes = try #require(symbolic, "\(name) of \(call.values.map(\.kind))")
        #expect(sizes.map { $0.substituting(symbols.numbers) } == concrete, "\(name): \(sizes)")
      }
      if let type = builtin.signature.resultType, let dtype = DType(name: type), let first = results.first {
        #expect(first.dtype == dtype, "\(name)")
      }
    }
  }

  /// What is wrong for numbers is wrong for symbols that are these numbers, in the same words.
  @Test(arguments: PrimitiveTable.standard.all.map(\.name))
  func everyMistakeIsFoundBeforehand(_ name: String) throws {
    let builtin = try #require(PrimitiveTable.standard.named[name])
    let failing = builtin.examples.compactMap { if case .fails(let text, _) = $0 { text } else { nil } }
    for call in try Self.calls(failing) where call.builtin === builtin {
      guard case .failure(let error) = call.result, let mistake = error as? ShapeMistake,
        let shapes = builtin.shapes
      else { continue }
      #expect(throws: mistake) {
        _ = try shapes.result(of: arguments(call, shapes).map(constant))
      }
    }
  }

  private func constant(_ argument: ShapeArgument<Int>) -> ShapeArgument<SymbolicSize> {
    switch argument {
    case .shape(let shape): .shape(shape.map { SymbolicSize($0) })
    case .number(let number): .number(SymbolicSize(number))
    case .numbers(let numbers): .numbers(numbers.map { SymbolicSize($0) })
    case .list(let items): .list(items.map(constant))
    case .named(let named): .named(named.map { ($0.name, SymbolicSize($0.size)) })
    case .string(let text): .string(text)
    case .flag(let flag): .flag(flag)
    case .all: .all
    case .none: .none
    case .other: .other
    }
  }

  /// Errors name parameters by name, so that a signature can be reordered.
  @Test func errorsNameParametersThatThereAre() throws {
    for builtin in PrimitiveTable.standard.all {
      let failing = builtin.examples.compactMap { if case .fails(let text, _) = $0 { text } else { nil } }
      for call in try Self.calls(failing) where call.builtin === builtin {
        guard case .failure(let error) = call.result, let error = error as? BuiltinError else { continue }
        for parameter in error.parameters {
          #expect(builtin.parameterNames.contains(parameter), "\(builtin.name): \(parameter)")
        }
      }
    }
  }
}
