/// What the agent has counted since it started.
public struct AgentMetrics: Sendable {
    /// Calls of EC2 by name.
    public internal(set) var requests: [String: Int] = [:]
    /// Refused calls of EC2 by name and error code.
    public internal(set) var refusals: [String: [String: Int]] = [:]
    /// The agent's own errors, by the place of their origin.
    public internal(set) var errors: [String: Int] = [:]
    /// Errors about branch interfaces, by the place of their origin.
    public internal(set) var branchErrors: [String: Int] = [:]
    /// What reconciliation found, by kind.
    public internal(set) var reconciled: [String: Int] = [:]
    /// AddNetwork requests.
    public internal(set) var addRequests = 0
    /// DelNetwork requests by reason.
    public internal(set) var deleteRequests: [String: Int] = [:]
    /// Requests that found no address.
    public internal(set) var dryRequests = 0
    /// Interfaces that were taken away under pods.
    public internal(set) var forceRemovedInterfaces = 0
    /// Addresses that were taken away from pods.
    public internal(set) var forceRemovedAddresses = 0
}
