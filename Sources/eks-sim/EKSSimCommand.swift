import ArgumentParser
import EKSSim

/// The command line. Every command but `serve` and `ip plan` talks to a running simulator.
@main
struct EKSSimCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eks-sim",
        abstract: "A local EKS control plane: unmodified aws, kubectl, Terraform and SDKs talk to it.",
        version: Simulator.version,
        subcommands: [
            Serve.self, Env.self, PodEnv.self, Kubeconfig.self, Why.self, Token.self, WhoCanCommand.self, Access.self, Clock.self,
            Replica.self, Node.self, Vantage.self, IP.self,
        ])

    /// Errors end here instead of trapping out of `main`: exit 1 for refused or failed, 2 for usage.
    static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let failure as CommandFailure {
            Console.complain(failure.message)
            exit(withError: ExitCode(1))
        } catch {
            let code = exitCode(for: error)
            if code == .success || error is ExitCode { exit(withError: error) }
            Console.complain(fullMessage(for: error))
            exit(withError: ExitCode(2))
        }
    }
}

/// A command that could not be done: one line for people, exit code 1.
struct CommandFailure: Error {
    let message: String
}

/// The form of a command's output.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}
