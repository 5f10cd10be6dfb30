import JSON
import Testing

@Suite("Values and edits")
struct JSONValueTests {
    private func storage(_ value: JSON?) -> UnsafeRawPointer? {
        switch value {
        case .array(let elements)?: elements.withUnsafeBytes { $0.baseAddress }
        case .object(let object)?: object.members.withUnsafeBytes { $0.baseAddress }
        default: nil
        }
    }

    @Test("edits reach nested values in place, without copying what they pass")
    func inPlace() {
        var value: JSON = ["a": ["b": [[1, 2], ["c": 3]], "x": 1], "y": 2]
        let before = [storage(value), storage(value["a"]), storage(value["a"]?["b"]), storage(value["a"]?["b"]?[1])]
        value["a"]?["b"]?[1]?["c"] = "set"
        value["a", default: [:]]["x"] = 5
        value.set(true, at: ["a", "x"])
        #expect(before == [storage(value), storage(value["a"]), storage(value["a"]?["b"]), storage(value["a"]?["b"]?[1])])
        #expect(value == ["a": ["b": [[1, 2], ["c": "set"]], "x": true], "y": 2])
    }

    @Test("a copy does not see edits of the other")
    func copies() {
        let original: JSON = ["a": ["b": [1]]]
        var copy = original
        copy["a"]?["b"]?[0] = 2
        #expect(original == ["a": ["b": [1]]] && copy == ["a": ["b": [2]]])
    }

    @Test("setting nil removes, chaining through what is missing changes nothing, and order is kept")
    func removal() {
        var value: JSON = ["a": 1, "b": [1, 2], "c": ["d": nil]]
        value["a"] = nil
        value["b"]?[0] = nil
        value["b"]?[7] = 1
        value["none"]?["x"] = 1
        value["c"]?["d"]?["x"]?["y"] = 1
        #expect(value.text == #"{"b":[2],"c":{"d":null}}"#)
        value["c"]?["d"]?["x"] = 1
        value["z", default: [:]]["k"] = 1
        value["b", default: []] = 0
        #expect(value.text == #"{"b":0,"c":{"d":{"x":1}},"z":{"k":1}}"#)
    }

    @Test("paths set, make what is missing, remove and read")
    func paths() {
        var value: JSON = ["a": 1]
        value.set("v", at: ["x", "y.z", "w"])
        value.set(nil, at: ["none", "k"])
        value.set([:], at: ["a", "b"])
        #expect(value.text == #"{"a":{"b":{}},"x":{"y.z":{"w":"v"}}}"#)
        #expect(value.at("x", "y.z", "w") == "v" && value.at("x", "w") == nil && value.at() == value)
        #expect(value.remove(at: ["x", "y.z", "w"]) == "v" && value.remove(at: ["x", "q", "w"]) == nil && value.remove(at: []) == nil)
        #expect(value.text == #"{"a":{"b":{}},"x":{"y.z":{}}}"#)
    }

    @Test("JSON pointers follow RFC 6901")
    func pointers() throws {
        let text = #"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#
        let value = try JSON(parsing: text)
        let table: [(String, JSON?)] = [
            ("", value), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3), ("/g|h", 4),
            ("/i\\j", 5),
            ("/k\"l", 6), ("/ ", 7), ("/m~0n", 8), ("/foo/2", nil), ("/foo/-", nil), ("/foo/01", nil), ("/foo/+1", nil), ("/foo/", nil),
            ("/x/y", nil),
            ("/foo/99999999999999999999", nil),
        ]
        for (text, expected) in table {
            let pointer = try #require(JSONPointer(parsing: text))
            #expect(value.value(at: pointer) == expected, "\(text)")
            #expect(pointer.description == text)
        }
        for text in ["foo", "/~", "/~2", "/a~"] { #expect(JSONPointer(parsing: text) == nil) }
        #expect(JSONPointer(parsing: "/~01")?.tokens == ["~1"])
    }

    @Test("equality does not see order, sees the bytes of texts, and the text of numbers unless asked for worth")
    func equality() {
        #expect(JSON.object(["a": 1, "b": 2]) == .object(["b": 2, "a": 1]))
        #expect(JSON.object(["a": 1, "b": 2]).hashValue == JSON.object(["b": 2, "a": 1]).hashValue)
        #expect(JSON.string("e\u{301}") != "\u{e9}")
        #expect(JSON.object(["e\u{301}": 1]) != ["\u{e9}": 1])
        #expect(JSON.integer(1) != .number("1.0") && JSON.integer(1).isEquivalent(to: .number("1.0")))
        #expect(JSON.array([["a": .number("1e1")]]).isEquivalent(to: [["a": 10]]) && !JSON.string("1").isEquivalent(to: 1))
        #expect(JSON.object(["b": [["d": 1, "c": 2]], "a": 0]).sortingKeys().text == #"{"a":0,"b":[{"c":2,"d":1}]}"#)
    }

    @Test("large objects stay right under sets, removals and bulk changes")
    func largeObjects() {
        var object = JSONObject()
        var model: [String: Int64] = [:]
        var state: UInt64 = 7
        for step in 0..<3000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let key = "k\((state >> 33) % 200)"
            switch (state >> 60) % 8 {
            case 0, 1: #expect(object.removeValue(forKey: key)?.integer == model.removeValue(forKey: key))
            case 2:
                object[key] = nil
                model[key] = nil
            case 3:
                object.update([(key, nil), ("k1", .integer(Int64(step))), ("k2", nil)])
                model[key] = nil
                model["k1"] = Int64(step)
                model["k2"] = nil
            default:
                object[key] = .integer(Int64(step))
                model[key] = Int64(step)
            }
            if step % 100 == 0 { object.sortKeys() }
        }
        #expect(object.count == model.count && model.allSatisfy { object[$0.key]?.integer == $0.value })
        #expect(Set(object.keys).count == object.count && object == JSONObject(object.map { ($0.key, $0.value) }.reversed()))
    }

    @Test("accessors answer only for their own type")
    func accessors() {
        #expect(JSON(strings: ["a", "b"]).strings == ["a", "b"] && JSON.array(["a", 1]).strings == nil)
        #expect(JSON.number("1.5").double == 1.5 && JSON.integer(2).double == 2 && JSON.string("2").double == nil)
        #expect(JSON.null.isNull && JSON.bool(true).bool == true && JSON.integer(1).string == nil && JSON.number("1").integer == nil)
    }
}
