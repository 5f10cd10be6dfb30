import HTTP
import JSON
import Store
import World

/// AWS EKS over REST-JSON: clusters, access entries, access policies, identity providers, tags.
struct EKSServices: Sendable {
    let configuration: AWSConfiguration
    let records: Records
    let world: World
    let regions: RegionTable
    let provisioner: any ClusterProvisioner
    let authorization: CallerAuthorization

    /// A call taken apart: path members, query, body.
    struct Request: Sendable {
        let caller: Caller
        let region: String
        /// The verified call; `nil` for what the simulator itself makes at the start.
        var call: AWSCall?
        var members: [String: String] = [:]
        var query: [(name: String, value: String)] = []
        let body: JSON

        var account: String { caller.accountID }
        var token: String? { body["clientRequestToken"]?.string }

        func member(_ name: String) -> String { members[name] ?? "" }
        func query(_ name: String) -> String? { query.first { $0.name == name }?.value }

        /// The collection of a kind of resource in the caller's account and the call's region.
        private func collection(_ kind: String) -> String { Records.collection(account, region, "eks", kind) }
        var clusters: String { collection("clusters") }
        /// Names are `CLUSTER/PRINCIPAL`.
        var entries: String { collection("access-entries") }
        /// Names are `CLUSTER/ID`.
        var associations: String { collection("pod-identity-associations") }
        /// Names are `CLUSTER/NAME`.
        var identityProviders: String { collection("identity-provider-configs") }
        /// Names are `CLUSTER/ID`.
        var updates: String { collection("updates") }
    }

    private typealias Operation = @Sendable (EKSServices, Request) async throws(AWSError) -> JSON

    /// What is simulated of the model.
    private static let operations: [String: Operation] = [
        "CreateCluster": { eks, request throws(AWSError) in try await eks.createCluster(request) },
        "ListClusters": { eks, request throws(AWSError) in try eks.listClusters(request) },
        "DescribeCluster": { eks, request throws(AWSError) in try eks.describeCluster(request) },
        "DeleteCluster": { eks, request throws(AWSError) in try await eks.deleteCluster(request) },
        "UpdateClusterConfig": { eks, request throws(AWSError) in try await eks.updateClusterConfig(request) },
        "UpdateClusterVersion": { eks, request throws(AWSError) in try await eks.updateClusterVersion(request) },
        "AssociateEncryptionConfig": { eks, request throws(AWSError) in try await eks.associateEncryption(request) },
        "ListUpdates": { eks, request throws(AWSError) in try eks.listUpdates(request) },
        "DescribeUpdate": { eks, request throws(AWSError) in try eks.describeUpdate(request) },
        "DescribeClusterVersions": { eks, request throws(AWSError) in try eks.describeClusterVersions(request) },
        "CreateAccessEntry": { eks, request throws(AWSError) in try await eks.createAccessEntry(request) },
        "ListAccessEntries": { eks, request throws(AWSError) in try eks.listAccessEntries(request) },
        "DescribeAccessEntry": { eks, request throws(AWSError) in try eks.describeAccessEntry(request) },
        "UpdateAccessEntry": { eks, request throws(AWSError) in try await eks.updateAccessEntry(request) },
        "DeleteAccessEntry": { eks, request throws(AWSError) in try await eks.deleteAccessEntry(request) },
        "AssociateAccessPolicy": { eks, request throws(AWSError) in try await eks.associatePolicy(request) },
        "ListAssociatedAccessPolicies": { eks, request throws(AWSError) in try eks.listAssociatedPolicies(request) },
        "DisassociateAccessPolicy": { eks, request throws(AWSError) in try await eks.disassociatePolicy(request) },
        "ListAccessPolicies": { eks, request throws(AWSError) in try eks.listAccessPolicies(request) },
        "CreatePodIdentityAssociation": { eks, request throws(AWSError) in try await eks.createPodIdentityAssociation(request) },
        "ListPodIdentityAssociations": { eks, request throws(AWSError) in try eks.listPodIdentityAssociations(request) },
        "DescribePodIdentityAssociation": { eks, request throws(AWSError) in try eks.describePodIdentityAssociation(request) },
        "UpdatePodIdentityAssociation": { eks, request throws(AWSError) in try await eks.updatePodIdentityAssociation(request) },
        "DeletePodIdentityAssociation": { eks, request throws(AWSError) in try await eks.deletePodIdentityAssociation(request) },
        "AssociateIdentityProviderConfig": { eks, request throws(AWSError) in try await eks.associateIdentityProvider(request) },
        "DescribeIdentityProviderConfig": { eks, request throws(AWSError) in try eks.describeIdentityProvider(request) },
        "ListIdentityProviderConfigs": { eks, request throws(AWSError) in try eks.listIdentityProviders(request) },
        "DisassociateIdentityProviderConfig": { eks, request throws(AWSError) in try await eks.disassociateIdentityProvider(request) },
        "CreateNodegroup": { eks, request throws(AWSError) in try await eks.createNodegroup(request) },
        "ListNodegroups": { eks, request throws(AWSError) in try eks.listNodegroups(request) },
        "DescribeNodegroup": { eks, request throws(AWSError) in try eks.describeNodegroup(request) },
        "DeleteNodegroup": { eks, request throws(AWSError) in try await eks.deleteNodegroup(request) },
        "UpdateNodegroupConfig": { eks, request throws(AWSError) in try await eks.updateNodegroupConfig(request) },
        "UpdateNodegroupVersion": { eks, request throws(AWSError) in try await eks.updateNodegroupVersion(request) },
        "ListTagsForResource": { eks, request throws(AWSError) in try eks.listTags(request) },
        "TagResource": { eks, request throws(AWSError) in try await eks.tagResource(request) },
        "UntagResource": { eks, request throws(AWSError) in try await eks.untagResource(request) },
    ]

