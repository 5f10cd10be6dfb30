import JSON
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

    /// What a cluster gets on EKS that asks for none.
    static let defaultVersion = "1.34"

    static func exists(_ version: String) -> Bool { all.contains { $0.version == version } }

    /// 34 of `1.34`.
    static func minor(_ version: String) -> Int? {
        let parts = version.split(separator: ".")
        return parts.count == 2 ? Int(parts[1]) : nil
    }
}

extension EKSServices {
    /// The versions on offer, newest first, with their support at the present time.
    func describeClusterVersions(_ request: Request) throws(AWSError) -> JSON {
        let wanted = request.query.filter { $0.name == "clusterVersions" }.map(\.value)
        let state = request.query("versionStatus") ?? request.query("status")?.uppercased().replacing("-", with: "_")
        let found = EKSVersions.all.reversed().filter { version in
            guard wanted.isEmpty || wanted.contains(version.version) else { return false }
            if request.query("defaultOnly") == "true", version.version != EKSVersions.defaultVersion { return false }
            let status = version.status(at: world.now)
            if let state { return status == state }
            return status != "UNSUPPORTED" || request.query("includeAll") == "true" || !wanted.isEmpty
        }
        return try page(request, "clusterVersions", found, name: { $0.version }) { version in
            let status = version.status(at: world.now)
            return [
                "clusterVersion": .string(version.version), "clusterType": "eks", "defaultPlatformVersion": "eks.1",
                "defaultVersion": .bool(version.version == EKSVersions.defaultVersion), "releaseDate": version.time(version.released),
                "endOfStandardSupportDate": version.time(version.standardUntil),
                "endOfExtendedSupportDate": version.time(version.extendedUntil),
                "status": .string(status.lowercased().replacing("_", with: "-")), "versionStatus": .string(status),
            ]
        }
    }
}

extension EKSVersions.Version {
    fileprivate func time(_ day: String) -> JSON { Instant(rfc3339: "\(day)T00:00:00Z").map { .integer($0.seconds) } ?? .null }

    fileprivate func status(at now: Instant) -> String {
        func isOver(_ day: String) -> Bool { Instant(rfc3339: "\(day)T00:00:00Z").map { now >= $0 } ?? false }
        return isOver(extendedUntil) ? "UNSUPPORTED" : isOver(standardUntil) ? "EXTENDED_SUPPORT" : "STANDARD_SUPPORT"
    }
}
