import GRDB
import Store

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A state file before SQLite touches it: where it is, whose it is, whether it can be used.
struct StateFile {
    /// What the user named, for messages.
    let named: String
    /// The same without symbolic links, so that every process locks the same path.
    let path: String

    private static let magic = Array("SQLite format 3\0".utf8)

    init(_ named: String) throws(StoreError) {
        self.named = named
        guard !named.isEmpty, !named.utf8.contains(0) else {
            throw .unusable(path: named, reason: "it is not a file name; name a file with --state")
        }
        if let resolved = StateFile.resolve(named) {
            path = resolved
        } else {
            let slash = named.lastIndex(of: "/")
            let directory = slash.map { $0 == named.startIndex ? "/" : String(named[..<$0]) } ?? "."
            guard let resolved = StateFile.resolve(directory) else {
                let reason =
                    errno == ENOENT
                    ? "the directory \(directory) does not exist; make it: mkdir -p '\(directory)'" : StateFile.text(errno, directory)
                throw .unusable(path: named, reason: reason)
            }
            let name = slash.map { named[named.index(after: $0)...] } ?? named[...]
            path = resolved + (resolved.hasSuffix("/") ? "" : "/") + name
        }
    }

    /// Locks the file for this process.
    func lock() throws(StoreError) -> FileLock {
        do throws(FileLock.Failure) {
            return try FileLock(path: path + ".lock")
        } catch {
            switch error {
            case .heldBy(let process):
                let who = process.isEmpty ? "another process" : "process \(process)"
                throw unusable("\(who) is using it; stop that, or choose another file with --state")
            case .system(let code): throw unusable(StateFile.text(code, path + ".lock"))
            }
        }
    }

    /// Whether there is a file of ours; throws when there is something else. An empty file counts as none.
    func exists() throws(StoreError) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT { return false }
            throw unusable(StateFile.text(errno, path))
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw unusable("it is not a regular file; choose another one with --state") }
        guard status.st_size > 0 else { return false }
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw unusable(StateFile.text(errno, path)) }
        defer { close(descriptor) }
        var header = [UInt8](repeating: 0, count: 100)
        let count = pread(descriptor, &header, header.count, 0)
        guard count == header.count, header.starts(with: StateFile.magic) else {
            throw unusable("it is not an eks-sim state file, and was left as it is; choose another file with --state")
        }
        func number(_ offset: Int) -> Int64 { header[offset..<offset + 4].reduce(0) { $0 << 8 | Int64($1) } }
        let application = number(68)
        guard application == Int64(Schema.applicationID) else {
            throw unusable(
                "it is a SQLite database of another program (application_id \(application)), and was left as it is; "
                    + "choose another file with --state")
        }
        // With a log beside the file, the log may hold the missing pages.
        let pageSize = number(16) >> 16 == 1 ? 65_536 : number(16) >> 16
        if !hasLog, number(24) == number(92), Int64(status.st_size) < number(28) * pageSize {
            throw unusable(StateFile.damaged("it has \(status.st_size) of \(number(28) * pageSize) bytes"))
        }
        // It holds private keys.
        for suffix in ["", "-wal", "-shm"] { _ = chmod(path + suffix, 0o600) }
        return true
    }

    /// Whether SQLite's log is there: the last process did not close the file.
    var hasLog: Bool { (StateFile.size(path + "-wal") ?? 0) > 0 }

    /// Bytes of the file.
    var size: Int { StateFile.size(path) ?? 0 }

    /// Makes a file with the schema and nothing in it. It appears at its path complete or not at all.
    func create(durable: Bool) throws(StoreError) {
        let draft = path + ".new"
        // What lies at these names is of a file that is gone or was never finished: SQLite would apply an old log to the new file.
        for suffix in [".new", ".new-journal", "-wal", "-shm", "-journal"] { unlink(path + suffix) }
        let descriptor = open(draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw unusable(StateFile.text(errno, draft)) }
        close(descriptor)
        do {
            let database = try DatabaseQueue(path: draft, configuration: SQLiteBackend.configuration)
            try database.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA synchronous = \(durable ? "FULL" : "OFF"); PRAGMA journal_mode = MEMORY")
                try database.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
                try Schema.migrate(database)
            }
            try database.close()
        } catch {
            unlink(draft)
            throw unusable(SQLiteFailure.text(error))
        }
        guard rename(draft, path) == 0 else { throw unusable(StateFile.text(errno, path)) }
        if durable, let slash = path.lastIndex(of: "/") {
            let directory = open(slash == path.startIndex ? "/" : String(path[..<slash]), O_RDONLY | O_CLOEXEC)
            if directory >= 0 {
                fsync(directory)
                close(directory)
            }
        }
    }

    func unusable(_ reason: String) -> StoreError { .unusable(path: named, reason: reason) }

    static func damaged(_ detail: String) -> String {
        "it is damaged (\(detail)); put a copy back, save what can be read with `sqlite3 FILE .recover`, or choose another file with --state"
    }

    private static func size(_ path: String) -> Int? {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : nil
    }

    private static func resolve(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// What a system error on a path means for the user.
    private static func text(_ code: Int32, _ path: String) -> String {
        switch code {
        case EACCES, EPERM:
            "\(path) cannot be written: permission denied; change its permissions, or choose another place with --state"
        case EROFS: "\(path) is on a read-only file system; choose another place with --state"
        case ENOSPC, EDQUOT: "the disk is full; free some space, or choose another place with --state"
        case ENOTDIR: "a part of \(path) is not a directory; choose another place with --state"
        case ENAMETOOLONG: "the name is too long; choose a shorter one with --state"
        default: "\(path): \(String(cString: strerror(code))); choose another place with --state"
        }
    }
}
