import HTTP
import KubeAPI
import World

/// How long a request may take: the server's limit, or less if the client says so with `timeout`
/// (`k8s.io/apiserver/pkg/endpoints/filters/request_deadline.go`, `…/server/filters/timeout.go`).
struct RequestDeadline: Sendable {
    let timeout: Duration
    /// Whether the client asked for less than the server gives.
    let isAsked: Bool

    /// - Throws: 400 for a `timeout` that is no duration.
    init(_ query: QueryParameters, limit: Duration) throws(KubeStatus) {
        guard let text = query["timeout"], !text.isEmpty else {
            (timeout, isAsked) = (limit, false)
            return
        }
        let asked: Duration
        do throws(GoDuration.Problem) { asked = .nanoseconds(try GoDuration.parse(text)) } catch {
            throw .badRequest("invalid timeout specified in the request URL - timeout: \(GoText.quoted(text)), error: \(error)")
        }
        isAsked = asked > .zero && asked < limit
        timeout = isAsked ? asked : limit
    }

    static let refusal = KubeStatus.timeout("request did not complete within the allotted timeout")

    /// The outcome of `body`, or the refusal when the deadline passes on the world's clock before; `body` is then cancelled and not heard.
    func race(
        _ world: World, _ body: @escaping @Sendable () async throws(KubeStatus) -> HTTPResponse
    ) async throws(KubeStatus) -> HTTPResponse {
        let outcome = await withCheckedContinuation { (continuation: CheckedContinuation<Result<HTTPResponse, KubeStatus>, Never>) in
            let waiting = Lock<CheckedContinuation<Result<HTTPResponse, KubeStatus>, Never>?>(continuation)
            @Sendable func end(_ outcome: Result<HTTPResponse, KubeStatus>) {
                waiting.withLock { waiting in
                    defer { waiting = nil }
                    return waiting
                }?.resume(returning: outcome)
            }
            let work = Task {
                do throws(KubeStatus) { end(.success(try await body())) } catch { end(.failure(error)) }
            }
            let timer = world.timers.schedule(after: timeout, "request timeout") {
                work.cancel()
                end(.failure(Self.refusal))
            }
            Task {
                await work.value
                world.timers.cancel(timer)
            }
        }
        return try outcome.get()
    }

    /// Whether the deadline of the request that is worked on has passed: nothing of it is to be done any more.
    ///
    /// - Throws: the refusal.
    static func check() throws(KubeStatus) {
        if Task.isCancelled { throw refusal }
    }
}
