import Support
import Tensors

/// A rank-2 tensor made ready to draw: at most so many rows and columns, and their labels.
struct HeatmapCells {
  private(set) var values: [[Double]]
  private(set) var rows: [String]?
  private(set) var columns: [String]?
  /// How many rows and columns of the tensor one cell averages, where that is not 1 × 1.
  private(set) var reduction: (rows: Int, columns: Int)?

  var rowCount: Int { values.count }
  var columnCount: Int { values.first?.count ?? 0 }
  var isEmpty: Bool { columnCount == 0 }

  /// A vector is one row, and a number one cell. Labels that are missing stay blank.
  init(_ tensor: Tensor, rows: [String]? = nil, columns: [String]? = nil, limit: Int) {
    precondition(tensor.rank <= 2, "a heat map has two axes")
    let columnCount = tensor.shape.last ?? 1
    let rowCount = tensor.rank == 2 ? tensor.shape[0] : 1
    let bands = Self.groups(rowCount, limit)
    let spans = Self.groups(columnCount, limit)
    values = bands.map { band in
      var sums = [Double](repeating: 0, count: spans.count)
      for row in band {
        let elements = (tensor.rank == 2 ? tensor.selected(axis: 0, at: row) : tensor).elements
        guard elements.count == columnCount else { continue }  // cancelled
        for (index, span) in spans.enumerated() { sums[index] += elements[span].reduce(0, +) }
      }
      return zip(sums, spans).map { $0 / Double($1.count * band.count) }
    }
    self.rows = rows.map { Self.labels($0, bands) }
    self.columns = columns.map { Self.labels($0, spans) }
    if rowCount > limit || columnCount > limit {
      reduction = (bands.map(\.count).max() ?? 1, spans.map(\.count).max() ?? 1)
    }
  }

  private static func groups(_ size: Int, _ limit: Int) -> [Range<Int>] {
    let count = min(size, limit)
    return (0..<count).map { $0 * size / count..<($0 + 1) * size / count }
  }

  /// A group bears the label of its first member.
  private static func labels(_ labels: [String], _ groups: [Range<Int>]) -> [String] {
    groups.map { $0.lowerBound < labels.count ? visible(labels[$0.lowerBound]) : "" }
  }

  /// `each cell the mean of up to 4 × 4`
  var reductionText: String {
    guard let reduction else { return "" }
    return "each cell the mean of up to \(reduction.rows) × \(reduction.columns)"
  }
}

/// The range of values that the digits or colours of a heat map stand for.
struct HeatmapScale {
  let low: Double
  let high: Double
  /// Around 0, with a colour for each sign.
  let isDiverging: Bool
  /// Which of the marks for zero, nan, +inf and -inf the maps hold.
  let specials: [HeatmapSpecial]

  /// Weights, in 0...1, keep that range, so that maps compare; below 0.25 their own largest is the
  /// top, or every cell would look alike. Other values go from the smallest to the largest, and on
  /// a colour map to equal ends around 0 where they have both signs.
  init(_ maps: [HeatmapCells], style: Style) {
    var low = Double.infinity
    var high = -Double.infinity
    var found: Set<HeatmapSpecial> = []
    for value in maps.lazy.flatMap(\.values).joined() {
      if let special = HeatmapSpecial(value) { found.insert(special) }
      guard value.isFinite else { continue }
      low = min(low, value)
      high = max(high, value)
    }
    specials = HeatmapSpecial.allCases.filter(found.contains)
    if low > high { (low, high) = (0, 1) }
    isDiverging = style != .plain && low < 0 && high > 0
    if isDiverging {
      high = max(-low, high)
      low = -high
    } else if low >= 0, high <= 1 {
      low = 0
      if high >= 0.25 || high == 0 { high = 1 }
    }
    self.low = low
    self.high = high
  }

  /// Where a finite value lies, from 0 to 1.
  func fraction(_ value: Double) -> Double {
    // Halves, because the span of two large numbers may not be a finite number.
    let span = high / 2 - low / 2
    return span > 0 ? min(max((value / 2 - low / 2) / span, 0), 1) : 0
  }

  func digit(_ value: Double) -> Int {
    // A hair above, so that the f32 next below 0.7 is a 7.
    min(Int(fraction(value) * 10 + 1e-6), 9)
  }

  /// One of 64 colours, so that neighbours are often equal and named once.
  func colour(_ value: Double) -> Colour {
    colours.colour((fraction(value) * 63).rounded() / 63)
  }

  var colours: ColourMap { isDiverging ? .diverging : .sequential }

  /// `0.00` and `1.00`, or with powers of ten where two decimals would not do.
  var ends: (low: String, high: String) {
    let largest = max(abs(low), abs(high))
    let isPlain = largest == 0 || (0.1..<10_000).contains(largest)
    func text(_ value: Double) -> String {
      if isPlain { return Decimal(value).fixed(2) }
      let (mantissa, exponent) = Decimal(value).scientific(2)
      return value == 0 ? "0" : "\(mantissa)e\(exponent)"
    }
    return (text(low), text(high))
  }
}

/// A value that a heat map marks instead of scaling it.
enum HeatmapSpecial: CaseIterable {
  /// What a mask left out.
  case zero, nan, positiveInfinity, negativeInfinity

  init?(_ value: Double) {
    if value == 0 {
      self = .zero
    } else if value.isNaN {
      self = .nan
    } else if value == .infinity {
      self = .positiveInfinity
    } else if value == -.infinity {
      self = .negativeInfinity
    } else {
      return nil
    }
  }

  var mark: String {
    switch self {
    case .zero: "·"
    case .nan: "x"
    case .positiveInfinity: "+"
    case .negativeInfinity: "-"
    }
  }

  var name: String {
    switch self {
    case .zero: "0"
    case .nan: "nan"
    case .positiveInfinity: "inf"
    case .negativeInfinity: "-inf"
    }
  }

  var colour: Colour { self == .zero || self == .negativeInfinity ? .faint : .warning }
}
