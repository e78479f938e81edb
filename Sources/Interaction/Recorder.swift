import Builtins
import Drawing
import Host
import Support

/// Records what the current statement prints, for the notebook.
final class Recorder {
  private(set) var text = ""
  private(set) var pictures: [Picture] = []
  /// The bytes that the statement has printed, recorded or not.
  private var count = 0
  /// For each picture, the bytes printed before it.
  private var pictureCounts: [Int] = []

  /// The bytes of output after which the recorder drops further strings.
  ///
  /// It keeps the string that crosses the limit whole, so `text` can be longer. Of output that was cut,
  /// `recorded` gives whole lines, and the notebook writes `...` for the rest.
  static let limit = 1 << 18

  func begin() {
    text = ""
    pictures = []
    pictureCounts = []
    count = 0
  }

  var length: Int { count }

  func add(_ new: String) {
    if count <= Self.limit { text += new }
    count += new.utf8.count
  }

  func add(_ picture: Picture) {
    pictures.append(picture)
    pictureCounts.append(count)
    add(picture.text(.plain) + "\n")
  }

  /// Drops the output and the pictures after the first `length` bytes.
  func cut(to length: Int) {
    guard length < count else { return }
    if length < text.utf8.count { text = String(decoding: Array(text.utf8)[..<length], as: UTF8.self) }
    count = length
    while let last = pictureCounts.last, last >= length {
      pictureCounts.removeLast()
      pictures.removeLast()
    }
  }

  /// Whether the recorder has dropped output.
  var isCut: Bool { count > text.utf8.count }

  /// The recorded output; whole lines only, where some was dropped.
  var recorded: String {
    guard isCut else { return text }
    return text.lastIndex(where: \.isNewline).map { String(text[...$0]) } ?? ""
  }
}
