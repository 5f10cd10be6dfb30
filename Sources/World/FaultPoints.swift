import Synchronization

/// Places in the code where a test or `eks-sim fault` makes something go wrong.
///
/// A point is a dotted name (`store.commit`, `sts.throttle`). Code at the point asks `take`; an armed fault is handed out until its
/// count is used up.
public final class FaultPoints: Sendable {
    /// What goes wrong at a point.
    public struct Fault: Sendable, Hashable {
        /// How often it happens; `nil` for always.
        public var remaining: Int?
        /// Free text that the point interprets: an error code, a status, a target.
        public var detail: String

        /// Makes a fault.
        public init(remaining: Int? = nil, detail: String = "") {
            self.remaining = remaining
            self.detail = detail
        }
    }

    private let armed = Lock<[String: Fault]>([:])
    private let isAnyArmed = Atomic<Bool>(false)

    /// Makes an empty set.
    public init() {}

    /// Arms a fault at a point, replacing the one there.
    public func arm(_ point: String, _ fault: Fault) {
        armed.withLock { $0[point] = fault }
        isAnyArmed.store(true, ordering: .releasing)
    }

    /// Disarms a point, or all.
    public func clear(_ point: String? = nil) {
        armed.withLock { armed in
            if let point { armed[point] = nil } else { armed.removeAll() }
            isAnyArmed.store(!armed.isEmpty, ordering: .releasing)
        }
    }

    /// What is armed, by point.
    public var all: [String: Fault] { armed.withLock { $0 } }

    /// The fault to produce at this point now, if one is armed. Costs one atomic read when none is.
    public func take(_ point: String) -> Fault? {
        guard isAnyArmed.load(ordering: .acquiring) else { return nil }
        return armed.withLock { armed in
            guard var fault = armed[point] else { return nil }
            if let remaining = fault.remaining {
                fault.remaining = remaining - 1
                armed[point] = remaining > 1 ? fault : nil
            }
            return fault
        }
    }
}
