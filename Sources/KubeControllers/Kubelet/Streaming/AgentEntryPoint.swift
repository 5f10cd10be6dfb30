import JSON
import KubeAPI
import World

/// What the entry point of `aws-node` writes (amazon-vpc-cni-k8s, cmd/aws-vpc-cni/main.go): it starts the agent and waits until that answers,
/// and only then puts the plugin's configuration where the kubelet looks for it.
enum AgentEntryPoint {
    private static let name = "aws-node"

    /// Whether a container of a pod runs it.
    static func isRun(by container: String, of pod: JSON) -> Bool {
        container == name && pod.objectNamespace == "kube-system" && pod.at("metadata", "labels", "k8s-app")?.string == name
    }

    /// The lines of one run; `ready` is when the agent was seen to answer, `nil` for not.
    static func lines(started: Instant, ready: Instant?) -> [ContainerProgram.Line] {
        func line(_ time: Instant, _ text: String) -> ContainerProgram.Line {
            .init(after: time - started, text: "time=\"\(time.rfc3339)\" level=info msg=\"\(text)\"")
        }
        let installed = ["aws-cni", "egress-cni"].map {
            ContainerProgram.Line(after: .zero, text: "Installed /host/opt/cni/bin/\($0)")
        }
        let waits = [line(started, "Starting IPAM daemon... "), line(started, "Checking for IPAM connectivity... ")]
        let end = ready.map { max($0, started) }.map { end in
            [line(end, "Copying config file... "), line(end, "Successfully copied CNI plugin binary and config file.")]
        }
        return installed + waits + (end ?? [])
    }
}
