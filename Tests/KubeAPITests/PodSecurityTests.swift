import JSON
import KubeAPI
import Testing

@Suite("Pod Security Standards")
struct PodSecurityTests {
    private static func spec(_ container: JSON, _ rest: JSON = [:]) -> JSON {
        var spec = rest
        var container = container
        container["name"] = "c"
        spec["containers"] = [container]
        return spec
    }

    @Test(
        "what the baseline forbids, and who asks for it",
        arguments: [
            (spec([:]), []),
            (
                spec(["securityContext": ["privileged": true]]),
                ["privileged (container \"c\" must not set securityContext.privileged=true)"]
            ),
            (
                spec(
                    ["ports": [["hostPort": 80]], "securityContext": ["capabilities": ["add": ["NET_ADMIN", "CHOWN"]]]],
                    ["hostNetwork": true, "hostPID": true, "volumes": [["name": "h", "hostPath": ["path": "/"]]]]),
                [
                    "non-default capabilities (container \"c\" must not include \"NET_ADMIN\" in securityContext.capabilities.add)",
                    "host namespaces (hostNetwork=true, hostPID=true)", "hostPath volumes (volume \"h\")",
                    "hostPort (container \"c\" uses hostPort 80)",
                ]
            ),
            (
                spec([:], ["securityContext": ["sysctls": [["name": "kernel.msgmax"], ["name": "net.ipv4.tcp_syncookies"]]]]),
                ["forbidden sysctl (kernel.msgmax)"]
            ),
        ] as [(JSON, [String])])
    func baseline(spec: JSON, expected: [String]) {
        #expect(PodSecurityStandard.violations(spec, .baseline).map(\.text) == expected)
        #expect(PodSecurityStandard.violations(spec, .privileged).isEmpty)
    }

    @Test("the restricted level is met by who says everything it asks for, and by nobody else")
    func restricted() {
        #expect(
            PodSecurityStandard.violations(Self.spec([:]), .restricted).map(\.reason) == [
                "allowPrivilegeEscalation != false", "unrestricted capabilities", "runAsNonRoot != true", "seccompProfile",
            ])
        let good = Self.spec(
            ["securityContext": ["allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]]]],
            ["securityContext": ["runAsNonRoot": true, "seccompProfile": ["type": "RuntimeDefault"]]])
        #expect(PodSecurityStandard.violations(good, .restricted).isEmpty)
    }

    @Test("a namespace's labels are read, and what cannot be read is refused")
    func labels() {
        let policy = PodSecurityPolicy(labels: ["pod-security.kubernetes.io/enforce": "baseline"])
        #expect(policy.enforce.text == "baseline:latest" && policy.warn.text == "privileged:latest")
        let wrong: JSON = ["pod-security.kubernetes.io/enforce": "strict", "pod-security.kubernetes.io/warn-version": "v1.x"]
        #expect(
            PodSecurityPolicy.problems(labels: wrong).map(\.description) == [
                "metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"strict\": must be one of privileged, baseline, restricted",
                "metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: \"v1.x\": must be \"latest\" or \"v1.x\"",
            ])
    }
}
