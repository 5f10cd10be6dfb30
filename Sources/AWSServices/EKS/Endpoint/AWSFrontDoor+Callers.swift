import JSON

/// Callers in subnets: they are network interfaces like every other, with an address of the subnet's.
extension AWSFrontDoor {
    private static let description = "eks-sim vantage point "

    /// Puts a caller into a subnet: an interface of it, with the given security groups or the VPC's default one, and with a public address
    /// where the subnet gives one to instances.
    ///
    /// - Throws: `EndpointCallerProblem`.
    public func addCaller(
        named name: String, in subnet: String, groups: [String]
    ) async throws(EndpointCallerProblem) -> NetworkInterfaceReference {
        let (resources, _) = try find(.subnet, subnet)
        do throws(AWSError) {
            let id = try await resources.change { draft throws(AWSError) in
                let place = try draft.require(.subnet, subnet)
                let purpose = NetworkInterfaces.Purpose(description: Self.description + name)
                let made = try NetworkInterfaces.make(
                    &draft, in: place, InterfaceWish(), groups: try NetworkInterfaces.groups(groups, place, draft), purpose)
                if place["mapPublicIpOnLaunch"]?.bool == true { try Instances.givePublicAddress(&draft, made) }
                return made
            }
            return NetworkInterfaceReference(account: resources.account, region: resources.region, id: id)
        } catch {
            throw .refused(error.message)
        }
    }

    /// The first network interface of an instance.
    ///
    /// - Throws: `EndpointCallerProblem`.
    public func caller(instance: String) throws(EndpointCallerProblem) -> NetworkInterfaceReference {
        let (resources, record) = try find(.instance, instance)
        guard let interface = Instances.interfaces(of: record, resources.present).first?["networkInterfaceId"]?.string else {
            throw .refused("\(instance) has no network interface")
        }
        return NetworkInterfaceReference(account: resources.account, region: resources.region, id: interface)
    }

    /// Removes the interface that `addCaller` made; those of instances stay.
    public func removeCaller(_ reference: NetworkInterfaceReference) async {
        _ = try? await regions.resources(reference.account, reference.region).change { draft throws(AWSError) in
            guard draft.get(.networkInterface, reference.id)?["description"]?.string?.hasPrefix(Self.description) == true else { return }
            try NetworkInterfaces.remove(&draft, reference.id)
        }
    }

    /// The account and region that have a resource, and the resource.
    private func find(_ kind: ResourceKind, _ id: String) throws(EndpointCallerProblem) -> (RegionResources, JSON) {
        for resources in regions.all {
            if let found = resources.present.get(kind, id) { return (resources, found) }
        }
        throw .unknown(id)
    }
}
