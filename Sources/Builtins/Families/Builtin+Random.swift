import Autodiff
import Builtins
import Support
import Tensors

extension Builtin {
  package static let randomFamily: [Builtin] = [randn, rand, randint, permutation, seed]

  static let randn = Builtin(
    "randn(sizes..., dtype: f32) -> dtype[sizes...]",
    """
    Random numbers of the normal distribution with mean 0 and deviation 1. Each takes the next \
    place of the stream that `seed` starts.
    """,
    examples: [
      .prints("shape(randn(2, 3))", "(2, 3)"),
      .fails("randn(2, dtype: i64)", "randn: dtype is f32 or f64 here, not i64"),
    ], uses: .random
  ) { arguments in
    let sizes = try arguments.sizes("sizes")
    let dtype = try arguments.floatDType("dtype")
    return .tensor(Variable(try arguments.random.state.normal(sizes, dtype)))
  }

  static let rand = Builtin(
    "rand(sizes..., dtype: f32) -> dtype[sizes...]", "Random numbers spread evenly over 0 to 1, 1 excluded.",
    examples: [.prints("max(rand(100)) < 1", "true")], uses: .random
  ) { arguments in
    let sizes = try arguments.sizes("sizes")
    let dtype = try arguments.floatDType("dtype")
    return .tensor(Variable(try arguments.random.state.uniform(sizes, dtype)))
  }

  static let randint = Builtin(
    "randint(low, high, sizes...) -> i64[sizes...]",
    "Random whole numbers of `low` up to but without `high`.",
    examples: [
      .prints("randint(3, 4, 2)", "i64[2]\n 3  3"),
      .fails("randint(4, 4, 2)", "randint: nothing lies in 4..4"),
    ], uses: .random
  ) { arguments in
    let low = try arguments.int("low")
    let high = try arguments.int("high")
    guard low < high else { throw BuiltinError("nothing lies in \(low)..\(high)", at: ["low", "high"]) }
    let sizes = try arguments.sizes("sizes")
    return .tensor(Variable(try arguments.random.state.integers(sizes, from: low, to: high)))
  }

  static let permutation = Builtin(
    "permutation(n) -> i64[n]", "The whole numbers of 0..`n` in random order.",
    examples: [.prints("sort(permutation(4))", "i64[4]\n 0  1  2  3")], uses: .random
  ) { arguments in
    let n = try arguments.count("n")
    return .tensor(Variable(try arguments.random.state.permutation(n)))
  }

  static let seed = Builtin(
    "seed(n)", "Starts the stream of random numbers anew: the same seed gives the same numbers.",
    examples: [.fails("seed(0.5)", "seed: n is a whole number, not a Float")],
    uses: .random
  ) { arguments in
    let n = try arguments.int("n")
    arguments.random.state = RandomState(seed: UInt64(bitPattern: Int64(n)))
    return .none
  }
}
