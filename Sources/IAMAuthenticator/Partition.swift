/// An AWS partition with the domains of its endpoints.
public struct Partition: Sendable, Hashable {
    /// `aws`, `aws-cn` …
    public let name: String
    /// The domain of endpoints.
    public let domain: String
    /// The domain of dual-stack endpoints, where there are any.
    public let dualStackDomain: String?

    /// The partitions that the AWS SDK knows.
    public static let all = [
        Partition(name: "aws", domain: "amazonaws.com", dualStackDomain: "api.aws"),
        Partition(name: "aws-cn", domain: "amazonaws.com.cn", dualStackDomain: "api.amazonwebservices.com.cn"),
        Partition(name: "aws-us-gov", domain: "amazonaws.com", dualStackDomain: "api.aws"),
        Partition(name: "aws-eusc", domain: "amazonaws.eu", dualStackDomain: "api.amazonwebservices.eu"),
        Partition(name: "aws-iso", domain: "c2s.ic.gov", dualStackDomain: nil),
        Partition(name: "aws-iso-b", domain: "sc2s.sgov.gov", dualStackDomain: nil),
        Partition(name: "aws-iso-e", domain: "cloud.adc-e.uk", dualStackDomain: nil),
        Partition(name: "aws-iso-f", domain: "csp.hci.ic.gov", dualStackDomain: nil),
    ]

    /// The partition of a name.
    public static func named(_ name: String) -> Partition? { all.first { $0.name == name } }

    /// The partition that a region belongs to by its prefix; unknown regions count as commercial ones.
    static func ofRegion(_ region: String) -> Partition {
        let prefixes = [
            ("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("eusc-", "aws-eusc"), ("us-iso-", "aws-iso"), ("us-isob-", "aws-iso-b"),
            ("eu-isoe-", "aws-iso-e"), ("us-isof-", "aws-iso-f"), ("eu-isof-", "aws-iso-f"),
        ]
        let name = prefixes.first { region.hasPrefix($0.0) }?.1 ?? "aws"
        return named(name) ?? all[0]
    }

    /// The four forms that the SDK gives the STS endpoint of a region: plain, FIPS, dual-stack and both.
    static func stsHosts(region: String) -> [String] {
        let partition = ofRegion(region)
        var hosts = ["sts.\(region).\(partition.domain)", "sts-fips.\(region).\(partition.domain)"]
        if partition.name == "aws-us-gov" { hosts.append("sts.\(region).amazonaws.com") }
        if let dual = partition.dualStackDomain { hosts += ["sts.\(region).\(dual)", "sts-fips.\(region).\(dual)"] }
        return hosts
    }
}
