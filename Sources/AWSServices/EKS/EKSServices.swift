import HTTP
import IAMPolicy
import JSON
import Store
import World

/// AWS EKS over REST-JSON: clusters, access entries, access policies, tags.
struct EKSServices: Sendable {
    let configuration: AWSConfiguration
    let records: Records
    let world: World
    let provisioner: any ClusterProvisioner

    /// A call taken apart: decoded path segments, query, body.
    struct Request: Sendable {
        let caller: Caller
        let region: String
        var path: [String] = []
        var query: [(name: String, value: String)] = []
        let body: JSON

        var account: String { caller.accountID }

        func query(_ name: String) -> String? { query.first { $0.name == name }?.value }

        /// The collection of clusters of the caller's account and the call's region.
        var clusters: String { Records.collection(account, region, "eks", "clusters") }
        /// The collection of access entries; names are `CLUSTER/PRINCIPAL`.
        var entries: String { Records.collection(account, region, "eks", "access-entries") }
    }

    private typealias Operation = @Sendable (EKSServices, Request) async throws(AWSError) -> JSON

    /// The name, the permission's resource and the code of each operation, by method and path shape (`*` is one segment).
    private static let operations: [(method: String, path: [String], name: String, run: Operation)] = [
        ("POST", ["clusters"], "CreateCluster", { eks, request throws(AWSError) in try await eks.createCluster(request) }),
        ("GET", ["clusters"], "ListClusters", { eks, request throws(AWSError) in try eks.listClusters(request) }),
        ("GET", ["clusters", "*"], "DescribeCluster", { eks, request throws(AWSError) in try eks.describeCluster(request) }),
        ("DELETE", ["clusters", "*"], "DeleteCluster", { eks, request throws(AWSError) in try await eks.deleteCluster(request) }),
        (
            "POST", ["clusters", "*", "access-entries"], "CreateAccessEntry",
            { eks, request throws(AWSError) in try await eks.createAccessEntry(request) }
        ),
        (
            "GET", ["clusters", "*", "access-entries"], "ListAccessEntries",
            { eks, request throws(AWSError) in try eks.listAccessEntries(request) }
        ),
        (
            "GET", ["clusters", "*", "access-entries", "*"], "DescribeAccessEntry",
            { eks, request throws(AWSError) in try eks.describeAccessEntry(request) }
        ),
        (
            "POST", ["clusters", "*", "access-entries", "*"], "UpdateAccessEntry",
            { eks, request throws(AWSError) in try await eks.updateAccessEntry(request) }
        ),
        (
            "DELETE", ["clusters", "*", "access-entries", "*"], "DeleteAccessEntry",
            { eks, request throws(AWSError) in try await eks.deleteAccessEntry(request) }
        ),
        (
            "POST", ["clusters", "*", "access-entries", "*", "access-policies"], "AssociateAccessPolicy",
            { eks, request throws(AWSError) in try await eks.associatePolicy(request) }
        ),
        (
            "GET", ["clusters", "*", "access-entries", "*", "access-policies"], "ListAssociatedAccessPolicies",
            { eks, request throws(AWSError) in try eks.listAssociatedPolicies(request) }
        ),
        (
            "DELETE", ["clusters", "*", "access-entries", "*", "access-policies", "*"], "DisassociateAccessPolicy",
            { eks, request throws(AWSError) in try await eks.disassociatePolicy(request) }
        ),
        ("GET", ["access-policies"], "ListAccessPolicies", { eks, request throws(AWSError) in try eks.listAccessPolicies(request) }),
        ("GET", ["tags", "*"], "ListTagsForResource", { eks, request throws(AWSError) in try eks.listTags(request) }),
        ("POST", ["tags", "*"], "TagResource", { eks, request throws(AWSError) in try await eks.tagResource(request) }),
        ("DELETE", ["tags", "*"], "UntagResource", { eks, request throws(AWSError) in try await eks.untagResource(request) }),
    ]

    func handle(_ call: AWSCall, _ authorization: CallerAuthorization) async throws(AWSError) -> HTTPResponse {
        let raw = call.request
        // Split first, decode afterwards: a segment may hold an encoded ARN with slashes.
        let path = raw.path.split(separator: "/").map { PercentEncoding.decode($0) ?? String($0) }
        let found = Self.operations.first { operation in
            operation.method == raw.method && operation.path.count == path.count
                && zip(operation.path, path).allSatisfy { $0 == "*" || $0 == $1 }
        }
        guard let found else {
            call.request.trace.describe("eks:\(raw.method) \(raw.path)")
            throw AWSError(404, "UnknownOperationException", "The operation \(raw.method) \(raw.path) is unknown, or not simulated yet.")
        }
        call.request.trace.describe("eks:\(found.name)")
        var body: JSON = [:]
        if !raw.body.isEmpty {
            guard let parsed = try? JSON(parsing: raw.body, limits: JSON.Limits(depth: 64, bytes: 1 << 20)), parsed.object != nil else {
                throw AWSError(400, "SerializationException", "The request body is not a JSON object.")
            }
            body = parsed
        }
        let request = Request(
            caller: call.caller, region: call.region, path: path, query: PercentEncoding.pairs(raw.query ?? "") ?? [], body: body)
        try authorization.require(call, "eks:\(found.name)", on: resource(request, found.name))
        let answer = try await found.run(self, request)
        return HTTPResponse(
            status: 200, contentType: "application/json", answer.serialized(escaping: .minimal),
            headers: ["x-amzn-RequestId": call.requestID])
    }

    private func resource(_ request: Request, _ operation: String) -> String {
        let base = "arn:aws:eks:\(request.region):\(request.account)"
        switch request.path.first {
        case "tags": return request.path[1]
        case "clusters" where request.path.count > 1: return "\(base):cluster/\(request.path[1])"
        case "clusters" where operation == "CreateCluster": return "\(base):cluster/\(request.body["name"]?.string ?? "*")"
        default: return "*"
        }
    }

    // MARK: What several operations need

    func noCluster(_ name: String) -> AWSError {
        AWSError(404, "ResourceNotFoundException", "No cluster found for name: \(name).", members: ["clusterName": name])
    }

    func cluster(_ request: Request) throws(AWSError) -> ClusterRecord {
        let name = request.path[1]
        guard let document = records.get(request.clusters, name) else { throw noCluster(name) }
        return ClusterRecord(json: document.json)
    }

    func invalid(_ message: String, cluster: String? = nil) -> AWSError {
        AWSError(400, "InvalidParameterException", message, members: cluster.map { ["clusterName": $0] } ?? [:])
    }

    /// One page of a sorted list: `maxResults` 1 to 100, `nextToken` names the last item of the page before.
    func page(_ request: Request, _ names: [String]) throws(AWSError) -> (page: [String], next: String?) {
        var limit = 100
        if let text = request.query("maxResults") {
            guard let number = Int(text), (1...100).contains(number) else {
                throw invalid("maxResults: \(text) must be between 1 and 100")
            }
            limit = number
        }
        var rest = names[...]
        if let token = request.query("nextToken") {
            guard let index = names.firstIndex(of: token) else { throw invalid("nextToken is invalid") }
            rest = names[(index + 1)...]
        }
        let page = Array(rest.prefix(limit))
        return (page, rest.count > limit ? page.last : nil)
    }
}
