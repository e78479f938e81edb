import Drawing

/// What the place has to offer that the session runs at. All of it goes through closures, so that the
/// session needs no terminal.
package struct Screen {
  /// Results.
  package var write: (String) -> Void = { _ in }
  /// Errors and other messages.
  package var report: (String) -> Void = { _ in }
  /// What is seen on a terminal and nowhere else, in faint type.
  package var note: (String) -> Void = { _ in }
  /// Runs a shell command with a file as its argument, and gives its exit status.
  package var run: (_ command: String, _ file: String) -> Int = { _, _ in 127 }
  package var environment: (String) -> String? = { _ in nil }
  package var style = Style.plain
  package var width: () -> Int = { 80 }
  package var height: () -> Int = { 24 }

  package init() {}
}
