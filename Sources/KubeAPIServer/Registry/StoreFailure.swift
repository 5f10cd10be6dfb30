import KubeAPI
import Store

extension KubeStatus {
    /// What the API server answers when the store refuses.
    static func of(_ error: StoreError, list isList: Bool = false) -> KubeStatus {
        switch error {
        case .compacted(let requested, let compacted):
            isList ? .listTooOld : .watchTooOld(UInt64(max(0, requested)), oldest: UInt64(max(0, compacted)))
        case .futureRevision(let requested, let current):
            .tooLargeResourceVersion(UInt64(max(0, requested)), current: UInt64(max(0, current)))
        case .conflict(let key, _): .unexpected("conflict on \(key)")
        case .overflow: .expired("the watch fell too far behind; start again from a list")
        case .closed: .serviceUnavailable("the server is shutting down")
        case .unavailable(let reason): .internalError("the state could not be written: \(reason)")
        case .unusable(_, let reason): .internalError(reason)
        }
    }
}
