import HTTP
import IAMPolicy
import JSON
import PKI
import World

/// EKS Auth: `AssumeRoleForPodIdentity`, which the agent on each node calls for its pods.
struct PodIdentityService: Sendable {
    /// What the agent's node has to be allowed.
    static let action = "eks-auth:AssumeRoleForPodIdentity"
    /// The audience of the tokens.
    static let audience = "pods.eks.amazonaws.com"
    /// The life of the credentials (EKS User Guide, pod-identities): six hours.
    private static let life: Int64 = 6 * 3600

    let records: Records
    let world: World
    let sts: STSService

    /// Answers a signed call.
    func handle(_ call: AWSCall, _ authorization: CallerAuthorization, cluster: (String) -> ClusterRecord?) async throws(AWSError)
        -> HTTPResponse
    {
        let path = call.request.path.split(separator: "/").map { PercentEncoding.decode($0) ?? String($0) }
        guard call.request.method == "POST", path.count == 3, path[0] == "clusters", path[2] == "assume-role-for-pod-identity" else {
            throw AWSError(404, "UnknownOperationException", "The operation \(call.request.method) \(call.request.path) is unknown.")
        }
        call.request.trace.describe("eks-auth:AssumeRoleForPodIdentity")
        let record = cluster(path[1])
        let resource = record?.arn ?? "arn:aws:eks:\(call.region):\(call.caller.accountID):cluster/\(path[1])"
        try authorization.require(call, Self.action, on: resource)
        let token = (try? JSON(parsing: call.request.body))?["token"]?.string ?? ""
        guard !token.isEmpty else { throw AWSError(400, "InvalidParameterException", "token must not be null") }
        guard let record else { throw AWSError(404, "ResourceNotFoundException", "No cluster found for name: \(path[1]).") }
        let answer = try await credentials(record, token, call.request.trace)
        return HTTPResponse(
            status: 200, contentType: "application/json", answer.serialized(escaping: .minimal),
            headers: ["x-amzn-RequestId": call.requestID])
    }

    /// The credentials of the role that the token's service account is associated with.
    func credentials(_ cluster: ClusterRecord, _ token: String, _ trace: RequestTrace) async throws(AWSError) -> JSON {
        let subject = try await subject(of: token, cluster, trace)
        let collection = Records.collection(cluster.accountID, cluster.region, "eks", "pod-identity-associations")
        guard
            let association = records.list(collection, prefix: "\(cluster.name)/").map(\.json).first(where: {
                $0["namespace"]?.string == subject.namespace && $0["serviceAccount"]?.string == subject.account
            })
        else {
            let place = "\(subject.namespace)/\(subject.account)"
            trace.add(
                TraceStep(
                    "eks-auth", "association", expected: "one of service account \(place)", actual: "none", .fail,
                    fix:
                        "aws eks create-pod-identity-association --cluster-name \(cluster.name) --namespace \(subject.namespace) --service-account \(subject.account) --role-arn ROLE"
                ))
            throw AWSError(404, "ResourceNotFoundException", "No Pod Identity association found for service account \(place)")
        }
        trace.add(TraceStep("eks-auth", "association", actual: association["associationId"]?.string, .pass))
        let session = try await assume(association, subject, cluster, trace)
        return [
            "subject": ["namespace": .string(subject.namespace), "serviceAccount": .string(subject.account)],
            "audience": .string(Self.audience),
            "podIdentityAssociation": [
                "associationArn": association["associationArn"] ?? "", "associationId": association["associationId"] ?? "",
            ],
            "assumedRoleUser": [
                "arn": session.at("AssumedRoleUser", "Arn") ?? "", "assumeRoleId": session.at("AssumedRoleUser", "AssumedRoleId") ?? "",
            ],
            "credentials": [
                "sessionToken": session.at("Credentials", "SessionToken") ?? "",
                "secretAccessKey": session.at("Credentials", "SecretAccessKey") ?? "",
                "accessKeyId": session.at("Credentials", "AccessKeyId") ?? "", "expiration": .integer(world.now.seconds + Self.life),
            ],
        ]
    }

    // MARK: The token

    private struct Subject {
        let namespace: String
        let account: String
        let pod: (name: String, uid: String)
    }

