import ArgumentParser
import HTTP
import JSON

/// `eks-sim replica`: the kube-apiserver replicas behind a cluster's NLB.
struct Replica: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Kill or revive a kube-apiserver replica behind a cluster's NLB.", subcommands: [Kill.self, Revive.self])

    struct Kill: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Drop a replica's connections; the listener goes on with the other.")
        @Argument(help: "The cluster's name.") var cluster: String
        @Argument(help: "0 or 1.") var index: Int
        @OptionGroup var endpoint: EndpointOption
        func run() throws { try Replica.post("kill", cluster, index, endpoint) }
    }

    struct Revive: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Bring a killed replica back.")
        @Argument(help: "The cluster's name.") var cluster: String
        @Argument(help: "0 or 1.") var index: Int
        @OptionGroup var endpoint: EndpointOption
        func run() throws { try Replica.post("revive", cluster, index, endpoint) }
    }

    private static func post(_ verb: String, _ cluster: String, _ index: Int, _ endpoint: EndpointOption) throws {
        let answer = try endpoint.client().json("POST", "/clusters/\(PercentEncoding.encode(cluster))/replicas/\(index)/\(verb)")
        Console.print("\(answer["target"]?.string ?? cluster) \(answer["state"]?.string ?? verb)\n")
    }
}
