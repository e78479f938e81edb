import Builtins
import Drawing
import Host
import Support

/// What the statement at hand prints, on its way to the screen, written down.
final class Recorder {
  private(set) var text = ""
  private(set) var pictures: [Picture] = []
  /// How much was printed, recorded or not.
  private var count = 0
  /// How much there was when each picture came.
  private var pictureCounts: [Int] = []

  /// What is kept of one statement's output. Of more, `...` stands for the rest.
  static let limit = 1 << 18
  /// Pictures of larger tensors are kept as text alone.
  static let largestPicture = 1 << 22

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

  /// Takes back what came after `length`.
  func cut(to length: Int) {
    guard length < count else { return }
    if length < text.utf8.count { text = String(decoding: Array(text.utf8)[..<length], as: UTF8.self) }
    count = length
    while let last = pictureCounts.last, last >= length {
      pictureCounts.removeLast()
      pictures.removeLast()
    }
  }

  /// Whether there was more than can be kept.
  var isCut: Bool { count > text.utf8.count }

  /// The output, as far as it is kept: whole lines.
  var recorded: String {
    guard isCut else { return text }
    return text.lastIndex(where: \.isNewline).map { String(text[...$0]) } ?? ""
  }
}
