import Tensors

/// The first line of a printed tensor: `f32[2, 3]`, or `f32[2, 3] × 1e-5`.
struct TensorHeader {
  /// `f32[2, 3]`
  var type: Substring
  var shape: [Int]
  var scale: Double

  init?(_ line: String) {
    guard ["f32[", "f64[", "i32[", "i64[", "bool["].contains(where: line.hasPrefix),
      let close = line.firstIndex(of: "]"), let open = line.firstIndex(of: "[")
    else { return nil }
    let sizes = line[line.index(after: open)..<close].split(separator: ",").map { size in
      Int(size.drop { $0 == " " })
    }
    guard !sizes.isEmpty, sizes.allSatisfy({ $0 != nil }) else { return nil }
    shape = sizes.compactMap { $0 }
    type = line[...close]
    let rest = line[line.index(after: close)...]
    if rest.isEmpty {
      scale = 1
    } else if rest.hasPrefix(" × "), let power = Double(rest.dropFirst(3)) {
      scale = power
    } else {
      return nil
    }
  }
}

/// Where the cells of printed tensors stand: line and cell to index.
///
/// A long axis keeps three positions at each end around `…`; from rank 3 on, a line such as `[0, 2]`
/// stands above each block of the last two axes.
struct TensorPlaces {
  /// The header of the tensor that a line belongs to, and the row's index without the column.
  private var rows: [(header: TensorHeader, row: [Int])?]

  init(_ lines: [String]) {
    rows = []
    var header: TensorHeader?
    var block: [Int] = []
    var row = 0
    for line in lines {
      if let found = TensorHeader(line) {
        header = found
        block = []
        row = 0
        rows.append(nil)
        continue
      }
      guard let current = header else {
        rows.append(nil)
        continue
      }
      if line.hasPrefix("["), current.shape.count > 2 {
        block = line.dropFirst().dropLast().split(separator: ",").compactMap { part in
          Int(part.drop { $0 == " " })
        }
        row = 0
        rows.append(nil)
      } else if line == " …" {
        row = current.shape[current.shape.count - 2] - 3
        rows.append(nil)
      } else if line == "…" {
        rows.append(nil)
      } else if line.hasPrefix(" ") {
        rows.append((current, current.shape.count == 1 ? [] : block + [row]))
        row += 1
      } else {
        header = nil
        rows.append(nil)
      }
    }
  }

  /// The type of the tensor and the index of a cell of a line, counted from 0 with `…` as one.
  func place(line: Int, cell: Int, of cells: [Substring]) -> (type: Substring, index: [Int])? {
    guard let (header, row) = rows[line], let columns = header.shape.last else { return nil }
    guard let gap = cells.firstIndex(of: "…"), cell > gap else { return (header.type, row + [cell]) }
    return (header.type, row + [columns - (cells.count - cell)])
  }
}
