import ArgumentParser
import EKSSim
import HTTP
import JSON

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// `eks-sim pod-env NAMESPACE/SA`: exports that make an SDK be a service account's pod.
struct PodEnv: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pod-env",
        abstract: "Print exports that give SDKs a service account's AWS credentials: eval \"$(eks-sim pod-env NAMESPACE/NAME)\"",
        discussion:
            "A pod of the service account is made in the cluster and changed by the pod identity webhook; its variables are printed, and its tokens written to files."
    )

    @Argument(help: "The service account: NAMESPACE/NAME.") var account: String
    @Option(help: "The cluster. Default: the first one.") var cluster: String?
    @Option(help: "Use this pod instead of making one.") var pod: String?
    @Option(help: "Where the token files go. Default: a directory of this user's under /tmp.") var directory: String?
    @Option(help: "Syntax of the output.") var shell: Env.Shell = .sh
    @Option(name: .shortAndLong, help: "text or json.") var output: OutputFormat = .text
    @OptionGroup var endpoint: EndpointOption

    /// What would win over a pod's credentials.
    private static let others = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"]

    func run() throws {
        let parts = account.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else { throw ValidationError("want NAMESPACE/NAME, not \(account)") }
        let client = try endpoint.client()
        let name = try cluster ?? firstCluster(client)
        var wish: JSON = ["namespace": .string(parts[0]), "serviceAccount": .string(parts[1])]
        wish["pod"] = pod.map(JSON.string)
        let answer = try client.json("POST", "/clusters/\(PercentEncoding.encode(name))/pod-env", body: wish)
        let place = directory ?? "/tmp/eks-sim-\(getuid())/\(name)/\(parts[0])/\(parts[1])"
        var variables: [(name: String, value: String)] = []
        for item in answer["variables"]?.array ?? [] {
            guard let name = item["name"]?.string, var value = item["value"]?.string else { continue }
            if let token = item["token"]?.string {
                value = "\(place)/\(value.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last ?? "token")"
                try Self.makeDirectory(place)
                do { try PrivateFile.write(token, to: value) } catch { throw CommandFailure(message: "\(error)") }
            }
            variables.append((name, value))
        }
        print(variables)
    }

    private func firstCluster(_ client: SimulatorClient) throws -> String {
        guard let name = try client.json("GET", "/status")["clusters"]?.array?.first?["name"]?.string else {
            throw CommandFailure(message: "no cluster serves; make one with: aws eks create-cluster")
        }
        return name
    }

    private static func makeDirectory(_ path: String) throws {
        var made = ""
        for part in path.split(separator: "/") {
            made += made.isEmpty && !path.hasPrefix("/") ? String(part) : "/\(part)"
            guard mkdir(made, 0o700) == 0 || errno == EEXIST else {
                throw CommandFailure(message: "cannot make \(made): \(String(cString: strerror(errno)))")
            }
        }
    }

    private func print(_ variables: [(name: String, value: String)]) {
        if output == .json {
            return Console.print(JSON.object(JSONObject(variables.map { ($0.name, .string($0.value)) })).pretty() + "\n")
        }
        switch shell {
        case .sh: Console.print("unset \(Self.others.joined(separator: " "))\n")
        case .fish: Console.print("set -e \(Self.others.joined(separator: " "))\n")
        case .powershell:
            Console.print(Self.others.map { "Remove-Item Env:\($0) -ErrorAction SilentlyContinue\n" }.joined())
        }
        for (name, value) in variables {
            switch shell {
            case .sh: Console.print("export \(name)='\(value)'\n")
            case .fish: Console.print("set -gx \(name) '\(value)'\n")
            case .powershell: Console.print("$Env:\(name) = '\(value)'\n")
            }
        }
    }
}
