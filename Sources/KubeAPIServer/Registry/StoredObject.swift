import Encoding
import JSON
import KubeAPI
import Store

/// The bytes of stored objects: canonical JSON in the storage version, beginning with `kind` and `apiVersion`.
enum StoredObject {
    /// Stands where the revision goes; no valid name, namespace or uid contains it.
    private static let mark = "@resourceVersion@"
    private static let markBytes = Array("\"resourceVersion\":\"\(mark)\"".utf8)
    private static let lead = Array("\"resourceVersion\":\"".utf8)

    /// An object's bytes with a gap for the revision of the commit.
    static func value(_ object: JSON) -> Transaction.Value {
        let bytes = bytes(object, at: mark)
        guard let place = bytes.firstRange(ofBytes: markBytes) else { return .bytes(bytes) }
        return .spliced(before: Array(bytes[..<(place.lowerBound + lead.count)]), after: Array(bytes[(place.upperBound - 1)...]))
    }

    /// The object as it would look at a revision: for dry runs.
    static func bytes(_ object: JSON, at revision: String?) -> [UInt8] { tree(object, at: revision).serialized() }

    /// The same as a tree.
    static func tree(_ object: JSON, at revision: String?) -> JSON {
        var object = object
        var metadata = object["metadata"] ?? [:]
        metadata["resourceVersion"] = revision.map(JSON.string)
        object["metadata"] = ObjectMetadata.ordered(metadata)
        return ordered(object)
    }

    /// An object in the order in which its kind is written: custom resources are maps, which Go sorts. They begin with `apiVersion`, and
    /// objects that have a type with `kind`.
    static func ordered(_ object: JSON) -> JSON {
        object.object?.members.first?.key == "kind" ? object : object.sortingKeys()
    }

    /// The object as a tree; see `ObjectTrees` for those that are likely to be known.
    ///
    /// - Throws: 500 for a value that is none, which only a damaged store can hold.
    static func parse(_ bytes: [UInt8]) throws(KubeStatus) -> JSON {
        do { return try JSON(parsing: bytes) } catch { throw .internalError("stored object is not JSON: \(error)") }
    }

    /// How many bytes of every value of a kind are `{"kind":…,"apiVersion":…` with the following comma, which items of lists do not have.
    static func headLength(_ kind: GroupVersionKind) -> Int {
        "{\"kind\":\"\(kind.kind)\",\"apiVersion\":\"\(kind.apiVersion)\",".utf8.count
    }
}
