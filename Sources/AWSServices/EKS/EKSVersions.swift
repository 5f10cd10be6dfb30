import World

/// The Kubernetes versions that EKS offers (facts/aws.md 7.3).
enum EKSVersions {
    /// One minor version with the ends of its support.
    struct Version: Sendable {
        let version: String
        let released: String
        let standardUntil: String
        let extendedUntil: String
    }

    static let all = [
        Version(version: "1.30", released: "2024-05-23", standardUntil: "2025-07-23", extendedUntil: "2026-07-23"),
        Version(version: "1.31", released: "2024-09-26", standardUntil: "2025-11-26", extendedUntil: "2026-11-26"),
        Version(version: "1.32", released: "2025-01-23", standardUntil: "2026-03-23", extendedUntil: "2027-03-23"),
        Version(version: "1.33", released: "2025-05-28", standardUntil: "2026-07-29", extendedUntil: "2027-07-29"),
        Version(version: "1.34", released: "2025-10-02", standardUntil: "2026-12-02", extendedUntil: "2027-12-02"),
        Version(version: "1.35", released: "2026-01-27", standardUntil: "2027-03-27", extendedUntil: "2028-03-27"),
    ]

    /// What a cluster gets that asks for none.
    static let defaultVersion = "1.34"

    static func exists(_ version: String) -> Bool { all.contains { $0.version == version } }
}
