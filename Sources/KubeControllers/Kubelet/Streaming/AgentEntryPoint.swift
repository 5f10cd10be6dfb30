public import JSON
import KubeAPI
import World

/// What the entry point of `aws-node` writes (amazon-vpc-cni-k8s, cmd/aws-vpc-cni/main.go): it starts the agent and waits until that answers,
/// and only then puts the plugin's configuration where the kubelet looks for it.
public enum AgentEntryPoint {
    /// The container, its pods' label and their DaemonSet.
    public static let name = "aws-node"
    /// The namespace of the DaemonSet.
    public static let namespace = "kube-system"

    /// Whether a pod is one of the DaemonSet's: by its label, as the DaemonSet selects it.
    public static func isIn(_ pod: JSON) -> Bool {
        pod.objectNamespace == namespace && pod.at("metadata", "labels", "k8s-app")?.string == name
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
