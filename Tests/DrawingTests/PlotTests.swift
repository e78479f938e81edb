import Drawing
import Testing

@Suite struct PlotTests {
  @Test func oneSeriesIsBraille() {
    let text = plot(
      [("loss", [0, 1, 2, 3, 4], [4, 2, 1, 0.5, 0])], title: "loss", width: 20, height: 5)
    #expect(
      text == """
        loss
        4 ┤⠑⢄
          │  ⠑⢄
        2 ┤    ⠑⠤⣀
          │       ⠉⠑⠢⠤⣀⡀
        0 ┤            ⠈⠉⠒⠒⠤⠤⢄⣀
          └┬─────────┬────────┬
           0         2        4
        """)
  }

  @Test func severalSeriesHaveAMarkEach() {
    let text = plot(
      [("train", [0, 1, 2], [2, 1, 0]), ("val", [0, 1, 2], [2, 2, 1])], width: 20, height: 5)
    #expect(
      text == """
        2 ┤+++++++++++++
          │   •••••     ++++
        1 ┤        •••••    +++
          │             ••••
        0 ┤                 •••
          └┬─────────┬────────┬
           0         1        2
           • train   + val
        """)
  }

  @Test func linesBreakWhereAValueIsNotFinite() {
    let text = plot([("a", [0, 1, 2, 3, 4], [1, 1, .nan, 1, 1])], width: 17, height: 5)
    #expect(
      text == """
        1.5 ┤
            │
        1.0 ┤⠤⠤⠤⠤⠄       ⠠⠤⠤⠤⠤
            │
        0.5 ┤
            └┬───────┬───────┬
             0       2       4
        """)
  }

  @Test func coloursReplaceMarks() {
    let text = plot(
      [("a", [0, 1], [0, 1]), ("b", [0, 1], [1, 0])], width: 10, height: 5,
      style: .colour(depth: .palette256))
    #expect(text.contains("\u{1B}[0;38;5;68m"))
    #expect(text.hasSuffix("\u{1B}[0;38;5;172m⠒⠒\u{1B}[0m b"))
  }

  @Test func constantSeriesAndSinglePointsHaveARange() {
    let constant = plot([("a", [1, 2, 3], [0.5, 0.5, 0.5])], width: 12, height: 5)
    #expect(
      constant == """
        1.0 ┤
            │
        0.5 ┤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤
            │
        0.0 ┤
            └┬─────┬────┬
             1     2    3
        """)
    #expect(plot([("a", [1], [3])], width: 10, height: 5).contains("⠄"))
    #expect(plot([]) == "there are no finite points to plot")
    #expect(plot([("a", [1], [.nan])], title: "t") == "t\nthere are no finite points to plot")
  }

  @Test(
    arguments: [1e308, -1e308, .leastNonzeroMagnitude, 1e-300, 0, 1e16, 1e-6, .nan, .infinity]
      as [Double])
  func extremeRangesStillDraw(extreme: Double) {
    for other in [0, 1, 1e308, -1e308, 1e16 + 2, 1e-300] {
      let text = plot([("a", [extreme, other], [other, extreme])], width: 20, height: 4)
      #expect(!text.isEmpty)
    }
  }
}
