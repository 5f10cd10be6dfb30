import AWSServices
import JSON
import Testing
import World

@Suite("EKS identity provider configs")
struct IdentityProviderTests {
    private let base = "/clusters/demo/identity-provider-configs"
    private let reference: JSON = ["identityProviderConfig": ["type": "oidc", "name": "corp"]]

    private func wish(_ changes: JSON = [:]) -> JSON {
        var oidc: JSON = [
            "identityProviderConfigName": "corp", "issuerUrl": "https://login.example.com", "clientId": "kubernetes",
            "groupsClaim": "groups", "requiredClaims": ["hd": "example.com"],
        ]
        for member in changes.object?.members ?? [] { oidc[member.key] = member.value.isNull ? nil : member.value }
        return ["oidc": oidc, "tags": ["env": "dev"]]
    }

    @Test("CREATING, ACTIVE, DELETING, gone: with updates of the cluster, on the clock")
    func life() async throws {
        let simulation = try await Simulation()
        await simulation.makeCluster("demo")
        let answer = await simulation.eks("POST", "\(base)/associate", wish())
        let update = answer.json["update"] ?? .null
        #expect(answer.json["tags"] == ["env": "dev"])
        #expect(update["type"] == "AssociateIdentityProviderConfig" && update["status"] == "InProgress")
        #expect(update["params"] == [["type": "IdentityProviderConfig", "value": "[{\"type\":\"oidc\",\"name\":\"corp\"}]"]])
        func config() async -> JSON {
            await simulation.eks("POST", "\(base)/describe", reference).json.at("identityProviderConfig", "oidc") ?? .null
        }
        func trusted() -> IdentityProviderRecord? {
            simulation.door.cluster(account: Simulation.account, region: Simulation.region, name: "demo")
                .flatMap { simulation.door.identityProvider(of: $0) }
        }
        let made = await config()
        #expect(made["status"] == "CREATING" && made["clusterName"] == "demo" && made["requiredClaims"] == ["hd": "example.com"])
        #expect(made["usernameClaim"] == nil, "what was not said is not answered")
        let arn = made["identityProviderConfigArn"]?.string ?? ""
        #expect(arn.hasPrefix("arn:aws:eks:ap-northeast-1:111122223333:identityproviderconfig/demo/oidc/corp/"))
        #expect(trusted() == nil)
        #expect(await simulation.eks("GET", base).json == ["identityProviderConfigs": [["type": "oidc", "name": "corp"]]])
        let busy = await simulation.eks("POST", "\(base)/disassociate", reference)
        #expect(busy.verdict == "409 ResourceInUseException")
        #expect(
            busy.message
                == "Cannot DisassociateIdentityProviderConfig because cluster demo currently has update \(update["id"]?.string ?? "") in progress"
        )
        await simulation.world.advance(by: .seconds(60))
        #expect(await config()["status"] == "ACTIVE")
        #expect(trusted()?.issuer == "https://login.example.com" && trusted()?.groupsClaim == "groups")
        let id = update["id"]?.string ?? ""
        #expect(await simulation.eks("GET", "/clusters/demo/updates/\(id)").json.at("update", "status") == "Successful")

