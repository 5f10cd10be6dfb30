import JSON

/// Kubeconfigs for one cluster, as YAML text.
struct Kubeconfig {
    /// Name of cluster and context: the cluster's ARN, as `aws eks update-kubeconfig` writes it.
    let clusterARN: String
    /// `https://…`
    let server: String
    /// The cluster CA in PEM.
    let certificateAuthority: [UInt8]

    /// Signs in through IAM, as `aws eks update-kubeconfig` writes it, but with the simulator's endpoint and keys in the plugin's
    /// environment, so that it works in any shell.
    func iam(clusterName: String, region: String, environment: [(name: String, value: String)]) -> String {
        let variables = environment.map { "      - name: \(quoted($0.name))\n        value: \(quoted($0.value))\n" }.joined()
        return document(
            user: clusterARN,
            """
                exec:
                  apiVersion: client.authentication.k8s.io/v1beta1
                  command: aws
                  args: ["--region", \(quoted(region)), "eks", "get-token", "--cluster-name", \(quoted(clusterName)), "--output", "json"]
                  interactiveMode: IfAvailable
                  env:
            \(variables)
            """)
    }

    /// Signs in with a client certificate.
    func certificate(user: String, certificate: [UInt8], key: [UInt8]) -> String {
        document(
            user: user,
            """
                client-certificate-data: \(Base64.encode(certificate))
                client-key-data: \(Base64.encode(key))

            """)
    }

    private func document(user: String, _ credentials: String) -> String {
        """
        apiVersion: v1
        kind: Config
        clusters:
        - name: \(quoted(clusterARN))
          cluster:
            server: \(quoted(server))
            certificate-authority-data: \(Base64.encode(certificateAuthority))
        contexts:
        - name: \(quoted(clusterARN))
          context:
            cluster: \(quoted(clusterARN))
            user: \(quoted(user))
        current-context: \(quoted(clusterARN))
        preferences: {}
        users:
        - name: \(quoted(user))
          user:
        \(credentials)
        """
    }

    /// A JSON string is a YAML double-quoted scalar.
    private func quoted(_ text: String) -> String { JSON.string(text).text }
}

/// Standard base64 (RFC 4648 section 4).
enum Base64 {
    static func encode(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let value = group.reduce(0) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for position in 0..<4 {
                text.append(position > group.count ? UInt8(ascii: "=") : alphabet[Int(value >> UInt32(18 - 6 * position)) & 63])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
