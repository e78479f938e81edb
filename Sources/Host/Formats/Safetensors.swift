import Drawing
import FoundationEssentials
import Support
import Tensors

/// The safetensors format: eight bytes with the header's length, a JSON header that says where each
/// tensor lies, and the tensors' bytes, little-endian, in row-major order and without gaps.
///
/// <https://github.com/huggingface/safetensors>. A file is never trusted: whatever its header says
/// is checked before a byte is read by it, and a mistake is an error that begins in lower case and
/// reads on from "can't be read: ".
package enum Safetensors {
  package typealias Entry = (name: String, tensor: Tensor)

  /// The same tensors under the same names give the same bytes.
  ///
  /// Wider elements come first, as in the format's own writer, so that every tensor lies at a
  /// multiple of its element's size; the order of the entries decides otherwise.
  package static func encoded(_ entries: [Entry]) throws -> [UInt8] {
    let ordered = [8, 4, 1].flatMap { size in entries.filter { $0.tensor.dtype.size == size } }
    var fields = ["\"__metadata__\":{\"format\":\"attn\"}"]
    var offset = 0
    for (name, tensor) in ordered {
      let end = offset + tensor.byteCount
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      fields.append(
        "\(quoted(name)):{\"dtype\":\"\(StoredType(tensor.dtype).name)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var header = Array("{\(fields.joined(separator: ","))}".utf8)
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    try Memory.checkRoom(offset, for: "a file of \(Memory.readable(offset))")
    return try Disposal.making { (bytes: inout [UInt8]) in
      bytes.reserveCapacity(8 + header.count + offset)
      bytes += (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
      bytes += header
      for (_, tensor) in ordered { try tensor.appendBytes(to: &bytes) }
    }
  }

  /// The tensors of a file in the order in which they lie in it.
  package static func decoded(_ bytes: [UInt8]) throws -> [Entry] {
    guard bytes.count >= 8 else {
      throw BuiltinError("it has \(bytes.count) bytes, and the header's length takes 8")
    }
    guard let length = littleEndian(bytes[..<8]), length <= bytes.count - 8 else {
      throw BuiltinError("it ends before its header does")
    }
    guard length <= longestHeader else {
      throw BuiltinError("its header of \(Memory.readable(length)) is too long")
    }
    let places = try header(bytes[8..<(8 + length)])
    let data = bytes[(8 + length)...]
    try check(places, dataCount: data.count)
    return try places.map { place in
      let start = data.startIndex + place.begin
      let end = data.startIndex + place.end
      do {
        return (place.name, try place.type.tensor(data[start..<end], place.shape))
      } catch let error as BuiltinError {
        throw BuiltinError("tensor \(place.name): \(error.message)")
      }
    }
  }

  /// What the format's own reader takes too.
  private static let longestHeader = 100_000_000

  private struct Place {
    var name: String
    var type: StoredType
    var shape: [Int]
    var begin: Int
    var end: Int
  }

  private static func header(_ bytes: ArraySlice<UInt8>) throws -> [Place] {
    let header: Header
    do {
      header = try JSONDecoder().decode(Header.self, from: Data(bytes))
    } catch {
      throw BuiltinError("its header is not the JSON of a safetensors file")
    }
    var places: [Place] = []
    for (name, entry) in header.entries {
      guard let entry, entry.offsets.count == 2 else {
        throw BuiltinError("tensor \(name) lacks its dtype, shape or two offsets")
      }
      guard let type = StoredType.allCases.first(where: { $0.name == entry.dtype }) else {
        throw BuiltinError("tensor \(name) has elements of type \(entry.dtype), which attn lacks")
      }
      guard let count = type.byteCount(of: entry.shape) else {
        throw BuiltinError("tensor \(name) has the impossible shape \(entry.shape)")
      }
      let begin = entry.offsets[0]
      let end = entry.offsets[1]
      guard begin >= 0, end >= begin else {
        throw BuiltinError("tensor \(name) lies at the impossible place \(begin) to \(end)")
      }
      guard end - begin == count else {
        throw BuiltinError(
          "tensor \(name) takes \(count) bytes by its shape, \(end - begin) by its offsets")
      }
      places.append(Place(name: name, type: type, shape: entry.shape, begin: begin, end: end))
    }
    return places.sorted { ($0.begin, $0.end, $0.name) < ($1.begin, $1.end, $1.name) }
  }

  /// Tensors follow one another, and nothing is left over.
  private static func check(_ places: [Place], dataCount: Int) throws {
    var at = 0
    for (position, place) in places.enumerated() {
      guard place.end <= dataCount else {
        throw BuiltinError(
          "it ends inside tensor \(place.name), \(place.end - dataCount) bytes too early")
      }
      guard place.begin >= at else {
        throw BuiltinError("tensors \(places[position - 1].name) and \(place.name) overlap")
      }
      guard place.begin == at else {
        throw BuiltinError(
          "\(place.begin - at) bytes before tensor \(place.name) belong to no tensor")
      }
      at = place.end
    }
    guard at == dataCount else {
      throw BuiltinError("\(dataCount - at) bytes at its end belong to no tensor")
    }
  }

  /// A JSON string.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      default:
        if scalar.value < 0x20 {
          let digits = String(scalar.value, radix: 16)
          result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result + "\""
  }
}

/// The header's entries by name; `nil` for one that isn't what an entry should be.
private struct Header: Decodable {
  var entries: [(String, Entry?)] = []

  struct Entry: Decodable {
    var dtype: String
    var shape: [Int]
    var offsets: [Int]

    private enum CodingKeys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }
  }

  private struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Name.self)
    for key in container.allKeys where key.stringValue != "__metadata__" {
      entries.append((key.stringValue, try? container.decode(Entry.self, forKey: key)))
    }
    entries.sort { $0.0 < $1.0 }
  }
}

extension StoredType {
  /// As safetensors writes it.
  fileprivate var name: String {
    switch self {
    case .f64: "F64"
    case .f32: "F32"
    case .f16: "F16"
    case .bf16: "BF16"
    case .i64: "I64"
    case .i32: "I32"
    case .i16: "I16"
    case .i8: "I8"
    case .u32: "U32"
    case .u16: "U16"
    case .u8: "U8"
    case .bool: "BOOL"
    }
  }
}
