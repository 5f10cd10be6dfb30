/// Decides up to where history on disk is forgotten, so that the file stays within bounds.
///
/// It marks a revision every so many changes or bytes; once enough has been written behind a mark, everything before the mark may go.
struct CompactionPolicy: Sendable {
    private struct Mark: Sendable {
        let revision: Revision
        let changes: Int
        let bytes: Int
    }

    private let limits: StoreLimits
    private var marks = FIFO<Mark>()
    private var changes = 0
    private var bytes = 0
    private var markedChanges = 0
    private var markedBytes = 0

    /// Starts with the history that the disk holds before `revision`, counted as if it had been written since.
    init(limits: StoreLimits, history: (changes: Int, bytes: Int), before revision: Revision) {
        self.limits = limits
        marks.append(Mark(revision: revision, changes: -history.changes, bytes: -history.bytes))
    }

    /// Notes what was committed.
    mutating func note(_ committed: [Change]) {
        guard let newest = committed.last else { return }
        changes += committed.count
        bytes += committed.reduce(0) { $0 + $1.value.count }
        guard changes - markedChanges >= max(1, limits.historyChanges / 50) || bytes - markedBytes >= max(1, limits.historyBytes / 50)
        else {
            return
        }
        marks.append(Mark(revision: newest.revision, changes: changes, bytes: bytes))
        markedChanges = changes
        markedBytes = bytes
    }

    /// The newest mark that has enough history behind it, once.
    mutating func due() -> Revision? {
        var found: Revision?
        while let mark = marks.first, changes - mark.changes >= limits.historyChanges || bytes - mark.bytes >= limits.historyBytes {
            found = mark.revision
            _ = marks.popFirst()
        }
        return found
    }
}
