import JSON
import KubeAPI
import World

/// Conversion of custom resources by webhooks (`apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go`).
struct ConversionWebhooks: Sendable {
    private static let timeout: Int64 = 30

    let cluster: ClusterState

    /// Objects in another version; those that are of it already stay as they are.
    ///
    /// - Throws: 500 in the server's words.
    func convert(_ objects: [JSON], to version: String, _ custom: CustomResource) async throws(KubeStatus) -> [JSON] {
        let wanted = "\(custom.kind.group)/\(version)"
        let places = objects.indices.filter { objects[$0]["apiVersion"]?.string != wanted }
        guard let client = custom.conversionWebhook, let first = places.first else { return objects }
        let kind = "\(objects[first]["apiVersion"]?.string ?? ""), Kind=\(custom.kind.kind)"
        func failed(_ text: String) -> KubeStatus { .internalError("conversion webhook for \(kind) \(text)") }
        let converted = try await ask(places.map { objects[$0] }, wanted, client, failed)
        guard converted.count == places.count else {
            throw failed("returned \(converted.count) objects, expected \(places.count)")
        }
        var result = objects
        for (index, place) in places.enumerated() {
            if let problem = Self.problem(objects[place], converted[index], wanted) {
                throw failed("returned invalid \(objects.count > 1 ? "converted " : "")object at index \(index): \(problem)")
            }
            guard let restored = Self.restored(converted[index], from: objects[place]) else {
                throw failed("returned invalid metadata: missing metadata in converted object")
            }
            result[place] = restored
        }
        return result
    }

    private func ask(
        _ objects: [JSON], _ wanted: String, _ client: JSON, _ failed: (String) -> KubeStatus
    ) async throws(KubeStatus) -> [JSON] {
        let uid = cluster.world.random.uuid()
        let review: JSON = [
            "kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1",
            "request": ["uid": .string(uid), "desiredAPIVersion": .string(wanted), "objects": .array(objects)],
        ]
        let answer: JSON
        do throws(WebhookAddress.Problem) {
            answer = try await WebhookAddress(client, cluster).post(review, timeout: Self.timeout)
        } catch {
            throw failed("failed: \(error.text)")
        }
        guard let response = answer["response"], !response.isNull else { throw failed("failed: no response provided") }
        guard response["uid"]?.string == uid else {
            throw failed("failed: expected response.uid=\(GoText.quoted(uid)), got \(GoText.quoted(response["uid"]?.string ?? ""))")
        }
        let status = response.at("result", "status")?.string ?? ""
        guard status == "Success" else {
            let message = response.at("result", "message")?.string ?? ""
            throw failed("failed: \(message.isEmpty ? "response.result.status was '\(status)', not 'Success'" : message)")
        }
        return response["convertedObjects"]?.array ?? []
    }

    /// What a webhook may not change (`validateConvertedObject`).
    private static func problem(_ old: JSON, _ new: JSON, _ wanted: String) -> String? {
        let version = new["apiVersion"]?.string ?? ""
        guard version == wanted else { return "invalid groupVersion (expected \(wanted), received \(version))" }
        let kinds = [old, new].map { $0["kind"]?.string ?? "" }
        guard kinds[0] == kinds[1] else { return "invalid kind (expected \(kinds[0]), received \(kinds[1]))" }
        for (field, word) in [("name", "name"), ("namespace", "namespace"), ("uid", "UID")] {
            let values = [old, new].map { $0.at("metadata", field)?.string ?? "" }
            guard values[0] == values[1] else { return "must have the same \(word): \(values[0]) != \(values[1])" }
        }
        return nil
    }

    /// Labels and annotations are the webhook's, all other metadata stay (`restoreObjectMeta`).
    private static func restored(_ new: JSON, from old: JSON) -> JSON? {
        guard let given = new["metadata"], given.object != nil else { return nil }
        var metadata = old["metadata"] ?? [:]
        for field in ["labels", "annotations"] { metadata[field] = given[field]?.object == nil ? nil : given[field] }
        var result = new
        result["metadata"] = metadata
        return result
    }
}

/// Objects on their way between the store and the version of a request.
struct ObjectConversion: Sendable {
    let cluster: ClusterState

    /// Whether a webhook has a say in it.
    static func isNeeded(_ resource: ResourceType) -> Bool { resource.custom?.conversionWebhook != nil }

    /// Stored objects in the version of a resource.
    ///
    /// - Throws: 500 when a webhook fails.
    func served(_ objects: [JSON], _ resource: ResourceType) async throws(KubeStatus) -> [JSON] {
        guard let custom = resource.custom, custom.conversionWebhook != nil else { return objects.map(resource.served) }
        return try await ConversionWebhooks(cluster: cluster).convert(objects, to: custom.kind.version, custom).map(resource.served)
    }

    /// A stored object in the version of a resource.
    ///
    /// - Throws: 500 when a webhook fails.
    func served(_ object: JSON, _ resource: ResourceType) async throws(KubeStatus) -> JSON {
        guard Self.isNeeded(resource) else { return resource.served(object) }
        return try await served([object], resource).first ?? object
    }

    /// An object of a resource in the version of the store.
    ///
    /// - Throws: 500 when a webhook fails.
    func stored(_ object: JSON, _ resource: ResourceType) async throws(KubeStatus) -> JSON {
        guard let custom = resource.custom, custom.conversionWebhook != nil else { return resource.stored(object) }
        let converted = try await ConversionWebhooks(cluster: cluster).convert([object], to: custom.storageKind.version, custom)
        return resource.stored(converted.first ?? object)
    }

    /// A stored object as it would be stored now.
    ///
    /// - Throws: 500 when a webhook fails.
    func current(_ object: JSON, _ resource: ResourceType) async throws(KubeStatus) -> JSON {
        guard let custom = resource.custom, custom.conversionWebhook != nil else { return resource.current(object) }
        let converted = try await ConversionWebhooks(cluster: cluster).convert([object], to: custom.storageKind.version, custom)
        return resource.current(converted.first ?? object)
    }
}
