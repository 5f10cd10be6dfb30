/// Entries ordered by the bytes of their names, in chunks of bounded size.
///
/// An insert moves at most one chunk, whatever the number of entries. Copies share their chunks, so that a reader takes a copy under the
/// store's lock and walks it outside.
struct OrderedEntries: Sendable {
    /// A place between entries.
    struct Position: Comparable {
        var chunk: Int
        var offset: Int

        static func < (left: Position, right: Position) -> Bool {
            left.chunk == right.chunk ? left.offset < right.offset : left.chunk < right.chunk
        }
    }

    private static let chunkLimit = 512
    /// None is empty.
    private var chunks: [[Entry]] = []
    private(set) var count = 0

    init() {}

    /// Makes a list of entries that are in order already.
    init(sorted entries: [Entry]) {
        count = entries.count
        chunks.reserveCapacity(entries.count / OrderedEntries.chunkLimit + 1)
        var start = 0
        while start < entries.count {
            let end = min(start + OrderedEntries.chunkLimit, entries.count)
            chunks.append(Array(entries[start..<end]))
            start = end
        }
    }

    var start: Position { Position(chunk: 0, offset: 0) }
    var end: Position { Position(chunk: chunks.count, offset: 0) }

    /// The first position whose name is not `before`; names for which it is true must precede all others.
    func partition(_ before: (String) -> Bool) -> Position {
        var low = 0
        var high = chunks.count
        while low < high {
            let middle = (low + high) / 2
            if let last = chunks[middle].last, before(last.name) { low = middle + 1 } else { high = middle }
        }
        guard low < chunks.count else { return end }
        let chunk = chunks[low]
        var first = 0
        var last = chunk.count
        while first < last {
            let middle = (first + last) / 2
            if before(chunk[middle].name) { first = middle + 1 } else { last = middle }
        }
        return Position(chunk: low, offset: first)
    }

    /// Where names with `prefix` that follow `after` begin and end.
    func bounds(prefix: String, after: String?) -> (from: Position, to: Position) {
        var from = prefix.isEmpty ? start : partition { $0.compareBytes(to: prefix) < 0 }
        let to = prefix.isEmpty ? end : partition { $0.compareBytes(to: prefix) < 0 || $0.hasBytePrefix(prefix) }
        if let after { from = max(from, partition { $0.compareBytes(to: after) <= 0 }) }
        return (from, max(from, to))
    }

    /// The entry of a name.
    func find(_ name: String) -> Entry? {
        let position = partition { $0.compareBytes(to: name) < 0 }
        guard let entry = entry(at: position), entry.name.compareBytes(to: name) == 0 else { return nil }
        return entry
    }

    /// The entry behind a position; `nil` at the end.
    func entry(at position: Position) -> Entry? {
        position.chunk < chunks.count ? chunks[position.chunk][position.offset] : nil
    }

    /// The position behind the next entry.
    func position(after position: Position) -> Position {
        position.offset + 1 < chunks[position.chunk].count
            ? Position(chunk: position.chunk, offset: position.offset + 1) : Position(chunk: position.chunk + 1, offset: 0)
    }

    /// How many entries are between two positions.
    func distance(from: Position, to: Position) -> Int {
        guard from < to else { return 0 }
        if from.chunk == to.chunk { return to.offset - from.offset }
        var total = chunks[from.chunk].count - from.offset + to.offset
        for chunk in (from.chunk + 1)..<to.chunk { total += chunks[chunk].count }
        return total
    }

    /// Up to `limit` entries between two positions; 0 for all.
    func entries(from: Position, to: Position, limit: Int) -> [Entry] {
        let wanted = limit > 0 ? min(limit, distance(from: from, to: to)) : distance(from: from, to: to)
        var result: [Entry] = []
        result.reserveCapacity(wanted)
        var position = from
        while result.count < wanted {
            let chunk = chunks[position.chunk]
            let end = min(chunk.count, position.offset + wanted - result.count)
            result.append(contentsOf: chunk[position.offset..<end])
            position = Position(chunk: position.chunk + 1, offset: 0)
        }
        return result
    }

    /// Stores an entry under its name and returns the one it replaces.
    @discardableResult
    mutating func put(_ entry: Entry) -> Entry? {
        let position = partition { $0.compareBytes(to: entry.name) < 0 }
        if let old = self.entry(at: position), old.name.compareBytes(to: entry.name) == 0 {
            chunks[position.chunk][position.offset] = entry
            return old
        }
        count += 1
        if position.chunk == chunks.count {
            // Names that only grow fill chunks to the brim.
            if let last = chunks.indices.last, chunks[last].count < OrderedEntries.chunkLimit {
                chunks[last].append(entry)
            } else {
                chunks.append([entry])
            }
            return nil
        }
        chunks[position.chunk].insert(entry, at: position.offset)
        if chunks[position.chunk].count > OrderedEntries.chunkLimit {
            let half = chunks[position.chunk].count / 2
            let tail = Array(chunks[position.chunk][half...])
            chunks[position.chunk].removeSubrange(half...)
            chunks.insert(tail, at: position.chunk + 1)
        }
        return nil
    }

    /// Removes the entry of a name and returns it.
    @discardableResult
    mutating func remove(_ name: String) -> Entry? {
        let position = partition { $0.compareBytes(to: name) < 0 }
        guard let old = entry(at: position), old.name.compareBytes(to: name) == 0 else { return nil }
        count -= 1
        chunks[position.chunk].remove(at: position.offset)
        mergeChunk(position.chunk)
        return old
    }

    /// Joins a chunk that became small with its successor.
    private mutating func mergeChunk(_ index: Int) {
        if chunks[index].isEmpty {
            chunks.remove(at: index)
        } else if index + 1 < chunks.count, chunks[index].count + chunks[index + 1].count <= OrderedEntries.chunkLimit / 2 {
            chunks[index].append(contentsOf: chunks.remove(at: index + 1))
        }
    }
}
