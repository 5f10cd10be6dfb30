import World

/// Where the kubelet's texts differ between releases.
struct KubeletWording: Sendable, Hashable {
    let minorVersion: Int

    /// The texts of a kubelet of a version (`v1.34.1-eks-113cf36`).
    init(kubeletVersion: String) {
        minorVersion = kubeletVersion.split(separator: ".").dropFirst().first.flatMap { Int($0) } ?? 36
    }

    /// Since 1.35 it is checked whether the pod may use the image.
    func present(_ image: String) -> String {
        "Container image \"\(image)\" already present on machine" + (minorVersion >= 35 ? " and can be accessed by the pod" : "")
    }

    func pulled(_ image: String, after duration: Duration) -> String {
        let seconds = "\(Double(duration.clampedNanoseconds / 1_000_000) / 1000)s"
        return "Successfully pulled image \"\(image)\" in \(seconds) (\(seconds) including waiting). Image size: \(Self.size(image)) bytes."
    }

    func created(_ container: String) -> String {
        switch minorVersion {
        case 35...: "Container created"
        case 32...: "Created container: \(container)"
        default: "Created container \(container)"
        }
    }

    func started(_ container: String) -> String { minorVersion >= 35 ? "Container started" : "Started container \(container)" }

    /// Whether conditions say which generation of the pod they are about.
    var observesGenerations: Bool { minorVersion >= 34 }

    /// A size that depends on the name alone.
    private static func size(_ image: String) -> Int {
        20_000_000 + image.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) & 0x3FF_FFFF }
    }
}
