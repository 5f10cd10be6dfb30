import ArgumentParser
import CMalloc
import Dispatch
import EKSSim
import JSON
import Logging
import World

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// `eks-sim serve`: the simulator, until SIGTERM or SIGINT.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the simulator: AWS APIs on one port, each cluster's Kubernetes API on its own.")

    @Option(help: "SQLite state file, made when it does not exist, or :memory:.") var state: String?
    @Option(help: "YAML or JSON file with defaults for these options; keys are their names.") var config: String?
    @Option(help: "Address to listen on. Default: 127.0.0.1.") var listen: String?
    @Option(help: "Port of the AWS APIs; 0 for any free one. Default: 4566.") var awsPort: UInt16?
    @Option(help: "Port of the first cluster's Kubernetes API; 0 for any free one. Default: 6443.") var apiPort: UInt16?
    @Option(help: "Seed of all identifiers. Default: 1; an existing state goes on from where it was.") var seed: UInt64?
    @Option(help: "real, virtual (standing until advanced), or virtual=RFC3339.") var clock: String?
    @Option(help: "full (fsync for each commit), normal (survives kill -9), or memory (no file).") var durability: Configuration.Durability?
    @Option(help: "eks, or upstream for kube-apiserver as Kubernetes ships it. Default: eks.") var profile: String?
    @Option(help: "A further AWS account, twelve digits, with a bootstrap principal of its own. May be given several times.")
    var account: [String] = []
    @Option(help: "PEM file of certificate authorities that OpenID Connect providers may have, besides the system's.") var oidcCa: String?
    @Option(help: "Append the audit events of all clusters to this file, as lines of JSON.") var auditLog: String?
    @Option(help: "audit.k8s.io Policy. Default: what EKS logs; none with --profile upstream.") var auditPolicy: String?
    @Option(help: "Most requests that only read at a time, in each API server; 0 for any number. Default: 400.") var maxRequestsInflight:
        Int?
    @Option(help: "Most requests that change something at a time; 0 for any number. Default: 200.") var maxMutatingRequestsInflight: Int?
    @Option(help: "Most watches at a time; 0, the default, for any number.") var maxWatches: Int?
    @Option(help: "Most open connections of a cluster's endpoint. Default: 4096.") var maxConnections: Int?
    @Option(help: "How long a request may take that is no watch, such as 30s. Default: 1m.") var requestTimeout: String?
    @Flag(help: "Make no cluster; otherwise a fresh state gets one named demo.") var empty = false
    @Option(help: "Write what runs, as JSON, to this file once every listener accepts.") var readyFile: String?
    @Option(help: "trace, debug (a line per request), info, notice, warning, error, critical. Default: info.") var logLevel: String?
    @Option(help: "text or json. Default: text.") var logFormat: OutputFormat?

    func run() async throws {
        let settings = try ServeSettings(self)
        let logger = settings.logger
        ignoreWriteSignals()
        limitArenas()
        // Before anybody is told that the simulator runs: a signal between the two would be lost.
        let signals = Signals()
        let simulator: Simulator
        do { simulator = try await Simulator.start(settings.configuration) } catch { throw CommandFailure(message: "\(error)") }
        let requests = logger.logLevel <= .debug ? simulator.world.traces.follow() : nil
        let log = requests.map { requests in
            Task { for await trace in requests { logger.debug("\(RequestLine(trace.snapshot).text)") } }
        }
        let status = await simulator.status
        if let path = settings.readyFile {
            do { try PrivateFile.write(status.json.pretty() + "\n", to: path) } catch {
                await simulator.stop()
                throw CommandFailure(message: "\(error)")
            }
        }
        Console.print(Self.summary(status))
        logger.debug("started", metadata: ["pid": "\(status.pid)", "endpoint": "\(status.awsEndpoint)"])
        let name = await signals.first()
        logger.info("\(name): finishing what is under way")
        if let path = settings.readyFile { unlink(path) }
        await simulator.stop()
        log?.cancel()
        logger.info("stopped")
    }

    /// What to paste next.
    private static func summary(_ status: ReadyFile) -> String {
        var text = "eks-sim \(status.version)  AWS APIs at \(status.awsEndpoint), account \(status.accountID), region \(status.region)\n"
        for account in status.accounts.dropFirst() { text += "  account \(account.id)  eks-sim env --account \(account.id)\n" }
        for cluster in status.clusters {
            text += "  cluster \(cluster.name)  \(cluster.endpoint)  TokenReview webhook \(cluster.authenticator)\n"
        }
        let endpoint = status.awsEndpoint == "http://127.0.0.1:4566" ? "" : " --endpoint \(status.awsEndpoint)"
        text += "\nIn another shell:\n  eval \"$(eks-sim env\(endpoint))\"\n  aws sts get-caller-identity\n"
        if let first = status.clusters.first {
            text += "  aws eks update-kubeconfig --name \(first.name)\n  kubectl get ns\n"
        } else {
            text += "  aws eks create-cluster …\n"
        }
        return text + "  eks-sim why --last\n\n"
    }

    /// Takes SIGTERM and SIGINT from now on. A second one ends the process at once.
    private struct Signals {
        private let names: AsyncStream<String>
        private let sources: [any DispatchSourceSignal]

        init() {
            let (names, continuation) = AsyncStream.makeStream(of: String.self)
            self.names = names
            sources = [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT")].map { number, name in
                Glibc.signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
                source.setEventHandler {
                    continuation.yield(name)
                    Glibc.signal(number, SIG_DFL)
                }
                source.resume()
                return source
            }
        }

        /// Waits for the first one, also when it came before.
        func first() async -> String {
            defer { sources.forEach { $0.cancel() } }
            for await name in names { return name }
            return "end"
        }
    }

    /// A client that leaves must not end the process, nor a file that grows beyond its limit: both are errors of a write.
    private func ignoreWriteSignals() {
        Glibc.signal(SIGPIPE, SIG_IGN)
        Glibc.signal(SIGXFSZ, SIG_IGN)
    }

    /// One heap for each processor: glibc's eight hold a sixth more memory in a large world, and make nothing faster.
    private func limitArenas() {
        #if canImport(Glibc)
        mallopt(M_ARENA_MAX, Int32(clamping: max(2, sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
        #endif
    }
}

extension Configuration.Durability: ExpressibleByArgument {}