        let removal = await simulation.eks("POST", "\(base)/disassociate", reference).json["update"] ?? .null
        #expect(removal["type"] == "DisassociateIdentityProviderConfig")
        #expect(removal["params"] == [["type": "IdentityProviderConfig", "value": "[]"]])
        #expect(await config()["status"] == "DELETING")
        #expect(trusted() != nil, "until the API servers are changed they trust it")
        await simulation.world.advance(by: .seconds(60))
        let gone = await simulation.eks("POST", "\(base)/describe", reference)
        #expect(gone.verdict == "404 ResourceNotFoundException")
        #expect(gone.message == "No config found for cluster: demo, config type: oidc, config name: corp")
        #expect(trusted() == nil)
        #expect(await simulation.eks("GET", base).json == ["identityProviderConfigs": []])
    }

    @Test("a token of the client makes the same call once")
    func idempotency() async throws {
        let simulation = try await Simulation()
        await simulation.makeCluster("demo")
        var wish = wish()
        wish["clientRequestToken"] = "t1"
        let first = await simulation.eks("POST", "\(base)/associate", wish)
        #expect(await simulation.eks("POST", "\(base)/associate", wish).json == first.json)
        await simulation.world.advance(by: .seconds(60))
        let again = await simulation.eks("POST", "\(base)/associate", wish)
        #expect(again.status == 200 && again.json.at("update", "id") == first.json.at("update", "id"))
        var removal = reference
        removal["clientRequestToken"] = "t1"
        #expect(
            await simulation.eks("POST", "\(base)/disassociate", removal).json.at("update", "type") == "DisassociateIdentityProviderConfig")
    }

    @Test("one for a cluster, and only of a cluster that is ACTIVE")
    func one() async throws {
        let simulation = try await Simulation()
        #expect(await simulation.eks("POST", "\(base)/associate", wish()).verdict == "404 ResourceNotFoundException")
        let cluster = await simulation.clusterBody("demo")
        _ = await simulation.eks("POST", "/clusters", cluster)
        let early = await simulation.eks("POST", "\(base)/associate", wish())
        #expect(early.verdict == "400 InvalidRequestException" && early.message == "Cluster 'demo' is not in ACTIVE status")
        await simulation.world.advance(by: .seconds(60))
        _ = await simulation.eks("POST", "\(base)/associate", wish())
        await simulation.world.advance(by: .seconds(60))
        let second = await simulation.eks("POST", "\(base)/associate", wish(["identityProviderConfigName": "other"]))
        #expect(second.verdict == "409 ResourceInUseException")
        _ = await simulation.eks("DELETE", "/clusters/demo")
        await simulation.world.advance(by: .seconds(60))
        #expect(await simulation.eks("POST", "/clusters", cluster).status == 200)
        #expect(await simulation.eks("GET", base).json == ["identityProviderConfigs": []], "it goes with its cluster")
    }

    @Test(
        "input that EKS refuses",
        arguments: [
            (["issuerUrl": "http://login.example.com"], "https://"), (["issuerUrl": "https://"], "is not valid"),
            (["issuerUrl": "https://a.example.com?x=1"], "is not valid"), (["issuerUrl": nil], "Member must not be null"),
            (["clientId": nil], "'oidc.clientId'"), (["identityProviderConfigName": nil], "'oidc.identityProviderConfigName'"),
            (["identityProviderConfigName": "-x"], "is not valid"), (["usernamePrefix": "system:x"], "system:"),
            (["groupsPrefix": "my-system:"], "system:"), (["requiredClaims": ["hd": ""]], "length greater than or equal to 1"),
            (["requiredClaims": [String(repeating: "k", count: 64): "v"]], "63"),
        ] as [(JSON, String)])
    func input(changes: JSON, words: String) async throws {
        let simulation = try await Simulation()
        await simulation.makeCluster("demo")
        let answer = await simulation.eks("POST", "\(base)/associate", wish(changes))
        #expect(answer.verdict == "400 InvalidParameterException" && answer.message.contains(words), "\(answer.text)")
    }

    @Test("the issuer of the cluster's own tokens is refused in EKS' words")
    func ownIssuer() async throws {
        let simulation = try await Simulation()
        await simulation.makeCluster("demo")
        let issuer = await simulation.eks("GET", "/clusters/demo").json.at("cluster", "identity", "oidc", "issuer")
        let answer = await simulation.eks("POST", "\(base)/associate", wish(["issuerUrl": issuer ?? .null]))
        #expect(
            answer.message
                == "Incorrect Identity Provider URL configuration. The Identity Provider URL cannot be same as OpenID Connect (OIDC) issuer URL"
        )
    }

    @Test("tags by ARN, and permissions by the config's ARN")
    func tagsAndPermissions() async throws {
        let simulation = try await Simulation()
        await simulation.makeCluster("demo")
        _ = await simulation.eks("POST", "\(base)/associate", wish())
        await simulation.world.advance(by: .seconds(60))
        let described = await simulation.eks("POST", "\(base)/describe", reference).json
        let arn = described.at("identityProviderConfig", "oidc", "identityProviderConfigArn")?.string ?? ""
        let path = "/tags/" + arn.replacing(":", with: "%3A").replacing("/", with: "%2F")
        _ = await simulation.eks("POST", path, ["tags": ["team": "a"]])
        #expect(await simulation.eks("GET", path).json == ["tags": ["env": "dev", "team": "a"]])
        let user = await simulation.makeUser("reader", allowing: "eks:ListIdentityProviderConfigs")
        #expect(await simulation.eks("GET", base, as: user).status == 200)
        let refused = await simulation.eks("POST", "\(base)/describe", reference, as: user)
        #expect(refused.verdict == "403 AccessDeniedException" && refused.message.contains("on resource: \(arn)"), "\(refused.text)")
    }
}
