import JSON
import KubeAPI
import Testing

@Suite("Defaults, validation and warnings of built-in kinds")
struct ObjectRulesTests {
    private static func resource(_ group: String, _ version: String, _ plural: String) throws -> ResourceType {
        try #require(ResourceTable.builtin.lookup(group: group, version: version, resource: plural))
    }

    private static func complete(_ object: JSON, _ resource: ResourceType) -> JSON {
        var object = ObjectDecoder.typed(object, resource.storageKind)
        ObjectDefaults.apply(to: &object, resource)
        return object
    }

    private static func problems(_ object: JSON, _ resource: ResourceType) -> [String] {
        ObjectValidation.problems(object, resource, .init(requested: resource.groupVersionKind)).map(\.description)
    }

    private static func pod(_ spec: JSON) -> JSON {
        ["apiVersion": "v1", "kind": "Pod", "metadata": ["name": "p", "namespace": "n"], "spec": spec]
    }

    @Test("defaults are written where nothing was said, and twice is once")
    func defaults() throws {
        let pods = try Self.resource("", "v1", "pods")
        let pod = Self.complete(
            Self.pod(["containers": [["name": "c", "image": "nginx", "resources": ["limits": ["cpu": "500m"]]]]]), pods)
        #expect(pod.at("spec", "restartPolicy") == "Always" && pod.at("spec", "dnsPolicy") == "ClusterFirst")
        let container = pod.at("spec", "containers")?.array?.first
        #expect(container?["imagePullPolicy"] == "Always")
        #expect(container?.at("resources", "requests", "cpu") == "500m")
        var again = pod
        ObjectDefaults.apply(to: &again, pods)
        #expect(again == pod)
    }

    @Test("what a Secret has as text becomes data, over what is there")
    func texts() throws {
        let secrets = try Self.resource("", "v1", "secrets")
        let secret = Self.complete(
            [
                "apiVersion": "v1", "kind": "Secret", "metadata": ["name": "s", "namespace": "n"],
                "data": ["a": "YQ==", "b": "Yg=="], "stringData": ["b": "c"],
            ], secrets)
        #expect(secret["data"] == ["a": "YQ==", "b": "Yw=="] && secret["stringData"] == nil && secret["type"] == "Opaque")
    }

    @Test(
        "what is wrong with a pod, in Kubernetes' words",
        arguments: [
            (["containers": []], ["spec.containers: Required value"]),
            (
                ["containers": [["name": "c", "image": "i"], ["name": "c", "image": "i"]]],
                ["spec.containers[1].name: Duplicate value: \"c\""]
            ),
            (
                ["containers": [["name": "c", "image": "i", "ports": [["containerPort": 70000]]]]],
                ["spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"]
            ),
            (
                ["containers": [["name": "c", "image": "i", "volumeMounts": [["name": "v", "mountPath": "/v"]]]]],
                ["spec.containers[0].volumeMounts[0].name: Not found: \"v\""]
            ),
            (
                ["containers": [["name": "c", "image": "i"]], "restartPolicy": "Sometimes"],
                [
                    "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"OnFailure\", \"Never\""
                ]
            ),
            (
                ["containers": [["name": "c", "image": "i", "resources": ["requests": ["cpu": "2"], "limits": ["cpu": "1"]]]]],
                ["spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1"]
            ),
        ] as [(JSON, [String])])
    func pods(spec: JSON, expected: [String]) throws {
        let pods = try Self.resource("", "v1", "pods")
        #expect(Self.problems(Self.complete(Self.pod(spec), pods), pods) == expected)
    }

    @Test("a pod's change tells the difference of what may not change")
    func podUpdate() throws {
        let pods = try Self.resource("", "v1", "pods")
        let old = Self.complete(Self.pod(["containers": [["name": "c", "image": "i"]], "hostname": "a"]), pods)
        var new = old
        new.set("b", at: ["spec", "hostname"])
        let errors = ObjectValidation.updateProblems(new, old: old, pods, part: .object, .init(requested: pods.groupVersionKind))
        let text = errors.first?.description ?? ""
        #expect(errors.count == 1 && text.hasPrefix("spec: Forbidden: pod updates may not change fields other than "))
        #expect(text.contains("\n- \"Hostname\": \"a\",\n+ \"Hostname\": \"b\",\n"))
        new = old
        new.set(.array([["name": "c", "image": "other", "imagePullPolicy": "Always"]]), at: ["spec", "containers"])
        new = Self.complete(new, pods)
        #expect(
            ObjectValidation.updateProblems(new, old: old, pods, part: .object, .init(requested: pods.groupVersionKind)).isEmpty)
    }

    @Test(
        "a schedule's refusal says which field is wrong",
        arguments: [
            ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
            ("60 * * * *", "end of range (60) above maximum (59): 60"), ("@never", "unrecognized descriptor: @never"),
        ])
    func schedules(text: String, expected: String) throws {
        let jobs = try Self.resource("batch", "v1", "cronjobs")
        let job = Self.complete(
            [
                "apiVersion": "batch/v1", "kind": "CronJob", "metadata": ["name": "j", "namespace": "n"],
                "spec": [
                    "schedule": .string(text),
                    "jobTemplate": [
                        "spec": ["template": ["spec": ["containers": [["name": "c", "image": "i"]], "restartPolicy": "Never"]]]
                    ],
                ],
            ], jobs)
        #expect(Self.problems(job, jobs) == ["spec.schedule: Invalid value: \"\(text)\": \(expected)"])
    }

    @Test("a pod's class of service follows from what all of its containers ask for")
    func quality() {
        func spec(_ resources: JSON...) -> JSON { ["containers": .array(resources.map { ["name": "c", "resources": $0] })] }
        let whole: JSON = ["requests": ["cpu": "1", "memory": "1Gi"], "limits": ["cpu": "1000m", "memory": "1024Mi"]]
        #expect(PodQuality.of(spec([:])) == .bestEffort)
        #expect(PodQuality.of(spec(whole)) == .guaranteed)
        #expect(PodQuality.of(spec(whole, [:])) == .burstable)
        #expect(PodQuality.of(spec(["requests": ["cpu": "1"]])) == .burstable)
    }

    @Test("sums of quantities keep the form of the first")
    func quantities() throws {
        let sum = try #require(QuantityValue("1Gi")) + #require(QuantityValue("512Mi"))
        #expect(sum.text == "1536Mi")
        #expect((try #require(QuantityValue("700m")) + #require(QuantityValue("700m"))).text == "1400m")
        #expect((QuantityValue.zero + (try #require(QuantityValue("100Mi")))).text == "100Mi")
        #expect(QuantityValue("1.5x") == nil)
    }

    @Test("a repeated port and an old node label are taken with a warning")
    func warnings() throws {
        let pods = try Self.resource("", "v1", "pods")
        let pod = Self.complete(
            Self.pod([
                "containers": [["name": "c", "image": "i", "ports": [["containerPort": 80], ["containerPort": 80]]]],
                "nodeSelector": ["beta.kubernetes.io/os": "linux"],
            ]), pods)
        #expect(
            ObjectWarnings.create(pod, pods) == [
                "spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \"kubernetes.io/os\" instead",
                "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]",
            ])
    }
}
