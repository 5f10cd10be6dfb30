import ConformanceVectors
import HTTP
import JSON
import Testing

/// A policy and its binding, and writes that meet them.
@Suite("Admission policies")
struct AdmissionPolicyTests {
    private static let root = "/apis/admissionregistration.k8s.io/v1"
    private static let configMaps: JSON = [
        "resourceRules": [["apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]]]
    ]

    private static func object(_ kind: String, _ name: String, _ spec: JSON) -> JSON {
        ["apiVersion": "admissionregistration.k8s.io/v1", "kind": .string(kind), "metadata": ["name": .string(name)], "spec": spec]
    }

    private static func spec(_ spec: JSON) -> JSON {
        var spec = spec
        if spec["matchConstraints"] == nil { spec["matchConstraints"] = configMaps }
        return spec
    }

    /// A cluster with one policy and one binding.
    private func cluster(validating spec: JSON, binding: JSON = [:]) async throws -> Cluster {
        let cluster = try await Cluster()
        var bound: JSON = ["policyName": "p", "validationActions": ["Deny"]]
        for member in binding.object ?? [:] { bound[member.key] = member.value }
        let policy = await cluster.send(
            "POST", "\(Self.root)/validatingadmissionpolicies", Self.object("ValidatingAdmissionPolicy", "p", Self.spec(spec)))
        #expect(policy.message == policy.text)
        let answer = await cluster.send(
            "POST", "\(Self.root)/validatingadmissionpolicybindings", Self.object("ValidatingAdmissionPolicyBinding", "b", bound))
        #expect(answer.status == 201, "\(answer.message)")
        return cluster
    }

    private func cluster(mutating spec: JSON) async throws -> Cluster {
        let cluster = try await Cluster()
        var spec = Self.spec(spec)
        if spec["reinvocationPolicy"] == nil { spec["reinvocationPolicy"] = "Never" }
        let policy = await cluster.send(
            "POST", "\(Self.root)/mutatingadmissionpolicies", Self.object("MutatingAdmissionPolicy", "p", spec))
        #expect(policy.message == policy.text)
        let answer = await cluster.send(
            "POST", "\(Self.root)/mutatingadmissionpolicybindings",
            Self.object("MutatingAdmissionPolicyBinding", "b", ["policyName": "p"]))
        #expect(answer.status == 201, "\(answer.message)")
        return cluster
    }

    private static let denied = "configmaps \"m\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: "

    @Test(
        "deny what an expression does not let pass",
        arguments: [
            ("object.data.k == 'x'", "failed expression: object.data.k == 'x'"),
            ("object.metadata.namespace == 'other'", "failed expression: object.metadata.namespace == 'other'"),
            ("has(object.data.z)", "failed expression: has(object.data.z)"),
            ("object.data.z == 'x'", "expression 'object.data.z == 'x'' resulted in error: no such key: z"),
            ("oldObject.data.k == 'x'", "expression 'oldObject.data.k == 'x'' resulted in error: no such key: data"),
            ("request.operation == 'UPDATE' && request.userInfo.username == 'x'", "failed expression: request.operation == 'UPDATE'"),
            ("namespaceObject.metadata.name != 'default'", "failed expression: namespaceObject.metadata.name != 'default'"),
            ("authorizer.group('').resource('pods').check('get').allowed() == false", "failed expression: authorizer"),
            ("authorizer.serviceAccount('default', 'default').path('/x').check('get').allowed()", "failed expression: authorizer"),
            ("!authorizer.requestResource.check('create').allowed()", "failed expression: !authorizer"),
            ("quantity('1Gi').isLessThan(quantity('1G'))", "failed expression: quantity"),
            ("object.data.all(k, v, k == v)", "failed expression: object.data.all"),
            ("url('https://a:1/b c').getEscapedPath() != '/b%20c'", "failed expression: url"),
            ("!cidr('10.0.0.0/8').containsIP('10.1.2.3')", "failed expression: !cidr"),
            ("ip('x').family() == 4", "expression 'ip('x').family() == 4' resulted in error: IP Address \"x\" parse error"),
            ("format.dns1123Label().validate('A').hasValue() == false", "failed expression: format"),
            ("semver('1.2.3').isGreaterThan(semver('1.10.0'))", "failed expression: semver"),
            ("object.?data.?z.optMap(x, x == 'q').orValue(false)", "failed expression: object"),
        ])
    func denies(expression: String, message: String) async throws {
        let cluster = try await cluster(validating: ["validations": [["expression": .string(expression)]]])
        let answer = await cluster.send("POST", Cluster.maps, .configMap("m"))
        #expect(answer.status == 422)
        #expect(answer.reason == "Invalid")
        #expect(answer.message.hasPrefix(Self.denied + message), "\(answer.message)")
        #expect(answer.json.at("details", "causes")?.array?.first?["message"]?.string?.hasPrefix("ValidatingAdmissionPolicy 'p'") == true)
    }

    @Test("say why by expression, text or reason")
    func messages() async throws {
        let cluster = try await cluster(validating: [
            "variables": [["name": "mode", "expression": "object.data.?mode.orValue('none')"]],
            "validations": [
                ["expression": "variables.mode != 'a'", "messageExpression": "'mode is ' + variables.mode", "reason": "Forbidden"],
                ["expression": "variables.mode != 'b'", "messageExpression": "string(object.data.none)", "message": " not b "],
                ["expression": "variables.mode != 'c'", "reason": "RequestEntityTooLarge"],
            ],
        ])
        func post(_ mode: String) async -> Cluster.Answer {
            await cluster.send("POST", Cluster.maps, .configMap("m", data: ["mode": .string(mode)]))
        }
        let first = await post("a")
        #expect(first.status == 403 && first.reason == "Forbidden" && first.message == Self.denied + "mode is a")
        let second = await post("b")
        #expect(second.status == 422 && second.message == Self.denied + "not b")
        let third = await post("c")
        #expect(third.status == 413 && third.reason == "RequestEntityTooLarge")
        #expect(await post("d").status == 201)
    }

    @Test("warn without refusing")
    func warns() async throws {
        let cluster = try await cluster(
            validating: ["validations": [["expression": "false", "message": "odd"]]], binding: ["validationActions": ["Warn", "Audit"]])
        let answer = await cluster.send("POST", Cluster.maps, .configMap("m"))
        #expect(answer.status == 201)
        #expect(answer.headers["Warning"] == "299 - \"Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': odd\"")
    }

    @Test("fail closed or open when they cannot be evaluated", arguments: [("Fail", 422), ("Ignore", 201)])
    func failurePolicy(policy: String, status: Int) async throws {
        let cluster = try await cluster(validating: [
            "failurePolicy": .string(policy), "validations": [["expression": "object.data.none == ''"]],
        ])
        #expect(await cluster.send("POST", Cluster.maps, .configMap("m")).status == status)
    }

    @Test("are only about what their constraints and conditions select")
    func selection() async throws {
        let cluster = try await cluster(
            validating: [
                "matchConstraints": [
                    "resourceRules": [
                        ["apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE", "DELETE"], "resources": ["configmaps"]]
                    ],
                    "excludeResourceRules": [
                        [
                            "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"], "resourceNames": ["free"],
                        ]
                    ], "objectSelector": ["matchLabels": ["a": "b"]],
                ], "matchConditions": [["name": "not-x", "expression": "request.name != 'x'"]],
                "validations": [["expression": "request.operation == 'DELETE' ? object == null && oldObject.data.k != 'v' : false"]],
            ])
        for name in ["m", "x", "free", "plain"] {
            let labels: JSON = name == "plain" ? [:] : ["labels": ["a": "b"]]
            #expect(await cluster.send("POST", Cluster.maps, .configMap(name, metadata: labels)).status == 201)
        }
        let change: JSON = ["data": ["k": "w"]]
        let type = "application/merge-patch+json"
        #expect(await cluster.send("PATCH", "\(Cluster.maps)/m", change, type: type).status == 422)
        for name in ["x", "free", "plain"] {
            #expect(await cluster.send("PATCH", "\(Cluster.maps)/\(name)", change, type: type).status == 200)
        }
        #expect(await cluster.send("DELETE", "\(Cluster.maps)/m").status == 422)
        #expect(await cluster.send("DELETE", "\(Cluster.maps)/plain").status == 200)
    }