    func handle(_ call: AWSCall) async throws(AWSError) -> HTTPResponse {
        let raw = call.request
        // Split first, decode afterwards: a segment may hold an encoded ARN with slashes.
        let path = raw.path.split(separator: "/").map { PercentEncoding.decode($0) ?? String($0) }
        guard let (operation, members) = EKSModel.published.operation(raw.method, path) else {
            call.request.trace.describe("eks:\(raw.method) \(raw.path)")
            throw AWSError(404, "UnknownOperationException", "The operation \(raw.method) \(raw.path) is unknown.")
        }
        call.request.trace.describe("eks:\(operation.name)")
        guard let run = Self.operations[operation.name] else {
            throw AWSError(404, "UnknownOperationException", "The operation \(operation.name) is not simulated yet.")
        }
        var body: JSON = [:]
        if !raw.body.isEmpty {
            guard let parsed = try? JSON(parsing: raw.body, limits: JSON.Limits(depth: 64, bytes: 1 << 20)), parsed.object != nil else {
                throw AWSError(400, "SerializationException", "The request body is not a JSON object.")
            }
            body = parsed
        }
        let request = Request(caller: call.caller, region: call.region, call: call, members: members, query: call.query, body: body)
        try authorize(call, request, operation.name)
        try EKSModel.published.check(operation, query: call.query, body: body)
        let answer = try await run(self, request)
        if Self.mapping.contains(operation.name) { regions.noteMappings(of: request.account, in: request.region) }
        return HTTPResponse(
            status: 200, contentType: "application/json", answer.serialized(escaping: .minimal),
            headers: ["x-amzn-RequestId": call.requestID])
    }

    /// Calls after which kubelets may be let in that were not, or no longer.
    private static let mapping: Set<String> = ["CreateAccessEntry", "UpdateAccessEntry", "DeleteAccessEntry"]

    private func authorize(_ call: AWSCall, _ request: Request, _ operation: String) throws(AWSError) {
        let (resource, tags) = resource(request, operation)
        var conditions = EKSConditionKeys.values(operation, members: request.members, body: request.body)
        conditions.merge(CallerAuthorization.resourceTags(tags)) { $1 }
        let keys = request.query.filter { $0.name == "tagKeys" }.map(\.value)
        if !keys.isEmpty { conditions["aws:TagKeys"] = keys }
        try authorization.require(call, "eks:\(operation)", on: resource, conditions: conditions)
    }

