public import JSON

/// amazon-eks-pod-identity-webhook: gives the containers of a pod what AWS SDKs need to become its service account's role, through
/// web identity (IRSA) or EKS Pod Identity. It never refuses (`pkg/handler/handler.go`).
public struct PodIdentityWebhook: Sendable {
    /// Where the pods of an EKS Pod Identity association get their credentials.
    public struct ContainerCredentials: Sendable, Hashable {
        /// `AWS_CONTAINER_CREDENTIALS_FULL_URI`
        public var uri = "http://169.254.170.23/v1/credentials"
        /// The token's audience.
        public var audience = "pods.eks.amazonaws.com"
        /// Where the token is mounted.
        public var mountPath = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount"
        /// The name of the volume, and of the token's file in it.
        public var volume = "eks-pod-identity-token"
        /// The life of a token that no annotation sets, in seconds.
        public var expiration: Int64

        /// Makes what EKS configures.
        public init(expiration: Int64) { self.expiration = expiration }
    }

    /// How one pod is to be changed.
    private struct Plan {
        let skipped: Set<String>
        let expiration: Int64
        let isRegional: Bool
        let audience: String
        let mountPath: String
        let volume: String
        let tokenName: String
        /// The two variables that name the credentials' source; the second is the token's file.
        let names: (String, String)
        let source: String
        let label: (key: String, value: String)?
    }

    private static let shortest: Int64 = 600
    private static let defaultExpiration: Int64 = 86_400

    /// The region that pods are told; empty for none.
    public var region: String
    /// Whether pods are told to use regional STS endpoints unless their account's annotation says otherwise.
    public var isRegional: Bool
    /// The prefix of the annotations.
    public var domain: String

    /// Makes the webhook as EKS configures it.
    public init(region: String, isRegional: Bool = true, domain: String = "eks.amazonaws.com") {
        self.region = region
        self.isRegional = isRegional
        self.domain = domain
    }

    /// The operations of the JSON Patch (RFC 6902) for a new pod; `nil` when the pod is none of the webhook's business.
    ///
    /// - Parameters:
    ///   - account: the pod's ServiceAccount, when it is there.
    ///   - credentials: set when the account has an EKS Pod Identity association, which wins over a role annotation.
    public func patch(for pod: JSON, account: JSON?, credentials: ContainerCredentials?) -> [JSON]? {
        guard let plan = plan(pod, account?.at("metadata", "annotations"), credentials) else { return nil }
        let spec = pod["spec"] ?? [:]
        let selector = spec["nodeSelector"] ?? [:]
        let isWindows = ["beta.kubernetes.io/os", "kubernetes.io/os"].contains { selector[$0]?.string == "windows" }
        let path = "\(plan.mountPath)/\(plan.tokenName)"
        let file = isWindows ? "C:" + path.replacing("/", with: "\\") : path
        var patch: [JSON] = []
        if let label = plan.label { patch.append(labelPatch(pod, label)) }
        let volumes = spec["volumes"]?.array
        if !(volumes ?? []).contains(where: { $0["name"]?.string == plan.volume }) {
            let volume: JSON = [
                "name": .string(plan.volume),
                "projected": [
                    "sources": [
                        [
                            "serviceAccountToken": [
                                "audience": .string(plan.audience), "expirationSeconds": .integer(plan.expiration),
                                "path": .string(plan.tokenName),
                            ]
                        ]
                    ]
                ],
            ]
            patch.append(
                volumes == nil
                    ? ["op": "add", "path": "/spec/volumes", "value": [volume]] : ["op": "add", "path": "/spec/volumes/0", "value": volume])
        }
        for list in ["containers", "initContainers"] {
            let containers = (spec[list]?.array ?? []).map { container in
                plan.skipped.contains(container["name"]?.string ?? "") ? container : changed(container, plan, file)
            }
            if list == "containers" || !containers.isEmpty {
                patch.append(["op": "add", "path": .string("/spec/\(list)"), "value": .array(containers)])
            }
        }
        return patch
    }

    private func labelPatch(_ pod: JSON, _ label: (key: String, value: String)) -> JSON {
        guard pod.at("metadata", "labels")?.object != nil else {
            return ["op": "add", "path": "/metadata/labels", "value": [label.key: .string(label.value)]]
        }
        let pointer = label.key.replacing("~", with: "~0").replacing("/", with: "~1")
        return ["op": "add", "path": .string("/metadata/labels/\(pointer)"), "value": .string(label.value)]
    }

