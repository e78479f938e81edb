import Drawing
import Testing

@Suite struct NumberTests {
  @Test(arguments: [
    (1.0, "1.0"), (0.1, "0.1"), (1e-5, "1e-05"), (1e16, "1e+16"), (-0.0, "-0.0"),
    (Double.infinity, "inf"), (-Double.infinity, "-inf"), (Double.nan, "nan"),
    (-Double.nan, "nan"),
  ])
  func scalarsPrintShortest(value: Double, expected: String) {
    #expect(text(of: value) == expected)
  }

  @Test(
    arguments: [
      (3.14159, ".4f", "3.1416"), (3.14159, "8.2f", "    3.14"), (3.14159, "<8.2f", "3.14    "),
      (3.14159, "*^8.2f", "**3.14**"), (3.14159, "+.1f", "+3.1"), (-3.14159, "08.2f", "-0003.14"),
      (1_234_567.5, ",.1f", "1,234,567.5"), (1234.5, "010,.1f", "0,001,234.5"),
      (0.00012345, ".2e", "1.23e-04"), (0.5, ".1%", "50.0%"), (0.125, ".0%", "12%"),
      (1_234_567, "g", "1.23457e+06"), (0.0001, "g", "0.0001"), (100, "g", "100"), (0, "g", "0"),
      (2.5, ".0f", "2"), (3.5, ".0f", "4"), (1.005, ".2f", "1.00"), (2.0, "", "2.0"),
      (2.0, ".3", "2.0"), (2.5, "6", "   2.5"), (7.0, "d", "7"), (255.0, "x", "ff"),
      (.infinity, "06.1f", "   inf"), (-.infinity, ".2f", "-inf"), (.nan, "+.2f", "+nan"),
      (1e22, ".0f", "10000000000000000000000"), (.leastNonzeroMagnitude, ".2e", "4.94e-324"),
    ] as [(Double, String, String)])
  func reals(value: Double, spec: String, expected: String) throws {
    #expect(try format(value, spec) == expected)
  }

  @Test(
    arguments: [
      (42, "", "42"), (42, "5", "   42"), (42, "05d", "00042"), (-42, "=6", "-   42"),
      (1_234_567, ",", "1,234,567"), (255, "x", "ff"), (-5, "08b", "-0000101"), (3, ".2f", "3.00"),
      (1, "%", "100.000000%"), (42, "+d", "+42"), (42, " d", " 42"),
      (Int.min, "d", "-9223372036854775808"),
    ] as [(Int, String, String)])
  func integers(value: Int, spec: String, expected: String) throws {
    #expect(try format(value, spec) == expected)
  }

  @Test(arguments: [
    ("abc", "", "abc"), ("abc", "6", "abc   "), ("abc", ">6", "   abc"), ("abc", "^7s", "  abc  "),
    ("abcdef", ".3", "abc"), ("日本", ">6", "  日本"), ("abc", "日<5", "abc日日"),
  ])
  func strings(value: String, spec: String, expected: String) throws {
    #expect(try format(value, spec) == expected)
  }

  @Test func mistakesAreNamed() {
    func message(_ body: () throws(FormatError) -> String) -> String {
      do { return try body() } catch { return error.message }
    }
    #expect(
      message { () throws(FormatError) in try format(1.5, ".2q") }
        == "format \".2q\": \"q\" is not understood; the types are d f e g % s x b")
    #expect(
      message { () throws(FormatError) in try format(1.5, "d") }
        == "format \"d\": \"d\" writes whole numbers, not 1.5")
    #expect(
      message { () throws(FormatError) in try format(1.5, ".f") }
        == "format \".f\": a number must follow the point")
    #expect(
      message { () throws(FormatError) in try format("a", ".2f") }
        == "format \".2f\": \"f\" can't write a string")
    #expect(
      message { () throws(FormatError) in try format(1, "s") }
        == "format \"s\": \"s\" can't write a number")
    #expect(
      message { () throws(FormatError) in try format(1, ".2d") }
        == "format \".2d\": a whole number has no precision; \"f\" writes decimals")
    #expect(
      message { () throws(FormatError) in try format(1, "99999") }
        == "format \"99999\": a width of 99999 is too large; 1000 is the most")
    #expect(
      message { () throws(FormatError) in try format(1e300, "d") }
        == "format \"d\": 1e+300 is too large for \"d\"")
    #expect(
      message { () throws(FormatError) in try format("a", "+") }
        == "format \"+\": a string has no sign")
  }
}
