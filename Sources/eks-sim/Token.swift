import ArgumentParser
import EKSSim
import JSON
import World

/// `eks-sim token inspect`: a token taken apart.
struct Token: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Look into k8s-aws-v1. tokens.", subcommands: [Inspect.self])

    struct Inspect: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a token apart and run each check of the authenticator on it, with its verdict.",
            discussion: """
                With a simulator, its authenticator is asked: signature, identity and mapping included. Without one, only what the token says by
                itself can be checked.
                """)

        @Argument(help: "The token: k8s-aws-v1.… (aws eks get-token --query status.token).") var token: String
        @Option(help: "The cluster whose authenticator is asked. Default: the first.") var cluster: String?
        @Flag(help: "Ask no simulator.") var offline = false
        @Option(name: .shortAndLong, help: "text or json.") var output: OutputFormat = .text
        @OptionGroup var endpoint: EndpointOption

        func run() throws {
            let report = try self.report()
            switch output {
            case .json: Console.print(report.json.pretty() + "\n")
            case .text: Console.print(report.text(TraceReport.Style(width: Console.width, isColored: Console.isColored)))
            }
            if report.record.status == 401 { throw ExitCode(1) }
        }

        private func report() throws -> TraceReport {
            let now = WorldClock().now
            let client = try endpoint.client()
            guard !offline, client.isReachable else { return TokenInspection.local(token, at: now) }
            var wish: JSON = ["token": .string(token)]
            wish["cluster"] = cluster.map(JSON.string)
            let json = try client.json("POST", "/tokens", body: wish)
            guard let report = TraceReport(json: json) else { throw CommandFailure(message: "the simulator's answer is incomplete") }
            return report
        }
    }
}
