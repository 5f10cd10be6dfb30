import ArgumentParser
import EKSSim
import HTTP
import JSON

extension IP {
    /// `eks-sim ip pool`: what the agents of a cluster's nodes hold.
    struct Pool: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The addresses that nodes hold for their pods: used, warm, cooling.",
            discussion: "With a node also its agent's pages: --page metrics, ipamd.log, plugin.log, v1/enis, v1/ipamd-env-settings …")
        @Argument(help: "A node's name or instance id; all nodes without.") var node: String?
        @Option(help: "The cluster. Default: the first.") var cluster: String?
        @Option(help: "A page of the node's agent.") var page: String?
        @Option(name: .shortAndLong, help: "text or json.") var output: OutputFormat = .text
        @OptionGroup var endpoint: EndpointOption

        func validate() throws {
            guard page == nil || node != nil else { throw ValidationError("--page goes with a node.") }
        }

        func run() throws {
            let base = "/clusters/\(IP.encoded(cluster))/pools"
            if let page, let node {
                let bytes = try endpoint.client().request("GET", "\(base)/\(PercentEncoding.encode(node))/\(page)")
                return Console.print(String(decoding: bytes, as: UTF8.self))
            }
            let json = try endpoint.client().json("GET", base + (node.map { "?node=\(PercentEncoding.encode($0))" } ?? ""))
            guard output == .text else { return Console.print(json.pretty() + "\n") }
            let heads = ["NODE", "TYPE", "PODS AT MOST", "HELD", "USED", "WARM", "COOLING"]
            let nodes = json["nodes"]?.array ?? []
            let rows = nodes.map { node in
                ["node", "instanceType", "maxPods", "held", "used", "warm", "cooling"].map { IP.cell(node[$0]) }
            }
            Console.print(IP.table([heads] + rows))
            guard node != nil, let interfaces = nodes.first?["interfaces"]?.array else { return }
            var keys = ["id", "device", "subnet", "held", "used", "prefixes", "kind"]
            if interfaces.contains(where: { $0["cidrs"] != nil }) { keys.append("cidrs") }
            Console.print("\n" + IP.table([keys.map { $0.uppercased() }] + interfaces.map { row in keys.map { IP.cell(row[$0]) } }))
            guard let trunk = nodes.first?["trunk"] else { return }
            let branches = trunk["branches"]?.array ?? []
            Console.print(
                "\nTrunk \(IP.cell(trunk["id"])): \(branches.count) of \(IP.cell(trunk["limit"])) branch interfaces\n")
            guard !branches.isEmpty else { return }
            let columns = ["id", "address", "vlan", "state", "pod"]
            Console.print(IP.table([columns.map { $0.uppercased() }] + branches.map { row in columns.map { IP.cell(row[$0]) } }))
        }
    }

    /// `eks-sim ip subnets`: maps of the subnets of a cluster's VPC.
    struct Subnets: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Maps of the subnets of a cluster's VPC: who has which address.")
        @Option(help: "The cluster. Default: the first.") var cluster: String?
        @Option(name: .shortAndLong, help: "text, json or svg.") var output: PlanFormat = .text
        @OptionGroup var endpoint: EndpointOption

        func run() throws {
            try IP.show(try endpoint.client().json("GET", "/clusters/\(IP.encoded(cluster))/subnets"), output)
        }
    }

    /// `eks-sim ip services`: the Service range of a cluster.
    struct Services: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "A map of a cluster's Service range, and whose each address is.")
        @Option(help: "The cluster. Default: the first.") var cluster: String?
        @Option(name: .shortAndLong, help: "text, json or svg.") var output: PlanFormat = .text
        @OptionGroup var endpoint: EndpointOption

        func run() throws {
            let json = try endpoint.client().json("GET", "/clusters/\(IP.encoded(cluster))/services")
            try IP.show(json, output)
            guard output == .text else { return }
            let rows = (json["services"]?.array ?? []).map { [IP.cell($0["address"]), IP.cell($0["service"])] }
            Console.print("\n" + IP.table([["ADDRESS", "SERVICE"]] + rows))
        }
    }

    private static func encoded(_ cluster: String?) -> String { cluster.map { PercentEncoding.encode($0) } ?? "-" }

    private static func cell(_ value: JSON?) -> String {
        value?.string ?? value?.integer.map(String.init) ?? value?.strings?.joined(separator: ",") ?? ""
    }

    private static func show(_ json: JSON, _ output: PlanFormat) throws {
        let maps = (json["maps"]?.array ?? []).compactMap(AddressMap.init)
        switch output {
        case .json: Console.print(json.pretty() + "\n")
        case .svg: Console.print(AddressMap.svg(maps))
        case .text: Console.print(maps.map(\.text).joined(separator: "\n"))
        }
    }

    /// Columns as wide as their cells.
    private static func table(_ rows: [[String]]) -> String {
        var widths: [Int] = []
        for row in rows {
            for (index, cell) in row.enumerated() {
                if index == widths.count { widths.append(0) }
                widths[index] = max(widths[index], cell.count)
            }
        }
        return rows.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed()) + "\n"
        }.joined()
    }
}
