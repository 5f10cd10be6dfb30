import Crypto
import Encoding

/// What discovery tells of the version that objects are stored in (`discovery.StorageVersionHash`).
enum StorageVersionHash {
    /// The first 8 bytes of SHA-256 over `group/version/Kind`, in base64.
    static func text(_ kind: GroupVersionKind) -> String {
        let digest = SHA256.hash(data: Array("\(kind.group)/\(kind.version)/\(kind.kind)".utf8))
        return Base64.encode(Array(digest.prefix(8)))
    }
}
