import ArgumentParser
import HTTP

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// `eks-sim kubeconfig NAME`: a kubeconfig that carries everything it needs.
struct Kubeconfig: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a kubeconfig for a cluster, with the endpoint and keys that `aws eks get-token` needs.",
        discussion: "With --admin it carries a system:masters client certificate instead: a door that EKS does not have.")

    @Argument(help: "The cluster's name.") var name: String
    @Flag(help: "Use a system:masters client certificate instead of IAM.") var admin = false
    @Option(help: "Reach the endpoint from this vantage point.") var vantage: String?
    @Option(name: .customShort("o"), help: "Write to this file (mode 0600) instead of standard output.") var file: String?
    @OptionGroup var endpoint: EndpointOption

    func run() throws {
        let query = (admin ? ["admin=true"] : []) + (vantage.map { ["vantage=\(PercentEncoding.encode($0))"] } ?? [])
        let path = "/clusters/\(PercentEncoding.encode(name))/kubeconfig" + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
        let bytes = try endpoint.client().request("GET", path)
        guard let file else { return Console.print(String(decoding: bytes, as: UTF8.self)) }
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { throw CommandFailure(message: "cannot write \(file): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        guard bytes.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == bytes.count else {
            throw CommandFailure(message: "cannot write \(file): \(String(cString: strerror(errno)))")
        }
    }
}
