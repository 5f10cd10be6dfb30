import ArgumentParser
import EKSSim
import JSON

/// `eks-sim env`: exports for aws, Terraform and SDKs.
struct Env: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print exports for aws, kubectl, Terraform and SDKs: eval \"$(eks-sim env)\"")

    /// The shells whose syntax is known.
    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case sh, fish, powershell
    }

    @Option(help: "Syntax of the output.") var shell: Shell = .sh
    @Option(help: "The account whose bootstrap principal's keys to name. Default: the first.") var account: String?
    @Option(name: .shortAndLong, help: "text or json.") var output: OutputFormat = .text
    @OptionGroup var endpoint: EndpointOption

    func run() throws {
        let json = try endpoint.client().json("GET", "/status")
        guard let status = ReadyFile(json: json) else { throw CommandFailure(message: "the simulator's status is incomplete") }
        guard let variables = account.map({ status.environment(of: $0) }) ?? status.environment else {
            let known = status.accounts.map(\.id).joined(separator: ", ")
            throw CommandFailure(message: "no account \(account ?? ""); there are \(known): eks-sim serve --account \(account ?? "")")
        }
        switch output {
        case .json: Console.print(JSON.object(JSONObject(variables.map { ($0.name, .string($0.value)) })).pretty() + "\n")
        case .text:
            for (name, value) in variables {
                switch shell {
                case .sh: Console.print("export \(name)='\(value)'\n")
                case .fish: Console.print("set -gx \(name) '\(value)'\n")
                case .powershell: Console.print("$Env:\(name) = '\(value)'\n")
                }
            }
        }
    }
}
