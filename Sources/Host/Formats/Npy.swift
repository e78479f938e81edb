import Drawing
import Support
import Tensors

/// NumPy's format for one array: a magic word, a version, a Python dictionary that describes the
/// elements, and the elements.
///
/// <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>. Versions 1 to 3 are
/// read, version 1 is written.
package enum Npy {
  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  package static func encoded(_ tensor: Tensor) throws -> [UInt8] {
    let sizes = tensor.shape.map { "\($0)" }
    let shape = sizes.count == 1 ? "\(sizes[0])," : sizes.joined(separator: ", ")
    var header =
      "{'descr': '\(StoredType(tensor.dtype).descriptor)', 'fortran_order': False, "
      + "'shape': (\(shape)), }"
    // Blanks and a line end, so that the elements begin at a multiple of 64 bytes.
    let length = (magic.count + 4 + header.utf8.count + 1 + 63) / 64 * 64 - magic.count - 4
    header += String(repeating: " ", count: length - header.utf8.count - 1) + "\n"
    let prefix = magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)]
    let head = prefix + Array(header.utf8)
    try Memory.checkRoom(tensor.byteCount, for: "a file of \(Memory.readable(tensor.byteCount))")
    return try Disposal.making { (bytes: inout [UInt8]) in
      bytes.reserveCapacity(head.count + tensor.byteCount)
      bytes += head
      try tensor.appendBytes(to: &bytes)
    }
  }

  /// The array of a file; one in Fortran order comes back as a transposed view.
  package static func decoded(_ bytes: [UInt8]) throws -> Tensor {
    guard bytes.starts(with: magic) else { throw BuiltinError("it does not begin as an .npy file") }
    guard bytes.count >= 12 else { throw BuiltinError("it ends before its header does") }
    let version = bytes[6]
    guard (1...3).contains(version) else {
      throw BuiltinError("its version is \(version), and versions 1 to 3 are known")
    }
    let start = version == 1 ? 10 : 12
    guard let length = littleEndian(bytes[8..<start]), length <= bytes.count - start else {
      throw BuiltinError("it ends before its header does")
    }
    let header = Header(String(decoding: bytes[start..<(start + length)], as: UTF8.self))
    guard let descriptor = try header.quoted("descr"), let order = try header.word("fortran_order"),
      let shape = try header.tuple("shape"), order == "True" || order == "False"
    else {
      throw BuiltinError("its header does not say dtype, order and shape of one plain array")
    }
    guard let type = StoredType.allCases.first(where: { $0.matches(descriptor) }) else {
      throw BuiltinError(
        "its elements are of type '\(descriptor)', which attn lacks",
        hint: descriptor.hasPrefix(">") ? "a.astype(\"f4\") makes it little-endian f32" : nil)
    }
    guard let count = type.byteCount(of: shape) else {
      throw BuiltinError("its shape \(shape) is impossible")
    }
    let data = bytes[(start + length)...]
    guard data.count == count else {
      throw BuiltinError("it takes \(count) bytes by its shape, and has \(data.count)")
    }
    guard order == "True" else { return try type.tensor(data, shape) }
    return try type.tensor(data, shape.reversed()).transposed(shape.indices.reversed())
  }
}

/// The literal of a Python dictionary with string keys, read by key.
private struct Header {
  let text: String

  init(_ text: String) { self.text = text }

  /// What stands behind a key's colon.
  private func value(_ key: String) throws -> Substring? {
    for mark in ["'", "\""] {
      guard let at = try text.utf8Offsets(of: mark + key + mark, limit: 1).first else { continue }
      var rest = text[text.utf8.index(text.startIndex, offsetBy: at + key.utf8.count + 2)...]
      while rest.first == " " { rest.removeFirst() }
      guard rest.popFirst() == ":" else { return nil }
      while rest.first == " " { rest.removeFirst() }
      return rest
    }
    return nil
  }

  func quoted(_ key: String) throws -> String? {
    guard var rest = try value(key), let mark = rest.popFirst(), mark == "'" || mark == "\"" else {
      return nil
    }
    guard let end = rest.firstIndex(of: mark) else { return nil }
    return String(rest[..<end])
  }

  func word(_ key: String) throws -> String? {
    try value(key).map { String($0.prefix { $0.isLetter }) }
  }

  /// `(2, 3)`, `(2,)` or `()`.
  func tuple(_ key: String) throws -> [Int]? {
    guard var rest = try value(key), rest.popFirst() == "(", let end = rest.firstIndex(of: ")") else {
      return nil
    }
    var parts = rest[..<end].split(separator: ",", omittingEmptySubsequences: false)
    if parts.last?.allSatisfy({ $0 == " " }) == true { parts.removeLast() }
    let sizes = parts.map { Int($0.filter { $0 != " " }) }
    let known = sizes.compactMap(\.self)
    return known.count == sizes.count ? known : nil
  }
}

extension StoredType {
  /// As NumPy writes it: `<f4`.
  fileprivate var descriptor: String { (size == 1 ? "|" : "<") + code }

  /// `=` stands for the writer's own order, which is little-endian wherever attn runs.
  fileprivate func matches(_ descriptor: String) -> Bool {
    let orders = size == 1 ? ["|", "<", ">", "=", ""] : ["<", "=", ""]
    return self != .bf16 && orders.contains { $0 + code == descriptor }
  }

  private var code: String {
    switch self {
    case .f64: "f8"
    case .f32: "f4"
    case .f16: "f2"
    case .bf16: "bf16"
    case .i64: "i8"
    case .i32: "i4"
    case .i16: "i2"
    case .i8: "i1"
    case .u32: "u4"
    case .u16: "u2"
    case .u8: "u1"
    case .bool: "b1"
    }
  }
}
