import EKSSim
import HTTP
import JSON
import Testing
import World

@Suite("EKS Auth: AssumeRoleForPodIdentity")
struct PodIdentityTests {
    private static let trust: JSON = [
        "Version": "2012-10-17",
        "Statement": [
            [
                "Effect": "Allow", "Principal": ["Service": "pods.eks.amazonaws.com"], "Action": ["sts:AssumeRole", "sts:TagSession"],
            ]
        ],
    ]

    /// A cluster with a pod of service account `prod/app`, and role `pods`.
    private func prepare(_ harness: Harness, associated: Bool = true, trust: JSON = trust) async throws {
        let admin = harness.token()
        _ = try await harness.iam(
            "CreateRole", [("RoleName", "pods"), ("AssumeRolePolicyDocument", trust.text)])
        for (path, body) in [
            ("/api/v1/namespaces", ["metadata": ["name": "prod"]]),
            ("/api/v1/namespaces/prod/serviceaccounts", ["metadata": ["name": "app"]]),
            (
                "/api/v1/namespaces/prod/pods",
                ["metadata": ["name": "web"], "spec": ["serviceAccountName": "app", "containers": [["name": "c", "image": "i"]]]]
            ),
        ] as [(String, JSON)] {
            let answer = try await harness.kubernetes("POST", path, body, token: admin)
            #expect(answer.status == 201, "\(answer.text)")
        }
        guard associated else { return }
        let answer = try await harness.eks(
            "POST", "/clusters/demo/pod-identity-associations",
            ["namespace": "prod", "serviceAccount": "app", "roleArn": "arn:aws:iam::111122223333:role/pods"])
        #expect(answer.status == 200, "\(answer.text)")
    }

    /// A token as a kubelet would mount it.
    private func podToken(_ harness: Harness, audience: String = "pods.eks.amazonaws.com", bound: Bool = true) async throws -> String {
        let admin = harness.token()
        let pod = try await harness.kubernetes("GET", "/api/v1/namespaces/prod/pods/web", token: admin).json
        var spec: JSON = ["audiences": [.string(audience)], "expirationSeconds": 3600]
        if bound {
            spec["boundObjectRef"] = ["kind": "Pod", "apiVersion": "v1", "name": "web", "uid": pod.at("metadata", "uid") ?? ""]
        }
        let answer = try await harness.kubernetes(
            "POST", "/api/v1/namespaces/prod/serviceaccounts/app/token",
            ["kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": spec], token: admin)
        return answer.json.at("status", "token")?.string ?? ""
    }

    private func assume(_ harness: Harness, _ token: String, cluster: String = "demo") async throws -> Harness.Answer {
        try await harness.aws(
            "eks-auth", "POST", "/clusters/\(cluster)/assume-role-for-pod-identity", ["token": .string(token)])
    }

    @Test("credentials of the associated role for six hours, the session named after cluster and pod")
    func credentials() async throws {
        try await Harness.run { harness in
            try await prepare(harness)
            let answer = try await assume(harness, try await podToken(harness))
            #expect(answer.status == 200, "\(answer.text)")
            #expect(answer.json["subject"] == ["namespace": "prod", "serviceAccount": "app"])
            #expect(answer.json["audience"] == "pods.eks.amazonaws.com")
            let arn = answer.json.at("assumedRoleUser", "arn")?.string ?? ""
            #expect(arn.hasPrefix("arn:aws:sts::111122223333:assumed-role/pods/eks-demo-web-"), "\(arn)")
            #expect(answer.json.at("credentials", "expiration") == .integer(harness.simulator.world.now.seconds + 6 * 3600))
            #expect(answer.json.at("credentials", "accessKeyId")?.string?.hasPrefix("ASIA") == true)
        }
    }

    @Test("each refusal by its own error")
    func refusals() async throws {
        try await Harness.run { harness in
            try await prepare(harness)
            let good = try await podToken(harness)
            func verdict(_ answer: Harness.Answer) -> String {
                "\(answer.status) \(answer.headers["x-amzn-ErrorType"] ?? "") \(answer.json["message"]?.string ?? "")"
            }
            for (token, expected) in [
                (try await podToken(harness, audience: "sts.amazonaws.com"), "400 InvalidTokenException"),
                (try await podToken(harness, bound: false), "400 InvalidTokenException"), ("no token", "400 InvalidTokenException"),
                (String(good.dropLast(8)) + "AAAAAAAA", "400 InvalidTokenException"), ("", "400 InvalidParameterException"),
            ] {
                let answer = verdict(try await assume(harness, token))
                #expect(answer.hasPrefix(expected), "\(answer)")
            }
            #expect(verdict(try await assume(harness, good, cluster: "none")).hasPrefix("404 ResourceNotFoundException"))
            await harness.simulator.world.advance(by: .seconds(3601))
            #expect(verdict(try await assume(harness, good)).hasPrefix("400 ExpiredTokenException"))
        }
    }

    @Test("without an association, and with a role that does not trust the service with tags")
    func roles() async throws {
        try await Harness.run { harness in
            try await prepare(harness, associated: false)
            let answer = try await assume(harness, try await podToken(harness))
            #expect(answer.status == 404 && answer.json["message"] == "No Pod Identity association found for service account prod/app")
        }
        try await Harness.run { harness in
            var trust = Self.trust
            trust["Statement"] = [
                ["Effect": "Allow", "Principal": ["Service": "pods.eks.amazonaws.com"], "Action": "sts:AssumeRole"]
            ]
            try await prepare(harness, trust: trust)
            let answer = try await assume(harness, try await podToken(harness))
            #expect(answer.status == 400 && answer.headers["x-amzn-ErrorType"] == "AccessDeniedException")
        }
    }
}
