import IPAddress
import Store
import World

/// Which Service addresses have an IPAddress object, so that a free one is found without a search, and which are about to get one, so that
/// no two writes at once choose the same. Whether an address was free is decided by the commit alone.
final class TakenAddresses: Sendable {
    private let collection: String
    private let addresses = Lock(IPAddressSet())

    init(collection: String) { self.collection = collection }

    /// Notes that a key was written, or that a write of it was given up. What counts is what is stored now: of two who write one after the other, either may come here last.
    func note(_ key: Key, in store: any Store) {
        guard key.collection == collection, let address = IPAddress(key.name) else { return }
        addresses.withLock { if store.get(key) == nil { $0.remove(address) } else { $0.insert(address) } }
    }

    /// Notes what is stored already, after a restart.
    func noteAll(in store: any Store) {
        let range = try? store.range(collection, prefix: "", at: nil, after: nil, limit: 0)
        for entry in range?.entries ?? [] { note(Key(collection, entry.name), in: store) }
    }

    /// The lowest address of a range that nobody has. It is kept for the caller until the key is noted again.
    func reserveFirst(in range: IPRange) -> IPAddress? {
        addresses.withLock { addresses in
            let address = addresses.firstAbsent(in: range)
            if let address { addresses.insert(address) }
            return address
        }
    }
}
