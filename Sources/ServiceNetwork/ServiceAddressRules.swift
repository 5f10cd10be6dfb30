import IPAddress
import JSON
public import KubeAPI

/// What a Service's address fields may say (`pkg/apis/core/validation`: `ValidateServiceClusterIPsRelatedFields` and the update rules).
public enum ServiceAddressRules {
    private static let clusterIPs = "spec.clusterIPs"
    private static let families = "spec.ipFamilies"
    private static let policy = "spec.ipFamilyPolicy"

    /// What is wrong with the address fields by themselves. Addresses that the Service had before are not looked at again.
    public static func problems(_ service: ServiceFields, old: ServiceFields? = nil) -> [FieldError] {
        var problems: [FieldError] = []
        let shown = JSON(strings: service.clusterIPs)
        if service.clusterIP.isEmpty {
            if !service.clusterIPs.isEmpty {
                problems.append(.invalid(clusterIPs, shown, "must be empty when `clusterIP` is not specified"))
            }
        } else if service.clusterIPs.isEmpty {
            problems.append(.required(clusterIPs))
        } else if service.clusterIPs[0] != service.clusterIP {
            problems.append(.invalid(clusterIPs, shown, "first value must match `clusterIP`"))
        }
        for (index, family) in service.families.enumerated() {
            if !["IPv4", "IPv6"].contains(family) {
                problems.append(.notSupported("\(families)[\(index)]", .string(family), ["IPv4", "IPv6"]))
            }
            if service.families[..<index].contains(family) { problems.append(.duplicate("\(families)[\(index)]", .string(family))) }
        }
        let policies = ["PreferDualStack", "RequireDualStack", "SingleStack"]
        if let given = service.policy, !policies.contains(given) { problems.append(.notSupported(policy, .string(given), policies)) }
        var hasInvalid = false
        for (index, address) in service.clusterIPs.enumerated() {
            if index == 0, address == ServiceFields.headless {
                guard service.clusterIPs.count > 1 else { continue }
                hasInvalid = true
                problems.append(.invalid(clusterIPs, shown, "'None' must be the first and only value"))
                continue
            }
            guard old?.clusterIPs.contains(address) != true else { continue }
            let wrong = NetworkTextValidation.legacyAddressProblems(address, field: "\(clusterIPs)[\(index)]")
            hasInvalid = hasInvalid || !wrong.isEmpty
            problems += wrong
        }
        if service.clusterIPs.count > 2 { problems.append(.invalid(clusterIPs, shown, "may only hold up to 2 values")) }
        // Further texts would only be confused by what is no address.
        if hasInvalid { return problems }
        let kinds = service.clusterIPs.map { IPAddress($0)?.family }
        if service.clusterIPs.count > 1, Set(kinds).count < 2 || service.clusterIPs.count > 2 {
            problems.append(.invalid(clusterIPs, shown, "may specify no more than one IP for each IP family"))
        }
        if !service.isHeadless, problems.isEmpty {
            for (index, (address, family)) in zip(service.clusterIPs, service.families).enumerated()
            where kinds[index]?.name != family {
                problems.append(
                    .invalid(
                        "\(clusterIPs)[\(index)]", .string(address), "expected an \(family) value as indicated by `ipFamilies[\(index)]`"))
            }
        }
        return problems
    }

    /// What may not change in the addresses of a Service.
    public static func updateProblems(_ new: ServiceFields, old: ServiceFields) -> [FieldError] {
        guard new.type != "ExternalName", old.type != "ExternalName" else { return [] }
        return addressChanges(new, old) + familyChanges(new, old)
    }

    private static func addressChanges(_ new: ServiceFields, _ old: ServiceFields) -> [FieldError] {
        guard !(new.isHeadless && old.isHeadless) else { return [] }
        let shown = JSON(strings: new.clusterIPs)
        func changed(_ index: Int) -> FieldError { .invalid("\(clusterIPs)[\(index)]", shown, "may not change once set") }
        if old.clusterIPs.count == new.clusterIPs.count {
            return old.clusterIPs.indices.filter { old.clusterIPs[$0] != new.clusterIPs[$0] }.map(changed)
        }
        var problems: [FieldError] = []
        let isReleased = old.clusterIPs.count > new.clusterIPs.count
        if isReleased, new.clusterIPs.isEmpty {
            problems.append(.invalid("\(clusterIPs)[0]", shown, "primary clusterIP can not be unset"))
        }
        if let before = old.clusterIPs.first, let after = new.clusterIPs.first, before != after { problems.append(changed(0)) }
        if isReleased, new.clusterIPs.count == 1, new.policy != "SingleStack" {
            problems.append(
                .invalid(
                    policy, new.policy.map(JSON.string) ?? .null, "must be set to 'SingleStack' when releasing the secondary clusterIP"))
        }
        return problems
    }

    private static func familyChanges(_ new: ServiceFields, _ old: ServiceFields) -> [FieldError] {
        guard new.isHeadless == old.isHeadless, !new.isHeadless else { return [] }
        let field = "\(families)[0]"
        if old.families.count == new.families.count {
            return old.families.indices.filter { old.families[$0] != new.families[$0] }.map { _ in
                .invalid(field, JSON(strings: new.families), "may not change once set")
            }
        }
        var problems: [FieldError] = []
        let isReleased = old.families.count > new.families.count
        if isReleased, new.clusterIPs.isEmpty {
            problems.append(.invalid(field, JSON(strings: new.families), "primary ipFamily can not be unset"))
        }
        if let before = old.families.first, let after = new.families.first, before != after {
            problems.append(.invalid(field, JSON(strings: new.clusterIPs), "may not change once set"))
        }
        if isReleased, new.families.count == 1, new.policy != "SingleStack" {
            problems.append(
                .invalid(policy, new.policy.map(JSON.string) ?? .null, "must be set to 'SingleStack' when releasing the secondary ipFamily")
            )
        }
        return problems
    }
}
