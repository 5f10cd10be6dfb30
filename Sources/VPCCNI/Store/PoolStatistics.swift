/// The numbers of a node's pool that the agent decides by, counted anew over its blocks.
public struct PoolStatistics: Sendable, Hashable {
    /// Addresses that could be given to pods: of prefixes, or single ones, as the node's mode is.
    public var total = 0
    /// Those that have a pod.
    public var assigned = 0
    /// Those whose pod left a short while ago. They are part of `available`, though nobody gets them yet.
    public var cooling = 0
    /// Prefixes, whatever the mode.
    public var prefixes = 0

    /// Addresses without a pod.
    public var available: Int { total - assigned }
}

/// The counters that the agent keeps along with its changes and shows in introspection. They drift from a recount where it forgets to
/// keep them (removal of an interface with pods, late removal from an excluded interface).
public struct RunningCounters: Sendable, Hashable {
    /// Addresses of both kinds.
    public internal(set) var total = 0
    /// Addresses that have a pod.
    public internal(set) var assigned = 0
    /// Prefixes.
    public internal(set) var prefixes = 0
}
