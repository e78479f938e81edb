import FoundationEssentials
import Host
import Support
import Tensors
import Testing

@Suite struct SafetensorsTests {
  /// A file from its header and data, the header as long as it is.
  private func file(_ header: String, _ data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
    let length = length ?? UInt64(header.utf8.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8) + data
  }

  private func problem(_ bytes: [UInt8]) -> String? {
    do {
      _ = try Safetensors.decoded(bytes)
      return nil
    } catch {
      return (error as? BuiltinError)?.message ?? "\(error)"
    }
  }

  @Test func readsTheExampleOfTheReadme() throws {
    let bytes = file(
      #"{"TENSOR_NAME":{"dtype":"F16","shape":[1,16,256],"data_offsets":[0,8192]},"#
        + #""NEXT_TENSOR_NAME":{"dtype":"I64","shape":[],"data_offsets":[8192,8200]}}"#,
      (0..<4096).flatMap { _ in [0x00, 0x3E] as [UInt8] } + [7, 0, 0, 0, 0, 0, 0, 0])
    let entries = try Safetensors.decoded(bytes)
    #expect(entries.map(\.name) == ["TENSOR_NAME", "NEXT_TENSOR_NAME"])
    #expect(entries.map(\.tensor.description) == ["f32[1, 16, 256]", "i64"])
    #expect(try entries[0].tensor.doubles().allSatisfy { $0 == 1.5 })
    #expect(entries[1].tensor.integerItem == 7)
  }

  /// The bytes that the reference implementation pins in its own tests.
  @Test func readsTheBytesOfTheReference() throws {
    let header = #"{"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}}"#
    #expect(header.utf8.count == 64)
    let numbers = (0..<6).flatMap { number in
      (0..<4).map { UInt8(truncatingIfNeeded: Float(number).bitPattern >> (8 * $0)) }
    }
    let entries = try Safetensors.decoded(file(header, numbers))
    #expect(entries.map(\.name) == ["attn.0"])
    #expect(try entries[0].tensor.doubles() == [0, 1, 2, 3, 4, 5])
  }

  @Test func writesWhatItReads() throws {
    let entries: [Safetensors.Entry] = [
      ("flags", try Tensor([true, false, true], [3])),
      ("a.\"b\"\\\n", try Tensor([1.5, -0.0, .infinity] as [Float], [1, 3])),
      ("whole", try Tensor([Int.min, Int.max], [2])),
      ("empty", try Tensor([] as [Double], [2, 0])),
      ("ids", try Tensor([-1, 7] as [Int32], [2, 1])),
      ("scalar", try Tensor([0.1] as [Double], [])),
    ]
    let bytes = try Safetensors.encoded(entries)
    #expect(try Safetensors.encoded(entries) == bytes)
    let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    #expect(length % 8 == 0)
    let read = try Safetensors.decoded(bytes)
    #expect(Set(read.map(\.name)) == Set(entries.map(\.name)))
    for (name, tensor) in entries {
      let other = try #require(read.first { $0.name == name }?.tensor)
      #expect(other.description == tensor.description)
      #expect(try other.bytes() == tensor.bytes())
    }
    #expect(try Safetensors.decoded(Safetensors.encoded([])).isEmpty)
  }

  @Test func writesTheHeaderToTheByte() throws {
    let bytes = try Safetensors.encoded([("w", try Tensor([Float.nan], [1]))])
    let header =
      #"{"__metadata__":{"format":"attn"},"#
      + #""w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
    let blanks = String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    #expect(bytes == file(header + blanks, [0, 0, 0xC0, 0x7F]))
  }

