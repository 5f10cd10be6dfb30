import JSON
import Testing

@Suite("Writing JSON")
struct JSONSerializerTests {
    /// The escapes of Go's encoding/json, character by character.
    private func expected(_ text: String, _ escaping: JSON.Escaping) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\u{8}": result += "\\b"
            case "\u{c}": result += "\\f"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{0}"..."\u{1f}": result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            case "<" where escaping == .go, ">" where escaping == .go, "&" where escaping == .go:
                result += "\\u00" + String(scalar.value, radix: 16)
            case "\u{2028}" where escaping == .go, "\u{2029}" where escaping == .go: result += "\\u" + String(scalar.value, radix: 16)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    @Test("each character is escaped as Go does, at every place in a text", arguments: [JSON.Escaping.go, .minimal])
    func escapes(escaping: JSON.Escaping) throws {
        var characters = (0...0x7F).compactMap { Unicode.Scalar(UInt32($0)) }
        characters += ["\u{80}", "\u{e9}", "\u{2027}", "\u{2028}", "\u{2029}", "\u{202a}", "\u{20a8}", "\u{e000}", "\u{fffd}", "\u{1f600}"]
        var wrong: [String] = []
        for character in characters {
            for place in [0, 1, 6, 7, 8, 15, 16, 20] {
                let text = String(repeating: "x", count: place) + String(character) + (place % 2 == 0 ? "y" : "")
                let written = String(decoding: JSON.string(text).serialized(escaping: escaping), as: UTF8.self)
                let readBack = try JSON(parsing: written)
                if written != expected(text, escaping) || readBack != .string(text) { wrong.append(written) }
            }
        }
        #expect(wrong == [])
    }

    @Test("integers are written exactly")
    func integers() {
        var values: [Int64] = [0, 1, -1, 9, 10, 99, 100, .max, .min]
        var power: Int64 = 1
        for _ in 0..<18 {
            power *= 10
            values += [power, power - 1, power + 1, -power]
        }
        #expect(values.allSatisfy { JSON.integer($0).text == String($0) })
    }

    @Test("indented documents look as json.MarshalIndent writes them")
    func pretty() {
        let value: JSON = ["a": [1, ["b": "<"]], "c": [:], "d": [], "e": nil]
        let expected = """
            {
              "a": [
                1,
                {
                  "b": "\\u003c"
                }
              ],
              "c": {},
              "d": [],
              "e": null
            }
            """
        #expect(value.pretty(escaping: .go) == expected)
        #expect(value.pretty() == expected.split(separator: "\\u003c").joined(separator: "<"))
    }

    @Test("appending adds to what is there")
    func appending() {
        var bytes = Array("data: ".utf8)
        JSON.array([1, "&"]).write(into: &bytes)
        JSON.writeString("&", into: &bytes, escaping: .minimal)
        #expect(String(decoding: bytes, as: UTF8.self) == #"data: [1,"\u0026"]"&""#)
    }

    @Test(
        "floating-point numbers have Go's texts",
        arguments: [
            (0.0, "0"), (-0.0, "-0"), (1.0, "1"), (1.5, "1.5"), (-0.001, "-0.001"), (1e-6, "0.000001"), (1e-7, "1e-7"),
            (1.25e-9, "1.25e-9"),
            (1e20, "100000000000000000000"), (1e21, "1e+21"), (1.5e300, "1.5e+300"), (123456789.125, "123456789.125"),
            (Double.leastNonzeroMagnitude, "5e-324"),
            (0.1 + 0.2, "0.30000000000000004"), (9007199254740993.0, "9007199254740992"),
        ])
    func doubles(value: Double, expected: String) {
        #expect(JSON(value)?.text == expected)
        #expect(JSON(value)?.double == value)
    }

    @Test("infinities and NaN have no JSON form")
    func notFinite() { #expect(JSON(.infinity) == nil && JSON(-.infinity) == nil && JSON(.nan) == nil) }
}
