import GRDB
import Store
import World

/// The store of `eks-sim serve`: one SQLite file in WAL mode.
public enum SQLiteStore {
    /// When a commit counts as done.
    public enum Durability: Sendable, Hashable {
        /// It survives a power failure: every commit is synced to the disk.
        case full
        /// It survives the death of the process; a power failure may take the last commits.
        case normal
    }

    /// Opens a state file, or makes it. The file, its `-wal`, its `-shm` and its `.lock` are readable by their owner only.
    ///
    /// The lock on the file vanishes with the process, however it ends.
    ///
    /// - Throws: `StoreError.unusable` with a reason and a fix when the file is not ours, newer, damaged, in use or cannot be written.
    public static func open(
        path: String, durability: Durability, world: World, limits: StoreLimits = StoreLimits()
    ) throws(StoreError) -> PersistentStore {
        let (backend, contents) = try SQLiteBackend.open(path: path, durability: durability)
        return PersistentStore(contents, backend: backend, world: world, limits: limits)
    }
}
