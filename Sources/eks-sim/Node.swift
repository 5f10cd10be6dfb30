import ArgumentParser
import HTTP
import JSON

/// `eks-sim node`: nodes without an instance in EC2, for those who want pods to run and nothing else.
struct Node: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Nodes without an instance in EC2: pods run on them.", subcommands: [Add.self, List.self, Remove.self])

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Add nodes to a cluster; prints their names.")
        @Argument(help: "The cluster's name.") var cluster: String
        @Option(help: "How many.") var count = 1
        @Option(help: "What each has: t3.medium, m5.large, …") var instanceType = "m5.large"
        @OptionGroup var endpoint: EndpointOption

        func run() throws {
            let wish: JSON = ["count": .integer(Int64(count)), "instanceType": .string(instanceType)]
            let answer = try endpoint.client().json("POST", Node.path(cluster), body: wish)
            for name in answer["nodes"]?.strings ?? [] { Console.print(name + "\n") }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The machines that joined a cluster.")
        @Argument(help: "The cluster's name.") var cluster: String
        @OptionGroup var endpoint: EndpointOption

        func run() throws {
            let answer = try endpoint.client().json("GET", Node.path(cluster))
            for node in answer["nodes"]?.array ?? [] {
                let cells = ["name", "instanceType", "zone", "address", "instanceId"].map { node[$0]?.string ?? "" }
                Console.print(cells.joined(separator: "  ") + "\n")
            }
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take a node out; what ran on it goes.")
        @Argument(help: "The cluster's name.") var cluster: String
        @Argument(help: "The node's name.") var node: String
        @OptionGroup var endpoint: EndpointOption

        func run() throws {
            _ = try endpoint.client().json("DELETE", Node.path(cluster), body: ["name": .string(node)])
            Console.print("\(node) removed\n")
        }
    }

    private static func path(_ cluster: String) -> String { "/clusters/\(PercentEncoding.encode(cluster))/nodes" }
}