    private func subject(of token: String, _ cluster: ClusterRecord, _ trace: RequestTrace) async throws(AWSError) -> Subject {
        func refuse(_ check: String, _ expected: String, _ actual: String) -> AWSError {
            trace.add(TraceStep("eks-auth", check, expected: expected, actual: actual, .fail))
            return AWSError(400, "InvalidTokenException", "The token included in the request is invalid: \(check) is \(actual)")
        }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = Base64URL.decode(parts[1]),
            let claims = try? JSON(parsing: bytes, limits: JSON.Limits(depth: 16, bytes: 1 << 16))
        else { throw refuse("token", "a JWT", "another text") }
        let issuer = claims["iss"]?.string ?? ""
        guard issuer == cluster.oidcIssuer else { throw refuse("issuer", cluster.oidcIssuer, issuer) }
        do {
            try await sts.issuers.keys(of: issuer).verify(token)
        } catch {
            throw refuse("signature", "by a key of \(issuer)", "\(error)")
        }
        let audiences = claims["aud"]?.strings ?? []
        guard audiences.contains(Self.audience) else { throw refuse("audience", Self.audience, audiences.joined(separator: ", ")) }
        let now = world.now
        let expiry = Instant(seconds: claims["exp"]?.integer ?? 0)
        guard now < expiry else {
            trace.add(TraceStep("eks-auth", "expiry", expected: "after \(now.rfc3339)", actual: expiry.rfc3339, .fail))
            throw AWSError(
                400, "ExpiredTokenException",
                "The token included in the request is expired: current date/time \(now.rfc3339) must be before the expiration date/time \(expiry.rfc3339)."
            )
        }
        let bound = claims["kubernetes.io"] ?? [:]
        guard let pod = bound.at("pod", "name")?.string, let uid = bound.at("pod", "uid")?.string else {
            throw refuse("pod", "the pod that the token is bound to", "absent")
        }
        trace.add(TraceStep("eks-auth", "token", actual: claims["sub"]?.string, .pass))
        return Subject(
            namespace: bound["namespace"]?.string ?? "", account: bound.at("serviceaccount", "name")?.string ?? "", pod: (pod, uid))
    }

    // MARK: The role

    private func assume(_ association: JSON, _ subject: Subject, _ cluster: ClusterRecord, _ trace: RequestTrace) async throws(AWSError)
        -> JSON
    {
        let tags =
            association["disableSessionTags"]?.bool == true
            ? []
            : PodIdentityTrust.sessionTags(
                cluster: (cluster.arn, cluster.name), namespace: subject.namespace, serviceAccount: subject.account, pod: subject.pod)
        let roleARN = association["roleArn"]?.string ?? ""
        let role = try role(roleARN, trace)
        var context = CallerAuthorization.requestTags(tags)
        context["aws:SourceArn"] = [cluster.arn]
        context["aws:SourceAccount"] = [cluster.accountID]
        if !tags.isEmpty { context["sts:TransitiveTagKeys"] = tags.map(\.key) }
        let trust = try trust(role)
        do throws(TrustRefusal) { try PodIdentityTrust.require(trust, context: context, isTagged: !tags.isEmpty) } catch {
            throw refuse(roleARN, "\(PodIdentityTrust.service) may sts:AssumeRole and sts:TagSession", error.reasons, trace)
        }
        trace.add(TraceStep("sts", "trust policy", actual: "\(roleARN) trusts \(PodIdentityTrust.service)", .pass))
        // Names are cut so that the whole fits the 64 characters of a session name.
        let name = "eks-\(cluster.name.prefix(10))-\(subject.pod.name.prefix(12))-\(world.random.uuid())"
        let session = Caller.Session(
            policy: association["policy"]?.string, tags: Dictionary(tags.map { ($0.key, $0.value) }) { $1 },
            transitiveKeys: tags.map(\.key),
            issued: world.now)
        guard let target = association["targetRoleArn"]?.string else {
            return try await issue(role, name, session)
        }
        let targetRole = try self.role(target, trace)
        let arn = roleARN.replacing(":iam:", with: ":sts:").replacing(":role/", with: ":assumed-role/") + "/\(name)"
        context["sts:ExternalId"] = [association["externalId"]?.string ?? ""]
        context["aws:PrincipalArn"] = [roleARN]
        let decision = PolicyEvaluation.evaluate(
            [("trust policy of \(target)", try self.trust(targetRole))],
            PolicyRequest(
                action: "sts:AssumeRole", principal: .aws(arn: arn, roleARN: roleARN, accountID: cluster.accountID), context: context))
        guard decision.outcome == .allowed else { throw refuse(target, "\(roleARN) may sts:AssumeRole", decision.reasons, trace) }
        return try await issue(targetRole, name, session)
    }

    private func issue(_ role: JSON, _ name: String, _ session: Caller.Session) async throws(AWSError) -> JSON {
        let arn = role["Arn"]?.string ?? ""
        let account = arn.split(separator: ":", omittingEmptySubsequences: false).dropFirst(4).first.map(String.init) ?? ""
        return try await sts.issue(
            role: role, account: account, name: role["RoleName"]?.string ?? "", sessionName: name, duration: Self.life, session: session)
    }

    private func role(_ arn: String, _ trace: RequestTrace) throws(AWSError) -> JSON {
        let sections = arn.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false).map(String.init)
        let account = sections.count == 6 ? sections[4] : ""
        let name = arn.split(separator: "/").last.map(String.init) ?? ""
        guard let role = records.get(Records.collection(account, "global", "iam", "roles"), name)?.json, role["Arn"]?.string == arn else {
            throw refuse(arn, "an existing role", [], trace)
        }
        return role
    }

    private func trust(_ role: JSON) throws(AWSError) -> PolicyDocument {
        (try? PolicyDocument(parsing: role["AssumeRolePolicyDocument"]?.string ?? "", isTrust: true)) ?? .nobody
    }

    private func refuse(_ role: String, _ expected: String, _ reasons: [String], _ trace: RequestTrace) -> AWSError {
        trace.add(
            TraceStep("sts", "trust policy", expected: expected, actual: "\(role) does not allow it", .fail, nearMisses: reasons))
        return AWSError(
            400, "AccessDeniedException", "Unauthorized Exception! EKS does not have permissions to assume the associated role.")
    }
}
