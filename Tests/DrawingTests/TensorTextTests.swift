import Drawing
import Tensors
import Testing

@Suite struct TensorTextTests {
  @Test func aVectorIsOneRow() throws {
    let ones = try Tensor([1, 1, 1] as [Float], [3])
    #expect(text(of: ones) == "f32[3]\n 1.0000  1.0000  1.0000")
  }

  @Test func columnsAlignToTheWidestEntry() throws {
    let matrix = try Tensor([1, -20.5, 0.25, 3] as [Double], [2, 2])
    #expect(
      text(of: matrix) == """
        f64[2, 2]
           1.0000  -20.5000
           0.2500    3.0000
        """)
  }

  @Test func smallAndLargeMagnitudesShareOnePower() throws {
    let small = try Tensor([1.5e-5, .nan, -.infinity] as [Double], [3])
    #expect(text(of: small) == "f64[3] × 1e-5\n 1.5000     nan    -inf")
    let large = try Tensor([1e5 + 1, -50] as [Double], [2])
    #expect(text(of: large) == "f64[2] × 1e5\n  1.0000  -0.0005")
    // 9.99999 would round to 10.0000.
    let edge = try Tensor([9.99999e-5] as [Double], [1])
    #expect(text(of: edge) == "f64[1] × 1e-4\n 1.0000")
  }

  @Test func theBoundsOfPlainDecimalsBelongToThem() throws {
    let bounds = try Tensor([1e-3, 1e5] as [Double], [2])
    #expect(text(of: bounds) == "f64[2]\n      0.0010  100000.0000")
    #expect(text(of: try Tensor([1e-3] as [Float], [1])) == "f32[1]\n 0.0010")
    #expect(text(of: try Tensor([0, 0] as [Float], [2])) == "f32[2]\n 0.0000  0.0000")
    #expect(text(of: try Tensor([Double.nan], [1])) == "f64[1]\n nan")
  }

  @Test func roundingIsExactHalfToEvenAndKeepsTheSign() throws {
    // 0.03125 and 0.09375 are exact in binary; 1.00005 is a hair more than it says.
    let ties = try Tensor([0.03125, 0.09375, 1.00005, -0.00001] as [Double], [4])
    #expect(text(of: ties) == "f64[4]\n  0.0312   0.0938   1.0001  -0.0000")
    #expect(text(of: try Tensor([2.5, 3.5] as [Float], [2]), digits: 0) == "f32[2]\n 2  4")
  }

  @Test func integersAndBooleans() throws {
    #expect(text(of: try Tensor([1, -20], [2])) == "i64[2]\n   1  -20")
    #expect(text(of: try Tensor([Int.max, Int.min], [2])).contains("9223372036854775807"))
    #expect(text(of: try Tensor([true, false], [2])) == "bool[2]\n  true  false")
  }

  @Test func higherRanksPrintBlocksUnderTheirPosition() throws {
    let cube = try Tensor(Array(0..<12), [2, 2, 3])
    #expect(
      text(of: cube) == """
        i64[2, 2, 3]
        [0]
          0   1   2
          3   4   5
        [1]
          6   7   8
          9  10  11
        """)
    let rank4 = try Tensor([1, 2], [1, 2, 1, 1])
    #expect(text(of: rank4) == "i64[1, 2, 1, 1]\n[0, 0]\n 1\n[0, 1]\n 2")
  }

  @Test func longAxesKeepThreeAtEachEnd() throws {
    #expect(
      text(of: try Tensor(Array(0..<201), [201])) == "i64[201]\n   0    1    2  …  198  199  200")
    #expect(text(of: try Tensor(Array(0..<21), [21])) == "i64[21]\n  0   1   2  …  18  19  20")
    #expect(!text(of: try Tensor(Array(0..<20), [20])).contains("…"))
    #expect(!text(of: try Tensor(Array(0..<200), [20, 10])).contains("…"))
    let matrix = try Tensor(Array(0..<260), [20, 13])
    #expect(
      text(of: matrix) == """
        i64[20, 13]
           0    1    2  …   10   11   12
          13   14   15  …   23   24   25
          26   27   28  …   36   37   38
         …
         221  222  223  …  231  232  233
         234  235  236  …  244  245  246
         247  248  249  …  257  258  259
        """)
    let blocks = text(of: try Tensor(Array(0..<240), [4, 3, 20, 1])).split(separator: "\n")
    #expect(
      blocks.filter { $0.hasPrefix("[") } == [
        "[0, 0]", "[0, 1]", "[0, 2]", "[3, 0]", "[3, 1]", "[3, 2]",
      ])
    #expect(blocks.contains("…"))
  }

  @Test func emptyTensorsAreAHeader() throws {
    #expect(text(of: try Tensor([] as [Float], [0, 3])) == "f32[0, 3]")
  }

  @Test func rankZeroIsABareNumber() throws {
    #expect(text(of: try Tensor([0.1] as [Float], [])) == "0.1")
    #expect(text(of: try Tensor([0.1] as [Double], [])) == "0.1")
    #expect(text(of: try Tensor([1 / 3] as [Float], [])) == "0.33333334")
    #expect(text(of: try Tensor([-Float.nan], [])) == "nan")
    #expect(text(of: try Tensor([7], [])) == "7")
    #expect(text(of: try Tensor([true], [])) == "true")
  }
}
