public import JSON

/// The OpenAPI documents of the API, made from the resource table and the schema; without most descriptions, of which the tables have none.
///
/// `kubectl explain`, `kubectl apply` (strategic merge keys and the search for `fieldValidation`) and client generators read them.
/// Making one takes milliseconds: make this value at first use and keep the bytes of what it answers.
public struct OpenAPIDocuments: Sendable {
    private let table: ResourceTable
    private let schema: Schema
    private let version: String
    private let paths: APIPaths
    private let definitions: OpenAPIDefinitions
    private let custom: CustomDefinitions

    /// Describes a table.
    ///
    /// - Parameters:
    ///   - table: the resources that are served.
    ///   - schema: their types.
    ///   - version: the version in the documents' `info`: Kubernetes' minor release, as from the real server.
    public init(_ table: ResourceTable = .builtin, _ schema: Schema = .builtin, version: String = "1.36") {
        self.table = table
        self.schema = schema
        self.version = version
        custom = CustomDefinitions(table, schema, start: OpenAPIDefinitions.count(schema))
        paths = APIPaths(table, schema, custom)
        definitions = OpenAPIDefinitions(.v3, schema, table, custom: custom)
    }

    /// `/openapi/v3`: where the documents are. The hash in each address is one of the document's content, so clients may keep what
    /// they read for ever.
    public var index: JSON {
        index(of: names)
    }

    /// The part of the index that lists some documents.
    public func index(of names: [String]) -> JSON {
        let members = names.map { name -> JSONObject.Member in
            let hash = Self.hash(v3(path: name)?.serialized(escaping: .minimal) ?? [])
            return .init(key: name, value: ["serverRelativeURL": .string("/openapi/v3/\(name)?hash=\(hash)")])
        }
        return ["paths": .object(JSONObject(unique: members))]
    }

    /// The names of the documents: `api/v1`, `apis/apps/v1`, `version` …, sorted by bytes.
    public var names: [String] {
        var names = ["api", "apis"] + paths.others().map(\.document)
        for group in table.groups {
            if !group.name.isEmpty { names.append("apis/\(group.name)") }
            names += group.versions.map { group.name.isEmpty ? "api/\($0)" : "apis/\(group.name)/\($0)" }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The names of documents that custom resources have a part in, sorted by bytes.
    public var customNames: [String] {
        var names: Set<String> = []
        for resource in table.resources where resource.custom != nil {
            names.insert("apis/\(resource.group)")
            names.insert("apis/\(resource.group)/\(resource.version)")
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// `/openapi/v3/PATH`: the OpenAPI 3.0 document of one group and version, or of one of the other `names`; `nil` for others.
    public func v3(path: String) -> JSON? { served(path).map { OpenAPIRenderer(.v3, version).document($0, definitions) } }

    /// `/openapi/v2`: everything in one Swagger 2.0 document.
    public var v2: JSON {
        let all = names.compactMap(served).flatMap { $0 }
        let definitions = OpenAPIDefinitions(.v2, schema, table, custom: custom)
        return OpenAPIRenderer(.v2, version).document(all.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }, definitions)
    }

    /// `/openapi/v2` for clients that accept `application/com.github.proto-openapi.spec.v2@v1.0+protobuf`, as client-go does: the same
    /// document as the message `openapi.v2.Document`. The answer's media type is `application/com.github.proto-openapi.spec.v2.v1.0+protobuf`.
    public var v2Protobuf: [UInt8] { SwaggerProtobuf.document(v2) }

    /// The API's paths in a document.
    private func served(_ document: String) -> [APIPath]? {
        let parts = document.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        switch (parts.first, parts.count) {
        case ("api", 1): return [paths.versions(of: "")]
        case ("apis", 1): return [paths.versions(of: nil)]
        case ("api", 2) where table.group("")?.versions.contains(parts[1]) == true: return paths.groupVersion("", parts[1])
        case ("apis", 2) where !parts[1].isEmpty && table.group(parts[1]) != nil: return [paths.versions(of: parts[1])]
        case ("apis", 3) where !parts[1].isEmpty && table.group(parts[1])?.versions.contains(parts[2]) == true:
            return paths.groupVersion(parts[1], parts[2])
        default: return paths.others().first { $0.document == document }.map { [$0.path] }
        }
    }

    /// 64 bits of FNV-1a: for telling documents apart, not for security.
    public static func hash(_ bytes: [UInt8]) -> String {
        let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let digits = String(hash, radix: 16, uppercase: true)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension ResourceTable {
    /// Every served group and version, as a kind without name.
    var groupVersions: [GroupVersionKind] {
        groups.flatMap { group in group.versions.map { GroupVersionKind(group: group.name, version: $0, kind: "") } }
    }
}
