import Drawing
import Tensors
import Testing

@Suite struct HeatmapTests {
  @Test func weightsKeepTheScaleFromZeroToOne() throws {
    let weights = try Tensor([1, 0, 0, 0.3, 0.7, 0, 0.2, 0.3, 0.5] as [Float], [3, 3])
    #expect(
      heatmap(
        weights, rows: ["the", " cat", "\n"], columns: ["the", " cat", "\n"], title: "head 0")
          == """
          head 0
                 ␣
               t c
               h a
               e t ⏎
           the 9 · ·
          ␣cat 3 7 ·
             ⏎ 2 3 5
          0 = 0.00 … 9 = 1.00   · = 0
          """)
  }

  @Test func otherValuesGoFromTheSmallestToTheLargest() throws {
    let values = try Tensor([-1, 0.5, 2, 4] as [Double], [4])
    #expect(heatmap(values) == "0 3 6 9\n0 = -1.00 … 9 = 4.00")
    let tiny = try Tensor([0.001, 0.002] as [Double], [2])
    #expect(heatmap(tiny) == "5 9\n0 = 0 … 9 = 2.00e-3")
  }

  @Test func valuesThatAreNotFiniteAreMarked() throws {
    let values = try Tensor([.nan, .infinity, -.infinity, 0, 2, 4] as [Double], [2, 3])
    #expect(
      heatmap(values) == """
        x + -
        · 5 9
        0 = 0.00 … 9 = 4.00   · = 0   x = nan   + = inf   - = -inf
        """)
  }

  @Test func constantAndEmptyTensors() throws {
    #expect(heatmap(try Tensor([3, 3] as [Double], [2])) == "0 0\n0 = 3.00")
    #expect(heatmap(try Tensor([0, 0] as [Double], [2])) == "· ·\n0 = 0.00 … 9 = 1.00   · = 0")
    #expect(heatmap(try Tensor([] as [Double], [0, 3]), title: "w") == "w\nf64[0, 3] is empty")
    #expect(heatmap(try Tensor([true, false], [2])) == "9 ·\n0 = 0.00 … 9 = 1.00   · = 0")
  }

  @Test func largeMapsAreAveraged() throws {
    let lines = heatmap(try Tensor([Double](repeating: 0.5, count: 65 * 130), [65, 130]))
      .split(separator: "\n")
    #expect(lines.count == 65)
    #expect(lines[0] == String(repeating: "5", count: 64))
    #expect(lines[64] == "0 = 0.00 … 9 = 1.00   each cell the mean of up to 2 × 3")
  }

  @Test func colourPaintsBackgroundsAndPutsThemBack() throws {
    let values = try Tensor([0.5, 1, 1, 0] as [Double], [4])
    let lines = heatmap(values, style: .colour(depth: .palette256)).split(separator: "\n")
    #expect(
      lines[0]
        == "\u{1B}[0;48;5;30m  \u{1B}[0;48;5;221m    \u{1B}[0;38;5;244m· \u{1B}[0m")
    let true24 = heatmap(values, style: .colour(depth: .truecolour)).split(separator: "\n")
    #expect(true24[0].contains("48;2;252;230;60m    "))
    #expect(lines[1].hasPrefix("0.00 ") && lines[1].contains(" 1.00   "))
  }

  @Test func gridsStandSideBySide() throws {
    let tensor = try Tensor((0..<12).map { Double($0) / 12 }, [3, 2, 2])
    let expected = """
      heads
      [0]   [1]   [2]
      · 0   3 4   6 7
      1 2   5 5   8 9
      0 = 0.00 … 9 = 1.00   · = 0
      """
    #expect(heatmap(tensor, title: "heads") == expected)
    #expect(heatmapGrid(heatmapSlices(of: tensor), title: "heads") == expected)
    #expect(
      heatmapGrid([("a", tensor)], across: 2).split(separator: "\n").prefix(2)
        == ["a [0]  a [1]", "· 0    3 4"])
    #expect(heatmapGrid([]) == "there are no maps to draw")
  }
}
