import Autodiff
import Builtins
import Drawing
import Shapes
import Support
import Tensors
import Values

/// What the training functions of the library, which are written in attn, stand on.
extension Builtin {
  package static let trainingFamily: [Builtin] = [
    param, buffer, training, freeze, mapLeaves, leaves, parameters, adamwStep, iterate, stopAfter,
    textBatches, sample,
    randomState, restoreRandom, withoutDraws,
  ]

  static let param = Builtin(
    "param(x[...]) -> [...]", "Marks a tensor in a model's field as one that training changes.",
    examples: [.fails("param(\"a\")", "param: x is a tensor, not a String")]
  ) { arguments in
    .parameter(Parameter(try arguments.floats("x").detached))
  }

  static let buffer = Builtin(
    "buffer(x[...]) -> [...]",
    "Marks a tensor in a model's field as one that is kept but not trained, as a bare tensor is.",
    examples: [.prints("buffer(ones(2))", "f32[2]\n 1.0000  1.0000")]
  ) { arguments in .tensor(try arguments.tensor("x").detached) }

  static let training = Builtin(
    "training(model, on: true)", "A copy of a model in which dropout acts.",
    examples: [.fails("training(1)", "training: model is a model, not an Int")]
  ) { arguments in
    guard case .model = arguments["model"] else { throw arguments.wrong("model", "a model") }
    return arguments["model"].training(try arguments.bool("on"))
  }

  static let freeze = Builtin(
    "freeze(model, path: \"\", on: true)",
    "A copy of a model in which the parameters below a path are not trained.",
    examples: [.fails("freeze(1)", "freeze: model is a model, not an Int")]
  ) { arguments in
    guard case .model = arguments["model"] else { throw arguments.wrong("model", "a model") }
    let path = try arguments.string("path")
    let on = try arguments.bool("on")
    var found = false
    func isBelow(_ leaf: String) -> Bool {
      leaf == path || path.isEmpty
        || (leaf.hasPrefix(path) && [".", "["].contains(leaf.dropFirst(path.count).first))
    }
    let result = arguments["model"].mapParameters { leaf, parameter in
      guard isBelow(leaf) else { return parameter }
      found = true
      return Parameter(parameter.value, isFrozen: on)
    }
    guard found else {
      throw BuiltinError(
        "the model has no parameter at \"\(path)\"", at: ["path"],
        hint: "its paths are shown when it is printed")
    }
    return result
  }

  static let mapLeaves = Builtin(
    "map_leaves(f, x, more...)",
    """
    The same value with each of its leaves replaced by what f makes of it, and of what stands at the same \
    path in the further values. The leaves of a model are the parameters that are trained; of a record or \
    list, its tensors, and its Floats as tensors of rank 0.
    """, shape: ShapeRule(.dataDependent, "x"),
    examples: [
      .prints("map_leaves(x -> 2 * x, (a: [1, 2], b: 0.5))", "(a: i64[2] [2 4], b: 1.0)"),
      .prints("map_leaves((p, g) -> p - g, [3.0, 4.0], [1.0, 1.0])", "f32[2]\n 2.0000  3.0000"),
      .fails(
        "map_leaves((p, g) -> p - g, (a: 1.0), (b: 1.0))", "map_leaves: value 2 has nothing at a"),
    ], uses: .calls
  ) { arguments in
    let call = arguments.call
    return try arguments["x"].mapTogether(with: arguments.list("more")) { try call(arguments["f"], $1) }
  }

  static let leaves = Builtin(
    "leaves(x)",
    """
    A list of the leaves of a value in order: of a model its trained parameters, of a record or list its \
    tensors, and its Floats as tensors of rank 0.
    """,
    examples: [.prints("leaves((a: [1.0], b: [2.0, 3.0]))", "[f32[1] [1.0000], f32[2] [2.0000 3.0000]]")]
  ) { arguments in .list(try arguments["x"].trainedLeaves().map(\.value)) }

  static let parameters = Builtin(
    "parameters(model)",
    "A record of a model's trained parameters, shaped like the gradients that `grad` gives.",
    examples: [.fails("parameters(1)", "parameters: model is a model, not an Int")]
  ) { arguments in
    guard case .model = arguments["model"] else { throw arguments.wrong("model", "a model") }
    return arguments["model"].parameterRecord { .tensor($0.variable) } ?? .record(Record([]))
  }

