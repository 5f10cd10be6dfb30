import JSON

/// Builds JSON values from YAML events, without recursion.
struct YAMLComposer {
    let scalars: YAMLDecoder.Scalars
    let repeatedKeys: YAMLDecoder.RepeatedKeys
    let limits: YAMLDecoder.Limits

    /// A finished value, and what an alias to it costs.
    private struct Node {
        var value: JSON
        /// How many values it holds, itself included.
        var size = 1
        /// Levels of collections; 0 for a scalar.
        var height = 0
        /// The text `<<` without quotes or tag.
        var isMergeKey = false
    }

    /// A collection under construction.
    private struct Frame {
        var anchor: String?
        var isMapping: Bool
        var size = 1
        var height = 1
        var elements: [JSON] = []
        var members: [(String, JSON)] = []
        var positions: [String: Int] = [:]
        var merged: Set<String> = []
        var key: String?
        var mergesNext = false
    }

    private var anchors: [String: Node] = [:]
    private var frames: [Frame] = []
    private var aliased = 0

    init(scalars: YAMLDecoder.Scalars, repeatedKeys: YAMLDecoder.RepeatedKeys, limits: YAMLDecoder.Limits) {
        self.scalars = scalars
        self.repeatedKeys = repeatedKeys
        self.limits = limits
    }

    /// Reads the next document, or `nil` at the end of the stream.
    mutating func document(from reader: YAMLEventReader) throws(YAMLError) -> JSON? {
        anchors = [:]
        frames = []
        var root: JSON = .null
        while true {
            let event = try reader.next()
            let line = reader.line
            var finished: Node
            switch event {
            case .streamEnd: return nil
            case .documentEnd: return root
            case .streamStart, .documentStart: continue
            case .sequenceStart(let anchor):
                try open(Frame(anchor: anchor, isMapping: false), line: line)
                continue
            case .mappingStart(let anchor):
                try open(Frame(anchor: anchor, isMapping: true), line: line)
                continue
            case .scalar(let scalar, let anchor):
                finished = Node(value: try value(of: scalar, line: line))
                finished.isMergeKey = scalar.isPlain && scalar.tag == nil && scalar.text == "<<"
                if let anchor { anchors[anchor] = finished }
            case .alias(let name): finished = try alias(name, line: line)
            case .collectionEnd:
                guard let frame = frames.popLast() else { continue }
                finished = close(frame)
                if let anchor = frame.anchor { anchors[anchor] = finished }
            }
            if frames.isEmpty { root = finished.value } else { try add(finished, line: line) }
        }
    }

    private mutating func open(_ frame: Frame, line: Int) throws(YAMLError) {
        guard frames.count < limits.depth else { throw YAMLError(.tooDeep(limit: limits.depth), line: line) }
        frames.append(frame)
    }

    private func close(_ frame: Frame) -> Node {
        let value: JSON = frame.isMapping ? .object(JSONObject(frame.members)) : .array(frame.elements)
        return Node(value: value, size: frame.size, height: frame.height)
    }

    private func value(of scalar: YAMLScalar, line: Int) throws(YAMLError) -> JSON {
        switch scalars {
        case .text: return .string(scalar.text)
        case .kubernetes: return try YAMLScalarResolver.resolve(scalar, line: line)
        }
    }

    private mutating func alias(_ name: String, line: Int) throws(YAMLError) -> Node {
        if frames.contains(where: { $0.anchor == name }) { throw YAMLError(.anchorContainsItself(name), line: line) }
        guard var node = anchors[name] else { throw YAMLError(.unknownAnchor(name), line: line) }
        aliased += node.size
        guard aliased <= limits.aliasedValues else {
            throw YAMLError(.tooManyAliasedValues(limit: limits.aliasedValues), line: line)
        }
        guard frames.count + node.height <= limits.depth else { throw YAMLError(.tooDeep(limit: limits.depth), line: line) }
        node.isMergeKey = false
        return node
    }

    /// Puts a finished value into the innermost open collection, as element, key or value.
    private mutating func add(_ node: Node, line: Int) throws(YAMLError) {
        let top = frames.count - 1
        frames[top].size += node.size
        frames[top].height = max(frames[top].height, node.height + 1)
        if !frames[top].isMapping {
            frames[top].elements.append(node.value)
        } else if frames[top].mergesNext {
            frames[top].mergesNext = false
            try merge(node.value, into: top, line: line)
        } else if let key = frames[top].key {
            frames[top].key = nil
            try set(key, to: node.value, in: top, merging: false, line: line)
        } else if node.isMergeKey {
            frames[top].mergesNext = true
        } else {
            frames[top].key = try YAMLScalarResolver.key(node.value, line: line)
        }
    }

    private mutating func set(_ key: String, to value: JSON, in frame: Int, merging: Bool, line: Int) throws(YAMLError) {
        guard let position = frames[frame].positions[key] else {
            frames[frame].positions[key] = frames[frame].members.count
            frames[frame].members.append((key, value))
            if merging { frames[frame].merged.insert(key) }
            return
        }
        let wasMerged = merging ? frames[frame].merged.contains(key) : frames[frame].merged.remove(key) != nil
        if !merging, !wasMerged, repeatedKeys == .refused { throw YAMLError(.duplicateKey(key), line: line) }
        frames[frame].members[position].1 = value
    }

    /// Copies the members of a mapping, or of a list's mappings of which earlier ones count more. As in go-yaml v2 they replace
    /// members that stand before the `<<`.
    private mutating func merge(_ value: JSON, into frame: Int, line: Int) throws(YAMLError) {
        let sources: [JSON] = value.array ?? [value]
        for source in sources.reversed() {
            guard case .object(let object) = source else { throw YAMLError(.mergeNeedsMapping, line: line) }
            for member in object { try set(member.key, to: member.value, in: frame, merging: true, line: line) }
        }
    }
}
