import Attn

/// attn inside a Swift program: values and functions go in, formulas run, tensors come out.
@main
struct Embed {
  static func main() throws {
    let session = Session()
    session.output = { print($0, terminator: "") }

    // Swift values under names of the session.
    try session.define("q", Tensor([1, 0, 0, 1, 1, 1], shape: [3, 2]))
    try session.define("temperature", 2.0)

    // A Swift function that scripts call.
    session.define("describe", parameters: ["x"]) { arguments in
      let x = try arguments[0].tensor
      return "\(x.shape.map(String.init).joined(separator: " × ")) numbers of \(x.dtype)"
    }

    // A formula, with shapes checked before anything runs.
    let weights = try session.evaluate(
      """
      w[t, s] = softmax[s](sum[d](q[t, d] * q[s, d]) / temperature where s <= t)
      print("w has", describe(w))
      w
      """
    ).tensor
    for row in 0..<weights.shape[0] {
      let numbers = weights.elements[(row * 3)..<(row * 3 + 3)]
      print(numbers.map { String(Int(($0 * 100).rounded())) + "%" }.joined(separator: " "))
    }

    // A function of the session, called from Swift.
    try session.evaluate("fn mix(v[s, e]) { out[t, e] = sum[s](w[t, s] * v[s, e]); out }")
    if let mix = session["mix"] {
      print(try session.call(mix, Tensor([1, 2, 3], shape: [3, 1])).tensor.shape)
    }

    // A mistake is an error that shows its place.
    do {
      try session.evaluate("q @ q")
    } catch let error as AttnError {
      print(error)
    }
  }
}
