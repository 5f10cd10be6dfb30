import EKSSim
import HTTP
import JSON

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Where the state of a cluster's access comes from.
enum AccessSource {
    /// A running simulator's cluster; the first without a name.
    static func simulator(_ endpoint: EndpointOption, _ cluster: String?) throws -> ClusterAccess {
        let query = cluster.map { "?cluster=\(PercentEncoding.encode($0))" } ?? ""
        let json = try endpoint.client().json("GET", "/access\(query)")
        guard let access = ClusterAccess(json: json) else { throw CommandFailure(message: "the simulator's answer is incomplete") }
        return access
    }

    /// A real cluster, read with kubectl.
    static func kubectl(_ kubeconfig: String, _ cluster: String, mode: String) throws -> ClusterAccess {
        guard let mode = ClusterAccess.mode(named: mode) else {
            throw CommandFailure(message: "--mode: want CONFIG_MAP, API_AND_CONFIG_MAP or API")
        }
        var lists: [String: JSON] = [:]
        for resource in ["namespaces"] + ClusterAccess.rbacResources { lists[resource] = try get(kubeconfig, "\(resource) -A") }
        let maps = try get(kubeconfig, "configmaps -n kube-system --field-selector metadata.name=aws-auth")
        return ClusterAccess(importing: lists, awsAuth: maps["items"]?.array?.first, clusterName: cluster, mode: mode)
    }

    private static func get(_ kubeconfig: String, _ what: String) throws -> JSON {
        let quoted = "'\(kubeconfig.replacing("'", with: "'\\''"))'"
        guard let pipe = popen("kubectl --kubeconfig \(quoted) get \(what) -o json", "r") else {
            throw CommandFailure(message: "kubectl could not be run: \(String(cString: strerror(errno)))")
        }
        let bytes = readAll(pipe)
        guard pclose(pipe) == 0, let json = try? JSON(parsing: bytes) else {
            throw CommandFailure(message: "kubectl could not get \(what.prefix { $0 != " " }) with \(kubeconfig)")
        }
        return json
    }

    /// A file's text; `-` is standard input.
    static func text(of path: String) throws -> String {
        guard let file = path == "-" ? fdopen(0, "r") : fopen(path, "r") else {
            throw CommandFailure(message: "\(path): \(String(cString: strerror(errno)))")
        }
        let bytes = readAll(file)
        if path != "-" { fclose(file) }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw CommandFailure(message: "\(path): not UTF-8") }
        return text
    }

    private static func readAll(_ file: UnsafeMutablePointer<FILE>) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
        }
    }
}