  static let adamwStep = Builtin(
    """
    adamw_step(model, gradient, first_moment, second_moment, step, lr, beta1: 0.9, beta2: 0.999, \
    epsilon: 1e-8, decay: 0.0)
    """,
    """
    One step of AdamW (Loshchilov and Hutter, 2019): the changed model and the first and second moment, \
    moving averages of the gradient and its square. Steps count from 1; decay acts on tensors of rank 2 \
    and more.
    """,
    examples: [
      .fails(
        "adamw_step([1.0], 2, 3, 4, 1, 0.1)",
        "adamw_step: gradient has nothing at the place of a parameter"),
      .fails("adamw_step(1, 2, 3, 4, 1, 0.1)", "adamw_step: the model has no parameters that are trained"),
    ]
  ) { arguments in
    let model = arguments["model"]
    let parts = ["gradient", "first_moment", "second_moment"]
    guard try !model.trainedLeaves().isEmpty else {
      throw BuiltinError("the model has no parameters that are trained", at: ["model"])
    }
    let decay = try arguments.double("decay")
    var settings = AdamWStep(
      lr: try arguments.double("lr"), beta1: try arguments.double("beta1"),
      beta2: try arguments.double("beta2"), epsilon: try arguments.double("epsilon"), decay: decay,
      step: try arguments.int("step"))
    guard settings.step >= 1 else {
      throw BuiltinError("steps count from 1, not \(settings.step)", at: ["step"])
    }
    settings.parameterBytes = arguments["gradient"].leaves().reduce(0) { $0 + $1.variable.tensor.byteCount }
    var moments: [String: (m: Variable, v: Variable)] = [:]
    let others = parts.map { part in
      Dictionary(arguments[part].leaves().map { ($0.path, $0.variable) }) { first, _ in first }
    }
    func updated(_ leaf: Leaf) throws -> Variable {
      let parameter = leaf.variable
      let given = try parts.indices.map { part in
        guard let x = others[part][leaf.path] else {
          let place = leaf.path.isEmpty ? "the place of a parameter" : leaf.path
          throw BuiltinError("\(parts[part]) has nothing at \(place)", at: [parts[part]])
        }
        guard x.shape == parameter.shape else {
          throw BuiltinError(
            "\(parts[part]) has \(x.description) for a parameter that is \(parameter.description)",
            at: [parts[part]])
        }
        return try x.tensor.converted(to: parameter.dtype)
      }
      settings.decay = parameter.rank >= 2 ? decay : 0
      let result = try Tensor.adamw(parameter.tensor, gradient: given[0], m: given[1], v: given[2], settings)
      moments[leaf.path] = (Variable(result.m), Variable(result.v))
      return Variable(result.p)
    }
    let isModel = if case .model = model { true } else { false }
    let stepped = try model.mapLeaves { isModel && !$0.isTrained ? $0.variable : try updated($0) }
    return .record(
      Record([
        ("model", stepped),
        ("first_moment", arguments["first_moment"].mapLeaves { moments[$0.path]?.m ?? $0.variable }),
        ("second_moment", arguments["second_moment"].mapLeaves { moments[$0.path]?.v ?? $0.variable }),
      ]))
  }

