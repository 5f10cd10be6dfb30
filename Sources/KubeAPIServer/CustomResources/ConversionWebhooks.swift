import JSON
import KubeAPI
import Store

/// Conversion of custom resources by webhooks (`apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go`). No webhook can be
/// called: nothing runs behind a Service, and the simulator opens no connections. So each is answered as one that cannot be reached.
extension Registry {
    /// Lets objects of a resource pass on their way to or from the store.
    ///
    /// - Throws: 500 in the server's words when a webhook would have to convert them.
    func checkConversion(_ resource: ResourceType) throws(KubeStatus) {
        guard let custom = resource.custom, custom.needsWebhook else { return }
        let kind = custom.storageKind
        throw .internalError(
            "conversion webhook for \(kind.apiVersion), Kind=\(kind.kind) failed: \(refusal(custom.conversionWebhook ?? [:]))")
    }

    private func refusal(_ client: JSON) -> String {
        if let url = client["url"]?.string {
            return "Post \(GoText.quoted("\(url)?timeout=30s")): connect: connection refused"
        }
        func part(_ name: String) -> String { client.at("service", name)?.string ?? "" }
        let port = client.at("service", "port")?.integer ?? 443
        let path = part("path")
        let slash = path.hasPrefix("/") || path.isEmpty ? "" : "/"
        let url = "https://\(part("name")).\(part("namespace")).svc:\(port)\(slash)\(path)?timeout=30s"
        let isThere = cluster.store.get(Key(cluster.collection(group: "", "services"), "\(part("namespace"))/\(part("name"))")) != nil
        let reason =
            isThere
            ? "no endpoints available for service \(GoText.quoted(part("name")))" : "service \(GoText.quoted(part("name"))) not found"
        return "Post \(GoText.quoted(url)): \(reason)"
    }
}
