import JSON
import Store
public import World

/// Log groups that AWS services write to themselves, as EKS does with `/aws/eks/NAME/cluster`.
public struct LogDelivery: Sendable {
    let records: Records
    let world: World
    let events: LogEventStore
    let account: String
    let region: String
    /// The group's name.
    public let group: String

    /// Makes the group and a stream, unless they are there.
    ///
    /// - Throws: `AWSError` when the state cannot be written.
    public func open(stream: String) async throws(AWSError) {
        let now = world.now.nanoseconds / 1_000_000
        let key = Key(LogsService.groups(account, region), group)
        if records.get(key.collection, group) == nil {
            _ = try await records.commit(
                Transaction(conditions: [.absent(key)], writes: [.put(key, .bytes(LogsService.group(group, now).serialized()))]))
        }
        let place = Key(LogsService.streams(account, region), "\(group):\(stream)")
        guard records.get(place.collection, place.name) == nil else { return }
        _ = try await records.commit(
            Transaction(conditions: [.absent(place)], writes: [.put(place, .bytes(LogsService.stream(stream, now).serialized()))]))
    }

    /// Whether a stream is there.
    public func has(stream: String) -> Bool {
        records.store.get(Key(LogsService.streams(account, region), "\(group):\(stream)")) != nil
    }

    /// Appends a line to a stream.
    public func append(_ line: String, stream: String, at time: Instant) {
        events.append(
            [(time.nanoseconds / 1_000_000, line)], to: .init(group: LogsService.place(account, region, group), stream: stream),
            at: world.now.nanoseconds / 1_000_000)
    }
}
