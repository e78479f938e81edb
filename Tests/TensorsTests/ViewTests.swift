import Tensors
import Testing

/// Views read the elements that their definitions say, however they are stacked.
@Suite struct ViewTests {
  /// A tensor as a plain function of positions, and a number for each.
  private struct Grid {
    var shape: [Int]
    var at: ([Int]) -> Int

    init(counting shape: [Int]) {
      self.init(shape) { position in zip(shape, position).reduce(0) { $0 * $1.0 + $1.1 } }
    }

    init(_ shape: [Int], _ at: @escaping ([Int]) -> Int) {
      self.shape = shape
      self.at = at
    }

    var positions: [[Int]] {
      shape.reduce([[]]) { found, size in found.flatMap { head in (0..<size).map { head + [$0] } } }
    }
    var elements: [Int] { positions.map(at) }

    func transposed(_ order: [Int]) -> Grid {
      Grid(order.map { shape[$0] }) { position in
        var source = position
        for (axis, from) in order.enumerated() { source[from] = position[axis] }
        return at(source)
      }
    }

    func sliced(_ axis: Int, _ start: Int, _ count: Int, _ step: Int) -> Grid {
      var shape = shape
      shape[axis] = count
      return Grid(shape) { position in
        var source = position
        source[axis] = start + position[axis] * step
        return at(source)
      }
    }

    func selected(_ axis: Int, _ index: Int) -> Grid {
      var shape = shape
      shape.remove(at: axis)
      return Grid(shape) { position in
        var source = position
        source.insert(index, at: axis)
        return at(source)
      }
    }

    func expanded(_ target: [Int]) -> Grid {
      let missing = target.count - shape.count
      return Grid(target) { position in
        at(zip(position.dropFirst(missing), shape).map { $1 == 1 ? 0 : $0 })
      }
    }

    func inserting(_ axis: Int) -> Grid {
      var shape = shape
      shape.insert(1, at: axis)
      return Grid(shape) { position in
        var source = position
        source.remove(at: axis)
        return at(source)
      }
    }

    func diagonal(_ first: Int, _ second: Int) -> Grid {
      var shape = shape
      shape.remove(at: second)
      return Grid(shape) { position in
        var source = position
        source.insert(position[first < second ? first : first - 1], at: second)
        return at(source)
      }
    }

    func reshaped(_ target: [Int]) -> Grid {
      Grid(target) { position in
        var flat = zip(target, position).reduce(0) { $0 * $1.0 + $1.1 }
        var source = [Int](repeating: 0, count: shape.count)
        for axis in shape.indices.reversed() {
          source[axis] = flat % shape[axis]
          flat /= shape[axis]
        }
        return at(source)
      }
    }
  }

  private func counting(_ shape: [Int]) throws -> Tensor {
    try Tensor.range(shape.reduce(1, *)).reshaped(shape)
  }

  private func expectEqual(
    _ tensor: Tensor, _ grid: Grid, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(tensor.shape == grid.shape, "\(what)", sourceLocation: sourceLocation)
    #expect(tensor.count == grid.positions.count, "\(what)", sourceLocation: sourceLocation)
    #expect(try tensor.integers() == grid.elements, "\(what)", sourceLocation: sourceLocation)
  }

