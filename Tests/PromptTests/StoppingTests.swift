import Testing

/// Ctrl-C in the middle of long statements of every family: the prompt is back, and nothing has changed.
///
/// Each statement would take a second and more. The kernels one by one are the business of
/// `Tests/Kernels/stop_check.c`.
@Suite(.serialized) struct StoppingTests {
  typealias P = PromptProcess

  static let tensors = [
    "sort(x)", "argsort(x, descending: true)", "top_k(x, 3).values", "unique(i)", "permutation(60000000)",
    "zeros(30000, 30000)", "full(20000, 20000, value: 2.5)", "rand(20000, 30000)", "eye(30000)",
    "range(400000000)", "sum(range(400000000))", "cumsum(range(200000000))", "linspace(0, 1, 400000000)",
    "x[i]", "scatter_add(x, i, x)", "one_hot(i % 10, 20)", "softmax(randn(20000, 20000))",
    "layer_norm(randn(20000, 20000))", "cross_entropy(randn(20000, 20000), range(20000))",
    "concat([randn(20000, 20000).T])", "grad(a -> sum(sort(a) * a), x)", "hash(zeros(500000000))",
    "max(randn(400000000))", "tanh(randn(300000000)) ^ 2.5",
  ]

  static let texts = [
    "s + s + s + s + s + s + s + s", "repeat_text(s, 9)", "replace(s, \"b\", \"--\")", "split(s, \",\")",
    "split_lines(s)", "reverse(s)", "list(s)", "upper(s).lower() + upper(s).lower() + s + s",
    "count(s, \"c,\") + count(s, \"d,\") + count(s, \"e,\")", "encode(s, \"abcdefg,\")", "char_tokenizer(s)",
    "join(list(s), \"-\")", "len(s + \"\\u{e9}\")", "s[1..]", "[c for c in s]",
  ]

  static let lists = [
    "[2 * i for i in xs]", "concat([xs, xs, xs, xs, xs, xs, xs, xs])", "list(0..100000000)",
    "[xs[1..] for i in 0..50]", "[reverse(xs) for i in 0..50]", "zip(xs, xs)", "enumerate(xs)",
    "tensor(enumerate(xs))", "[index_of(xs, -1) for i in 0..50]", "[xs == ys for i in 0..50]",
    "sort([sin(i * 1.0) for i in 0..2000000])", "[str(i) for i in xs].join(\",\")",
  ]

  @Test func tensorsAreAsTheyWere() throws {
    try check(["x = randn(40000000);", "i = randint(0, 40000000, 40000000);"], Self.tensors)
  }

  @Test func textsAreAsTheyWere() throws {
    try check(["s = repeat_text(\"abcdefg,\", 12000000);"], Self.texts)
  }

  @Test func listsAreAsTheyWere() throws {
    try check(["xs = [i for i in 0..5000000]; ys = [i for i in 0..5000000];"], Self.lists)
  }

  @Test func filesAreAsTheyWere() throws {
    let line = "s = repeat_text(\"1.5,22,some text\\n\", 6000000);"
    let setup = [line, "write_text(\"big.txt\", s)", "x = randn(200000000);", "save(x, \"x.npy\")"]
    try check(
      setup,
      [
        "csv(\"big.txt\", header: false)", "lines(\"big.txt\")",
        "text(\"big.txt\").upper().lower().count(\"z\")",
        "load(\"x.npy\")", "save(x, \"y.npy\")", "save((x: x), \"y.safetensors\")",
        "write_text(\"y.txt\", s + s + s + s + s + s + s + s)",
      ])
  }

  /// What is printed breaks off.
  @Test func printing() throws {
    let prompt = try P()
    try prompt.enter("s = repeat_text(\"some text\\n\", 20000000);")
    for line in ["print(s)", "s"] {
      _ = try stop(line, in: prompt)
      try prompt.enter("1 + 1")
      #expect(prompt.last(1) == ["2"])
    }
  }

  /// Stops each as the value of `y`, and looks at `y` afterwards.
  private func check(_ setup: [String], _ values: [String]) throws {
    let prompt = try P()
    try prompt.enter("y = 41;")
    for line in setup { try prompt.enter(line, timeout: 60) }
    var stopped = 0
    for value in values {
      switch try stop("y = \(value)", in: prompt) {
      case .interrupted:
        stopped += 1
        try prompt.enter("y")
        #expect(prompt.last(1) == ["41"], "\(value)")
      case .ended: try prompt.enter("y = 41;")
      case .wentOn(let afterwards):
        // The last stretch of a short one may be too short to look. A long one is not to be mostly that.
        let start = P.now
        try prompt.enter("y = \(value);", timeout: 120)
        let whole = P.now - start
        #expect(
          whole < 10 || afterwards < whole / 2, "\(value) ran to its end, though it had been interrupted")
        try prompt.enter("y = 41;")
      }
    }
    // A machine so quick that most of them are done before they are stopped wants longer ones.
    #expect(2 * stopped > values.count)
  }

  private enum Outcome {
    case interrupted
    /// The statement was done before the interruption.
    case ended
    /// The statement was at work when it was interrupted, and ran to its end, for so many seconds.
    case wentOn(Double)
  }

  /// Types a statement and interrupts it when it has begun.
  ///
  /// A statement that is about to end may do so before it sees the interruption, so that it has a few
  /// tries. How long it takes to stop hangs on what else the machine does, and isn't judged here.
  private func stop(_ line: String, in prompt: P, tries: Int = 4) throws -> Outcome {
    let before = prompt.promptCount
    prompt.type(line + P.enter)
    try prompt.wait("\(line) to begin") { prompt.screen.sequences.count { $0 == "[?2004l" } == before }
    let begun = P.now
    while P.now - begun < 0.1 { prompt.collect(for: 10) }
    if prompt.promptCount > before { return .ended }
    let interrupted = P.now
    prompt.interrupt()
    try prompt.wait("\(line) to stop", timeout: 60) { prompt.promptCount > before && prompt.isAtPrompt }
    #expect(!prompt.text.contains("error:"), "\(line)")
    if prompt.lines.dropLast().suffix(3).contains(where: { $0.hasSuffix("interrupted") }) {
      return .interrupted
    }
    let afterwards = P.now - interrupted
    return tries > 1 ? try stop(line, in: prompt, tries: tries - 1) : .wentOn(afterwards)
  }
}
