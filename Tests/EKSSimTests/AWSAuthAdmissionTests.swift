import JSON
import Testing

@Suite("aws-auth is looked at before it is stored")
struct AWSAuthAdmissionTests {
    private static let path = "/api/v1/namespaces/kube-system/configmaps"

    private static func map(_ roles: String, name: String = "aws-auth") -> JSON {
        ["metadata": ["name": .string(name)], "data": ["mapRoles": .string(roles)]]
    }

    private static let good = "- rolearn: arn:aws:iam::111122223333:role/r\n  username: u\n  groups: [g]\n"

    @Test(
        "what the authenticator could not read is refused, and what was there stays",
        arguments: ["- rolearn: [", "rolearn: x", "- username: u", "- rolearn: arn:aws:iam::111122223333:role/r\n  groups: g"])
    func refused(_ roles: String) async throws {
        try await Harness.run { harness in
            let made = try await harness.kubernetes("POST", Self.path, Self.map(Self.good), token: harness.token())
            #expect(made.status == 201)
            let refusal = try await harness.kubernetes("PUT", Self.path + "/aws-auth", Self.map(roles), token: harness.token())
            #expect(refusal.status == 400)
            let words = "admission webhook \"eks-aws-auth-configmap-validation-webhook.amazonaws.com\" denied the request: mapRoles"
            #expect(refusal.json["message"]?.string?.hasPrefix(words) == true, "\(refusal.text)")
            let kept = try await harness.kubernetes("GET", Self.path + "/aws-auth", token: harness.token())
            #expect(kept.text == made.text)
            let other = try await harness.kubernetes("POST", Self.path, Self.map(roles, name: "other"), token: harness.token())
            #expect(other.status == 201)
        }
    }
}
