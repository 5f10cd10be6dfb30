public import AWSServices
import IPAddress
public import JSON

/// A place that clients connect from, with the address, the routes and the names of that place.
public struct VantagePoint: Sendable, Hashable {
    /// What commands call it.
    public let name: String
    /// Who calls, as far as the network is concerned.
    public let caller: EndpointCaller
    /// What it was made from, for people: `internet 198.51.100.7`, `subnet subnet-…`.
    public let origin: String
    /// The local port that leads to each cluster's endpoint, by the cluster's id.
    public internal(set) var ports: [String: Int]

    init(name: String, caller: EndpointCaller, origin: String, ports: [String: Int] = [:]) {
        self.name = name
        self.caller = caller
        self.origin = origin
        self.ports = ports
    }

    /// Reads the form that `json` writes; `nil` when it is not that.
    init?(json: JSON) {
        guard let name = json["name"]?.string, let origin = json["origin"]?.string else { return nil }
        let address = json["address"]?.string.flatMap { IPAddress($0) }
        let caller: EndpointCaller
        switch (json["kind"]?.string, address) {
        case ("internet", let address?): caller = .internet(address)
        case ("peered", let address?): caller = .peered(address, leavesAs: json["leavesAs"]?.string.flatMap { IPAddress($0) })
        case ("interface", _):
            guard let account = json["account"]?.string, let region = json["region"]?.string, let id = json["interface"]?.string else {
                return nil
            }
            caller = .interface(NetworkInterfaceReference(account: account, region: region, id: id))
        default: return nil
        }
        var ports: [String: Int] = [:]
        for port in json["ports"]?.object?.members ?? [] { ports[port.key] = port.value.integer.map { Int(clamping: $0) } }
        self.init(name: name, caller: caller, origin: origin, ports: ports)
    }

    /// The form that is stored and answered.
    public var json: JSON {
        var json: JSON = ["name": .string(name), "origin": .string(origin)]
        switch caller {
        case .internet(let address):
            json["kind"] = "internet"
            json["address"] = .string(address.description)
        case .peered(let address, let outside):
            json["kind"] = "peered"
            json["address"] = .string(address.description)
            json["leavesAs"] = outside.map { .string($0.description) }
        case .interface(let reference):
            json["kind"] = "interface"
            json["account"] = .string(reference.account)
            json["region"] = .string(reference.region)
            json["interface"] = .string(reference.id)
        }
        json["ports"] = .object(JSONObject(ports.sorted { $0.key < $1.key }.map { ($0.key, .integer(Int64($0.value))) }))
        return json
    }
}

/// What a new vantage point is made from.
public enum VantageOrigin: Sendable, Hashable {
    /// A public address outside.
    case internet(String)
    /// A network connected to the cluster's VPC: the caller's address, and the one with which it reaches the internet.
    case peered(String, leavesAs: String?)
    /// A new network interface in a subnet, in security groups or the VPC's default one.
    case subnet(String, groups: [String])
    /// The first network interface of an instance.
    case bastion(String)
}
