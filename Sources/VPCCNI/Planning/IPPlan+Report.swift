import IPAddress
import JSON
import VPCModel

/// A plan as JSON and as text.
extension IPPlan {
    /// Everything the plan found.
    public var json: JSON {
        var settings = JSONObject()
        for variable in scenario.environment.sorted(by: { $0.key < $1.key }) { settings[variable.key] = .string(variable.value) }
        return [
            "label": .string(scenario.label), "instanceType": .string(scenario.type.type), "nodes": .integer(Int64(scenario.nodes)),
            "podsPerNode": .integer(Int64(scenario.podsPerNode)), "maxPods": .integer(Int64(scenario.maxPods)),
            "subnets": JSON(strings: scenario.subnets.map(\.description)),
            "podSubnets": JSON(strings: scenario.podSubnets.map(\.description)), "settings": .object(settings),
            "longestWaitSeconds": .integer(Int64(longestWait)), "failure": failure?.json ?? .null,
            "steps": .array(steps.map(\.json)),
        ]
    }

    /// Several plans side by side, one a row, and how the first of them got there.
    public static func text(_ plans: [IPPlan]) -> String {
        guard let first = plans.first else { return "" }
        let scenario = first.scenario
        let blocks = (scenario.subnets + scenario.podSubnets).map(\.description).joined(separator: ", ")
        let size = (first.end?.held ?? 0) + (first.end?.free ?? 0)
        var text = "\(scenario.nodes) × \(scenario.type.type), \(scenario.podsPerNode) pods each, in \(blocks) (\(size) addresses)\n\n"
        let rows = plans.map { plan -> [String] in
            let end = plan.end
            return [plan.scenario.label]
                + [end?.running, end?.held, end?.free, end?.unused, end?.interfaces, end?.prefixes, end?.calls].map { "\($0 ?? 0)" }
                + ["\(plan.longestWait) s"]
        }
        text += table(["settings", "running", "held", "free", "unused", "interfaces", "prefixes", "EC2 calls", "slowest pod"], rows)
        for plan in plans {
            guard let failure = plan.failure else { continue }
            text += "\n\(plan.scenario.label): pod \(failure.pod) of node \(failure.node) gets no address: \(failure.text)\n"
        }
        for plan in plans where plans.count == 1 { text += "\n" + plan.stepTable }
        return text
    }

    /// The steps at which the nodes' addresses changed, and the last.
    private var stepTable: String {
        var shown: [Step] = []
        for step in steps where shown.last?.held != step.held || shown.last?.waiting != step.waiting || step == steps.last {
            shown.append(step)
        }
        return IPPlan.table(
            ["pods per node", "time", "running", "waiting", "held", "free", "unused", "interfaces", "prefixes", "EC2 calls"],
            shown.map { step in
                ["\(step.podsPerNode)", "\(step.seconds) s"]
                    + [step.running, step.waiting, step.held, step.free, step.unused, step.interfaces, step.prefixes, step.calls].map {
                        "\($0)"
                    }
            })
    }

    /// Columns as wide as they need to be; all but the first to the right.
    private static func table(_ head: [String], _ rows: [[String]]) -> String {
        let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
        return ([head] + rows).map { row in
            let cells = row.enumerated().map { column, cell -> String in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + space : space + cell
            }
            return cells.joined(separator: "  ") + "\n"
        }.joined()
    }
}

extension IPPlan.Failure {
    /// Why, in a sentence.
    public var text: String {
        switch reason {
        case .maxPods(let limit): "the node has room for \(limit) pods, those on the host's network among them (max-pods)"
        case .nodeFull(let interfaces, let addresses):
            "all \(interfaces) interfaces that the node may have are full, with \(addresses) pod addresses"
        case .refused(let failure): "EC2 refuses: \(failure.code): \(failure.message)"
        case .targetReached: "the settings ask for no further address (MINIMUM_IP_TARGET without WARM_IP_TARGET, or max-pods)"
        }
    }

    fileprivate var json: JSON {
        let code =
            switch reason {
            case .maxPods: "MaxPods"
            case .nodeFull: "NodeFull"
            case .refused(let failure): failure.code
            case .targetReached: "TargetReached"
            }
        return ["pod": .integer(Int64(pod)), "node": .integer(Int64(node)), "reason": .string(code), "message": .string(text)]
    }
}

extension IPPlan.Step {
    fileprivate var json: JSON {
        var object = JSONObject()
        for (name, value) in [
            ("podsPerNode", podsPerNode), ("seconds", seconds), ("running", running), ("waiting", waiting), ("held", held), ("free", free),
            ("unused", unused), ("interfaces", interfaces), ("prefixes", prefixes), ("ec2Calls", calls),
        ] { object[name] = .integer(Int64(value)) }
        return .object(object)
    }
}
