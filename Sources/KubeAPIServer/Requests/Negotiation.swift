import HTTP
import KubeAPI

/// The form in which an answer is wanted (`k8s.io/apiserver/pkg/endpoints/handlers/negotiation`).
struct Representation: Sendable, Hashable {
    /// How bytes are made of objects, in the order of the server's serializers.
    enum Encoding: String, Sendable, Hashable, CaseIterable {
        case json = "application/json"
        case yaml = "application/yaml"
        case protobuf = "application/vnd.kubernetes.protobuf"

        /// Whether watches can be sent in it.
        var isStreamable: Bool { self != .yaml }
    }

    /// How the objects are shown; with the `meta.k8s.io` version asked for.
    enum Shape: Sendable, Hashable {
        case object
        case table(version: String)
        case partialMetadata(version: String)
        case partialMetadataList(version: String)
        /// Discovery v2, by version.
        case discovery(String)
    }

    /// What an endpoint can answer with.
    enum Endpoint: Sendable, Hashable {
        /// Objects as they are: documents, and every error.
        case plain
        /// Discovery roots, also aggregated.
        case discovery
        /// One object, also as Table or metadata; in protobuf only where the kind has a message.
        case object(hasMessage: Bool)
        /// A list or watch.
        case list(hasMessage: Bool, isWatch: Bool)
    }

    var encoding = Encoding.json
    var shape = Shape.object
    /// Whether JSON is indented.
    var isPretty = false

    /// The plain form, for what is not negotiated.
    init() {}

    private init(_ encoding: Encoding, _ shape: Shape, isPretty: Bool) {
        self.encoding = encoding
        self.shape = shape
        self.isPretty = isPretty && encoding == .json
    }

    /// The first acceptable representation.
    ///
    /// - Throws: 406, in go-restful's words when no clause names a type of the route, else in those of the negotiation.
    init(_ request: HTTPRequest, _ query: QueryParameters, _ endpoint: Endpoint) throws(KubeStatus) {
        let header = request.headers["Accept"] ?? ""
        // What kubectl and client-go send for JSON needs no reading.
        if header == "application/json" || header == "application/json, */*" {
            self.init(.json, .object, isPretty: Self.wantsPretty(request, query))
            return
        }
        let accept = AcceptHeader(header)
        // Custom resources have no routes: only the negotiation sees their requests.
        guard header.isEmpty || !endpoint.hasMessage || accept.matches(endpoint.produced) else {
            throw .notAcceptableRepresentations(endpoint.produced)
        }
        guard let found = Self.negotiated(accept, isAny: header.isEmpty, endpoint, isPretty: Self.wantsPretty(request, query)) else {
            throw .notAcceptable(KubeStatus.mediaTypes)
        }
        guard !endpoint.isWatch || found.encoding.isStreamable else { throw .notAcceptable(Endpoint.streamTypes) }
        self = found
    }

    /// The form of an error; `nil` when the client accepts none, and is told nevertheless.
    init?(errorOf request: HTTPRequest) {
        let header = request.headers["Accept"] ?? ""
        let query = QueryParameters((request.query?.contains("pretty") ?? false) ? PercentEncoding.pairs(request.query ?? "") ?? [] : [])
        let isPretty = Self.wantsPretty(request, query)
        guard let found = Self.negotiated(AcceptHeader(header), isAny: header.isEmpty, .plain, isPretty: isPretty) else { return nil }
        self = found
    }

    private static func negotiated(_ accept: AcceptHeader, isAny: Bool, _ endpoint: Endpoint, isPretty: Bool) -> Representation? {
        if isAny { return Representation(.json, .object, isPretty: isPretty) }
        for clause in accept.clauses {
            for encoding in Encoding.allCases {
                let media = encoding.rawValue.split(separator: "/")
                guard clause.accepts(media[0], media[1]), let shape = shape(clause, encoding, endpoint) else { continue }
                return Representation(encoding, shape, isPretty: isPretty || clause["pretty"] == "1")
            }
        }
        return nil
    }

    /// What a clause asks for; `nil` when the endpoint does not do that (`acceptMediaTypeOptions`).
    private static func shape(_ clause: AcceptHeader.Clause, _ encoding: Encoding, _ endpoint: Endpoint) -> Shape? {
        if let stream = clause["stream"], stream != "watch" || !encoding.isStreamable { return nil }
        if clause["sv"] != nil { return nil }
        guard let kind = clause["as"] else { return encoding == .protobuf && !endpoint.hasMessage ? nil : .object }
        let version = clause["v"] ?? ""
        switch (endpoint, clause["g"] ?? "") {
        case (.discovery, "apidiscovery.k8s.io"):
            return kind == "APIGroupDiscoveryList" && version == "v2" && encoding != .protobuf ? .discovery(version) : nil
        case (.object, "meta.k8s.io"), (.list, "meta.k8s.io"):
            guard version == "v1" || version == "v1beta1" else { return nil }
            switch kind {
            case "Table": return encoding == .protobuf ? nil : .table(version: version)
            case "PartialObjectMetadata": return .partialMetadata(version: version)
            case "PartialObjectMetadataList": return .partialMetadataList(version: version)
            default: return nil
            }
        default: return nil
        }
    }

    private static func wantsPretty(_ request: HTTPRequest, _ query: QueryParameters) -> Bool {
        if let wish = query["pretty"], !wish.isEmpty { return ["1", "t", "T", "TRUE", "true", "True"].contains(wish) }
        let agent = request.headers["User-Agent"] ?? ""
        return agent.hasPrefix("curl") || agent.hasPrefix("Wget") || agent.hasPrefix("Mozilla/5.0")
    }

    /// The `Content-Type` of an answer.
    var contentType: String {
        guard case .discovery(let version) = shape else { return encoding.rawValue }
        return "\(encoding.rawValue);g=apidiscovery.k8s.io;v=\(version);as=APIGroupDiscoveryList"
    }
}

extension Representation.Endpoint {
    fileprivate var hasMessage: Bool {
        switch self {
        case .plain, .discovery: true
        case .object(let hasMessage), .list(let hasMessage, _): hasMessage
        }
    }

    fileprivate var isWatch: Bool { if case .list(_, true) = self { true } else { false } }

    /// The types of the route, as refusals name them.
    fileprivate var produced: [String] {
        if case .list = self { KubeStatus.mediaTypes + Self.streamTypes } else { KubeStatus.mediaTypes }
    }

    fileprivate static let streamTypes = Representation.Encoding.allCases.filter(\.isStreamable).map { $0.rawValue + ";stream=watch" }
}
