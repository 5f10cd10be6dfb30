import Foundation
import JSON
import KubeAPI
import Testing

/// Patches that a real 1.36.2 server was sent: each is applied to the recorded object before and compared with the object after, or with
/// the refusal.
@Suite struct PatchRecordingTests {
    private static let sequences: [JSON] = {
        let file = URL(filePath: #filePath).appending(path: "../../../Fixtures/patch-cases.json").standardized
        return (try? JSON(parsing: [UInt8](Data(contentsOf: file))))?["cases"]?.array ?? []
    }()

    @Test("patched objects and refusals equal those of the real server")
    func recordedPatches() throws {
        var differences: [String] = []
        var count = 0
        for sequence in Self.sequences {
            var object = sequence["before"] ?? .null
            for step in sequence["steps"]?.array ?? [] {
                count += 1
                let body = step["raw"]?.string.map { Array($0.utf8) } ?? step["patch"]?.serialized() ?? []
                let actual = try outcome(body, step["ct"]?.string, object)
                var expected: JSON = ["code": step["code"] ?? .null, "message": step["message"] ?? .null]
                if let after = step["after"] {
                    object = after
                    expected = Self.comparable(after)
                }
                guard actual != expected else { continue }
                differences.append(
                    "\(sequence["id"]?.string ?? "") \(String(decoding: body, as: UTF8.self))\n\(actual.text)\n\(expected.text)")
            }
        }
        #expect(count == 87 && differences.isEmpty, "\(count)\n\(differences.joined(separator: "\n"))")
    }

    /// What the server's own part of the work adds is left out, and what only defaulting would add.
    private static func comparable(_ object: JSON) -> JSON {
        var object = object
        for name in ["resourceVersion", "generation", "uid", "creationTimestamp"] { object["metadata"]?[name] = nil }
        return withoutEmptyMembers(object)
    }

    private static func withoutEmptyMembers(_ value: JSON) -> JSON {
        switch value {
        case .object(var object):
            object.removeAll { $0.value.isNull || $0.value == "" || $0.key == "defaultMode" }
            object.mapValues { _, member in member = withoutEmptyMembers(member) }
            return .object(object)
        case .array(let elements): return .array(elements.map(withoutEmptyMembers))
        default: return value
        }
    }

    private func outcome(_ body: [UInt8], _ contentType: String?, _ object: JSON) throws -> JSON {
        let kind = try #require(
            GroupVersionKind(apiVersion: object["apiVersion"]?.string ?? "", kind: object["kind"]?.string ?? ""))
        let resource = try #require(ResourceTable.builtin.lookup(kind: kind))
        let type = try #require(PatchType(contentType: contentType))
        do throws(KubeStatus) {
            let patch = try ObjectPatch(body, type: type)
            let patched = try patch.apply(to: object, kind: kind)
            var decoded: JSON
            do throws(KubeStatus) { decoded = try ObjectDecoder().canonical(patched, as: kind, validation: .ignore).object } catch {
                throw patch.failure(error, patched)
            }
            ObjectDefaults.apply(to: &decoded, resource)
            return Self.comparable(decoded)
        } catch { return ["code": .integer(Int64(error.code)), "message": .string(error.message)] }
    }
}
