import IAMPolicy
import JSON

/// Area `trust-policy`, and the trust that Pod Identity needs.
enum AuthTrustVectors {
    static func trust(_ given: JSON, _ expected: JSON) -> VectorOutcome {
        let isReachable = given["issuerReachable"]?.bool ?? true
        let providers = (given["providers"]?.array ?? []).map {
            WebIdentityTrust.Provider(
                arn: $0["arn"]?.string ?? "", url: $0["url"]?.string ?? "", clientIDs: $0["clientIdList"]?.strings ?? [],
                isReachable: isReachable)
        }
        let claims = given["token"] ?? [:]
        let token = WebIdentityTrust.Token(
            issuer: claims["iss"]?.string ?? "", audiences: claims["aud"]?.strings ?? [], subject: claims["sub"]?.string ?? "",
            isExpired: claims["expired"]?.bool ?? false, hasValidSignature: claims["signatureValid"]?.bool ?? true)
        let document: PolicyDocument
        do { document = try PolicyDocument(json: given["trustPolicy"] ?? .null, isTrust: true) } catch {
            return .failed("the trust policy is refused: \(error)")
        }
        var differences = Differences()
        do throws(TrustRefusal) {
            let answer = try WebIdentityTrust(providers: providers).assume(
                roleARN: given["role"]?.string ?? "", sessionName: given["roleSessionName"]?.string ?? "", trust: document, token: token)
            differences.compare(
                "", expected,
                [
                    "allowed": true, "assumedRoleArn": .string(answer.assumedRoleARN),
                    "subjectFromWebIdentityToken": .string(answer.subject), "audience": .string(answer.audience),
                    "provider": .string(answer.providerARN),
                ])
        } catch {
            differences.compare(
                "", expected,
                [
                    "allowed": false, "error": .string(error.code), "httpStatus": .integer(Int64(error.status)),
                    "message": .string(error.message),
                ])
        }
        return VectorOutcome(differences.texts)
    }
}
