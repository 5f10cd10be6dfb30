import ArgumentParser
import EKSSim
import HTTP
import JSON

/// `eks-sim access`: changes of access tried on a copy, and what is wrong with the present ones.
struct Access: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Rehearse a change of access, or find what is wrong with it.", subcommands: [Rehearse.self, Lint.self])

    /// Whose access it is.
    struct Source: ParsableArguments {
        @Option(help: "The cluster. Default: the first.") var cluster: String?
        @Option(
            name: .customLong("import"),
            help: "A kubeconfig of a real cluster: aws-auth, namespaces and RBAC are read with kubectl, nothing is written.")
        var kubeconfig: String?
        @Option(
            help:
                "With --import: a file with the answers of aws eks describe-access-entry and list-associated-access-policies of each principal, and of describe-cluster, one after the other; - reads standard input."
        )
        var importEntries: String?
        @Option(help: "The imported cluster's authentication mode, which Kubernetes does not tell.") var mode = "API_AND_CONFIG_MAP"
        @Option(name: .shortAndLong, help: "text or json.") var output: OutputFormat = .text
        @OptionGroup var endpoint: EndpointOption

        func validate() throws {
            guard importEntries == nil || kubeconfig != nil else { throw ValidationError("--import-entries goes with --import.") }
        }

        func access() throws -> ClusterAccess {
            guard let kubeconfig else { return try AccessSource.simulator(endpoint, cluster) }
            var access = try AccessSource.kubectl(kubeconfig, cluster ?? "imported", mode: mode)
            guard let path = importEntries else { return access }
            do { try access.importEntries(try AccessSource.text(of: path)) } catch let problem as ClusterAccess.ImportProblem {
                throw CommandFailure(message: "\(path): \(problem)")
            }
            return access
        }

        func show(_ json: JSON, _ text: (TraceReport.Style) -> String) {
            switch output {
            case .json: Console.print(json.pretty() + "\n")
            case .text: Console.print(text(TraceReport.Style(width: Console.width, isColored: Console.isColored)))
            }
        }
    }

    struct Rehearse: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Apply a change of aws-auth, entries, policies or mode to a copy, and tell who gains and loses what.",
            discussion: """
                The plan is YAML with authenticationMode, awsAuth, accessEntries (create, update, delete) and accessPolicies (associate,
                disassociate), or the manifest of the aws-auth ConfigMap itself. Exit 1 when EKS would refuse the plan, or when somebody would
                lose all access.
                """)
        @Option(name: .shortAndLong, help: "The plan; - reads standard input.") var file: String
        @OptionGroup var source: Source

        func run() async throws {
            let access = try source.access()
            let after: ClusterAccess
            do { after = try AccessPlan(parsing: try AccessSource.text(of: file)).applied(to: access) } catch let problem
                as AccessPlan.Problem
            {
                throw CommandFailure(message: problem.description)
            }
            let rehearsal = await AccessRehearsal(before: access, after: after)
            source.show(rehearsal.json) { rehearsal.text($0) }
            if !rehearsal.victims.isEmpty { throw ExitCode(1) }
        }
    }

    struct Lint: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Find entries and aws-auth lines that do not do what they say. Exit 1 when there is an error among them.")
        @OptionGroup var source: Source

        func run() async throws {
            let lint = AccessLint(try source.access())
            source.show(lint.json) { lint.text($0) }
            if lint.hasErrors { throw ExitCode(1) }
        }
    }
}
