import Autodiff
import Builtins
import Families
import Language
import Tensors
import Testing

/// A whole GPT on the same weights as PyTorch's: loss, every gradient, three steps of AdamW.
@Suite struct GPTTests {
  @Test(arguments: [("f32", 1e-5), ("f64", 1e-10)])
  func agreesWithPyTorch(_ dtype: String, _ tolerance: Double) throws {
    let session = Session(.standard)
    func reference(_ key: String) throws -> Tensor {
      try #require(Reference.gpt["\(dtype).\(key)"] ?? Reference.gpt[key], "\(key)")
    }
    try session.evaluate(
      "m = GPT(vocab: 11, context: 8, width: 12, heads: 3, layers: 2).to(\(dtype))")
    let blank = try #require(session["m"])
    session["m"] = try blank.mapLeaves { leaf in
      Variable(try reference(leaf.dottedPath))
    }
    session["x"] = .tensor(Variable(try reference("x")))
    session["y"] = .tensor(Variable(try reference("y")))
    try session.evaluate("loss, g = value_and_grad(m -> cross_entropy(m(x), y), m)")
    func check(_ name: String, _ key: String, _ tolerance: Double) throws {
      let value = try session.evaluate(name)
      let expected = try reference(key)
      try Reference.expect(try Reference.tensor(value, like: expected), expected, tolerance, key)
    }
    try check("loss", "loss", tolerance)
    try check("m(x)", "logits", tolerance)
    for leaf in try #require(session["g"]).leaves() {
      let expected = try reference("grad.\(leaf.dottedPath)")
      try Reference.expect(leaf.variable.tensor, expected, tolerance, "gradient of \(leaf.path)")
    }
    try session.evaluate(
      """
      optimizer = adamw(lr: 1e-2, betas: (0.9, 0.99), decay: 0.1)
      state = optimizer.start(m)
      for i in 0..3 {
        loss, g = value_and_grad(m -> cross_entropy(m(x), y), m)
        m, state = optimizer.step(m, clip_norm(g, 1.0), state)
      }
      """)
    for leaf in try #require(session["m"]).leaves() where leaf.isParameter {
      // Adam divides by the root of a squared gradient, which multiplies small differences.
      let expected = try reference("after.\(leaf.dottedPath)")
      try Reference.expect(
        leaf.variable.tensor, expected, tolerance * 10, "\(leaf.path) after three steps")
    }
  }
}
