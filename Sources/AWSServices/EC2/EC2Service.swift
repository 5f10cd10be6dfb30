import HTTP
import JSON

/// AWS EC2, as far as a cluster needs to be placed: the default network, read-only.
struct EC2Service: Sendable {
    let records: Records

    private typealias Render = @Sendable (JSON, inout XMLWriter) -> Void

    /// One describe operation.
    private struct Description: Sendable {
        let kind: String
        let set: String
        let idParameter: String
        let idField: String
        let notFound: String
        let filters: [String: String]
        let render: Render
    }

    private static let descriptions: [String: Description] = [
        "DescribeVpcs": Description(
            kind: "vpcs", set: "vpcSet", idParameter: "VpcId", idField: "vpcId", notFound: "InvalidVpcID.NotFound",
            filters: ["vpc-id": "vpcId", "cidr": "cidrBlock"]
        ) { vpc, xml in
            xml.element("vpcId", vpc["vpcId"]?.string)
            xml.element("state", "available")
            xml.element("cidrBlock", vpc["cidrBlock"]?.string)
            xml.element("isDefault", vpc["isDefault"]?.bool == true ? "true" : "false")
        },
        "DescribeSubnets": Description(
            kind: "subnets", set: "subnetSet", idParameter: "SubnetId", idField: "subnetId", notFound: "InvalidSubnetID.NotFound",
            filters: ["subnet-id": "subnetId", "vpc-id": "vpcId", "availability-zone": "availabilityZone", "cidr-block": "cidrBlock"]
        ) { subnet, xml in
            for name in ["subnetId", "vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId"] {
                xml.element(name, subnet[name]?.string)
            }
            xml.element("state", "available")
        },
        "DescribeSecurityGroups": Description(
            kind: "security-groups", set: "securityGroupInfo", idParameter: "GroupId", idField: "groupId",
            notFound: "InvalidGroup.NotFound",
            filters: ["group-id": "groupId", "group-name": "groupName", "vpc-id": "vpcId"]
        ) { group, xml in
            xml.element("groupId", group["groupId"]?.string)
            xml.element("groupName", group["groupName"]?.string)
            xml.element("groupDescription", group["description"]?.string)
            xml.element("vpcId", group["vpcId"]?.string)
        },
    ]

    func handle(_ call: AWSCall, _ form: QueryForm, _ authorization: CallerAuthorization) throws(AWSError) -> HTTPResponse {
        let isZones = form.action == "DescribeAvailabilityZones"
        guard isZones || Self.descriptions[form.action] != nil else {
            throw AWSError(400, "InvalidAction", "The action \(form.action) is not valid for this web service.")
        }
        try authorization.require(call, "ec2:\(form.action)", on: "*")
        guard let description = Self.descriptions[form.action] else { return zones(call) }
        var found = list(call, description.kind)
        let ids = form.list(description.idParameter)
        for id in ids where !found.contains(where: { $0[description.idField]?.string == id }) {
            let word = description.idParameter.dropLast(2).lowercased()
            throw AWSError(400, description.notFound, "The \(word) ID '\(id)' does not exist")
        }
        if !ids.isEmpty { found = found.filter { ids.contains($0[description.idField]?.string ?? "") } }
        for filter in form.filters {
            guard let field = description.filters[filter.name] else {
                throw AWSError(400, "InvalidParameterValue", "The filter '\(filter.name)' is invalid")
            }
            found = found.filter { filter.values.contains($0[field]?.string ?? "") }
        }
        var xml = XMLWriter()
        xml.list(description.set, found, item: "item") { description.render($1, &$0) }
        return Self.response(call, form.action, xml.text)
    }

    private func list(_ call: AWSCall, _ kind: String) -> [JSON] {
        records.list(Records.collection(call.caller.accountID, call.region, "ec2", kind)).map(\.json)
    }

    private func zones(_ call: AWSCall) -> HTTPResponse {
        var xml = XMLWriter()
        xml.list("availabilityZoneInfo", list(call, "subnets"), item: "item") { xml, subnet in
            xml.element("zoneName", subnet["availabilityZone"]?.string)
            xml.element("zoneId", subnet["availabilityZoneId"]?.string)
            xml.element("zoneState", "available")
            xml.element("regionName", call.region)
            xml.element("optInStatus", "opt-in-not-required")
            xml.element("zoneType", "availability-zone")
        }
        return Self.response(call, "DescribeAvailabilityZones", xml.text)
    }

    private static func response(_ call: AWSCall, _ action: String, _ inner: String) -> HTTPResponse {
        AWSProtocol.xml(
            200,
            "<\(action)Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>\(call.requestID)</requestId>\(inner)</\(action)Response>",
            call.requestID)
    }
}
