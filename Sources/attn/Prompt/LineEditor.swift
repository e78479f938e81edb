import CEditLine
import Drawing
import Interaction
import Support

/// libedit with our keys. One a process, used on the main thread.
final class LineEditor {
  private var editor: OpaquePointer?
  private var history = HistoryWalk()
  private var search: HistorySearch?
  /// What could stand at the cursor, given the text before it.
  var complete: (String) -> Completion = { _ in Completion(replaced: 0, candidates: []) }
  var width: () -> Int = { 80 }
  var height: () -> Int = { 24 }

  /// `nil` where the terminal can't be driven.
  init?() {
    attn_use_locale()
    // SAFETY: the editor is closed in deinit, so the handler is never called without this object.
    let context = Unmanaged.passUnretained(self).toOpaque()
    editor = attn_editor_open(
      { context, key in
        guard let context else { return ATTN_EDIT_REFUSE }
        return Unmanaged<LineEditor>.fromOpaque(context).takeUnretainedValue().answer(key)
      }, context)
    if editor == nil { return nil }
  }

  deinit { if let editor { attn_editor_close(editor) } }

  enum Input: Equatable {
    case entry(String)
    case end
    /// Ctrl-C, and whether anything had been typed.
    case interrupted(wasEmpty: Bool)
  }

  func read(prompt: String, style: String) -> Input {
    history.begin()
    search = nil
    return switch attn_editor_read(editor, prompt, style) {
    case ATTN_READ_ENTRY: .entry(text)
    case ATTN_READ_INTERRUPTED: .interrupted(wasEmpty: text.allSatisfy(\.isWhitespace))
    default: .end
    }
  }

  /// Runs a body, such as another program, with the terminal as it was found.
  func released<Result>(_ body: () -> Result) -> Result {
    attn_editor_hold(editor, false)
    defer { attn_editor_hold(editor, true) }
    return body()
  }

  /// Restores the terminal to the state before the editor.
  func leave() { attn_editor_hold(editor, false) }

  func remember(_ entry: String) {
    let shown = Transcript.shown(entry)
    history.remember(shown)
    attn_editor_remember(editor, shown)
  }

  // MARK: The line

  private var text: String { EditText(scalars, cursor: 0).text }

  private var scalars: [Unicode.Scalar] {
    var values = [UInt32](repeating: 0, count: Int(attn_editor_length(editor)))
    attn_editor_copy(editor, &values, Int32(values.count))
    return values.map { Unicode.Scalar($0) ?? "\u{FFFD}" }
  }

  private var edited: EditText { EditText(scalars, cursor: Int(attn_editor_cursor(editor))) }

  /// Puts a changed line in the place of the one at hand, touching only what differs.
  private func put(_ new: EditText, over old: EditText) {
    var start = 0
    while start < min(old.scalars.count, new.scalars.count), old.scalars[start] == new.scalars[start] {
      start += 1
    }
    var (oldEnd, newEnd) = (old.scalars.count, new.scalars.count)
    while oldEnd > start, newEnd > start, old.scalars[oldEnd - 1] == new.scalars[newEnd - 1] {
      (oldEnd, newEnd) = (oldEnd - 1, newEnd - 1)
    }
    let text = EditText(Array(new.scalars[start..<newEnd]), cursor: 0).text
    attn_editor_replace(editor, Int32(start), Int32(oldEnd), text, Int32(new.cursor))
  }

  // MARK: Keys

  private func answer(_ key: attn_key) -> attn_edit {
    let old = edited
    var new = old
    var isFine = true
    switch key {
    case ATTN_KEY_ENTER:
      if old.isFinished { return ATTN_EDIT_ACCEPT }
      new.newline()
    case ATTN_KEY_NEWLINE: new.newline()
    case ATTN_KEY_COMPLETE: return complete(old)
    case ATTN_KEY_UP:
      if !new.up() { return recall(history.earlier(than: old.text), over: old) }
    case ATTN_KEY_DOWN:
      if !new.down() { return recall(history.later(than: old.text), over: old) }
    case ATTN_KEY_SEARCH: return beginSearch(old)
    case ATTN_KEY_SEARCHED: return goOnSearching(old)
    case ATTN_KEY_LEFT: isFine = new.left()
    case ATTN_KEY_RIGHT: isFine = new.right()
    case ATTN_KEY_HOME: new.home()
    case ATTN_KEY_END: new.end()
    case ATTN_KEY_BACKSPACE: isFine = new.backspace()
    case ATTN_KEY_DELETE: isFine = new.deleteForward()
    case ATTN_KEY_DELETE_OR_LEAVE:
      if old.scalars.isEmpty { return ATTN_EDIT_LEAVE }
      isFine = new.deleteForward()
    case ATTN_KEY_KILL: isFine = new.kill()
    case ATTN_KEY_PASTE: new.insert(Transcript.shown(Transcript.statements(in: pasted())))
    case ATTN_KEY_CLOSE_BRACE: new.close("}")
    case ATTN_KEY_CLOSE_PARENTHESIS: new.close(")")
    case ATTN_KEY_CLOSE_BRACKET: new.close("]")
    default: isFine = false
    }
    // libedit shows the last rows of what is taller than the screen, and no others.
    guard isFine, new.cursor >= old.cursor || new.rows(width: width()).below < height() else {
      return ATTN_EDIT_REFUSE
    }
    put(new, over: old)
    return ATTN_EDIT_SHOW
  }

