import ArgumentParser
import JSON
import VPCCNI

/// `eks-sim ip`: addresses planned and watched.
struct IP: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Plan the addresses of nodes and pods, and watch them.", subcommands: [Plan.self, Pool.self, Subnets.self, Services.self])

    /// The forms of a plan.
    enum PlanFormat: String, ExpressibleByArgument, CaseIterable {
        case text, json, svg
    }

    struct Plan: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run the VPC CNI's agents on nodes that get their pods one by one, and tell which addresses they take.",
            discussion: """
                Needs no simulator. Settings come on those of the shipped manifest. --compare sets others beside them, and may be given several
                times: --compare WARM_IP_TARGET=2,MINIMUM_IP_TARGET=10 --compare ENABLE_PREFIX_DELEGATION=true
                """)
        @Option(help: "The nodes' instance type.") var instance: String
        @Option(help: "How many nodes.") var nodes = 1
        @Option(help: "Pods with an address of their own on each node.") var podsPerNode = 20
        @Option(help: "The nodes' subnet: a length (/24) or a block. Several: one a zone.") var subnet: [String] = ["/24"]
        @Option(help: "A subnet for pods only (custom networking). Several: one a zone.") var podSubnet: [String] = []
        @Option(help: "WARM_IP_TARGET") var warmIpTarget: Int?
        @Option(help: "MINIMUM_IP_TARGET") var minimumIpTarget: Int?
        @Option(help: "WARM_ENI_TARGET") var warmEniTarget: Int?
        @Option(help: "WARM_PREFIX_TARGET") var warmPrefixTarget: Int?
        @Option(help: "MAX_ENI") var maxEni: Int?
        @Flag(help: "ENABLE_PREFIX_DELEGATION") var prefixDelegation = false
        @Option(name: .customLong("set"), help: "Another variable of the agent: NAME=VALUE.") var variables: [String] = []
        @Option(help: "Settings to set beside: NAME=VALUE,…") var compare: [String] = []
        @Option(help: "The nodes' max-pods. Default: what nodeadm sets.") var maxPods: Int?
        @Option(help: "Pods on the host's network, which count in max-pods.") var hostNetworkPods = 2
        @Option(help: "Seconds between a node's pods.") var interval = 5
        @Option(name: .shortAndLong, help: "text, json or svg.") var output: PlanFormat = .text

        func run() async throws {
            do throws(PlanScenario.Problem) {
                let base = try PlanScenario(
                    label: label(settings), type: instance, nodes: nodes, podsPerNode: podsPerNode, subnets: subnet, podSubnets: podSubnet,
                    settings: settings, maxPods: maxPods, hostNetworkPods: hostNetworkPods, interval: interval)
                var plans = [try await IPPlan(base)]
                for text in compare {
                    let others = pairs(text.split(separator: ",").map(String.init))
                    plans.append(try await IPPlan(try base.with(others, label: label(others))))
                }
                switch output {
                case .text: Console.print(IPPlan.text(plans))
                case .json: Console.print(JSON.object(["plans": .array(plans.map(\.json))]).pretty() + "\n")
                case .svg: Console.print(PlanChart(plans).svg)
                }
            } catch { throw CommandFailure(message: error.description) }
        }

        func validate() throws {
            for pair in variables + compare.flatMap({ $0.split(separator: ",").map(String.init) }) where !pair.contains("=") {
                throw ValidationError("\(pair): expected NAME=VALUE")
            }
        }

        private var settings: [String: String] {
            var settings = pairs(variables)
            let numbers = [
                ("WARM_IP_TARGET", warmIpTarget), ("MINIMUM_IP_TARGET", minimumIpTarget), ("WARM_ENI_TARGET", warmEniTarget),
                ("WARM_PREFIX_TARGET", warmPrefixTarget), ("MAX_ENI", maxEni),
            ]
            for case (let name, let value?) in numbers { settings[name] = String(value) }
            if prefixDelegation { settings["ENABLE_PREFIX_DELEGATION"] = "true" }
            return settings
        }

        private func pairs(_ texts: [String]) -> [String: String] {
            Dictionary(
                texts.compactMap { text in
                    text.firstIndex(of: "=").map { (String(text[..<$0]), String(text[text.index(after: $0)...])) }
                }, uniquingKeysWith: { $1 })
        }

        private func label(_ settings: [String: String]) -> String {
            settings.isEmpty ? "manifest" : settings.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: " ")
        }
    }
}
