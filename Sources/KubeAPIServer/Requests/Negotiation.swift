import HTTP
import JSON
import KubeAPI
import YAML

/// The form in which an answer is wanted (`k8s.io/apiserver/pkg/endpoints/handlers/negotiation`).
struct Representation: Sendable, Hashable {
    /// How the objects are shown.
    enum Shape: Sendable, Hashable {
        case object
        case table
        case partialMetadata
        /// Discovery v2, by version.
        case discovery(String)
    }

    var isYAML = false
    var shape = Shape.object
    /// Whether JSON is indented.
    var isPretty = false

    /// The first acceptable representation; with `shapes` only those.
    ///
    /// - Throws: 406.
    init(_ request: HTTPRequest, _ query: QueryParameters, allowsTables: Bool = true, allowsDiscovery: Bool = false) throws(KubeStatus) {
        let agent = request.headers["User-Agent"] ?? ""
        isPretty =
            query["pretty"].map { $0 != "false" && $0 != "0" }
            ?? (agent.hasPrefix("curl") || agent.hasPrefix("Wget") || agent.hasPrefix("Mozilla/5.0"))
        guard let accept = request.headers["Accept"], !accept.isEmpty else { return }
        var clauses: [(media: String, parameters: [(String, String)], quality: Double)] = []
        for clause in accept.split(separator: ",") {
            let pieces = clause.split(separator: ";").map { $0.split(separator: " ").joined() }
            guard let media = pieces.first, !media.isEmpty else { continue }
            var parameters: [(String, String)] = []
            var quality = 1.0
            for piece in pieces.dropFirst() {
                let sides = piece.split(separator: "=", maxSplits: 1).map(String.init)
                guard sides.count == 2 else { continue }
                if sides[0] == "q" { quality = Double(sides[1]) ?? 0 } else { parameters.append((sides[0], sides[1])) }
            }
            clauses.append((media, parameters, quality))
        }
        clauses.sort { $0.quality > $1.quality }
        for clause in clauses where clause.quality > 0 {
            switch clause.media {
            case "application/json", "*/*": isYAML = false
            case "application/yaml": isYAML = true
            default: continue
            }
            func parameter(_ name: String) -> String? { clause.parameters.first { $0.0 == name }?.1 }
            guard let kind = parameter("as") else { return }
            let group = parameter("g") ?? ""
            let version = parameter("v") ?? ""
            switch (kind, group) {
            case ("Table", "meta.k8s.io") where allowsTables && version == "v1": shape = .table
            case ("PartialObjectMetadata", "meta.k8s.io") where allowsTables && version == "v1": shape = .partialMetadata
            case ("PartialObjectMetadataList", "meta.k8s.io") where allowsTables && version == "v1": shape = .partialMetadata
            case ("APIGroupDiscoveryList", "apidiscovery.k8s.io") where allowsDiscovery && version == "v2":
                shape = .discovery(version)
            default: continue
            }
            return
        }
        throw .notAcceptableRepresentations
    }

    /// The plain form, for errors.
    init() {}

    /// The `Content-Type` of an answer.
    var contentType: String {
        let base = isYAML ? "application/yaml" : "application/json"
        if case .discovery(let version) = shape { return "\(base);g=apidiscovery.k8s.io;v=\(version);as=APIGroupDiscoveryList" }
        return base
    }

    /// An answer of a JSON tree.
    func response(_ status: Int, _ json: JSON) -> HTTPResponse {
        let bytes: [UInt8]
        if isYAML {
            bytes = Array(YAMLEncoder.encode(json).utf8)
        } else if isPretty {
            bytes = Array(json.pretty(indent: 2, escaping: .go).utf8)
        } else {
            bytes = json.serialized() + [0x0A]
        }
        return HTTPResponse(status: status, contentType: contentType, bytes)
    }

    /// An answer of ready JSON bytes, parsed again only for the forms that need it.
    func response(_ status: Int, bytes: [UInt8]) -> HTTPResponse {
        guard isYAML || isPretty else { return HTTPResponse(status: status, contentType: contentType, bytes) }
        return response(status, (try? JSON(parsing: bytes)) ?? .null)
    }
}