    // MARK: What is to be done

    private func plan(_ pod: JSON, _ account: JSON?, _ credentials: ContainerCredentials?) -> Plan? {
        func annotation(_ name: String) -> String? { account?["\(domain)/\(name)"]?.string }
        let own = pod.at("metadata", "annotations")
        let fallback = credentials?.expiration ?? Self.defaultExpiration
        let accountExpiration = Self.expiration(annotation("token-expiration")) ?? fallback
        let expiration = Self.expiration(own?["\(domain)/token-expiration"]?.string) ?? accountExpiration
        let skipped = Set(Self.fields(own?["\(domain)/skip-containers"]?.string ?? ""))
        let isRegional = annotation("sts-regional-endpoints").flatMap(Self.bool) ?? self.isRegional
        if let credentials {
            return Plan(
                skipped: skipped, expiration: expiration, isRegional: isRegional, audience: credentials.audience,
                mountPath: credentials.mountPath, volume: credentials.volume, tokenName: credentials.volume,
                names: ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"), source: credentials.uri,
                label: ("\(domain)/pod-identity", "enabled"))
        }
        // A role that is no ARN is used all the same; the webhook only logs it.
        guard let role = annotation("role-arn"), !role.isEmpty else { return nil }
        return Plan(
            skipped: skipped, expiration: expiration, isRegional: isRegional, audience: annotation("audience") ?? "sts.amazonaws.com",
            mountPath: "/var/run/secrets/\(domain)/serviceaccount", volume: "aws-iam-token", tokenName: "token",
            names: ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"), source: role, label: nil)
    }

    private static func expiration(_ text: String?) -> Int64? {
        text.flatMap { Int64($0) }.map { max($0, shortest) }
    }

    /// Go's `strconv.ParseBool`.
    private static func bool(_ text: String) -> Bool? {
        if ["1", "t", "T", "TRUE", "true", "True"].contains(text) { return true }
        return ["0", "f", "F", "FALSE", "false", "False"].contains(text) ? false : nil
    }

    /// The fields of the first line of comma-separated values (RFC 4180); none of a line that is malformed.
    private static func fields(_ text: String) -> [String] {
        let line = text.prefix { $0 != "\n" }
        guard line.contains("\"") else { return line.split(separator: ",").map(String.init) }
        var fields: [String] = []
        var rest = line[...]
        while true {
            var field = ""
            if rest.first == "\"" {
                rest.removeFirst()
                while true {
                    guard let end = rest.firstIndex(of: "\"") else { return [] }
                    field += rest[..<end]
                    rest = rest[rest.index(after: end)...]
                    guard rest.first == "\"" else { break }
                    field += "\""
                    rest.removeFirst()
                }
            } else {
                field = String(rest.prefix { $0 != "," })
                guard !field.contains("\"") else { return [] }
                rest = rest.dropFirst(field.count)
            }
            fields.append(field)
            guard let separator = rest.popFirst() else { return fields }
            guard separator == "," else { return [] }
        }
    }

    // MARK: Containers

    private func changed(_ container: JSON, _ plan: Plan, _ file: String) -> JSON {
        var container = container
        var environment = container["env"]?.array ?? []
        let defined = Set(environment.compactMap { $0["name"]?.string })
        let hasSource = defined.contains(plan.names.0) || defined.contains(plan.names.1)
        let hasRegion = defined.contains("AWS_REGION") || defined.contains("AWS_DEFAULT_REGION")
        let hasEndpoints = defined.contains("AWS_STS_REGIONAL_ENDPOINTS")
        if hasSource, hasRegion, hasEndpoints { return container }
        func add(_ name: String, _ value: String) { environment.append(["name": .string(name), "value": .string(value)]) }
        if !hasEndpoints, plan.isRegional { add("AWS_STS_REGIONAL_ENDPOINTS", "regional") }
        if !hasRegion, !region.isEmpty {
            add("AWS_DEFAULT_REGION", region)
            add("AWS_REGION", region)
        }
        if !hasSource {
            add(plan.names.0, plan.source)
            add(plan.names.1, file)
        }
        if !environment.isEmpty { container["env"] = .array(environment) }
        var mounts = container["volumeMounts"]?.array ?? []
        if !mounts.contains(where: { $0["name"]?.string == plan.volume }) {
            mounts.append(["name": .string(plan.volume), "readOnly": true, "mountPath": .string(plan.mountPath)])
            container["volumeMounts"] = .array(mounts)
        }
        return container
    }
}
