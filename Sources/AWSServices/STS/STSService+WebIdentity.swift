import HTTP
import IAMPolicy
import JSON
import PKI
import World

/// `sts:AssumeRoleWithWebIdentity`: a role for the holder of a token of an OpenID Connect provider, without AWS credentials.
extension STSService {
    private static let tokenLimits = JSON.Limits(depth: 16, bytes: 1 << 16)

    /// The answer to a call that nobody signed.
    func webIdentity(_ request: HTTPRequest, _ form: QueryForm, requestID: String, wantsJSON: Bool) async throws(AWSError) -> HTTPResponse {
        let result = try await assumeRoleWithWebIdentity(form, request.trace)
        return Self.response(requestID, form.action, result, wantsJSON: wantsJSON)
    }

    func assumeRoleWithWebIdentity(_ form: QueryForm, _ trace: RequestTrace) async throws(AWSError) -> JSON {
        let roleARN = try form.required("RoleArn")
        let name = try sessionName(form)
        let token = try form.required("WebIdentityToken")
        guard token.utf8.count >= 4 else {
            throw QueryForm.violation(token, "WebIdentityToken", "Member must have length greater than or equal to 4")
        }
        guard token.utf8.count <= 20_000 else {
            throw QueryForm.violation(nil, "WebIdentityToken", "Member must have length less than or equal to 20000")
        }
        let wish = try SessionRequest(form)
        let sections = roleARN.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
        guard sections.count == 6, sections[0] == "arn", sections[2] == "iam", sections[5].hasPrefix("role/") else {
            throw AWSError(400, "ValidationError", "Request ARN is invalid")
        }
        guard let claims = Self.claims(token) else {
            trace.add(TraceStep("sts", "web identity token", expected: "a JWT", actual: "another text", .fail))
            throw AWSError(
                400, "InvalidIdentityToken",
                "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
        }
        let account = String(sections[4])
        let roleName = roleARN.split(separator: "/").last.map(String.init) ?? ""
        let answer = try await check(claims, token, roleARN, roleName, name, account, trace)
        guard let role = records.get(Records.collection(account, "global", "iam", "roles"), roleName)?.json else {
            throw AWSError(403, "AccessDenied", "Not authorized to perform \(WebIdentityTrust.action)")
        }
        let duration = try duration(form, role, isChained: false)
        let session = Caller.Session(policy: wish.policy, policyARNs: wish.policyARNs, issued: world.now)
        var result = try await issue(role: role, account: account, name: roleName, sessionName: name, duration: duration, session: session)
        result["SubjectFromWebIdentityToken"] = .string(answer.subject)
        result["Audience"] = .string(answer.audience)
        result["Provider"] = .string(answer.providerARN)
        result["PackedPolicySize"] = wish.packedSize.map { .integer(Int64($0)) }
        return result
    }

    private static func claims(_ token: String) -> JSON? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = Base64URL.decode(parts[1]) else { return nil }
        guard let claims = try? JSON(parsing: bytes, limits: tokenLimits), claims.object != nil else { return nil }
        return claims
    }

    /// Provider, signature, life, audience, then the role's trust policy.
    private func check(
        _ claims: JSON, _ token: String, _ roleARN: String, _ roleName: String, _ session: String, _ account: String, _ trace: RequestTrace
    ) async throws(AWSError) -> WebIdentityTrust.Answer {
        let issuer = claims["iss"]?.string ?? ""
        let url = issuer.hasPrefix("https://") ? String(issuer.dropFirst("https://".count)) : issuer
        var providers: [WebIdentityTrust.Provider] = []
        var hasValidSignature = false
        if let provider = records.get(Records.collection(account, "global", "iam", "oidc-providers"), url)?.json {
            trace.add(TraceStep("sts", "OIDC provider", actual: "\(url) in account \(account)", .pass))
            hasValidSignature = try await verify(token, issuer, trace)
            providers = [
                WebIdentityTrust.Provider(
                    arn: "arn:aws:iam::\(account):oidc-provider/\(url)", url: url, clientIDs: provider["ClientIDList"]?.strings ?? [])
            ]
        } else {
            trace.add(
                TraceStep(
                    "sts", "OIDC provider", expected: "a provider \(url) in account \(account)", actual: "none", .fail,
                    fix: "aws iam create-open-id-connect-provider --url \(issuer) --client-id-list sts.amazonaws.com"))
        }
        let role = records.get(Records.collection(account, "global", "iam", "roles"), roleName)?.json
        let isThere = role?["Arn"]?.string == roleARN
        let text = isThere ? role?["AssumeRolePolicyDocument"]?.string ?? "" : ""
        // A role that is not there trusts nobody.
        let trust = (try? PolicyDocument(parsing: text, isTrust: true)) ?? PolicyDocument.nobody
        let now = world.now.seconds
        let audiences = claims["aud"]?.strings ?? claims["aud"]?.string.map { [$0] } ?? []
        let expiry = claims["exp"]?.integer ?? 0
        do throws(TrustRefusal) {
            let answer = try WebIdentityTrust(providers: providers).assume(
                roleARN: roleARN, sessionName: session, trust: trust,
                token: .init(
                    issuer: issuer, audiences: audiences, subject: claims["sub"]?.string ?? "", isExpired: now >= expiry,
                    hasValidSignature: hasValidSignature))
            trace.add(TraceStep("sts", "trust policy", actual: answer.reasons.first, .pass))
            return answer
        } catch {
            let isExpired = error.code == "ExpiredTokenException"
            let message =
                isExpired ? "Token expired: current date/time \(now) must be before the expiration date/time \(expiry)" : error.message
            explain(error, message, isThere ? nil : roleARN, claims, audiences, trace)
            throw AWSError(error.status, error.code, message)
        }
    }

    private func explain(
        _ refusal: TrustRefusal, _ message: String, _ missingRole: String?, _ claims: JSON, _ audiences: [String], _ trace: RequestTrace
    ) {
        guard !trace.snapshot.steps.contains(where: { $0.verdict == .fail }) else { return }
        if let missingRole {
            return trace.add(
                TraceStep("sts", "role", expected: "an existing role of this path and name", actual: missingRole, .fail))
        }
        trace.add(
            TraceStep(
                "sts", refusal.code == "AccessDenied" ? "trust policy" : "web identity token",
                expected: refusal.code == "AccessDenied" ? "a statement for sub \(claims["sub"]?.string ?? ""), aud \(audiences)" : nil,
                actual: message, .fail, nearMisses: Array(refusal.reasons.prefix(5))))
    }

    /// Whether one of the issuer's keys signed a token.
    private func verify(_ token: String, _ issuer: String, _ trace: RequestTrace) async throws(AWSError) -> Bool {
        let keys: JSONWebKeySet
        do throws(OpenIDIssuerFailure) { keys = try await issuers.keys(of: issuer) } catch {
            trace.add(TraceStep("sts", "JWKS", expected: "the keys of \(issuer)", actual: error.description, .fail))
            throw AWSError(
                400, "InvalidIdentityToken",
                "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
            )
        }
        do throws(JSONWebKeySet.Problem) { try keys.verify(token) } catch {
            trace.add(TraceStep("sts", "signature", expected: "RS256 by a key of \(issuer)", actual: "\(error)", .fail))
            if case .unknownKey = error {
                throw AWSError(
                    400, "InvalidIdentityToken",
                    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
                )
            }
            return false
        }
        trace.add(TraceStep("sts", "signature", actual: "a key of \(issuer)", .pass))
        return true
    }
}
