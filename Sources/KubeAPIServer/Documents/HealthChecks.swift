import HTTP
import KubeAPI

/// `/healthz`, `/livez` and `/readyz` with their named checks (`k8s.io/apiserver/pkg/server/healthz`). All of them hold as long as the
/// process answers at all.
enum HealthChecks {
    /// The hooks that a 1.36 server runs after its start, each a check by itself.
    private static let hooks = [
        "start-apiserver-admission-initializer", "generic-apiserver-start-informers", "priority-and-fairness-config-consumer",
        "priority-and-fairness-filter", "storage-object-count-tracker-hook", "start-apiextensions-informers",
        "start-apiextensions-controllers", "crd-informer-synced", "start-system-namespaces-controller",
        "start-cluster-authentication-info-controller", "start-kube-apiserver-identity-lease-controller",
        "start-kube-apiserver-identity-lease-garbage-collector", "start-legacy-token-tracking-controller",
        "start-service-ip-repair-controllers", "rbac/bootstrap-roles", "scheduling/bootstrap-system-priority-classes",
        "priority-and-fairness-config-producer", "bootstrap-controller", "start-kubernetes-service-cidr-controller",
        "aggregator-reload-proxy-client-cert", "start-kube-aggregator-informers", "apiservice-status-local-available-controller",
        "apiservice-status-remote-available-controller", "apiservice-registration-controller", "apiservice-discovery-controller",
        "kube-apiserver-autoregistration", "autoregister-completion", "apiservice-openapi-controller", "apiservice-openapiv3-controller",
    ].map { "poststarthook/\($0)" }

    private static func checks(_ root: String) -> [String] {
        switch root {
        case "/readyz": ["ping", "log", "etcd", "etcd-readiness", "informer-sync"] + hooks + ["shutdown"]
        // A server is not restarted because its store is away.
        case "/livez": ["ping", "log"] + hooks
        default: ["ping", "log", "etcd"] + hooks
        }
    }

    private static let ok = text("ok")

    private static func text(_ text: String) -> HTTPResponse {
        HTTPResponse(
            status: 200, contentType: "text/plain; charset=utf-8", Array(text.utf8), headers: ["X-Content-Type-Options": "nosniff"])
    }

    /// The answer for a path; `nil` where no check is.
    static func response(_ path: String, _ query: QueryParameters) -> HTTPResponse? {
        guard let root = ["/healthz", "/livez", "/readyz"].first(where: { path == $0 || path.hasPrefix($0 + "/") }) else { return nil }
        let checks = checks(root)
        guard path == root else { return checks.contains(String(path.dropFirst(root.utf8.count + 1))) ? ok : nil }
        guard query["verbose"] != nil else { return ok }
        let excluded = Set(query.all("exclude"))
        var lines = checks.map { excluded.contains($0) ? "[+]\($0) excluded: ok\n" : "[+]\($0) ok\n" }
        let unknown = excluded.subtracting(checks).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        if !unknown.isEmpty {
            let names = unknown.map(GoText.quoted).joined(separator: ", ")
            lines.append("warn: some health checks cannot be excluded: no matches for \(names)\n")
        }
        return text(lines.joined() + "\(root.dropFirst()) check passed\n")
    }
}
