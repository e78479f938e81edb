import Support

/// Recorded lines beside printed ones: which belong together, and which changed.
struct Alignment {
  enum Step: Equatable {
    /// A recorded line that holds.
    case holds(recorded: Int, printed: Int)
    /// A wildcard, and the printed lines that it stands for.
    case wildcard(recorded: Int, printed: Range<Int>)
    case changed(recorded: Int, printed: Int)
    case missing(recorded: Int)
    case added(printed: Int)
  }

  let steps: [Step]

  /// Of recorded lines times printed ones.
  private static let largestTable = 4_000_000

  /// The way to write the one as the other that changes the fewest lines.
  init(_ recorded: [Line], _ printed: [Line], _ tolerance: Tolerance?) {
    func holds(_ i: Int, _ j: Int) -> Bool { recorded[i].matches(printed[j], tolerance) }

    var head = 0
    while head < min(recorded.count, printed.count), !recorded[head].isWildcard, holds(head, head) {
      head += 1
    }
    var tail = 0
    while tail < min(recorded.count, printed.count) - head,
      !recorded[recorded.count - 1 - tail].isWildcard,
      holds(recorded.count - 1 - tail, printed.count - 1 - tail)
    { tail += 1 }
    let left = head..<(recorded.count - tail)
    let right = head..<(printed.count - tail)

    var steps = (0..<head).map { Step.holds(recorded: $0, printed: $0) }
    let isLong = left.count * right.count > Self.largestTable
    if isLong, !recorded[left].contains(where: \.isWildcard) {
      steps += Self.steps(comparing: left, right, recorded, printed)
    } else if isLong {
      steps += left.map { .missing(recorded: $0) } + right.map { .added(printed: $0) }
    } else {
      steps += Self.steps(left, right, isWildcard: { recorded[$0].isWildcard }, holds)
    }
    steps += (0..<tail).reversed().map {
      .holds(recorded: recorded.count - 1 - $0, printed: printed.count - 1 - $0)
    }
    self.steps = steps
  }

  /// The cheapest path through the table of both sides. A line that is missing costs more than one
  /// that changed, so that a wildcard does not swallow what replaced the line behind it.
  private static func steps(
    _ left: Range<Int>, _ right: Range<Int>, isWildcard: (Int) -> Bool, _ holds: (Int, Int) -> Bool
  ) -> [Step] {
    let (rows, columns) = (left.count, right.count)
    let width = columns + 1
    // The cost of the rest, from line i of the one and line j of the other.
    var cost = [Int](repeating: 0, count: (rows + 1) * width)
    for i in stride(from: rows, through: 0, by: -1) {
      for j in stride(from: columns, through: 0, by: -1) {
        if i == rows {
          cost[i * width + j] = 2 * (columns - j)
        } else if isWildcard(left.lowerBound + i) {
          let ends = cost[(i + 1) * width + j]
          cost[i * width + j] = j == columns ? ends : min(ends, cost[i * width + j + 1])
        } else if j == columns {
          cost[i * width + j] = 3 + cost[(i + 1) * width + j]
        } else {
          let pair = holds(left.lowerBound + i, right.lowerBound + j) ? 0 : 2
          cost[i * width + j] = min(
            pair + cost[(i + 1) * width + j + 1], 3 + cost[(i + 1) * width + j],
            2 + cost[i * width + j + 1])
        }
      }
    }

    var steps: [Step] = []
    var (i, j) = (0, 0)
    while i < rows || j < columns {
      let (recorded, printed) = (left.lowerBound + i, right.lowerBound + j)
      let now = cost[i * width + j]
      if i == rows {
        steps.append(.added(printed: printed))
        j += 1
      } else if isWildcard(recorded) {
        var end = j
        while cost[(i + 1) * width + end] != now { end += 1 }
        steps.append(.wildcard(recorded: recorded, printed: printed..<(right.lowerBound + end)))
        i += 1
        j = end
      } else if j == columns {
        steps.append(.missing(recorded: recorded))
        i += 1
      } else {
        let isSame = holds(recorded, printed)
        if now == (isSame ? 0 : 2) + cost[(i + 1) * width + j + 1] {
          steps.append(
            isSame
              ? .holds(recorded: recorded, printed: printed)
              : .changed(recorded: recorded, printed: printed))
          i += 1
          j += 1
        } else if now == 2 + cost[i * width + j + 1] {
          steps.append(.added(printed: printed))
          j += 1
        } else {
          steps.append(.missing(recorded: recorded))
          i += 1
        }
      }
    }
    return steps
  }
}

extension Alignment {
  /// The steps where both sides are long: the lines that they have in common, found without a table.
  private static func steps(
    comparing left: Range<Int>, _ right: Range<Int>, _ recorded: [Line], _ printed: [Line]
  ) -> [Step] {
    let difference = printed[right].map(\.text).difference(from: recorded[left].map(\.text))
    var removed = Set<Int>()
    var inserted = Set<Int>()
    for change in difference {
      switch change {
      case .remove(let offset, _, _): removed.insert(left.lowerBound + offset)
      case .insert(let offset, _, _): inserted.insert(right.lowerBound + offset)
      }
    }
    var steps: [Step] = []
    var (i, j) = (left.lowerBound, right.lowerBound)
    while i < left.upperBound || j < right.upperBound {
      switch (removed.contains(i), inserted.contains(j)) {
      case (true, true): steps.append(.changed(recorded: i, printed: j))
      case (true, false): steps.append(.missing(recorded: i))
      case (false, true): steps.append(.added(printed: j))
      case (false, false): steps.append(.holds(recorded: i, printed: j))
      }
      if removed.contains(i) || !inserted.contains(j) { i += 1 }
      if inserted.contains(j) || !removed.contains(i - 1) { j += 1 }
    }
    return steps
  }
}