    @Test("take parameters from other objects")
    func parameters() async throws {
        let cluster = try await cluster(
            validating: [
                "paramKind": ["apiVersion": "v1", "kind": "ConfigMap"],
                "matchConstraints": [
                    "resourceRules": [["apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["secrets"]]]
                ],
                "validations": [
                    [
                        "expression": "object.metadata.name.startsWith(params.data.prefix)",
                        "messageExpression": "string(params.data.prefix)",
                    ]
                ],
            ], binding: ["paramRef": ["name": "params", "namespace": "default", "parameterNotFoundAction": "Deny"]])
        let secret: JSON = ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": "a"]]
        let secrets = "/api/v1/namespaces/default/secrets"
        let missing = await cluster.send("POST", secrets, secret)
        #expect(
            missing.message
                == "secrets \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed to configure "
                + "binding: no params found for policy binding with `Deny` parameterNotFoundAction")
        _ = await cluster.send("POST", Cluster.maps, .configMap("params", data: ["prefix": "b-"]))
        let refused = await cluster.send("POST", secrets, secret)
        #expect(refused.message.hasSuffix("denied request: b-"))
        let passed = await cluster.send("POST", secrets, ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": "b-1"]])
        #expect(passed.status == 201)
    }

    @Test("stop at a cost")
    func budget() async throws {
        let cluster = try await cluster(validating: [
            "validations": [["expression": "object.data.k.split('').all(a, object.data.k.split('').all(b, a.size() + b.size() == 2))"]]
        ])
        let answer = await cluster.send("POST", Cluster.maps, .configMap("m", data: ["k": .string(String(repeating: "x", count: 4000))]))
        #expect(answer.message.hasSuffix("resulted in error: operation cancelled: actual cost limit exceeded"), "\(answer.message)")
    }

    @Test("change objects by apply configurations and patches")
    func mutates() async throws {
        let cluster = try await cluster(mutating: [
            "variables": [["name": "who", "expression": "request.userInfo.username"]],
            "mutations": [
                [
                    "patchType": "ApplyConfiguration",
                    "applyConfiguration": [
                        "expression": "Object{metadata: Object.metadata{labels: {'by': variables.who.replace(':', '.')}}}"
                    ],
                ],
                [
                    "patchType": "JSONPatch",
                    "jsonPatch": [
                        "expression":
                            "[JSONPatch{op: 'test', path: '/data/k', value: 'v'}, JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('a.b'), value: '1'}]"
                    ],
                ],
            ],
        ])
        let answer = await cluster.send("POST", Cluster.maps, .configMap("m"))
        #expect(answer.status == 201, "\(answer.message)")
        #expect(answer.json.at("metadata", "labels") == ["by": "eks-sim.admin"])
        #expect(answer.json["data"] == ["a.b": "1", "k": "v"])
    }

    @Test(
        "say what is wrong with a mutation",
        arguments: [
            (
                "Object{data: Object.other{}}",
                "type mismatch: unexpected type name \"Object.other\", expected \"Object.data\", which matches field name path from root Object type"
            ),
            (
                "Object{none: 1}",
                "error applying patch: failed to convert patch object to typed object: .none: field not declared in schema"
            ),
            ("Object{data: {'k': object.data.z}}", "expression 'Object{data: {'k': object.data.z}}' resulted in error: no such key: z"),
        ])
    func failedMutation(expression: String, message: String) async throws {
        let cluster = try await cluster(mutating: [
            "mutations": [["patchType": "ApplyConfiguration", "applyConfiguration": ["expression": .string(expression)]]]
        ])
        let answer = await cluster.send("POST", Cluster.maps, .configMap("m"))
        #expect(answer.status == 403)
        #expect(answer.reason == "Invalid")
        #expect(answer.message == "policy 'p' with binding 'b' denied request: \(message)")
    }

    @Test(
        "do not take expressions that cannot work",
        arguments: [
            ("object.x", "must evaluate to bool but got dyn"),
            (
                "[1, 'a'].size() == 2",
                "compilation failed: ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a'].size() == 2\n | ....^"
            ),
            (
                "1 +",
                "compilation failed: ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | 1 +\n | ...^"
            ),
            ("(1 == 1", "compilation failed: ERROR: <input>:1:8: Syntax error: missing ')' at '<EOF>'\n | (1 == 1\n | .......^"),
            (
                "1 == 1)",
                "compilation failed: ERROR: <input>:1:7: Syntax error: extraneous input ')' expecting <EOF>\n | 1 == 1)\n | ......^"
            ),
            (
                "a = 1",
                "compilation failed: ERROR: <input>:1:3: Syntax error: token recognition error at: '= '\n | a = 1\n | ..^\nERROR: <input>:1:5: Syntax error: extraneous input '1' expecting <EOF>\n | a = 1\n | ....^"
            ),
            ("request.nope == ''", "compilation failed: ERROR: <input>:1:8: undefined field 'nope'\n | request.nope == ''\n | .......^"),
            (
                "variables.x",
                "compilation failed: ERROR: <input>:1:1: undeclared reference to 'variables' (in container '')\n | variables.x\n | ^"
            ),
            (
                "params.x == 1",
                "compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')\n | params.x == 1\n | ^"
            ),
            (
                "Object{} == null",
                "compilation failed: ERROR: <input>:1:7: undeclared reference to 'Object' (in container '')\n | Object{} == null\n | ......^"
            ),
            (
                "timestamp('x') == timestamp('x')",
                "compilation failed: ERROR: <input>:1:11: invalid timestamp argument\n | timestamp('x') == timestamp('x')\n | ..........^\nERROR: <input>:1:29: invalid timestamp argument\n | timestamp('x') == timestamp('x')\n | ............................^"
            ),
        ])
    func refusedExpression(expression: String, message: String) async throws {
        let cluster = try await Cluster()
        let answer = await cluster.send(
            "POST", "\(Self.root)/validatingadmissionpolicies",
            Self.object("ValidatingAdmissionPolicy", "p", Self.spec(["validations": [["expression": .string(expression)]]])))
        #expect(answer.status == 422)
        let detail = answer.json.at("details", "causes")?.array?.first?["message"]?.string ?? answer.message
        #expect(detail.hasSuffix(message), "\(detail)")
    }
}
