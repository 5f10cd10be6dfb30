import JSON

/// DHCP option sets.
enum DHCPOptions {
    static let operations: [EC2Operation] = [
        .write("CreateDhcpOptions", making: [.dhcpOptions], create), .write("DeleteDhcpOptions", on: ["DhcpOptionsId"], delete),
        .write("AssociateDhcpOptions", on: ["DhcpOptionsId", "VpcId"], associate), description.operation("DescribeDhcpOptions"),
    ]

    private static let description = EC2Description(
        kind: .dhcpOptions, set: "dhcpOptionsSet", ids: ("DhcpOptionsId", "dhcpOptionsId"),
        filters: [
            "dhcp-options-id": "dhcpOptionsId", "key": "dhcpConfigurationSet.key", "value": "dhcpConfigurationSet.valueSet.value",
            "owner-id": "ownerId",
        ])

    private static let keys: Set<String> = [
        "domain-name-servers", "domain-name", "ntp-servers", "netbios-name-servers", "netbios-node-type",
        "ipv6-address-preferred-lease-time",
    ]

    /// The set that the region starts with, which VPCs get.
    static func makeDefault(_ draft: inout ResourceDraft) {
        let domain = draft.region == "us-east-1" ? "ec2.internal" : "\(draft.region).compute.internal"
        make(&draft, [("domain-name", [domain]), ("domain-name-servers", ["AmazonProvidedDNS"])], tags: [], isDefault: true)
    }

    /// The id of the region's own set; `default`, which stands for no set, when it was deleted.
    static func defaultID(_ draft: ResourceDraft) -> String {
        draft.list(.dhcpOptions).first { $0["_isDefault"]?.bool == true }?["dhcpOptionsId"]?.string ?? "default"
    }

    @discardableResult
    private static func make(
        _ draft: inout ResourceDraft, _ options: [(String, [String])], tags: JSON, isDefault: Bool = false
    ) -> JSON {
        let id = draft.newID("dopt-")
        var set: JSON = [
            "dhcpOptionsId": .string(id), "ownerId": .string(draft.account),
            "dhcpConfigurationSet": .array(
                options.map { key, values in
                    ["key": .string(key), "valueSet": .array(values.map { ["value": .string($0)] })]
                }), "tagSet": tags,
        ]
        if isDefault { set["_isDefault"] = true }
        draft.put(.dhcpOptions, id, set)
        return set
    }

    @Sendable private static func create(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        var options: [(String, [String])] = []
        for configuration in request.structures("DhcpConfiguration") {
            let key = configuration["Key"]?.string ?? ""
            let values = configuration["Value"]?.strings ?? []
            guard keys.contains(key) else { throw EC2Error.invalidValue(key, "key", "Unknown DHCP option") }
            guard !values.isEmpty else { throw EC2Error.missing("value") }
            guard values.count <= 4 else { throw EC2Error.invalid("Too many values for DHCP option \(key)") }
            options.append((key, values))
        }
        guard !options.isEmpty else { throw EC2Error.missing("dhcpConfiguration") }
        return ["dhcpOptions": make(&draft, options, tags: try EC2Tags.specified(request, for: .dhcpOptions))]
    }

    @Sendable private static func delete(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("DhcpOptionsId")
        _ = try draft.require(.dhcpOptions, id)
        guard draft.list(.vpc, "dhcpOptionsId", id).isEmpty else { throw EC2Error.dependency("dhcpOptions", id) }
        draft.remove(.dhcpOptions, id)
        return ec2Return
    }

    @Sendable private static func associate(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("DhcpOptionsId")
        if id != "default" { _ = try draft.require(.dhcpOptions, id) }
        try draft.update(.vpc, try request.required("VpcId")) { $0["dhcpOptionsId"] = .string(id) }
        return ec2Return
    }
}
