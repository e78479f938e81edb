import Drawing
import Support

/// What stands before the cursor, as far as completion wants to know: found by looking at the text
/// alone, which need not be whole.
struct CursorPlace {
  enum Step: Equatable {
    case name(String)
    case number(Int)
  }
  /// The name that is being typed.
  private(set) var word = ""
  /// What stands before the dot in front of it; `nil` where there is none.
  private(set) var base: [Step]?
  /// The text of a string that is open here.
  private(set) var openString: String?
  /// What is called by the innermost parentheses that are open here.
  private(set) var callee: [Step]?
  /// Nothing but the word stands behind the parenthesis or comma.
  private(set) var isAtArgumentStart = false

  init(_ text: String) {
    let characters = Array(text)
    let (isCode, string) = Self.code(characters)
    if let string {
      openString = string
      return
    }
    var at = characters.count
    while at > 0, Self.isNamePart(characters[at - 1]) { at -= 1 }
    word = String(characters[at...])
    var before = at
    if at > 0, characters[at - 1] == ".", at < 2 || characters[at - 2] != "." {
      let path = Self.path(endingAt: at - 1, characters)
      if !(path.steps.isEmpty && at > 1 && characters[at - 2].isNumber) {
        base = path.steps
        before = path.start
      }
    }
    findCall(characters, before, isCode)
  }

  static func isNamePart(_ character: Character) -> Bool {
    character == "_" || character.isLetter || character.isNumber || character == "′"
  }

  /// Which characters are code, and the text of the string that is open at the end.
  private static func code(_ characters: [Character]) -> (isCode: [Bool], openString: String?) {
    var isCode = [Bool](repeating: true, count: characters.count)
    /// For each open string where it began; braces inside lead back to code.
    var strings: [(start: Int, braces: Int)] = []
    var isInString = false
    var isComment = false
    var index = 0
    while index < characters.count {
      let character = characters[index]
      if character == "\n" {
        (isComment, isInString, strings) = (false, false, [])
      } else if isComment {
        isCode[index] = false
      } else if isInString {
        isCode[index] = false
        if character == "\\" {
          index += 1
          if index < isCode.count { isCode[index] = false }
        } else if character == "\"" {
          strings.removeLast()
          isInString = false
        } else if character == "{" {
          if index + 1 < characters.count, characters[index + 1] == "{" {
            index += 1
            isCode[index] = false
          } else {
            isInString = false
          }
        }
      } else if character == "\"" {
        isCode[index] = false
        strings.append((index + 1, 0))
        isInString = true
      } else if character == "#" {
        isComment = true
        isCode[index] = false
      } else if !strings.isEmpty, character == "{" {
        strings[strings.count - 1].braces += 1
      } else if !strings.isEmpty, character == "}" {
        if strings[strings.count - 1].braces == 0 {
          isInString = true
          isCode[index] = false
        } else {
          strings[strings.count - 1].braces -= 1
        }
      }
      index += 1
    }
    guard isInString, let start = strings.last?.start else { return (isCode, nil) }
    return (isCode, String(characters[min(start, characters.count)...]))
  }

  /// `a.b[0].c`, read backwards from its end.
  private static func path(endingAt end: Int, _ characters: [Character]) -> (steps: [Step], start: Int) {
    var steps: [Step] = []
    var at = end
    while true {
      if at > 0, characters[at - 1] == "]" {
        guard let open = characters[..<at].lastIndex(of: "["),
          let number = Int(String(characters[(open + 1)..<(at - 1)]))
        else { return ([], at) }
        steps.append(.number(number))
        at = open
        continue
      }
      let stop = at
      while at > 0, isNamePart(characters[at - 1]) { at -= 1 }
      guard at < stop, characters[at].isNumber == false else { return ([], at) }
      steps.append(.name(String(characters[at..<stop])))
      guard at > 0, characters[at - 1] == "." else { return (steps.reversed(), at) }
      at -= 1
    }
  }

  private mutating func findCall(_ characters: [Character], _ end: Int, _ isCode: [Bool]) {
    var depth = 0
    var at = end
    var sawComma = false
    var isBlank = true
    while at > 0 {
      at -= 1
      guard isCode[at] else {
        isBlank = false
        continue
      }
      switch characters[at] {
      case ")", "]", "}": depth += 1
      case "(" where depth == 0:
        let path = Self.path(endingAt: at, characters)
        if !path.steps.isEmpty { callee = path.steps }
        isAtArgumentStart = sawComma || isBlank
        return
      case "[" where depth == 0, "{" where depth == 0: return
      case "(", "[", "{": depth -= 1
      case "," where depth == 0:
        if isBlank { sawComma = true }
      case let character where !character.isWhitespace: break
      default: continue
      }
      isBlank = false
    }
  }
}
