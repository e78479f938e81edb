/// What was called otherwise before this version, so that an error can say the new name.
enum FormerNames {
  static let functions = ["chars": "char_tokenizer", "alphabet": "vocabulary"]
  static let keywords = [
    "past": "cache", "alphabet": "vocabulary", "first": "first_moment", "second": "second_moment",
  ]
  static let fields = [
    "offset": "bias", "alphabet": "vocabulary", "first": "first_moment", "second": "second_moment",
  ]

  /// A hint for a field that is not there, where it is under another name.
  static func hint(field name: String, among names: [String]) -> String? {
    fields[name].flatMap { names.contains($0) ? "\(name) is called \($0) now" : nil }
  }
}
