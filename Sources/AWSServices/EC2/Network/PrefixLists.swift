import JSON

/// The prefix lists that AWS keeps: the address ranges of the services that have gateway endpoints.
enum PrefixLists {
    /// One of AWS' lists.
    struct List: Sendable {
        let id: String
        let name: String
        let blocks: [String]
    }

    /// The lists of a region. Ids differ by region on AWS; here they are made of its place among the regions.
    static func all(_ region: String) -> [List] {
        let place = String((EC2Zones.regions.firstIndex(of: region) ?? EC2Zones.regions.count) + 16, radix: 16)
        return [
            List(id: "pl-\(place)a54e02", name: "com.amazonaws.\(region).s3", blocks: ["52.219.0.0/20", "3.5.152.0/21"]),
            List(id: "pl-\(place)a54e08", name: "com.amazonaws.\(region).dynamodb", blocks: ["52.119.248.0/21", "52.94.8.0/24"]),
        ]
    }

    static let operations: [EC2Operation] = [
        .read("DescribePrefixLists", describe), .read("DescribeManagedPrefixLists", describeManaged),
    ]

    private static func found(
        _ request: EC2Request, _ draft: ResourceDraft, _ shape: (List) -> JSON, _ filters: [String: String]
    ) throws(AWSError) -> [JSON] {
        let wanted = request.strings("PrefixListId")
        let known = all(draft.region)
        for id in wanted where !known.contains(where: { $0.id == id }) {
            throw AWSError(400, "InvalidPrefixListId.NotFound", "The prefix list ID '\(id)' does not exist")
        }
        let rows = known.filter { wanted.isEmpty || wanted.contains($0.id) }.map(shape)
        return try EC2Filter.select(rows, request.structures("Filter"), paths: filters)
    }

    @Sendable private static func describe(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let rows = try found(
            request, draft,
            { ["prefixListId": .string($0.id), "prefixListName": .string($0.name), "cidrSet": JSON(strings: $0.blocks)] },
            ["prefix-list-id": "prefixListId", "prefix-list-name": "prefixListName"])
        return ["prefixListSet": .array(rows)]
    }

    @Sendable private static func describeManaged(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let region = draft.region
        let rows = try found(
            request, draft,
            { list in
                [
                    "prefixListId": .string(list.id), "addressFamily": "IPv4", "state": "create-complete",
                    "prefixListArn": .string("arn:aws:ec2:\(region):aws:prefix-list/\(list.id)"),
                    "prefixListName": .string(list.name), "tagSet": [], "ownerId": "AWS",
                ]
            }, ["owner-id": "ownerId", "prefix-list-id": "prefixListId", "prefix-list-name": "prefixListName"])
        return ["prefixListSet": .array(rows)]
    }
}
