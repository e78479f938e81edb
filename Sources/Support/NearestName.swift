/// The candidate that a mistyped word most likely means, where one is near: at most a third of its
/// letters differ, and an exchange of two neighbours counts as one. Case doesn't count.
package func nearest(_ word: String, among candidates: some Sequence<String>) -> String? {
  let typed = Array(word.lowercased().unicodeScalars)
  var best: (name: String, distance: Int)?
  for candidate in candidates where candidate != word {
    let scalars = Array(candidate.lowercased().unicodeScalars)
    let limit = max(typed.count, scalars.count) / 3
    guard abs(typed.count - scalars.count) <= limit, limit > 0 || typed == scalars else { continue }
    let distance = editDistance(typed, scalars)
    if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
  }
  return best?.name
}

/// The fewest letters to insert, delete, replace or exchange with a neighbour that turn one word
/// into the other (optimal string alignment).
private func editDistance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
  var beforeLast: [Int] = []
  var last = Array(0...b.count)
  for (i, x) in a.enumerated() {
    var row = [i + 1]
    for (j, y) in b.enumerated() {
      var distance = min(row[j] + 1, last[j + 1] + 1, last[j] + (x == y ? 0 : 1))
      if i > 0, j > 0, x == b[j - 1], a[i - 1] == y {
        distance = min(distance, beforeLast[j - 1] + 1)
      }
      row.append(distance)
    }
    beforeLast = last
    last = row
  }
  return last[b.count]
}
