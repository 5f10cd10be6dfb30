import GRDB

import struct Foundation.Data

/// Columns of a row whose types are checked: a damaged file is an error, where GRDB's own subscripts would stop the process.
extension Row {
    func integer(_ index: Int) throws -> Int64 {
        guard let value = Int64.fromDatabaseValue(self[index]) else { throw Row.damage(index) }
        return value
    }

    func text(_ index: Int) throws -> String {
        guard let value = String.fromDatabaseValue(self[index]) else { throw Row.damage(index) }
        return value
    }

    func bytes(_ index: Int) throws -> [UInt8] {
        // One copy, without going byte by byte through Data's iterator.
        try withUnsafeData(atIndex: index) { data in data?.withUnsafeBytes { [UInt8]($0) } ?? [] }
    }

    private static func damage(_ index: Int) -> DatabaseError {
        DatabaseError(resultCode: .SQLITE_CORRUPT, message: "column \(index) has a value of the wrong type")
    }
}