    /// The ARN that a call's permission is asked for, and the tags of what it names.
    private func resource(_ request: Request, _ operation: String) -> (arn: String, tags: JSON?) {
        let base = "arn:aws:eks:\(request.region):\(request.account)"
        if let arn = request.members["resourceArn"] {
            return (arn, (try? tagged(request))?.document.json["tags"])
        }
        guard let cluster = request.members["name"] else {
            switch operation {
            case "CreateCluster": return ("\(base):cluster/\(request.body["name"]?.string ?? "*")", nil)
            case "ListClusters": return ("\(base):cluster/*", nil)
            default: return ("*", nil)
            }
        }
        let tags = records.get(request.clusters, cluster)?.json["tags"]
        if let id = request.members["associationId"] {
            let known = records.get(request.associations, "\(cluster)/\(id)")?.json
            return ("\(base):podidentityassociation/\(cluster)/\(id)", known?["tags"])
        }
        if let name = request.body.at("identityProviderConfig", "name")?.string {
            let known = records.get(request.identityProviders, "\(cluster)/\(name)")?.json
            return (
                known?["identityProviderConfigArn"]?.string ?? "\(base):identityproviderconfig/\(cluster)/oidc/\(name)/*", known?["tags"]
            )
        }
        if let group = request.members["nodegroupName"] {
            let known = network(request).present.get(.nodegroup, Self.nodegroupKey(cluster, group))
            return (known?["nodegroupArn"]?.string ?? "\(base):nodegroup/\(cluster)/\(group)/*", known?["tags"])
        }
        guard let principal = request.members["principalArn"] else { return ("\(base):cluster/\(cluster)", tags) }
        let known = records.get(request.entries, "\(cluster)/\(principal)")?.json
        return (known?["accessEntryArn"]?.string ?? "\(base):access-entry/\(cluster)/*", known?["tags"])
    }

    // MARK: What several operations need

    func noCluster(_ name: String) -> AWSError {
        AWSError(404, "ResourceNotFoundException", "No cluster found for name: \(name).", members: ["clusterName": name])
    }

    func document(_ request: Request) throws(AWSError) -> Records.Document {
        let name = request.member("name")
        guard let document = records.get(request.clusters, name) else { throw noCluster(name) }
        return document
    }

    func cluster(_ request: Request) throws(AWSError) -> ClusterRecord { ClusterRecord(json: try document(request).json) }

    func invalid(_ message: String, cluster: String? = nil) -> AWSError {
        AWSError(400, "InvalidParameterException", message, members: cluster.map { ["clusterName": $0] } ?? [:])
    }

    /// A time as EKS writes it: seconds with a fraction.
    static func epoch(_ instant: Instant) -> JSON {
        let fraction = String(instant.subsecond / 1_000_000)
        return .number("\(instant.seconds).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)")
    }

    /// A record without the members that never leave.
    static func wire(_ json: JSON) -> JSON {
        guard var object = json.object else { return json }
        object.removeAll { $0.key.hasPrefix("_") }
        return .object(object)
    }

    /// One page of a list, as the answer's member `list` and `nextToken`: `maxResults` 1 to 100, 100 without it.
    func page<Item>(
        _ request: Request, _ list: String, _ items: [Item], name: (Item) -> String, _ json: (Item) -> JSON
    ) throws(AWSError) -> JSON {
        let limit = request.query("maxResults").flatMap { Int($0) } ?? 100
        var rest = items[...]
        if let token = request.query("nextToken") {
            guard let last = PageToken.decode(token), let index = items.firstIndex(where: { name($0) == last }) else {
                throw invalid("The specified nextToken is invalid")
            }
            rest = items[(index + 1)...]
        }
        let page = rest.prefix(limit)
        var answer: JSON = [list: .array(page.map(json))]
        if rest.count > limit { answer["nextToken"] = page.last.map { .string(PageToken.encode(name($0))) } }
        return answer
    }

    /// One page of names.
    func page(_ request: Request, _ list: String, _ names: [String]) throws(AWSError) -> JSON {
        try page(request, list, names, name: { $0 }) { .string($0) }
    }

    /// The tags of a create call, checked; an empty object without any.
    func tags(_ request: Request, _ code: String = "InvalidParameterException") throws(AWSError) -> JSON {
        let tags = request.body["tags"]?.object ?? JSONObject()
        guard tags.count <= 50 else { throw AWSError(400, code, "A resource may have at most 50 tags") }
        for tag in tags where tag.key.isEmpty || tag.key.count > 128 || tag.key.lowercased().hasPrefix("aws:") {
            throw AWSError(400, code, "Tag key '\(tag.key)' is not valid: it must have 1 to 128 characters and not begin with aws:")
        }
        return .object(tags)
    }
}
