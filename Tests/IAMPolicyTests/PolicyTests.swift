import IAMPolicy
import JSON
import Testing

@Suite("IAM policies")
struct PolicyTests {
    private func outcome(
        _ condition: JSON, _ context: [String: [String]], resource: JSON = "*", on target: String = "*", version: JSON = "2012-10-17"
    ) throws -> PolicyDecision.Outcome {
        let document = try PolicyDocument(json: [
            "Version": version,
            "Statement": [["Effect": "Allow", "Action": "eks:*", "Resource": resource, "Condition": condition]],
        ])
        let request = PolicyRequest(action: "eks:DescribeCluster", resource: target, context: context)
        return PolicyEvaluation.evaluate([("p", document)], request).outcome
    }

    /// operator, wanted, found (`nil`: absent), holds
    private static let operators: [(String, JSON, [String]?, Bool)] = [
        ("StringEquals", "a", ["a"], true), ("StringEquals", "a*", ["ab"], false), ("StringEquals", "a", nil, false),
        ("StringNotEquals", "a", nil, true), ("StringNotEquals", ["a", "b"], ["b"], false), ("StringEqualsIgnoreCase", "A", ["a"], true),
        ("StringLike", "a?c*", ["aéc"], true), ("StringLike", "a?c", ["ac"], false), ("StringEqualsIfExists", "a", nil, true),
        ("StringEqualsIfExists", "a", ["b"], false), ("Null", true, nil, true), ("Null", "false", nil, false),
        ("Null", "false", ["x"], true),
        ("Bool", true, ["true"], true), ("Bool", "false", ["true"], false), ("NumericLessThanEquals", 10, ["10"], true),
        ("NumericGreaterThan", "10", ["9.5"], false), ("NumericEquals", "x", ["x"], false), ("NumericNotEquals", "1", ["2"], true),
        ("DateLessThan", "2026-07-10T12:00:00Z", ["2026-07-10T13:59:59+02:00"], true),
        ("DateGreaterThanEquals", "2026-07-10", ["1783641600"], true),
        ("DateEquals", "2026-02-30T00:00:00Z", ["2026-02-30T00:00:00Z"], false),
        ("IpAddress", "10.0.0.0/8", ["10.2.3.4"], true), ("NotIpAddress", ["10.0.0.0/8", "::1/128"], ["::1"], false),
        ("ArnLike", "arn:aws:iam::*:role/*", ["arn:aws:iam::1:role/a:b"], true),
        ("ArnLike", "arn:aws:*:role/x", ["arn:aws:iam::1:role/x"], false),
        ("ArnNotEquals", "arn:aws:iam::1:role/x", ["arn:aws:iam::1:role/y"], true),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], true), ("ForAllValues:StringEquals", "a", ["a", "c"], false),
        ("ForAllValues:StringEquals", "a", nil, true), ("ForAnyValue:StringEquals", "a", ["c", "a"], true),
        ("ForAnyValue:StringEquals", "a", nil, false), ("ForAnyValue:StringNotEquals", "a", nil, false),
        ("ForAnyValue:StringNotEquals", "a", ["a", "b"], true), ("ForAllValues:StringNotLike", "a*", ["ab", "c"], false),
    ]

    @Test("condition operators")
    func conditions() throws {
        for (name, wanted, found, holds) in Self.operators {
            let result = try outcome([name: ["k": wanted]], found.map { ["K": $0] } ?? [:])
            #expect((result == .allowed) == holds, "\(name) \(wanted) \(found ?? ["absent"])")
        }
    }

    @Test("what a variable holds is no wildcard; without a value nothing matches; old documents have none")
    func variables() throws {
        let own: JSON = "arn:aws:eks:::cluster/${aws:username}"
        #expect(try outcome([:], ["aws:username": ["bob"]], resource: own, on: "arn:aws:eks:::cluster/bob") == .allowed)
        #expect(try outcome([:], ["aws:username": ["*"]], resource: own, on: "arn:aws:eks:::cluster/bob") == .implicitlyDenied)
        #expect(try outcome([:], [:], resource: own, on: "arn:aws:eks:::cluster/bob") == .implicitlyDenied)
        #expect(try outcome([:], [:], resource: "x${a, 'y'}${*}", on: "xy*") == .allowed)
        #expect(try outcome([:], [:], resource: "x${*}", on: "xy") == .implicitlyDenied)
        #expect(try outcome([:], ["a": ["b"]], resource: "${a}", on: "${a}", version: "2008-10-17") == .allowed)
    }

    @Test("a deny wins over every allow, and says so")
    func deny() throws {
        let document = try PolicyDocument(
            parsing: """
                {"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
                {"Sid":"No","Effect":"Deny","NotAction":"eks:List*","Resource":"*"}]}
                """)
        let denied = PolicyEvaluation.evaluate([("p", document)], PolicyRequest(action: "eks:DeleteCluster"))
        #expect(denied.outcome == .explicitlyDenied && denied.reasons == ["p, No denies it"])
        #expect(PolicyEvaluation.evaluate([("p", document)], PolicyRequest(action: "eks:ListClusters")).outcome == .allowed)
    }

    @Test(
        "malformed documents are refused",
        arguments: [
            "", "[]", #"{"Statement":[{"Effect":"allow","Action":"a:b","Resource":"*"}]}"#,
            #"{"Statement":{"Effect":"Allow","Action":"Describe","Resource":"*"}}"#,
            #"{"Version":"2020","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
            #"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLikes":{"a":"b"}}}}"#,
        ])
    func malformed(text: String) {
        #expect(throws: PolicyDocument.Problem.self) { try PolicyDocument(parsing: text) }
    }

    @Test("Pod Identity needs the right to tag the session")
    func podIdentity() throws {
        func trust(_ actions: JSON) throws -> PolicyDocument {
            try PolicyDocument(
                json: ["Statement": [["Effect": "Allow", "Principal": ["Service": "pods.eks.amazonaws.com"], "Action": actions]]],
                isTrust: true)
        }
        try PodIdentityTrust.require(trust(["sts:AssumeRole", "sts:TagSession"]))
        #expect(throws: TrustRefusal.self) { try PodIdentityTrust.require(trust("sts:AssumeRole")) }
    }

    @Test("a refusal by the trust policy keeps what each statement wanted")
    func trustReasons() throws {
        let document = try PolicyDocument(
            json: [
                "Statement": [
                    [
                        "Effect": "Allow", "Principal": ["Federated": "arn:p"], "Action": "sts:AssumeRoleWithWebIdentity",
                        "Condition": ["StringEquals": ["issuer:sub": "system:serviceaccount:prod:app"]],
                    ]
                ]
            ], isTrust: true)
        let providers = [WebIdentityTrust.Provider(arn: "arn:p", url: "issuer", clientIDs: ["sts.amazonaws.com"])]
        let token = WebIdentityTrust.Token(
            issuer: "https://issuer", audiences: ["sts.amazonaws.com"], subject: "system:serviceaccount:dev:app", isExpired: false,
            hasValidSignature: true)
        let refusal = #expect(throws: TrustRefusal.self) {
            try WebIdentityTrust(providers: providers).assume(
                roleARN: "arn:aws:iam::1:role/r", sessionName: "s", trust: document, token: token)
        }
        #expect(
            refusal?.reasons == [
                "trust policy, statement 1: StringEquals issuer:sub wants system:serviceaccount:prod:app, found system:serviceaccount:dev:app"
            ])
    }
}
