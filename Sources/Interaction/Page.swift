import Builtins
import Drawing
import Host
import Support

/// The session as a page to read, pictures and all; nothing in it comes from a network.
extension Notebook {
  /// Markdown: cells are headings, statements stand in `attn` blocks, pictures follow their block.
  /// The page passes `attn test` as it is.
  package var markdown: String {
    var lines: [String] = []
    var block: [String] = []
    func flush() {
      guard !block.isEmpty else { return }
      let longest = block.map { $0.longestRun(of: "`") }.max() ?? 0
      let fence = String(repeating: "`", count: max(3, longest + 1))
      lines += (lines.isEmpty ? [] : [""]) + ["\(fence)attn"] + block + [fence]
      block = []
    }
    for part in parts {
      switch part {
      case .title(let title):
        flush()
        lines += (lines.isEmpty ? [] : [""]) + ["## \(title)"]
      case .code(let code): block.append(code)
      case .output(let output): block += Self.recorded(output)
      case .picture(let picture):
        flush()
        let image = Base64.encoded(Array(picture.svg().utf8))
        lines += ["", "![picture](data:image/svg+xml;base64,\(image))"]
      }
    }
    flush()
    return lines.joined(separator: "\n") + "\n"
  }

  /// One HTML page, which also holds the script, so that `:load` can bring it back.
  package func html(title: String) -> String {
    var body: [String] = []
    for part in parts {
      switch part {
      case .title(let title): body.append("<h2>\(escapedMarkup(title))</h2>")
      case .code(let code): body.append("<pre class=\"code\">\(escapedMarkup(code))</pre>")
      case .output(let output):
        let isError = output.contains { $0.hasPrefix("error: ") }
        let text = escapedMarkup(output.joined(separator: "\n"))
        body.append("<pre class=\"\(isError ? "error" : "output")\">\(text)</pre>")
      case .picture(let picture): body.append("<figure>\(picture.svg())</figure>")
      }
    }
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width">
      <title>\(escapedMarkup(title))</title>
      <style>
      body { max-width: 60em; margin: 2em auto; padding: 0 1em; font-family: sans-serif; background: #FFFFFF; }
      pre { margin: 0.3em 0; padding: 0.4em 0.8em; overflow-x: auto; line-height: 1.35; }
      pre.code { background: #F3F4F6; border-left: 4px solid #3383CD; }
      pre.error { color: #A0142E; }
      figure { margin: 0.6em 0; }
      svg { max-width: 100%; height: auto; }
      </style>
      </head>
      <body>
      <h1>\(escapedMarkup(title))</h1>
      \(body.joined(separator: "\n"))
      \(Page.scriptStart)
      \(Page.hidden(script))\(Page.scriptEnd)
      </body>
      </html>

      """
  }

  private enum Part {
    case title(String)
    case code(String)
    case output([String])
    case picture(Picture)
  }

  private var parts: [Part] {
    var parts: [Part] = []
    for block in blocks {
      switch block {
      case .remark(let text):
        // A title is the page's own; other remarks stay comments.
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
          if line.hasPrefix("# %%") {
            parts.append(.title(line.dropFirst(4).trimmed))
          } else {
            parts.append(.code(String(line)))
          }
        }
      case .statement(let text, let output, _):
        parts.append(.code(text))
        if !output.isEmpty { parts.append(.output(output)) }
      case .picture(let picture): parts.append(.picture(picture))
      }
    }
    return parts
  }
}

/// Reading pages back.
enum Page {
  static let scriptStart = "<script type=\"text/x-attn\" id=\"attn-session\">"
  static let scriptEnd = "</script>"

  /// Text inside a script element, where nothing but the element's own end has a meaning.
  static func hidden(_ script: String) -> String {
    var result = ""
    for scalar in script.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "<": result += openingMark
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// What stands for `<`.
  private static let openingMark = "\\u003C"

  /// What `hidden` was given. From left to right, as a backslash of the script's own is two here.
  private static func revealed(_ text: Substring) -> String {
    var result = String.UnicodeScalarView()
    var rest = text.unicodeScalars
    while let scalar = rest.first {
      if scalar == "\\", rest.starts(with: openingMark.unicodeScalars) {
        result.append("<")
        rest = rest.dropFirst(openingMark.unicodeScalars.count)
        continue
      }
      rest.removeFirst()
      result.append(scalar == "\\" ? rest.popFirst() ?? scalar : scalar)
    }
    return String(result)
  }

  static func code(inHTML page: String) -> String? {
    guard let start = page.range(of: scriptStart), let end = page.range(of: scriptEnd, from: start.upperBound)
    else { return nil }
    return revealed(page[start.upperBound..<end.lowerBound].drop { $0 == "\n" })
  }

  /// The `attn` blocks of a Markdown page, with its headings of the second level as cells.
  static func code(inMarkdown page: String) -> String {
    var lines: [Substring] = []
    var fence: Substring?
    var isCode = false
    for line in page.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
      let text = line.drop { $0 == " " }
      if let open = fence {
        if text.hasPrefix(open), text.allSatisfy({ $0 == "`" || $0.isWhitespace }) {
          fence = nil
        } else if isCode {
          lines.append(line)
        }
        continue
      }
      let marks = text.prefix { $0 == "`" }
      if marks.count >= 3 {
        fence = marks
        isCode = text.dropFirst(marks.count).prefix { !$0.isWhitespace && $0 != "{" } == "attn"
      } else if line.hasPrefix("## ") {
        lines.append("# %% " + line.dropFirst(3))
      }
    }
    return lines.joined(separator: "\n")
  }
}

extension String {
  fileprivate func range(of text: String, from start: Index? = nil) -> Range<Index>? {
    self[(start ?? startIndex)...].firstRange(of: text)
  }

  fileprivate func longestRun(of character: Character) -> Int {
    var (longest, run) = (0, 0)
    for each in self {
      run = each == character ? run + 1 : 0
      longest = max(longest, run)
    }
    return longest
  }
}

/// Bytes as text (RFC 4648).
enum Base64 {
  private static let letters = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func encoded(_ bytes: [UInt8]) -> String {
    var result: [UInt8] = []
    result.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
      for place in 0..<4 {
        result.append(place <= group.count ? letters[bits >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
