import Support

/// The outcome of a comparison of recorded with printed lines.
package struct Comparison {
  package let isEqual: Bool
  let recorded: [Line]
  let printed: [Line]
  let tolerance: Tolerance?

  package init(recorded: [String], printed: [String], tolerance: Tolerance?) {
    self.recorded = Line.lines(recorded, isRecorded: true)
    self.printed = Line.lines(printed, isRecorded: false)
    self.tolerance = tolerance
    isEqual = Self.matches(self.recorded, self.printed, tolerance)
  }

  /// Which recorded line stands for which printed one.
  var alignment: Alignment { Alignment(recorded, printed, tolerance) }

  /// Lines against lines; a recorded `...` stands for any lines. What stands behind a wildcard is
  /// looked for as early as it can be, and the last wildcard alone ever takes more: no earlier one
  /// could give it a better start.
  private static func matches(_ recorded: [Line], _ printed: [Line], _ tolerance: Tolerance?) -> Bool {
    var (i, j) = (0, 0)
    var wildcard: (recorded: Int, printed: Int)?
    while j < printed.count {
      if i < recorded.count, recorded[i].isWildcard {
        wildcard = (i, j)
        i += 1
      } else if i < recorded.count, recorded[i].matches(printed[j], tolerance) {
        i += 1
        j += 1
      } else if let last = wildcard {
        wildcard = (last.recorded, last.printed + 1)
        (i, j) = (last.recorded + 1, last.printed + 1)
      } else {
        return false
      }
    }
    return recorded[i...].allSatisfy(\.isWildcard)
  }
}

// MARK: How large a difference is, and where

extension Comparison {
  /// The largest differences among numbers that stand in the same places.
  package struct Largest: Equatable {
    package var absolute: Double
    package var relative: Double
    /// The tensor and the index where the absolute one is, if it is in a tensor.
    package var place: String?
    /// How many numbers differ.
    package var count: Int
  }

  package var largest: Largest? {
    let places = TensorPlaces(printed.map(\.text))
    var result: Largest?
    for step in alignment.steps {
      guard case .changed(let i, let j) = step, TensorHeader(printed[j].text) == nil else { continue }
      let (a, b) = (recorded[i].pieces, printed[j].pieces)
      guard a.count == b.count else { continue }
      let cells = printed[j].text.split(separator: " ")
      for (x, y) in zip(a, b) {
        guard let p = x.number, let q = y.number, p.isFinite, q.isFinite, !x.matches(y, tolerance) else {
          continue
        }
        let absolute = abs(p - q)
        var largest = result ?? Largest(absolute: -1, relative: 0, place: nil, count: 0)
        largest.count += 1
        largest.relative = max(largest.relative, p == 0 ? .infinity : absolute / abs(p))
        if absolute > largest.absolute {
          largest.absolute = absolute
          largest.place = cells.firstIndex { $0.startIndex == y.text.startIndex }
            .flatMap { places.place(line: j, cell: $0, of: cells) }
            .map { "\($0.index) of \($0.type)" }
        }
        result = largest
      }
    }
    return result
  }
}