  static let iterate = Builtin(
    "iterate(state, steps, f, start: 0, label: \"\", note: none)",
    """
    Calls state = f(i, state) for i from start to steps, with a progress bar on a terminal. An \
    interruption drops the step in flight and gives the state so far. `note(state)` is shown \
    beside the bar.
    """,
    examples: [.prints("iterate(1, 5, (i, x) -> x * 2)", "32")], uses: [.loops, .random, .calls]
  ) { arguments in
    let (loops, random) = (arguments.loops, arguments.random)
    let steps = try arguments.int("steps")
    let start = try arguments.int("start")
    let label = try arguments.string("label")
    let note = arguments["note"]
    var state = arguments["state"]
    var before = random.state
    // A loop inside the step of another does not end by itself: the whole step is dropped.
    let isOutermost = loops.count.depth == 0
    loops.count.depth += 1
    if isOutermost { loops.count.started += 1 }
    defer {
      loops.count.depth -= 1
      if !label.isEmpty { loops.progress?.finish() }
    }
    guard start < steps else { return state }
    for index in start..<steps {
      if isOutermost, !loops.count.begin() { return state }
      do {
        if loops.isInterrupted() { throw Interruption() }
        let next = try arguments.call(arguments["f"], [.int(index), state])
        // The last thing that the step did may be a read that was given up.
        try Machine.checkStop()
        state = next
      } catch  where loops.isInterrupted() && isOutermost {
        // The draws of the dropped step are taken back, so that it can be run again.
        random.state = before
        loops.count.rounds -= 1
        loops.stop()
        return state
      }
      before = random.state
      if !label.isEmpty, let progress = loops.progress {
        var text = ""
        if !note.isNone, progress.isDue, case .string(let shown) = try arguments.call(note, [state]) {
          text = shown
        }
        progress.update(loops.count.label(label), done: index + 1, total: steps, unit: "step", note: text)
      }
    }
    return state
  }

  static let stopAfter = Builtin(
    "stop_after(rounds)",
    """
    Ends the loops of the next statement after so many rounds, as Ctrl-C would have: a loop of \
    `iterate`, such as `train` and `generate` run, gives the state so far, and a loop that is itself \
    the statement is left. The prompt writes it into a saved session where a loop was interrupted.
    """,
    examples: [.fails("stop_after(-1)", "stop_after: rounds is not negative, and -1 is given")],
    uses: .loops
  ) { arguments in
    let rounds = try arguments.int("rounds")
    guard rounds >= 0 else {
      throw BuiltinError("rounds is not negative, and \(rounds) is given", at: ["rounds"])
    }
    arguments.loops.count.nextLimit = rounds
    return .none
  }

  static let textBatches = Builtin(
    "text_batches(ids[n], size, context, seed: none)",
    """
    Batches for next-token prediction: item i is (x, y), both i64[size, context], windows of ids at \
    random places and the same windows one further. Item i depends on the seed and i alone.
    """,
    examples: [
      .prints("text_batches(range(9), 2, 8, seed: 1)[0][0].shape()", "(2, 8)"),
      .fails(
        "text_batches(range(9), 2, 9)",
        "text_batches: ids has 9 tokens, and a window of 9 and its next token take 10"),
    ], uses: .random
  ) { arguments in
    let ids = try arguments.integers("ids").contiguous()
    let size = try arguments.count("size")
    let length = try arguments.count("context")
    let n = ids.count
    guard n > length else {
      throw BuiltinError(
        "ids has \(n) tokens, and a window of \(length) and its next token take \(length + 1)",
        at: ["ids", "context"])
    }
    let given = try arguments.optionalInt("seed")
    let seed = given.map { UInt64(bitPattern: Int64($0)) } ?? arguments.random.state.seed
    let all = try ids.integers()
    return .lazy(
      LazyList(
        count: max(1, n / max(1, size * length)), isUnbounded: true,
        description: "batches of \(size) × \(length) from \(n) tokens"
      ) { index in
        let (place, isTooFar) = index.multipliedReportingOverflow(by: size)
        guard !isTooFar, place <= lastPlace else {
          throw BuiltinError("there is no batch \(index): their random numbers end before", at: [])
        }
        // A key of its own keeps these draws apart from the session's stream.
        var random = RandomState(seed: seed ^ 0x9E37_79B9_7F4A_7C15, position: UInt64(place))
        let starts = try random.integers([size], from: 0, to: n - length).integers()
        var x: [Int] = []
        var y: [Int] = []
        x.reserveCapacity(size * length)
        y.reserveCapacity(size * length)
        for start in starts {
          x += all[start..<(start + length)]
          y += all[(start + 1)..<(start + length + 1)]
        }
        return .record(
          Record(tuple: [
            .tensor(Variable(try Tensor(x, [size, length]))),
            .tensor(Variable(try Tensor(y, [size, length]))),
          ]))
      })
  }

