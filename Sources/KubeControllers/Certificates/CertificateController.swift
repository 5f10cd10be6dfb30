import Encoding
import JSON
import KubeAPI
import KubeAPIServer
import PKI
import RBAC
import World

/// Approves the requests of kubelets, signs what is approved with the cluster's CA, and removes what is old: the controllers
/// `csrapproving`, `csrsigning` and `csrcleaner` of kube-controller-manager (`pkg/controller/certificates`).
actor CertificateController {
    static let signals = [ChangeSignals.Resource("certificates.k8s.io", "certificatesigningrequests")]
    private static let path = "/apis/certificates.k8s.io/v1/certificatesigningrequests"

    /// `--cluster-signing-duration`, and by how much certificates begin earlier, so that clocks may differ.
    private static let validity = Duration.seconds(365 * 86400)
    private static let backdating = Duration.seconds(300)
    /// Shorter ones end when they are said to end (`authority.PermissiveSigningPolicy.Short`).
    private static let short = Duration.seconds(8 * 3600)
    private static let shortest = Duration.seconds(600)
    /// What is waiting goes after a day, what is decided after an hour (`cleaner.go`).
    private static let pending = Duration.seconds(24 * 3600)
    private static let decided = Duration.seconds(3600)

    private let world: World
    private let authority: CertificateAuthority
    private let isEKS: Bool
    private let signers: Set<ClusterSigner>
    private let client: ComponentClient
    private var requests: CollectionFeed
    private var old = DeadlineQueue()
    private let setAlarm: @Sendable (Instant?) -> Void

    init(
        _ access: ComponentAccess, authority: CertificateAuthority, minorVersion: Int, setAlarm: @escaping @Sendable (Instant?) -> Void
    ) {
        world = access.cluster.world
        self.authority = authority
        isEKS = access.cluster.profile == .eks
        signers = ClusterSigner.all(isEKS: isEKS)
        // EKS' own signer is nothing that upstream's role knows.
        let user =
            isEKS
            ? UserInfo(username: "eks:certificate-controller", groups: ["system:masters"])
            : UserInfo(
                username: "system:serviceaccount:kube-system:certificate-controller",
                groups: ["system:serviceaccounts", "system:serviceaccounts:kube-system"])
        client = ComponentClient(
            access, as: user, userAgent: "kube-controller-manager/v1.\(minorVersion).0 (linux/amd64) certificate-controller")
        requests = CollectionFeed(access.cluster, group: "certificates.k8s.io", "certificatesigningrequests")
        self.setAlarm = setAlarm
    }

    /// Looks at the requests that changed, and removes those whose time has come.
    func work() async {
        var feed = requests
        let changes = await feed.drain()
        requests = feed
        var latest: [String: JSON?] = [:]
        for change in changes { latest[change.key] = .some(change.object) }
        for (name, request) in latest.sorted(by: { $0.key < $1.key }) {
            old.set(name, request.flatMap(deadline))
            guard let request, !request.isBeingDeleted else { continue }
            await settle(name, request)
        }
        while let name = old.take(by: world.now) { _ = await client.send("DELETE", "\(Self.path)/\(name)") }
        setAlarm(old.next)
    }

    /// Ends following.
    func close() {
        requests.close()
        client.close()
    }

    private func settle(_ name: String, _ object: JSON) async {
        guard object.at("status", "certificate")?.string?.isEmpty ?? true,
            let signer = (object.at("spec", "signerName")?.string).flatMap(ClusterSigner.init), signers.contains(signer),
            let pem = (object.at("spec", "request")?.string).flatMap(Base64.decodeURL), let request = CertificateRequest(pem: pem)
        else { return }
        let conditions = Self.conditions(object)
        let usages = object.at("spec", "usages")?.strings ?? []
        if conditions["Approved"] == nil, conditions["Denied"] == nil {
            return await approve(name, object, request, signer, usages)
        }
        guard conditions["Approved"] != nil, conditions["Failed"]?["status"] != "True" else { return }
        do throws(ClusterSigner.Refusal) { try signer.check(request, usages) } catch {
            return await add(name, object, "status", "Failed", reason: "SignerValidationFailure", error.message)
        }
        await sign(name, object, request, usages)
    }

    private static func conditions(_ object: JSON) -> [String: JSON] {
        let all = object.at("status", "conditions")?.array ?? []
        return Dictionary(all.map { ($0["type"]?.string ?? "", $0) }) { first, _ in first }
    }

    private func approve(_ name: String, _ object: JSON, _ request: CertificateRequest, _ signer: ClusterSigner, _ usages: [String]) async {
        let username = object.at("spec", "username")?.string ?? ""
        let rules = AutomaticApproval.rules(request, signer: signer, usages: usages, username: username, isEKS: isEKS)
        for rule in rules where await isAllowed(object, rule.subresource) {
            return await add(name, object, "approval", "Approved", reason: "AutoApproved", rule.message)
        }
    }

    /// Asks whether the one who made a request may have it approved.
    private func isAllowed(_ object: JSON, _ subresource: String) async -> Bool {
        var spec: JSON = [
            "user": object.at("spec", "username") ?? "",
            "resourceAttributes": [
                "group": "certificates.k8s.io", "resource": "certificatesigningrequests", "verb": "create", "version": "*",
                "subresource": .string(subresource),
            ],
        ]
        for member in ["uid", "groups", "extra"] { spec[member] = object.at("spec", member) }
        let review: JSON = ["apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec]
        let answer = await client.send("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        return answer.object.at("status", "allowed")?.bool == true
    }

    /// Adds a condition. A conflict calls for the work again by itself: the object has changed.
    private func add(_ name: String, _ object: JSON, _ part: String, _ type: String, reason: String, _ message: String) async {
        var object = object
        let time = JSON.string(world.now.rfc3339)
        let condition: JSON = [
            "type": .string(type), "status": "True", "reason": .string(reason), "message": .string(message), "lastUpdateTime": time,
        ]
        object.set(.array((object.at("status", "conditions")?.array ?? []) + [condition]), at: ["status", "conditions"])
        _ = await client.send("PUT", "\(Self.path)/\(name)/\(part)", object)
    }

    private func sign(_ name: String, _ object: JSON, _ request: CertificateRequest, _ usages: [String]) async {
        let now = world.now
        let asked = object.at("spec", "expirationSeconds")?.integer.map { Duration.seconds($0) }
        let validity = asked.map { max(Self.shortest, min($0, Self.validity)) } ?? Self.validity
        let end = validity < Self.short ? now + validity : now + validity - Self.backdating
        let known = usages.compactMap(CertificateAuthority.Usage.init)
        guard known.count == usages.count,
            let certificate = try? authority.sign(request, usages: known, from: now - Self.backdating, until: end, world: world)
        else { return }
        var object = object
        object.set(.string(Base64.encode(Array(certificate.utf8))), at: ["status", "certificate"])
        _ = await client.send("PUT", "\(Self.path)/\(name)/status", object)
    }

    /// When a request goes.
    private func deadline(_ object: JSON) -> Instant? {
        let conditions = Self.conditions(object)
        guard !conditions.isEmpty else {
            return object.at("metadata", "creationTimestamp")?.string.flatMap(Instant.init(rfc3339:)).map { $0 + Self.pending }
        }
        let isIssued = object.at("status", "certificate")?.string?.isEmpty == false
        let times = conditions.compactMap { type, condition -> Instant? in
            guard type != "Approved" || isIssued else { return nil }
            return condition["lastUpdateTime"]?.string.flatMap(Instant.init(rfc3339:)).map { $0 + Self.decided }
        }
        // A certificate that has ended is of no use any more.
        let pem = conditions["Approved"] == nil ? nil : object.at("status", "certificate")?.string.flatMap(Base64.decodeURL)
        let end = pem.flatMap { CertificateAuthority.end(ofPEM: $0) }.map { $0 + .seconds(1) }
        if let earliest = (times + [end].compactMap { $0 }).min() { return earliest }
        // Approved, and nobody signs it.
        return conditions["Approved"]?["lastUpdateTime"]?.string.flatMap(Instant.init(rfc3339:)).map { $0 + Self.pending }
    }
}
