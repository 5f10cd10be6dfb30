import IPAddress
import JSON
import World

/// A call of EC2 with its parameters read.
struct EC2Request: Sendable {
    /// The verified call; `nil` for what the simulator itself does.
    let call: AWSCall?
    let operation: String
    /// The parameters by their names on the wire.
    let input: JSON
    /// Decides what else the caller may do; `nil` for what AWS itself does.
    let authorization: CallerAuthorization?

    func string(_ name: String) -> String? { input[name]?.string }
    func integer(_ name: String) -> Int64? { input[name]?.integer }
    func bool(_ name: String) -> Bool? { input[name]?.bool }
    func strings(_ name: String) -> [String] { input[name]?.strings ?? [] }
    func structures(_ name: String) -> [JSON] { input[name]?.array ?? [] }

    /// A text that has to be there.
    func required(_ name: String) throws(AWSError) -> String {
        guard let value = string(name), !value.isEmpty else { throw EC2Error.missing(name) }
        return value
    }

    /// A resource that a parameter names.
    func resource(_ kind: ResourceKind, _ parameter: String, _ draft: ResourceDraft) throws(AWSError) -> JSON {
        try draft.require(kind, try required(parameter))
    }

    /// The blocks that a parameter may hold, in canonical form; EC2 clears bits beyond the prefix.
    func block(_ name: String, _ family: IPAddress.Family = .ipv4) throws(AWSError) -> CIDRBlock? {
        guard let text = string(name) else { return nil }
        return try Self.block(text, name, family)
    }

    static func block(_ text: String, _ name: String, _ family: IPAddress.Family = .ipv4) throws(AWSError) -> CIDRBlock {
        guard let block = try? CIDRBlock(parsing: text, syntax: .go), block.family == family else {
            throw EC2Error.invalidValue(text, name, "This is not a valid CIDR block.")
        }
        return block
    }

    /// Names in two ways exclude each other.
    func exclude(_ first: String, _ second: String) throws(AWSError) {
        guard input[first] == nil || input[second] == nil else {
            throw AWSError(
                400, "InvalidParameterCombination", "The parameter \(first) cannot be used with the parameter \(second)")
        }
    }
}

/// Refusals that several operations share.
enum EC2Error {
    static func missing(_ name: String) -> AWSError {
        AWSError(400, "MissingParameter", "The request must contain the parameter \(name.prefix(1).lowercased() + name.dropFirst())")
    }

    static func invalidValue(_ value: String, _ name: String, _ reason: String = "") -> AWSError {
        AWSError(
            400, "InvalidParameterValue",
            "Value (\(value)) for parameter \(name.prefix(1).lowercased() + name.dropFirst()) is invalid.\(reason.isEmpty ? "" : " \(reason)")"
        )
    }

    static func invalid(_ message: String) -> AWSError { AWSError(400, "InvalidParameterValue", message) }

    static func combination(_ message: String) -> AWSError { AWSError(400, "InvalidParameterCombination", message) }

    static func dependency(_ noun: String, _ id: String) -> AWSError {
        AWSError(400, "DependencyViolation", "The \(noun) '\(id)' has dependencies and cannot be deleted.")
    }
}

extension Instant {
    /// A time as EC2 writes it: `2026-11-24T00:00:00.000Z`.
    var ec2Text: String {
        let fraction = String(subsecond / 1_000_000)
        return "\(rfc3339.prefix(19)).\(String(repeating: "0", count: max(3 - fraction.count, 0)))\(fraction)Z"
    }
}
