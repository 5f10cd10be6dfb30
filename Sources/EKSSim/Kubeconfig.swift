import Encoding
import JSON
import YAML

/// Kubeconfigs for one cluster, as YAML text.
struct Kubeconfig {
    /// Name of cluster and context: the cluster's ARN, as `aws eks update-kubeconfig` writes it.
    let clusterARN: String
    /// `https://…`
    let server: String
    /// The cluster CA in PEM.
    let certificateAuthority: String

    /// Signs in through IAM, as `aws eks update-kubeconfig` writes it, but with the simulator's endpoint and keys in the plugin's
    /// environment, so that it works in any shell.
    func iam(clusterName: String, region: String, environment: [(name: String, value: String)]) -> String {
        document(
            user: clusterARN,
            [
                "exec": [
                    "apiVersion": "client.authentication.k8s.io/v1beta1", "command": "aws",
                    "args": ["--region", .string(region), "eks", "get-token", "--cluster-name", .string(clusterName), "--output", "json"],
                    "interactiveMode": "IfAvailable",
                    "env": .array(environment.map { ["name": .string($0.name), "value": .string($0.value)] }),
                ]
            ])
    }

    /// Signs in with a client certificate, both parts in PEM.
    func certificate(user: String, certificate: String, key: String) -> String {
        document(
            user: user,
            [
                "client-certificate-data": .string(Base64.encode(Array(certificate.utf8))),
                "client-key-data": .string(Base64.encode(Array(key.utf8))),
            ])
    }

    private func document(user: String, _ credentials: JSON) -> String {
        let name = JSON.string(clusterARN)
        return YAMLEncoder.encode([
            "apiVersion": "v1",
            "clusters": [
                [
                    "cluster": [
                        "certificate-authority-data": .string(Base64.encode(Array(certificateAuthority.utf8))), "server": .string(server),
                    ],
                    "name": name,
                ]
            ],
            "contexts": [["context": ["cluster": name, "user": .string(user)], "name": name]],
            "current-context": name,
            "kind": "Config",
            "preferences": [:],
            "users": [["name": .string(user), "user": credentials]],
        ])
    }
}
