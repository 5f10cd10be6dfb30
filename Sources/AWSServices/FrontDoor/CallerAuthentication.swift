import Crypto
import HTTP
import JSON
import Store
import World

/// Finds out who signed a call: the key, the session, the time, the signature.
final class CallerAuthentication: Sendable {
    /// Users' keys.
    static let keys = "aws/access-keys"
    /// Roles' sessions, which end.
    static let sessions = "aws/sessions"
    /// How long an ended session is remembered, to be told from an unknown key.
    private static let sessionMemory: Duration = .seconds(24 * 3600)
    private static let skew: Duration = .seconds(300)
    /// STS takes a presigned GetCallerIdentity for fifteen minutes, whatever `X-Amz-Expires` says (facts/auth.md 2.1).
    private static let presignedLife: Duration = .seconds(15 * 60)
    /// Other services' presigned requests live as long as they say, up to a week.
    private static let longestPresigned = 7 * 86400

    private let records: Records
    private let world: World
    private let signingKeys = Lock<[KeyName: SymmetricKey]>([:])

    private struct KeyName: Sendable, Hashable {
        let secret: String
        let date: String
        let region: String
        let service: String
    }

    init(records: Records, world: World) {
        self.records = records
        self.world = world
    }

    /// The caller of a signed request.
    func caller(of request: HTTPRequest, _ signature: SigV4, _ wire: AWSProtocol) throws(AWSError) -> Caller {
        let keyID = signature.scope.accessKeyID
        let invalid = AWSError(403, wire.unknownKeyCode, "The security token included in the request is invalid.")
        guard let key = records.get(keyID.hasPrefix("ASIA") ? Self.sessions : Self.keys, keyID)?.json, key["status"]?.string == "Active",
            let secret = key["secret"]?.string
        else {
            request.trace.add(
                TraceStep("sigv4", "access key", expected: "an active key", actual: keyID, .fail, fix: "eval \"$(eks-sim env)\""))
            throw invalid
        }
        guard key["sessionToken"]?.string == signature.sessionToken else {
            request.trace.add(
                TraceStep("sigv4", "session token", actual: signature.sessionToken == nil ? "missing" : "of another session", .fail))
            throw invalid
        }
        if let expiry = key["expires"]?.integer, world.now >= Instant(seconds: expiry) {
            request.trace.add(
                TraceStep(
                    "sigv4", "session", expected: "until \(Instant(seconds: expiry).rfc3339)", actual: "expired at \(world.now.rfc3339)",
                    .fail))
            throw AWSError(403, wire.expiredSessionCode, "The security token included in the request is expired")
        }
        try checkTime(signature, request, wire)
        guard signature.signedHeaders.contains("host") else {
            request.trace.add(
                TraceStep(
                    "sigv4", "signed headers", expected: "host among them", actual: signature.signedHeaders.joined(separator: ";"), .fail))
            throw AWSError(403, wire.badSignatureCode, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
        }
        let signingKey = signingKey(secret, signature.scope)
        guard signature.isValid(request, signingKey: signingKey) else {
            let canonical = String(
                decoding: signature.canonicalRequest(request, host: (request.headers["Host"] ?? "").lowercased()), as: UTF8.self)
            request.trace.add(
                TraceStep(
                    "sigv4", "signature", expected: "the HMAC of the canonical request under the secret of \(keyID)",
                    actual: "another value", .fail,
                    nearMisses: ["canonical request here: \(canonical.replacing("\n", with: " ⏎ "))"]))
            throw AWSError(
                403, wire.badSignatureCode,
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
            )
        }
        request.trace.add(TraceStep("sigv4", "signature", actual: keyID, .pass))
        return Caller(key: key)
    }

    /// The caller whose session has an access key, for calls in process.
    ///
    /// - Throws: the refusal of a session that is not known or has ended.
    func caller(ofSession keyID: String, _ wire: AWSProtocol) throws(AWSError) -> Caller {
        guard let key = records.get(Self.sessions, keyID)?.json, key["status"]?.string == "Active" else {
            throw AWSError(403, wire.unknownKeyCode, "The security token included in the request is invalid.")
        }
        if let expiry = key["expires"]?.integer, world.now >= Instant(seconds: expiry) {
            throw AWSError(403, wire.expiredSessionCode, "The security token included in the request is expired")
        }
        return Caller(key: key)
    }

    private func checkTime(_ signature: SigV4, _ request: HTTPRequest, _ wire: AWSProtocol) throws(AWSError) {
        let now = world.now
        guard let signed = Instant(amzDate: signature.amzDate), signature.amzDate.hasPrefix(signature.scope.date) else {
            request.trace.add(TraceStep("sigv4", "X-Amz-Date", actual: signature.amzDate, .fail))
            throw AWSError(
                403, wire.badSignatureCode,
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '\(signature.scope.date)' != '\(signature.amzDate.prefix(8))', from '\(signature.amzDate)'."
            )
        }
        let life: Duration =
            switch signature.expires {
            case nil: Self.skew
            case _? where signature.scope.service == "sts": Self.presignedLife
            case let seconds?: .seconds(min(max(seconds, 0), Self.longestPresigned))
            }
        if now > signed + life {
            request.trace.add(
                TraceStep(
                    "sigv4", "X-Amz-Date", expected: "at most \(Int(life.inSeconds)) s before \(now.rfc3339)", actual: signed.rfc3339, .fail
                ))
            throw AWSError(
                403, wire.badSignatureCode,
                "Signature expired: \(signature.amzDate) is now earlier than \((now - life).amzDate) (\(now.amzDate) - \(Int(life.inSeconds) / 60) min.)"
            )
        }
        if signed > now + Self.skew {
            request.trace.add(
                TraceStep("sigv4", "X-Amz-Date", expected: "at most 300 s after \(now.rfc3339)", actual: signed.rfc3339, .fail))
            throw AWSError(
                403, wire.badSignatureCode,
                "Signature not yet current: \(signature.amzDate) is still later than \((now + Self.skew).amzDate) (\(now.amzDate) + 5 min.)"
            )
        }
    }

    /// Keeps a session until a day after its end.
    func keep(_ session: JSON, _ keyID: String) async throws(AWSError) {
        try await records.create(Self.sessions, keyID, session, exists: AWSError(500, "InternalFailure", "The key exists."))
        forget(keyID, session)
    }

    /// Goes on with forgetting after a restart.
    func resume() {
        for session in records.list(Self.sessions) { forget(session.name, session.json) }
    }

    private func forget(_ keyID: String, _ session: JSON) {
        let end = Instant(seconds: session["expires"]?.integer ?? 0) + Self.sessionMemory
        world.timers.schedule(at: end, "sts: session \(keyID) is forgotten") { [records] in
            try? await records.delete([Key(Self.sessions, keyID)])
        }
    }

    /// Deriving takes four HMACs; the last hundred are kept.
    private func signingKey(_ secret: String, _ scope: SigV4.Scope) -> SymmetricKey {
        let name = KeyName(secret: secret, date: scope.date, region: scope.region, service: scope.service)
        if let known = signingKeys.withLock({ $0[name] }) { return known }
        let made = SigV4.signingKey(secret: secret, scope: scope)
        signingKeys.withLock { keys in
            if keys.count >= 100 { keys.removeAll() }
            keys[name] = made
        }
        return made
    }
}
