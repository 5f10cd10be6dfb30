/// Differences of two texts by line, as Python's `difflib` and its Go port find and print them: the server uses them for the
/// difference of two specs.
enum UnifiedDiff {
    /// Lines of context around a change.
    private static let context = 3
    /// From so many lines on, lines that make up more than a hundredth of the new text are not used as anchors.
    private static let junkThreshold = 200

    private struct Block {
        var old: Int
        var new: Int
        var count: Int
    }

    private enum Tag { case equal, replace, delete, insert }
    private struct Operation {
        var tag: Tag
        var old: Range<Int>
        var new: Range<Int>
    }

    /// The hunks, each with its `@@` line; empty when both are equal.
    static func text(_ old: String, _ new: String) -> String {
        let before = old.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let after = new.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var result = ""
        for group in grouped(operations(before, after)) {
            guard let first = group.first, let last = group.last else { continue }
            result += "@@ -\(range(first.old.lowerBound, last.old.upperBound)) +\(range(first.new.lowerBound, last.new.upperBound)) @@\n"
            for operation in group {
                if operation.tag == .equal {
                    for line in before[operation.old] { result += " \(line)\n" }
                    continue
                }
                for line in before[operation.old] { result += "-\(line)\n" }
                for line in after[operation.new] { result += "+\(line)\n" }
            }
        }
        return result
    }

    private static func range(_ start: Int, _ end: Int) -> String {
        let length = end - start
        if length == 1 { return "\(start + 1)" }
        return "\(length == 0 ? start : start + 1),\(length)"
    }

    private static func operations(_ old: [String], _ new: [String]) -> [Operation] {
        var result: [Operation] = []
        var position = (old: 0, new: 0)
        for block in blocks(old, new) {
            let tag: Tag? =
                switch (position.old < block.old, position.new < block.new) {
                case (true, true): .replace
                case (true, false): .delete
                case (false, true): .insert
                case (false, false): nil
                }
            if let tag { result.append(Operation(tag: tag, old: position.old..<block.old, new: position.new..<block.new)) }
            position = (block.old + block.count, block.new + block.count)
            if block.count > 0 {
                result.append(Operation(tag: .equal, old: block.old..<position.old, new: block.new..<position.new))
            }
        }
        return result
    }

    private static func blocks(_ old: [String], _ new: [String]) -> [Block] {
        var places: [String: [Int]] = [:]
        for (index, line) in new.enumerated() { places[line, default: []].append(index) }
        if new.count >= junkThreshold {
            let limit = new.count / 100 + 1
            places = places.filter { $0.value.count <= limit }
        }
        var queue: [(old: Range<Int>, new: Range<Int>)] = [(0..<old.count, 0..<new.count)]
        var found: [Block] = []
        while let (olds, news) = queue.popLast() {
            let match = longest(old, new, places, olds, news)
            guard match.count > 0 else { continue }
            found.append(match)
            if olds.lowerBound < match.old, news.lowerBound < match.new {
                queue.append((olds.lowerBound..<match.old, news.lowerBound..<match.new))
            }
            let end = (old: match.old + match.count, new: match.new + match.count)
            if end.old < olds.upperBound, end.new < news.upperBound {
                queue.append((end.old..<olds.upperBound, end.new..<news.upperBound))
            }
        }
        found.sort { ($0.old, $0.new) < ($1.old, $1.new) }
        var merged: [Block] = []
        for block in found {
            if let last = merged.last, last.old + last.count == block.old, last.new + last.count == block.new {
                merged[merged.count - 1].count += block.count
            } else {
                merged.append(block)
            }
        }
        return merged + [Block(old: old.count, new: new.count, count: 0)]
    }

    private static func longest(
        _ old: [String], _ new: [String], _ places: [String: [Int]], _ olds: Range<Int>, _ news: Range<Int>
    ) -> Block {
        var best = Block(old: olds.lowerBound, new: news.lowerBound, count: 0)
        var lengths: [Int: Int] = [:]
        for index in olds {
            var next: [Int: Int] = [:]
            for place in places[old[index]] ?? [] where place >= news.lowerBound {
                if place >= news.upperBound { break }
                let length = (lengths[place - 1] ?? 0) + 1
                next[place] = length
                if length > best.count { best = Block(old: index - length + 1, new: place - length + 1, count: length) }
            }
            lengths = next
        }
        // Lines that were no anchors still extend a match.
        while best.old > olds.lowerBound, best.new > news.lowerBound, old[best.old - 1] == new[best.new - 1] {
            best = Block(old: best.old - 1, new: best.new - 1, count: best.count + 1)
        }
        while best.old + best.count < olds.upperBound, best.new + best.count < news.upperBound,
            old[best.old + best.count] == new[best.new + best.count]
        {
            best.count += 1
        }
        return best
    }

    private static func grouped(_ operations: [Operation]) -> [[Operation]] {
        var operations = operations
        if let first = operations.first, first.tag == .equal {
            operations[0].old = max(first.old.lowerBound, first.old.upperBound - context)..<first.old.upperBound
            operations[0].new = max(first.new.lowerBound, first.new.upperBound - context)..<first.new.upperBound
        }
        if let last = operations.last, last.tag == .equal {
            operations[operations.count - 1].old = last.old.lowerBound..<min(last.old.upperBound, last.old.lowerBound + context)
            operations[operations.count - 1].new = last.new.lowerBound..<min(last.new.upperBound, last.new.lowerBound + context)
        }
        var groups: [[Operation]] = []
        var group: [Operation] = []
        for operation in operations {
            var operation = operation
            if operation.tag == .equal, operation.old.count > 2 * context {
                let old = operation.old
                let new = operation.new
                group.append(
                    Operation(
                        tag: .equal, old: old.lowerBound..<min(old.upperBound, old.lowerBound + context),
                        new: new.lowerBound..<min(new.upperBound, new.lowerBound + context)))
                groups.append(group)
                group = []
                operation.old = max(old.lowerBound, old.upperBound - context)..<old.upperBound
                operation.new = max(new.lowerBound, new.upperBound - context)..<new.upperBound
            }
            group.append(operation)
        }
        if !group.isEmpty, !(group.count == 1 && group[0].tag == .equal) { groups.append(group) }
        return groups
    }
}