  static let sample = Builtin(
    "sample(logits[n], temperature: 1.0, top_k: none)",
    """
    Draws a class number from softmax(logits / temperature); temperature 0 takes the largest. With \
    `top_k`, only the k largest can be drawn.
    """,
    examples: [
      .prints("sample([0.0, 9.0, 1.0], temperature: 0.0)", "1"),
      .fails("sample([0.0], temperature: -1.0)", "sample: temperature is 0 or more, not -1.0"),
      .fails(
        "sample([0.0, nan])", "sample: logits holds nan, or nothing above -inf, so nothing can be drawn"),
    ],
    uses: .random
  ) { arguments in
    let logits = try arguments.floats("logits").tensor
    let temperature = try arguments.double("temperature")
    guard logits.count > 0 else {
      throw arguments.wrong("logits", "a row of logits")
    }
    guard temperature >= 0 else {
      throw BuiltinError("temperature is 0 or more, not \(temperature)", at: ["temperature"])
    }
    guard try logits.doubles().contains(where: { $0 > -.infinity }),
      try !logits.doubles().contains(where: \.isNaN)
    else {
      throw BuiltinError("{logits} holds nan, or nothing above -inf, so nothing can be drawn", at: ["logits"])
    }
    func largest() throws -> Value { .int(try logits.positions(ofLargest: true, axis: 0).integerItem) }
    if temperature == 0 { return try largest() }
    var keep: Tensor?
    if let k = try arguments.optionalInt("top_k") {
      guard k >= 1 else { throw BuiltinError("top_k is 1 or more, not \(k)", at: ["top_k"]) }
      let order = try logits.sortedPositions(descending: true).integers()
      var kept = [Bool](repeating: false, count: logits.count)
      for index in order.prefix(k) { kept[index] = true }
      keep = try Tensor(kept, [logits.count])
    }
    let scaled = try logits.binary(.divide, Tensor.scalar(temperature, logits.dtype))
    let weights = try scaled.softmax(keep: keep).doubles()
    let draw = try arguments.random.state.uniform([1], .f64).doubles()[0]
    var sum = 0.0
    for (index, weight) in weights.enumerated() {
      sum += weight
      if draw < sum { return .int(index) }
    }
    // There is no weight where the largest is infinite, given so or divided by so low a temperature.
    return try weights.lastIndex { $0 > 0 }.map { .int($0) } ?? largest()
  }
}

extension Builtin {
  static let randomState = Builtin(
    "random_state() -> i64[2]", "The seed and the next place in the stream of random numbers, as i64[2].",
    examples: [.prints("seed(3); random_state()", "i64[2]\n 3  0")], uses: .random
  ) { arguments in
    let random = arguments.random.state
    return .tensor(
      Variable(try Tensor([Int(bitPattern: UInt(random.seed)), Int(random.position)], [2])))
  }

  static let restoreRandom = Builtin(
    "restore_random(state[2])", "Puts the stream of random numbers where random_state() was taken.",
    examples: [
      .fails(
        "restore_random([1])", "restore_random: axis 0 of state has size 1, not 2"),
      .fails(
        "restore_random([0, -1])",
        "restore_random: a place in the stream lies in 0 to \(lastPlace), not -1"),
    ],
    uses: .random
  ) { arguments in
    let state = try arguments.integers("state")
    let numbers = try state.integers()
    guard (0...lastPlace).contains(numbers[1]) else {
      throw BuiltinError("a place in the stream lies in 0 to \(lastPlace), not \(numbers[1])", at: ["state"])
    }
    arguments.random.state = RandomState(
      seed: UInt64(bitPattern: Int64(numbers[0])), position: UInt64(bitPattern: Int64(numbers[1])))
    return .none
  }

  /// The last place where a stream can be put: no sample is drawn from there to where places end.
  private static let lastPlace = 1 << 62

  static let withoutDraws = Builtin(
    "without_draws(f)", "Calls f() and puts the stream of random numbers back where it was.",
    examples: [.prints("without_draws(() -> 2)", "2")], uses: [.random, .calls]
  ) { arguments in
    let start = arguments.random.state
    defer { arguments.random.state = start }
    return try arguments.call(arguments["f"], [])
  }
}
