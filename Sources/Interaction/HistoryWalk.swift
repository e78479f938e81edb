import Drawing

/// The entries of a session and of those before, as Up and Down go through them.
///
/// What is typed or changed on the way is kept until an entry is run.
package struct HistoryWalk: Equatable {
  package private(set) var entries: [String] = []
  /// The number of the entry that is edited; behind the last there is the new one.
  private var place = 0
  private var drafts: [Int: String] = [:]

  package init() {}

  /// Adds an entry, unless it is the last one again.
  package mutating func remember(_ entry: String) {
    guard entry != entries.last else { return }
    entries.append(entry)
    if entries.count > 2 * HistoryFile.limit { entries.removeFirst(HistoryFile.limit) }
  }

  /// A new entry is begun.
  package mutating func begin() {
    place = entries.count
    drafts = [:]
  }

  /// The entry before the one that is edited, whose text is kept; `nil` at the first.
  package mutating func earlier(than text: String) -> String? { move(to: place - 1, from: text) }

  package mutating func later(than text: String) -> String? { move(to: place + 1, from: text) }

  /// Goes to an entry that a search has found.
  package mutating func jump(to new: Int, from text: String) {
    drafts[place] = text
    place = new
  }

  private mutating func move(to new: Int, from text: String) -> String? {
    guard new >= 0, new <= entries.count else { return nil }
    drafts[place] = text
    place = new
    return drafts[new] ?? (new < entries.count ? entries[new] : "")
  }
}

/// A search of the history as one types: Ctrl-R goes back, Ctrl-S on, Ctrl-G cancels.
package struct HistorySearch: Equatable {
  private let history: HistoryWalk
  package let original: EditText
  package private(set) var pattern = ""
  /// The entry that was found.
  package private(set) var place: Int?
  private var isFailing = false

  package init(_ history: HistoryWalk, from original: EditText) {
    self.history = history
    self.original = original
  }

  package enum Step: Equatable {
    case shown, refused
    /// The search is over: with its key, or before a key that means something else.
    case taken, given
  }

  /// - Parameter isSequence: it is an escape that begins the sequence of a key.
  package mutating func type(_ scalar: Unicode.Scalar, isSequence: Bool = false) -> Step {
    switch scalar.value {
    case 0x12: return find(from: (place ?? history.entries.count) - 1, by: -1)  // Ctrl-R
    case 0x13: return find(from: (place ?? history.entries.count) + 1, by: 1)  // Ctrl-S
    case 0x07:  // Ctrl-G
      place = nil
      return .taken
    case 0x7F, 0x08:
      guard !pattern.isEmpty else { return .refused }
      pattern.removeLast()
      isFailing = false
      // From the newest again, since less is asked for.
      place = nil
      return pattern.isEmpty ? .shown : find(from: history.entries.count - 1, by: -1)
    case 0x1B: return isSequence ? .given : .taken
    case ..<0x20: return .given
    default:
      pattern.unicodeScalars.append(scalar)
      return find(from: place ?? history.entries.count - 1, by: -1)
    }
  }

  private mutating func find(from start: Int, by step: Int) -> Step {
    guard !pattern.isEmpty else { return .refused }
    var at = start
    while history.entries.indices.contains(at) {
      // What is found again must be another entry.
      if history.entries[at].contains(pattern), at == place || history.entries[at] != found {
        place = at
        isFailing = false
        return .shown
      }
      at += step
    }
    isFailing = true
    return .shown
  }

  private var found: String? { place.map { history.entries[$0] } }

  /// What is left in the line when it is over.
  package var result: EditText {
    guard let found else { return original }
    return EditText(found)
  }

  /// The entry with a line about the search below it.
  package var shown: EditText {
    EditText((found ?? original.text) + "\n\(isFailing ? "not found: " : "search: ")" + pattern)
  }
}
