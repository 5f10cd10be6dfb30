/// How much a store keeps in memory and lets wait. All sizes count value bytes.
public struct StoreLimits: Sendable, Hashable {
    /// Recent changes kept in memory for watches and older reads.
    public var windowChanges = 10_000
    /// Bytes of the values in that window and of those they replaced; values that are still current are shared with it, not copied.
    public var windowBytes = 32 << 20
    /// Transactions that may wait for the disk before more are refused.
    public var waitingTransactions = 16_384
    /// Bytes of the transactions that may wait.
    public var waitingBytes = 64 << 20
    /// Transactions written to the disk together.
    public var groupTransactions = 512
    /// Bytes written to the disk together; one larger transaction goes alone.
    public var groupBytes = 8 << 20
    /// Changes that may be visible before they are on the disk; see `Transaction.mayTrail`.
    public var trailingChanges = 1_024
    /// Bytes of them.
    public var trailingBytes = 4 << 20
    /// Changes that may wait for one slow reader of a watch before it is cut off.
    public var watchChanges = 8_192
    /// Bytes that may wait for one slow reader.
    public var watchBytes = 32 << 20
    /// Changes read from the disk for one watch that starts before the window; a watch that needs more must list anew.
    public var backlogChanges = 20_000
    /// Bytes read from the disk for one watch that starts before the window.
    public var backlogBytes = 64 << 20
    /// Changes kept on disk behind the newest; older ones are compacted away by themselves.
    public var historyChanges = 100_000
    /// Bytes of values kept on disk behind the newest.
    public var historyBytes = 256 << 20
    /// Rows that one step of compaction looks at; writes go between the steps.
    public var compactionStep = 1_000

    /// The limits of `eks-sim serve`.
    public init() {}
}
