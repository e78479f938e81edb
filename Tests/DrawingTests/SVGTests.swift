import Drawing
import Tensors
import Testing

@Suite struct SVGTests {
  @Test func labelsAreEscaped() throws {
    let svg = heatmapSVG(
      try Tensor([0.5, 0] as [Double], [1, 2]), rows: ["<s>"], columns: ["a&b", "\"\u{1}"],
      title: "it's")
    #expect(svg.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\" "))
    #expect(svg.hasSuffix("</svg>"))
    #expect(svg.contains("<title>it&#39;s</title>"))
    #expect(svg.contains(">&lt;s&gt;</text>"))
    #expect(svg.contains(">a&amp;b</text>"))
    #expect(svg.contains(">&quot;␁</text>"))
    #expect(svg.contains("<title>&lt;s&gt;, a&amp;b: 0.5</title>"))
  }

  @Test func aCellForEachValueAndAGridForHigherRanks() throws {
    let cells = { (svg: String) in
      svg.split(separator: "\n").filter { $0.hasSuffix("</title></rect>") }.count
    }
    #expect(cells(heatmapSVG(try Tensor([1, 2, 3, 4, 5, 6], [2, 3]))) == 6)
    let grid = heatmapSVG(try Tensor(Array(0..<24), [2, 3, 2, 2]))
    #expect(cells(grid) == 24)
    #expect(grid.contains(">[1, 2]</text>"))
    #expect(heatmapSVG(try Tensor([] as [Float], [0, 2])).hasSuffix("</svg>"))
  }

  @Test func plotsHaveALineForEachRun() {
    let svg = plotSVG([("a", [0, 1, 2, 3, 4], [1, 2, .nan, 3, 4])])
    #expect(svg.split(separator: "\n").filter { $0.hasPrefix("<polyline") }.count == 2)
    let two = plotSVG([("train", [0, 1], [1, 2]), ("<val>", [0], [1])], title: "loss")
    #expect(two.contains(">&lt;val&gt;</text>"))
    #expect(two.contains("<circle "))
    #expect(plotSVG([]).contains("there are no finite points to plot"))
  }

  @Test func pagesStandAlone() {
    let page = htmlPage(title: "a < b", svg: plotSVG([]))
    #expect(page.hasPrefix("<!DOCTYPE html>\n"))
    #expect(page.contains("<title>a &lt; b</title>"))
    #expect(!page.contains("src=") && !page.contains("href="))
  }
}
