import ArgumentParser
import EKSSim
import JSON

/// `eks-sim who-can`: everybody who may do something, with the path that grants it.
struct WhoCanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "who-can",
        abstract: "List IAM principals and Kubernetes subjects that may do something, each with the path that grants it.",
        discussion:
            "  eks-sim who-can delete pods -n team-a\n  eks-sim who-can get deployments.apps/scale --name web -n team-a\n  eks-sim who-can get /metrics"
    )

    @Argument(help: "get, list, watch, create, update, patch, delete, impersonate …") var verb: String
    @Argument(help: "A resource as kubectl names it (po, deployments.apps, pods/log), or a path that begins with /.") var resource: String
    @Option(name: .shortAndLong, help: "The namespace. Default: the cluster scope.") var namespace: String = ""
    @Option(help: "The object's name.") var name: String = ""
    @OptionGroup var source: Access.Source

    func run() async throws {
        let attributes = WhoCan.attributes(verb: verb, resource: resource, namespace: namespace, name: name)
        let answer = await WhoCan(attributes, in: try source.access())
        source.show(answer.json) { answer.text($0) }
    }
}