  /// What a terminal sends between the marks of a bracketed paste. It is inserted and never run.
  private func pasted() -> String {
    let end = Array("\u{1B}[201~".unicodeScalars)
    var scalars: [Unicode.Scalar] = []
    while scalars.last != end.last || !scalars.suffix(end.count).elementsEqual(end) {
      let next = attn_editor_next(editor)
      guard next >= 0 else { return EditText(scalars, cursor: 0).text }
      if let scalar = Unicode.Scalar(UInt32(next)) { scalars.append(scalar) }
    }
    scalars.removeLast(end.count)
    let text = EditText(scalars, cursor: 0).text
    return String(
      String.UnicodeScalarView(
        text.replacing("\t", with: "  ").unicodeScalars.filter {
          $0.value >= 0x20 || $0 == "\n" || $0 == "\r"
        }))
  }

  // MARK: History

  private func recall(_ entry: String?, over old: EditText) -> attn_edit {
    guard let entry else { return ATTN_EDIT_REFUSE }
    put(EditText(entry, cursor: attn_editor_is_vi(editor) ? 0 : nil), over: old)
    return ATTN_EDIT_SHOW
  }

  private func beginSearch(_ old: EditText) -> attn_edit {
    let search = HistorySearch(history, from: old)
    self.search = search
    attn_editor_search(editor, true)
    put(search.shown, over: old)
    return ATTN_EDIT_SHOW
  }

  private func goOnSearching(_ old: EditText) -> attn_edit {
    guard var search, let scalar = Unicode.Scalar(attn_editor_searched(editor)) else {
      return ATTN_EDIT_REFUSE
    }
    // An escape alone ends the search; one that begins a key's sequence is that key.
    let step = search.type(scalar, isSequence: scalar == "\u{1B}" && attn_editor_has_more(editor))
    self.search = search
    switch step {
    case .shown:
      put(search.shown, over: old)
      return ATTN_EDIT_SHOW
    case .refused: return ATTN_EDIT_REFUSE
    case .taken, .given: break
    }
    attn_editor_search(editor, false)
    self.search = nil
    if let place = search.place { history.jump(to: place, from: search.original.text) }
    put(search.result, over: old)
    if step == .given { attn_editor_push(editor, scalar.value) }
    return ATTN_EDIT_SHOW
  }

  // MARK: Completion

  private func complete(_ old: EditText) -> attn_edit {
    var new = old
    let before = EditText(Array(old.scalars[..<old.cursor]), cursor: 0).text
    let completion = complete(before)
    if old.isInIndentation, completion.replaced == 0 {
      new.indent()
      put(new, over: old)
      return ATTN_EDIT_SHOW
    }
    guard !completion.candidates.isEmpty else { return ATTN_EDIT_REFUSE }
    let typed = EditText(Array(old.scalars[(old.cursor - completion.replaced)..<old.cursor]), cursor: 0).text
    let common = completion.common
    if common.hasPrefix(typed), common != typed {
      new.insert(String(common.dropFirst(typed.count)))
      put(new, over: old)
      return ATTN_EDIT_SHOW
    }
    guard completion.candidates.count > 1 else { return ATTN_EDIT_REFUSE }
    // Below the entry; as many lines again as it has above the cursor, which libedit will clear.
    let rows = old.rows(width: width())
    Terminal.write(
      String(repeating: "\n", count: rows.below + 1)
        + completion.list(width: width(), height: height())
        + String(repeating: "\n", count: rows.above))
    return ATTN_EDIT_REDRAW
  }
}
