import HTTP
import World

/// Reads the lines of a streaming answer while its producer writes them.
public final class EventReader: HTTPBodyWriter {
    /// What a read found.
    public enum Reading: Sendable, Hashable {
        /// One line without its end.
        case line([UInt8])
        /// The producer has ended the answer, and every line was read.
        case end
        /// Nothing came within the time.
        case nothing
    }

    private struct State: Sendable {
        var pending: [UInt8] = []
        var read = 0
        var hasEnded = false
        var isClosed = false
        var reader: (id: Int, continuation: CheckedContinuation<Void, Never>)?
        var closeWaiters: [CheckedContinuation<Void, Never>] = []
        var nextID = 0
    }

    private let state = Lock(State())
    /// The clock of people: how long to wait for what may never come.
    private let wall = World()

    /// Starts the producer of a streaming answer; an answer that is whole already is read in the same way.
    public init(_ response: HTTPResponse) {
        guard case .stream(let produce) = response.body else {
            state.withLock { state in
                state.pending = response.collected ?? []
                state.hasEnded = true
            }
            return
        }
        Task {
            try? await produce(self)
            wake { $0.hasEnded = true }
        }
    }

    /// Takes what the producer sends.
    public func write(_ bytes: [UInt8]) async throws {
        guard !state.withLock({ $0.isClosed }) else { throw HTTPClientGone() }
        wake { $0.pending += bytes }
    }

    /// Returns when the reader has gone.
    public func waitUntilClosed() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isClosed = state.withLock { state in
                    if !state.isClosed { state.closeWaiters.append(continuation) }
                    return state.isClosed
                }
                if isClosed { continuation.resume() }
            }
        } onCancel: {
            close()
        }
    }

    /// Goes away, as a client that closes its connection.
    public func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            defer { state.closeWaiters.removeAll() }
            return state.closeWaiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// The next line; waits for it at most `limit` of real time.
    public func next(within limit: Duration) async -> Reading {
        if let ready = take() { return ready }
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let timer = wall.timers.schedule(after: limit, "event reader") { [self] in resume(id) }
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if Self.line(in: state) != nil || state.hasEnded { return true }
                state.reader = (id, continuation)
                return false
            }
            if isReady { continuation.resume() }
        }
        wall.timers.cancel(timer)
        return take() ?? .nothing
    }

    private func take() -> Reading? {
        state.withLock { state in
            if let end = Self.line(in: state) {
                let line = Array(state.pending[state.read..<end])
                state.read = end + 1
                return .line(line)
            }
            guard state.hasEnded else { return nil }
            defer { state.read = state.pending.count }
            return state.read < state.pending.count ? .line(Array(state.pending[state.read...])) : .end
        }
    }

    private static func line(in state: State) -> Int? { state.pending[state.read...].firstIndex(of: UInt8(ascii: "\n")) }

    private func wake(_ change: (inout State) -> Void) {
        let reader = state.withLock { state in
            change(&state)
            defer { state.reader = nil }
            return state.reader
        }
        reader?.continuation.resume()
    }

    private func resume(_ id: Int) {
        let reader = state.withLock { state -> (id: Int, continuation: CheckedContinuation<Void, Never>)? in
            guard state.reader?.id == id else { return nil }
            defer { state.reader = nil }
            return state.reader
        }
        reader?.continuation.resume()
    }
}
