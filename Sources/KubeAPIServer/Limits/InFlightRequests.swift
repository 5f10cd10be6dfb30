import HTTP
import KubeAPI
import RBAC
import World

/// The requests that an API server is working on. What comes when there are too many is told to come again
/// (`k8s.io/apiserver/pkg/server/filters/maxinflight.go`).
final class InFlightRequests: Sendable {
    /// What is counted apart.
    enum Kind: Int, Sendable, Hashable, CaseIterable {
        case reading, writing, watch
    }

    /// A request's place, given back when nobody holds it any more: also when the body of an answer is never asked for.
    final class Place: Sendable {
        private let requests: InFlightRequests
        private let kind: Kind

        fileprivate init(_ requests: InFlightRequests, _ kind: Kind) {
            self.requests = requests
            self.kind = kind
        }

        deinit { requests.counts.withLock { $0[kind.rawValue] -= 1 } }
    }

    private static let readingVerbs: Set<String> = ["get", "list", "watch"]

    private let limits: RequestLimits
    private let counts = Lock([Int](repeating: 0, count: Kind.allCases.count))

    init(_ limits: RequestLimits) { self.limits = limits }

    /// How many there are of a kind.
    func count(_ kind: Kind) -> Int { counts.withLock { $0[kind.rawValue] } }

    /// Takes a place for a request; `nil` for what is not counted. Those who may do everything find one always.
    ///
    /// - Throws: `Refusal`.
    func enter(_ info: RequestInfo, _ user: UserInfo) throws(Refusal) -> Place? {
        let kind: Kind
        if info.isLongRunning {
            guard info.verb == "watch" else { return nil }
            kind = .watch
        } else {
            kind = Self.readingVerbs.contains(info.verb) ? .reading : .writing
        }
        let limit =
            switch kind {
            case .reading: limits.reading
            case .writing: limits.writing
            case .watch: limits.watches
            }
        let isExempt = limit <= 0 || user.groups.contains("system:masters")
        let isIn = counts.withLock { counts in
            guard isExempt || counts[kind.rawValue] < limit else { return false }
            counts[kind.rawValue] += 1
            return true
        }
        guard isIn else { throw Refusal(kind: kind, limit: limit) }
        return Place(self, kind)
    }

    /// There are too many.
    struct Refusal: Error {
        let kind: Kind
        let limit: Int

        /// The answer: text, not a Status, as `tooManyRequests` writes it.
        var response: HTTPResponse {
            HTTPResponse(
                status: 429,
                headers: ["Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff", "Retry-After": "1"],
                body: .bytes(Array("Too many requests, please try again later.\n".utf8)))
        }

        /// For the trace.
        var step: TraceStep {
            let noun =
                switch kind {
                case .reading: "requests that read"
                case .writing: "requests that write"
                case .watch: "watches"
                }
            return TraceStep("limits", "in flight", expected: "fewer than \(limit) \(noun)", actual: "\(limit)", .fail)
        }
    }
}
