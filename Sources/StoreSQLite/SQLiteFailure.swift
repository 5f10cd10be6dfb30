import GRDB
import Store

/// SQLite's errors in words for the user.
enum SQLiteFailure {
    /// What a write or read that failed while running throws.
    static func unavailable(_ error: any Error) -> StoreError { error as? StoreError ?? .unavailable(text(error)) }

    /// Whether the error says that the file's contents are broken.
    static func isDamage(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return false }
        return error.resultCode == .SQLITE_CORRUPT || error.resultCode == .SQLITE_NOTADB
    }

    /// What went wrong, and what helps where that is known.
    static func text(_ error: any Error) -> String {
        guard let error = error as? DatabaseError else { return "\(error)" }
        let detail = "SQLite \(error.extendedResultCode.rawValue): \(error.message ?? "no message")"
        return switch error.resultCode {
        case .SQLITE_FULL: "the disk is full, nothing was written; free some space and try again (\(detail))"
        case .SQLITE_IOERR: "the disk reported an error, nothing was written (\(detail))"
        case .SQLITE_READONLY: "the state file cannot be written any more (\(detail))"
        case .SQLITE_BUSY, .SQLITE_LOCKED: "another program has locked the state file; close it and try again (\(detail))"
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: "the state file is damaged (\(detail))"
        case .SQLITE_CANTOPEN: "the state file cannot be opened (\(detail))"
        default: "the state file failed (\(detail))"
        }
    }
}
