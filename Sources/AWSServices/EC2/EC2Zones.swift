import JSON

/// Regions and their availability zones. Names of zones are mapped to ids per account on AWS; here they are mapped the same way for all.
enum EC2Zones {
    /// One availability zone.
    struct Zone: Sendable, Hashable {
        /// `ap-northeast-1a`
        let name: String
        /// `apne1-az4`
        let id: String
    }

    /// The regions that need no opt-in.
    static let regions = [
        "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
        "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1",
        "us-west-2",
    ]

    /// Letters and numbers of zones where they are not a, b, c and 1, 2, 3.
    private static let special: [String: [(letter: String, number: Int)]] = [
        "ap-northeast-1": [("a", 4), ("c", 1), ("d", 2)],
        "us-east-1": [("a", 1), ("b", 2), ("c", 4), ("d", 6), ("e", 3), ("f", 5)],
        "us-west-1": [("a", 1), ("b", 2), ("c", 3)],
        "us-west-2": [("a", 1), ("b", 2), ("c", 3), ("d", 4)],
        "ca-central-1": [("a", 1), ("b", 2), ("d", 3)],
    ]

    /// The zones of a region, by name.
    static func of(_ region: String) -> [Zone] {
        let zones = special[region] ?? [("a", 1), ("b", 2), ("c", 3)]
        return zones.map { Zone(name: region + $0.letter, id: "\(idPrefix(region))-az\($0.number)") }
    }

    /// A zone of a region by its name or id.
    static func find(_ text: String, in region: String) -> Zone? { of(region).first { $0.name == text || $0.id == text } }

    /// `apne1` for `ap-northeast-1`: compass points are shortened to their initials.
    private static func idPrefix(_ region: String) -> String {
        region.split(separator: "-").enumerated().map { index, part in
            guard index > 0 else { return String(part) }
            for first in ["north", "south"] where part.hasPrefix(first) {
                return "\(first.prefix(1))\(part.dropFirst(first.count).prefix(1))"
            }
            return String(part.prefix(1))
        }.joined()
    }
}

/// Operations that describe what AWS has, not what the account made.
enum EC2Places {
    static let operations: [EC2Operation] = [
        .read("DescribeAvailabilityZones", zones), .read("DescribeRegions", regions),
        .read("DescribeAccountAttributes", accountAttributes),
    ]

    @Sendable private static func zones(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let names = request.strings("ZoneName")
        let ids = request.strings("ZoneId")
        let known = EC2Zones.of(draft.region)
        for name in names + ids where !known.contains(where: { $0.name == name || $0.id == name }) {
            throw EC2Error.invalid("Invalid availability zone: [\(name)]")
        }
        let rows: [JSON] = known.filter { zone in
            (names.isEmpty || names.contains(zone.name)) && (ids.isEmpty || ids.contains(zone.id))
        }.map { zone in
            [
                "optInStatus": "opt-in-not-required", "messageSet": [], "regionName": .string(draft.region), "zoneName": .string(zone.name),
                "zoneId": .string(zone.id), "groupName": .string("\(draft.region)-zg-1"), "networkBorderGroup": .string(draft.region),
                "zoneType": "availability-zone", "zoneState": "available",
            ]
        }
        let paths = [
            "group-name": "groupName", "message": "messageSet.message", "opt-in-status": "optInStatus", "region-name": "regionName",
            "state": "zoneState", "zone-id": "zoneId", "zone-name": "zoneName", "zone-type": "zoneType",
        ]
        return ["availabilityZoneInfo": .array(try EC2Filter.select(rows, request.structures("Filter"), paths: paths))]
    }

    @Sendable private static func regions(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let names = request.strings("RegionName")
        for name in names where !EC2Zones.regions.contains(name) { throw EC2Error.invalid("Invalid region name: [\(name)]") }
        let rows: [JSON] = EC2Zones.regions.filter { names.isEmpty || names.contains($0) }.map {
            [
                "regionName": .string($0), "regionEndpoint": .string("ec2.\($0).amazonaws.com"), "optInStatus": "opt-in-not-required",
            ]
        }
        let paths = ["endpoint": "regionEndpoint", "opt-in-status": "optInStatus", "region-name": "regionName"]
        return ["regionInfo": .array(try EC2Filter.select(rows, request.structures("Filter"), paths: paths))]
    }

    @Sendable private static func accountAttributes(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let isDefault = draft.list(.vpc).first { $0["isDefault"]?.bool == true }?["vpcId"]?.string ?? "none"
        let known: [(String, [String])] = [
            ("supported-platforms", ["VPC"]), ("default-vpc", [isDefault]), ("max-instances", ["20"]),
            ("vpc-max-security-groups-per-interface", [String(EC2Quota.groupsPerInterface)]),
            ("max-elastic-ips", [String(EC2Quota.addresses)]), ("vpc-max-elastic-ips", [String(EC2Quota.addresses)]),
        ]
        let wanted = request.strings("AttributeName")
        let rows: [JSON] = known.filter { wanted.isEmpty || wanted.contains($0.0) }.map { name, values in
            [
                "attributeName": .string(name),
                "attributeValueSet": .array(values.map { ["attributeValue": .string($0)] }),
            ]
        }
        return ["accountAttributeSet": .array(rows)]
    }
}

/// The default quotas of an account in a region (Amazon VPC User Guide, "Amazon VPC quotas").
enum EC2Quota {
    static let vpcs = 5
    static let subnetsPerVPC = 200
    static let blocksPerVPC = 5
    static let addresses = 5
    static let internetGateways = 5
    static let natGatewaysPerZone = 5
    static let routeTablesPerVPC = 200
    static let routesPerTable = 500
    static let groups = 2500
    static let rulesPerGroup = 60
    static let groupsPerInterface = 5
    static let interfaces = 5000
    static let gatewayEndpoints = 20
    static let interfaceEndpointsPerVPC = 50
    static let aclsPerVPC = 200
    static let aclRules = 20
    static let launchTemplates = 5000
}
