import ArgumentParser
import HTTP
import JSON

/// `eks-sim vantage`: places that clients connect from.
struct Vantage: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Places that clients connect from: each has a local port for each cluster, judged by its source address, routes and names.",
        subcommands: [Add.self, List.self, Remove.self])

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a vantage point; prints the URL of each cluster's endpoint from there.",
            discussion: """
                  eks-sim vantage add office --internet 198.51.100.7
                  eks-sim vantage add worker --subnet subnet-… --security-group sg-…
                  eks-sim vantage add jump --bastion i-…
                  eks-sim vantage add datacenter --peered 192.168.1.5 --leaves-as 203.0.113.9
                """)
        @Argument(help: "What to call it.") var name: String
        @Option(help: "A public address: somebody outside.") var internet: String?
        @Option(help: "A subnet: a network interface is made there.") var subnet: String?
        @Option(help: "With --subnet: a security group of the interface. Default: the VPC's own.") var securityGroup: [String] = []
        @Option(help: "An instance: its first network interface.") var bastion: String?
        @Option(help: "An address in a network that is peered with the VPC or connected by a VPN.") var peered: String?
        @Option(help: "With --peered: the address with which that network reaches the internet.") var leavesAs: String?
        @Option(name: .shortAndLong, help: "text or json.") var output: OutputFormat = .text
        @OptionGroup var endpoint: EndpointOption

        func validate() throws {
            guard [internet, subnet, bastion, peered].count(where: { $0 != nil }) == 1 else {
                throw ValidationError("Name one place: --internet, --subnet, --bastion or --peered.")
            }
            guard securityGroup.isEmpty || subnet != nil else { throw ValidationError("--security-group goes with --subnet.") }
            guard leavesAs == nil || peered != nil else { throw ValidationError("--leaves-as goes with --peered.") }
        }

        func run() throws {
            var wish: JSON = ["name": .string(name)]
            for (member, value) in [
                ("internet", internet), ("subnet", subnet), ("bastion", bastion), ("peered", peered), ("leavesAs", leavesAs),
            ] { wish[member] = value.map(JSON.string) }
            if !securityGroup.isEmpty { wish["securityGroups"] = JSON(strings: securityGroup) }
            Vantage.show(try endpoint.client().json("POST", "/vantages", body: wish), output)
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The vantage points, with the URL of each cluster's endpoint from there.")
        @Option(name: .shortAndLong, help: "text or json.") var output: OutputFormat = .text
        @OptionGroup var endpoint: EndpointOption

        func run() throws {
            let answer = try endpoint.client().json("GET", "/vantages")
            guard output == .text else { return Console.print(answer.pretty() + "\n") }
            for point in answer["vantages"]?.array ?? [] { Vantage.show(point, .text) }
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Remove a vantage point; the interface that was made for it goes.")
        @Argument(help: "Its name.") var name: String
        @OptionGroup var endpoint: EndpointOption

        func run() throws {
            _ = try endpoint.client().json("DELETE", "/vantages/\(PercentEncoding.encode(name))")
            Console.print("\(name) removed\n")
        }
    }

    private static func show(_ point: JSON, _ output: OutputFormat) {
        guard output == .text else { return Console.print(point.pretty() + "\n") }
        Console.print("\(point["name"]?.string ?? "")  \(point["origin"]?.string ?? "")\n")
        for entry in point["endpoints"]?.object?.members ?? [] { Console.print("  \(entry.key)  \(entry.value.string ?? "")\n") }
    }
}