  @Test func eachViewAlone() throws {
    let (x, grid) = (try counting([2, 3, 3, 4]), Grid(counting: [2, 3, 3, 4]))
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [0, 1, 3, 2]] {
      try expectEqual(x.transposed(order), grid.transposed(order), "transposed \(order)")
    }
    try expectEqual(x.swapped(), grid.transposed([0, 1, 3, 2]), "swapped")
    for (axis, start, count, step) in [
      (0, 1, 1, 1), (1, 2, 3, -1), (3, 0, 2, 2), (3, 3, 2, -3), (2, 1, 0, 1),
    ] {
      try expectEqual(
        x.sliced(axis: axis, start: start, count: count, step: step),
        grid.sliced(axis, start, count, step), "sliced \(axis) \(start) \(count) \(step)")
    }
    for axis in 0..<4 {
      try expectEqual(x.selected(axis: axis, at: 1), grid.selected(axis, 1), "selected \(axis)")
      try expectEqual(x.inserting(axis: axis), grid.inserting(axis), "inserting \(axis)")
    }
    try expectEqual(x.inserting(axis: 4), grid.inserting(4), "inserting 4")
    try expectEqual(x.diagonal(1, 2), grid.diagonal(1, 2), "diagonal 1 2")
    try expectEqual(x.diagonal(2, 1), grid.diagonal(2, 1), "diagonal 2 1")
    let (row, rowGrid) = (try counting([3, 1]), Grid(counting: [3, 1]))
    try expectEqual(row.expanded(to: [2, 3, 4]), rowGrid.expanded([2, 3, 4]), "expanded")
    for shape in [[72], [6, 12], [2, 9, 4], [1, 2, 3, 1, 12], [8, 9]] {
      try expectEqual(try x.reshaped(shape), grid.reshaped(shape), "reshaped \(shape)")
    }
  }

  @Test func viewsThatLieInOrderAreContiguous() throws {
    let x = try counting([4, 6])
    #expect(x.sliced(axis: 0, start: 1, count: 2).isContiguous)
    #expect(x.selected(axis: 0, at: 3).isContiguous)
    #expect(x.sliced(axis: 1, start: 2, count: 1).isContiguous == false)
    #expect(x.sliced(axis: 1, start: 2, count: 1).sliced(axis: 0, start: 0, count: 1).isContiguous)
    #expect(x.swapped().swapped().isContiguous)
    #expect(x.swapped().isContiguous == false)
    #expect(try x.swapped().contiguous().isContiguous)
  }

  @Test func reshapesOfViews() throws {
    let (x, grid) = (try counting([4, 6, 5]), Grid(counting: [4, 6, 5]))
    // The outer axes are free, the inner ones not.
    let (slice, sliceGrid) = (
      x.sliced(axis: 0, start: 3, count: 2, step: -2), grid.sliced(0, 3, 2, -2)
    )
    for shape in [[2, 30], [2, 2, 15], [60], [4, 15], [2, 1, 6, 5, 1], [3, 20]] {
      try expectEqual(try slice.reshaped(shape), sliceGrid.reshaped(shape), "slice \(shape)")
    }
    let (transposed, turnedGrid) = (x.transposed([2, 0, 1]), grid.transposed([2, 0, 1]))
    for shape in [[5, 24], [20, 6], [5, 2, 2, 6], [5, 4, 3, 2], [120], [10, 12]] {
      try expectEqual(try transposed.reshaped(shape), turnedGrid.reshaped(shape), "transposed \(shape)")
    }
    let (repeated, repeatedGrid) = (
      try counting([3, 1]).expanded(to: [2, 3, 4]), Grid(counting: [3, 1]).expanded([2, 3, 4])
    )
    for shape in [[6, 4], [2, 3, 2, 2], [24], [2, 12]] {
      try expectEqual(try repeated.reshaped(shape), repeatedGrid.reshaped(shape), "repeated \(shape)")
    }
  }

  @Test(arguments: 0..<8) func chainsOfViews(_ seed: Int) throws {
    var draws = Draws(state: UInt64(seed))
    for _ in 0..<60 {
      let shape = (0..<Int.random(in: 1...4, using: &draws)).map { _ in
        Int.random(in: 1...4, using: &draws)
      }
      var tensor = try counting(shape)
      var grid = Grid(counting: shape)
      var steps = "\(shape)"
      for _ in 0..<Int.random(in: 1...6, using: &draws) {
        let rank = grid.shape.count
        switch Int.random(in: 0..<7, using: &draws) {
        case 0:
          let order = Array(0..<rank).shuffled(using: &draws)
          (tensor, grid) = (tensor.transposed(order), grid.transposed(order))
          steps += " transposed \(order)"
        case 1 where rank > 0:
          let axis = Int.random(in: 0..<rank, using: &draws)
          let size = grid.shape[axis]
          let start = Int.random(in: 0..<size, using: &draws)
          let step = [-2, -1, 1, 2][Int.random(in: 0..<4, using: &draws)]
          let most = step > 0 ? (size - 1 - start) / step + 1 : start / -step + 1
          let count = Int.random(in: 1...most, using: &draws)
          tensor = tensor.sliced(axis: axis, start: start, count: count, step: step)
          grid = grid.sliced(axis, start, count, step)
          steps += " sliced \(axis) \(start) \(count) \(step)"
        case 2 where rank > 1:
          let axis = Int.random(in: 0..<rank, using: &draws)
          let index = Int.random(in: 0..<grid.shape[axis], using: &draws)
          (tensor, grid) = (tensor.selected(axis: axis, at: index), grid.selected(axis, index))
          steps += " selected \(axis) \(index)"
        case 3 where rank < 5:
          var target = grid.shape.map { $0 == 1 ? Int.random(in: 1...3, using: &draws) : $0 }
          if Bool.random(using: &draws) { target.insert(2, at: 0) }
          (tensor, grid) = (tensor.expanded(to: target), grid.expanded(target))
          steps += " expanded \(target)"
        case 4 where rank < 5:
          let axis = Int.random(in: 0...rank, using: &draws)
          (tensor, grid) = (tensor.inserting(axis: axis), grid.inserting(axis))
          steps += " inserting \(axis)"
        case 5:
          let pairs = (0..<rank).flatMap { a in (0..<rank).map { (a, $0) } }
            .filter { $0 != $1 && grid.shape[$0] == grid.shape[$1] }
          guard let (first, second) = pairs.randomElement(using: &draws) else { continue }
          (tensor, grid) = (tensor.diagonal(first, second), grid.diagonal(first, second))
          steps += " diagonal \(first) \(second)"
        default:
          var left = grid.shape.reduce(1, *)
          var target: [Int] = []
          while left > 1 {
            let factor = (2...left).filter { left % $0 == 0 }.randomElement(using: &draws) ?? left
            target.append(factor)
            left /= factor
          }
          if Bool.random(using: &draws) { target.insert(1, at: target.count / 2) }
          (tensor, grid) = (try tensor.reshaped(target), grid.reshaped(target))
          steps += " reshaped \(target)"
        }
      }
      try expectEqual(tensor, grid, steps)
      if let last = grid.positions.last {
        #expect(tensor.integer(at: last) == grid.at(last), "\(steps)")
      }
    }
  }

  @Test func emptyViews() throws {
    let x = try counting([3, 0, 2])
    #expect(try x.reshaped([0, 6]).integers().isEmpty)
    #expect(x.transposed([2, 0, 1]).shape == [2, 3, 0])
    #expect(try x.transposed([2, 0, 1]).reshaped([0]).integers().isEmpty)
    let y = try counting([3, 4]).sliced(axis: 1, start: 4, count: 0)
    #expect(y.shape == [3, 0])
    #expect(try y.contiguous().integers().isEmpty)
  }
}
