import EKSSim
import Foundation
import IAMAuthenticator
import JSON
import Testing
import World

/// How many cases a property is tried on: few in `make test`, many in `make soak`.
enum Cases {
    static func count(_ few: Int) -> Int { ProcessInfo.processInfo.environment["FORGED"].flatMap { Int($0) } ?? few }
}

/// Property: no token that differs from a signed one in what it means is let in. The seed is fixed, so each run forges the same tokens.
@Suite("Forged tokens", .serialized)
struct ForgedTokenTests {
    private static let fields = [
        "scheme", "host", "path", "prefix", "base64", "url", "name", "value", "dropped", "added", "doubled", "secret", "key", "cluster",
        "expired", "expiry", "signature",
    ]

    @Test("every field mutated: all refused, none crashes")
    func allRefused() async throws {
        let cluster = try await SimulatedCluster.start()
        let mutator = Mutator(
            seed: 20_261_125, words: ["&", "=", "%00", "%", "#", "?", "/", "//", ";", "AKIA", "X-Amz-Date=", "sts.", "@", ":443", "\u{0}"])
        #expect(try await cluster.review(cluster.forge.token) == 200, "the untouched token is good")
        var letIn: [String] = []
        var forged = 0
        var perField: [String: Int] = [:]
        while forged < Cases.count(3000) {
            let field = Self.fields[mutator.next(Self.fields.count)]
            guard let token = forge(field, cluster.forge, mutator) else { continue }
            forged += 1
            perField[field, default: 0] += 1
            let status = try await cluster.review(token)
            if status != 403 { letIn.append("\(field): \(status) \(token)") }
        }
        #expect(letIn == [])
        #expect(perField.count == Self.fields.count, "every field was forged: \(perField)")
        var shouted = cluster.forge
        shouted.host = "sts.ap-Northeast-1.amazonaws.com"
        let spelled = TokenForge.token(shouted.url(cluster.forge.signed()))
        #expect(try await cluster.review(spelled) == 403, "another case of the host is another host")
        #expect(try await cluster.review(cluster.forge.token) == 200, "and the untouched one is still good")
        await cluster.simulator.stop()
    }

    /// A forged token; `nil` when the change means nothing, such as another spelling of the same URL.
    private func forge(_ field: String, _ good: TokenForge, _ mutator: Mutator) -> String? {
        var forge = good
        var query = good.signed()
        let place = mutator.next(query.count)
        switch field {
        case "scheme": forge.scheme = ["http", "ftp", "", "httpss", "h"][mutator.next(5)]
        case "host": forge.host = mutator.other(than: good.host)
        case "path": forge.path = ["", "//", "/x", "/%2F", "/..", "/./"][mutator.next(6)]
        case "prefix": return mutator.other(than: "k8s-aws-v1.") + good.token.dropFirst("k8s-aws-v1.".count)
        case "base64": return changed("k8s-aws-v1." + mutator.mutate(String(good.token.dropFirst("k8s-aws-v1.".count))), good)
        case "url": return changed(TokenForge.token(mutator.mutate(good.url(query))), good)
        case "name": query[place].name = mutator.other(than: query[place].name)
        case "value", "signature":
            let place = field == "signature" ? query.count - 1 : place
            query[place].value = mutator.other(than: query[place].value)
        case "dropped": query.remove(at: place)
        case "added": query.insert((name: mutator.mutate("X-Amz-Extra"), value: "1"), at: place)
        case "doubled": query.insert(query[place], at: mutator.next(query.count))
        case "secret":
            forge.secret = mutator.other(than: good.secret)
            query = forge.signed()
        case "key":
            forge.accessKeyID = mutator.other(than: good.accessKeyID)
            query = forge.signed()
        case "cluster":
            forge.cluster = mutator.other(than: good.cluster)
            query = forge.signed()
        case "expired":
            forge.date = good.date - .seconds(901 + mutator.next(1_000_000))
            query = forge.signed()
        default: query = forge.signed(expires: [-1, 901, 86_400, .max, .min][mutator.next(5)])
        }
        return changed(TokenForge.token(forge.url(query)), good)
    }

    /// The token unless it says what the good one says.
    private func changed(_ token: String, _ good: TokenForge) -> String? {
        guard let forged = PresignedURL(token: token), let original = PresignedURL(token: good.token) else { return token }
        let isSame =
            forged.scheme == original.scheme && forged.host == original.host && forged.path == original.path
            && forged.queryPairs?.map { "\($0.name)=\($0.value)" }.sorted()
                == original.queryPairs?.map { "\($0.name)=\($0.value)" }.sorted()
        return isSame ? nil : token
    }

    @Test("ServiceAccount tokens with any part changed: all refused")
    func serviceAccountTokens() async throws {
        let cluster = try await SimulatedCluster.start()
        let mutator = Mutator(seed: 7, words: [".", "eyJ", "=", "-", "_"])
        let path = "/api/v1/namespaces/default/serviceaccounts"
        _ = try await cluster.kubernetes("POST", path, token: cluster.forge.token, body: ["metadata": ["name": "bot"]])
        let answer = try await cluster.kubernetes("POST", "\(path)/bot/token", token: cluster.forge.token, body: ["spec": [:]])
        let good = try #require(answer.json.at("status", "token")?.string)
        let review = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        let body: JSON = ["apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"]
        #expect(try await cluster.kubernetes("POST", review, token: good, body: body).status == 201)
        let parts = good.split(separator: ".").map(String.init)
        var letIn: [String] = []
        for _ in 0..<Cases.count(600) {
            var forged = parts
            let part = mutator.next(3)
            forged[part] = String(
                String.UnicodeScalarView(mutator.other(than: parts[part]).unicodeScalars.filter { $0.isASCII && $0.value > 32 }))
            // The last character of a signature has bits that mean nothing.
            guard forged != parts, part < 2 || forged[2].dropLast() != parts[2].dropLast() else { continue }
            let status = try await cluster.kubernetes("POST", review, token: forged.joined(separator: "."), body: body).status
            if status != 401 { letIn.append("\(status) \(forged.joined(separator: "."))") }
        }
        #expect(letIn == [])
        await cluster.simulator.stop()
    }
}
