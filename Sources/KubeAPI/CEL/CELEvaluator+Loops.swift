extension CELEvaluator {
    /// What a loop goes over: the index and element of a list, the key and value of a map.
    private static func pairs(_ range: CELValue) throws(CELError) -> (isList: Bool, pairs: [(CELValue, CELValue)]) {
        switch range {
        case .list(let elements, _): return (true, elements.enumerated().map { (.int(Int64($0.offset)), $0.element) })
        case .map(let entries):
            let sorted = entries.sorted { ($0.key.value.compare($1.key.value) ?? 0) < 0 }
            return (false, sorted.map { ($0.key.value, $0.value) })
        case .object(let fields, _), .message(_, let fields):
            return (false, fields.sorted { $0.key < $1.key }.map { (.string($0.key), $0.value) })
        default: throw .message("no such overload")
        }
    }

    /// What a loop gathers.
    private struct Gathered {
        var failure: CELError?
        var count = 0
        var list: [CELValue] = []
        var map: [CELKey: CELValue] = [:]
    }

    mutating func loop(_ loop: CELExpression.Loop, over range: CELValue) throws(CELError) -> CELValue {
        let (isList, pairs) = try Self.pairs(range)
        let place = variables.count
        for name in loop.variables { variables.append((name, .null)) }
        defer { variables.removeLast(loop.variables.count) }
        var gathered = Gathered()
        for (key, value) in pairs {
            try spend(2)
            let element = isList ? value : key
            variables[place].value = loop.variables.count == 2 ? key : element
            if loop.variables.count == 2 { variables[place + 1].value = value }
            var holds = true
            if let predicate = loop.predicate {
                do throws(CELError) { holds = try evaluate(predicate).bool() } catch {
                    // As with && and ||: a later element may still decide.
                    guard loop.kind == .all || loop.kind == .exists, !error.isFinal else { throw error }
                    gathered.failure = gathered.failure ?? error
                    continue
                }
            }
            switch loop.kind {
            case .all: if !holds { return .bool(false) }
            case .exists: if holds { return .bool(true) }
            case .existsOne: gathered.count += holds ? 1 : 0
            case .filter: if holds { gathered.list.append(element) }
            case .map, .transformList, .transformMap, .transformMapEntry:
                if holds, let transform = loop.transform { try gather(try evaluate(transform), key, loop.kind, &gathered) }
            }
        }
        if let failure = gathered.failure { throw failure }
        switch loop.kind {
        case .all: return .bool(true)
        case .exists: return .bool(false)
        case .existsOne: return .bool(gathered.count == 1)
        case .map, .filter, .transformList: return .list(gathered.list, .atomic)
        case .transformMap, .transformMapEntry: return .map(gathered.map)
        }
    }

    private func gather(
        _ made: CELValue, _ key: CELValue, _ kind: CELExpression.Comprehension, _ gathered: inout Gathered
    ) throws(CELError) {
        switch kind {
        case .transformMap:
            guard let key = CELKey(key) else { throw .message("unsupported key type") }
            gathered.map[key] = made
        case .transformMapEntry:
            guard case .map(let entries) = made else { throw CELFunctions.none }
            for (key, value) in entries {
                guard gathered.map.updateValue(value, forKey: key) == nil else {
                    throw .message("insert failed: key \(CELFormat.text(of: key.value)) already exists")
                }
            }
        default: gathered.list.append(made)
        }
    }
}
