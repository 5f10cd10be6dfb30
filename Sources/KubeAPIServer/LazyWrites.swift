import HTTP
import World

/// Objects that somebody keeps fresh, but only where it can be seen: leases, heartbeats, events. They are brought up to date before a client
/// reads them, and as time passes while a client watches them.
public final class LazyWrites: Sendable {
    /// Who keeps objects fresh.
    public struct Keeper: Sendable {
        let resources: Set<ChangeSignals.Resource>
        let refresh: @Sendable (ChangeSignals.Resource) async -> Void
        let setWatched: @Sendable (ChangeSignals.Resource, Bool) async -> Void

        /// Makes a keeper of resources: `refresh` writes what is due, `setWatched` says whether that has to happen in time.
        public init(
            of resources: Set<ChangeSignals.Resource>, refresh: @escaping @Sendable (ChangeSignals.Resource) async -> Void,
            setWatched: @escaping @Sendable (ChangeSignals.Resource, Bool) async -> Void
        ) {
            self.resources = resources
            self.refresh = refresh
            self.setWatched = setWatched
        }
    }

    private struct State: Sendable {
        var keepers: [ChangeSignals.Resource: Keeper] = [:]
        var watchers: [ChangeSignals.Resource: Int] = [:]
    }

    private let state = Lock(State())

    /// Names who keeps some resources.
    public func add(_ keeper: Keeper) {
        state.withLock { state in
            for resource in keeper.resources { state.keepers[resource] = keeper }
        }
    }

    /// From now on nobody keeps anything.
    public func removeAll() { state.withLock { $0.keepers = [:] } }

    private func keeper(of resource: ChangeSignals.Resource) -> Keeper? { state.withLock { $0.keepers[resource] } }

    /// Brings a resource up to date for somebody who reads it.
    func refresh(_ resource: ChangeSignals.Resource) async { await keeper(of: resource)?.refresh(resource) }

    /// A watch's body that says to the keeper for how long somebody watches.
    func noting(_ body: HTTPResponse.Body, _ resource: ChangeSignals.Resource) -> HTTPResponse.Body {
        guard case .stream(let produce) = body, keeper(of: resource) != nil else { return body }
        return .stream { [weak self] writer in
            await self?.count(resource, 1)
            do { try await produce(writer) } catch {
                await self?.count(resource, -1)
                throw error
            }
            await self?.count(resource, -1)
        }
    }

    private func count(_ resource: ChangeSignals.Resource, _ step: Int) async {
        let (keeper, isWatched, changed) = state.withLock { state -> (Keeper?, Bool, Bool) in
            let before = state.watchers[resource] ?? 0
            state.watchers[resource] = before + step
            return (state.keepers[resource], before + step > 0, before == 0 || before + step == 0)
        }
        if changed { await keeper?.setWatched(resource, isWatched) }
    }
}
