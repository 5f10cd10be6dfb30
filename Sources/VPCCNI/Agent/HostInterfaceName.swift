import Crypto

/// What the CNI plugin calls the host's end of a pod's interface.
public enum HostInterfaceName {
    /// The first eleven hexadecimal digits of SHA-1 of `namespace.name`.
    public static func suffix(of pod: PodMetadata) -> String {
        let digest = Insecure.SHA1.hash(data: Array("\(pod.namespace).\(pod.name)".utf8))
        let hex = digest.prefix(6).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        return String(hex.prefix(11))
    }
}