  @Test func widensTypesThatTheLanguageLacks() throws {
    func numbers(_ type: String, _ shape: String, _ data: [UInt8]) throws -> [Double] {
      let header =
        #"{"x":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":[0,\#(data.count)]}}"#
      return try Safetensors.decoded(file(header, data))[0].tensor.doubles()
    }
    #expect(try numbers("BF16", "[2]", [0xC0, 0x3F, 0x80, 0xFF]) == [1.5, -.infinity])
    #expect(try numbers("F16", "[3]", [1, 0, 0, 0x80, 0xFF, 0x7B]) == [0x1p-24, -0.0, 65504])
    #expect(try numbers("F16", "[1]", [1, 0x7C])[0].isNaN)
    #expect(try numbers("U8", "[2]", [0, 255]) == [0, 255])
    #expect(try numbers("I8", "[2]", [127, 128]) == [127, -128])
    #expect(try numbers("I16", "[1]", [0xFE, 0xFF]) == [-2])
    #expect(try numbers("U32", "[1]", [0xFF, 0xFF, 0xFF, 0xFF]) == [4_294_967_295])
  }

  @Test(arguments: [
    ("", "its header is not the JSON of a safetensors file"),
    ("[]", "its header is not the JSON of a safetensors file"),
    (#"{"x":"#, "its header is not the JSON of a safetensors file"),
    (#"{"x":1}"#, "tensor x lacks its dtype, shape or two offsets"),
    (#"{"x":{"dtype":"F32","shape":[1]}}"#, "tensor x lacks its dtype, shape or two offsets"),
    (entry("F32", "[1]", "[0]"), "tensor x lacks its dtype, shape or two offsets"),
    (entry("F32", "[1e300]", "[0,4]"), "tensor x lacks its dtype, shape or two offsets"),
    (entry("F8_E4M3", "[4]", "[0,4]"), "tensor x has elements of type F8_E4M3, which attn lacks"),
    (entry("F32", "[-1]", "[0,4]"), "tensor x has the impossible shape [-1]"),
    (
      entry("F32", "[0,9223372036854775807,3]", "[0,0]"),
      "tensor x has the impossible shape [0, 9223372036854775807, 3]"
    ),
    (
      entry("F32", "[4294967296,4294967296]", "[0,4]"),
      "tensor x has the impossible shape [4294967296, 4294967296]"
    ),
    (entry("F32", "[2]", "[0,4]"), "tensor x takes 8 bytes by its shape, 4 by its offsets"),
    (entry("F32", "[1]", "[4,0]"), "tensor x lies at the impossible place 4 to 0"),
    (entry("F32", "[1]", "[-4,0]"), "tensor x lies at the impossible place -4 to 0"),
    (
      entry("F32", "[0]", "[9223372036854775807,9223372036854775807]"),
      "it ends inside tensor x, 9223372036854775803 bytes too early"
    ),
    (entry("F32", "[2]", "[0,8]"), "it ends inside tensor x, 4 bytes too early"),
    (entry("U8", "[3]", "[1,4]"), "1 bytes before tensor x belong to no tensor"),
    (entry("U8", "[3]", "[0,3]"), "1 bytes at its end belong to no tensor"),
    (entry("BOOL", "[4]", "[0,4]"), "tensor x: it holds a bool that is neither 0 nor 1"),
    (
      #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"#
        + #""b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
      "tensors a and b overlap"
    ),
  ])
  func refusesHeaders(_ header: String, _ message: String) {
    #expect(problem(file(header, [1, 2, 3, 4])) == message)
  }

  @Test func refusesLengths() {
    #expect(problem([1, 2]) == "it has 2 bytes, and the header's length takes 8")
    #expect(problem(file("{}", length: 3)) == "it ends before its header does")
    #expect(problem(file("{}", length: .max)) == "it ends before its header does")
  }

  /// Whatever a file holds, reading it ends in tensors or in an error.
  @Test func survivesDamage() throws {
    let bytes = try Safetensors.encoded([
      ("weight", try Tensor([1, 2, 3, 4] as [Float], [2, 2])), ("flag", try Tensor([true], [])),
    ])
    for length in 0..<bytes.count { #expect(problem(Array(bytes[..<length])) != nil) }
    var state: UInt64 = 1
    func random(_ n: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % n
    }
    for _ in 0..<5000 {
      var damaged = bytes
      for _ in 0...random(3) { damaged[random(damaged.count)] = UInt8(random(256)) }
      if let problem = problem(damaged) { #expect(!problem.isEmpty) }
    }
  }

  @Test func readsAFileOfTheReferenceProgram() throws {
    let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    let data = try Data(contentsOf: URL(filePath: "/\(folder)/Reference/gpt.safetensors"))
    let entries = try Safetensors.decoded(Array(data))
    let losses = try #require(entries.first { $0.name == "f64.losses" }?.tensor)
    #expect(losses.description == "f64[3]")
    #expect(try losses.doubles().allSatisfy { $0 > 0 && $0 < 10 })
  }
}

private func entry(_ type: String, _ shape: String, _ offsets: String) -> String {
  #"{"x":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":\#(offsets)}}"#
}

@Suite struct NpyTests {
  private func file(_ header: String, _ data: [UInt8], version: UInt8 = 1) -> [UInt8] {
    let length = [UInt8(header.utf8.count), 0] + (version == 1 ? [] : [0, 0])
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + Array(header.utf8) + data
  }

  @Test(arguments: [UInt8(1), 2, 3]) func readsBothOrders(version: UInt8) throws {
    let data: [UInt8] = [1, 2, 3, 4, 5, 6]
    func header(_ order: String) -> String {
      "{'descr': '|u1', 'fortran_order': \(order), 'shape': (2, 3), }\n"
    }
    let rows = try Npy.decoded(file(header("False"), data, version: version))
    #expect(try rows.doubles() == [1, 2, 3, 4, 5, 6])
    let columns = try Npy.decoded(file(header("True"), data, version: version))
    #expect(columns.shape == [2, 3])
    #expect(try columns.doubles() == [1, 3, 5, 2, 4, 6])
  }

  @Test func writesWhatItReads() throws {
    for tensor in [
      try Tensor([1.5, 2] as [Float], [2]), try Tensor([1, 2, 3, 4, 5, 6], [1, 2, 3]),
      try Tensor([true], []), try Tensor([] as [Double], [0, 4]),
    ] {
      let bytes = try Npy.encoded(tensor)
      #expect((bytes.count - tensor.byteCount) % 64 == 0)
      let read = try Npy.decoded(bytes)
      #expect(read.description == tensor.description)
      #expect(try read.bytes() == tensor.bytes())
    }
  }

  @Test func refusesWhatItCannotRead() {
    func problem(_ bytes: [UInt8]) -> String? {
      do {
        _ = try Npy.decoded(bytes)
        return nil
      } catch { return (error as? BuiltinError)?.message ?? "\(error)" }
    }
    func header(_ type: String, _ shape: String) -> String {
      "{'descr': \(type), 'fortran_order': False, 'shape': \(shape), }"
    }
    let vague = "its header does not say dtype, order and shape of one plain array"
    #expect(problem([]) == "it does not begin as an .npy file")
    #expect(
      problem(file(header("'>f4'", "(1,)"), [0, 0, 0, 0]))
        == "its elements are of type '>f4', which attn lacks")
    #expect(problem(file(header("[('a', '<f4')]", "(1,)"), [0, 0, 0, 0])) == vague)
    #expect(problem(file(header("'<f4'", "(x,)"), [])) == vague)
    #expect(problem(file(header("'<f4'", "(-1,)"), [])) == "its shape [-1] is impossible")
    #expect(
      problem(file(header("'<f4'", "(2,)"), [0]))
        == "it takes 8 bytes by its shape, and has 1")
    #expect(
      problem(file("{}", [], version: 9))
        == "its version is 9, and versions 1 to 3 are known")
    let whole = file(header("'<f4'", "(1,)"), [0, 0, 0, 0])
    for length in 0..<whole.count { #expect(problem(Array(whole[..<length])) != nil) }
  }
}
