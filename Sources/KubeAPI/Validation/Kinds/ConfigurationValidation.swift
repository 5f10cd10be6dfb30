import Encoding
import JSON

/// Checks of ConfigMaps, Secrets, namespaces and pod templates.
extension FieldErrorList {
    private static let dataLimit = 1 << 20
    private static let frozen = "field is immutable when `immutable` is set"

    /// `ValidateConfigMap`.
    mutating func configMap(_ map: JSON) {
        metadata(map, .subdomain, isNamespaced: true)
        var size = 0
        let binary = map["binaryData"]?.object
        for member in map.entries("data") {
            let path = FieldPath("data").key(member.key)
            invalid(path, .string(member.key), each: FormatChecks.configKey(member.key))
            if binary?.contains(member.key) ?? false {
                invalid(path, .string(member.key), "duplicate of key present in binaryData")
            }
            size += member.value.string?.utf8.count ?? 0
        }
        for member in binary?.members ?? [] {
            invalid(FieldPath("binaryData").key(member.key), .string(member.key), each: FormatChecks.configKey(member.key))
            size += Self.decodedCount(member.value)
        }
        if size > Self.dataLimit { tooLong(FieldPath(""), Self.dataLimit) }
    }

    /// How many bytes base64 text stands for.
    private static func decodedCount(_ value: JSON) -> Int {
        guard let text = value.string else { return 0 }
        let padding = text.utf8.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        return text.utf8.count / 4 * 3 - padding
    }

    /// `ValidateConfigMapUpdate`.
    mutating func configMapUpdate(_ new: JSON, _ old: JSON) {
        metadataUpdate(new, old)
        if old.flag("immutable") {
            if !new.flag("immutable") { forbidden(FieldPath("immutable"), Self.frozen) }
            for field in ["data", "binaryData"] where !Self.isSemanticallyEqual(new[field], old[field]) {
                forbidden(FieldPath(field), Self.frozen)
            }
        }
        configMap(new)
    }

    /// `ValidateSecret`.
    mutating func secret(_ secret: JSON) {
        metadata(secret, .subdomain, isNamespaced: true)
        let at = FieldPath("data")
        var size = 0
        for member in secret.entries("data") {
            invalid(at.key(member.key), .string(member.key), each: FormatChecks.configKey(member.key))
            size += Self.decodedCount(member.value)
        }
        if size > Self.dataLimit { tooLong(at, Self.dataLimit) }
        let data = secret["data"]?.object ?? [:]
        switch secret.text("type") {
        case "kubernetes.io/service-account-token":
            let name = "kubernetes.io/service-account.name"
            if (secret.at("metadata", "annotations", name)?.string ?? "").isEmpty {
                required((FieldPath("metadata") / "annotations").key(name))
            }
        case "kubernetes.io/dockercfg": registryCredentials(data, ".dockercfg", at)
        case "kubernetes.io/dockerconfigjson": registryCredentials(data, ".dockerconfigjson", at)
        case "kubernetes.io/basic-auth":
            if !data.contains("username"), !data.contains("password") {
                required(at.key("username"))
                required(at.key("password"))
            }
        case "kubernetes.io/ssh-auth": if (data["ssh-privatekey"]?.string ?? "").isEmpty { required(at.key("ssh-privatekey")) }
        case "kubernetes.io/tls":
            for key in ["tls.crt", "tls.key"] where !data.contains(key) { required(at.key(key)) }
        default: break
        }
    }

    private mutating func registryCredentials(_ data: JSONObject, _ key: String, _ at: FieldPath) {
        guard let text = data[key]?.string else { return required(at.key(key)) }
        do {
            let document = try JSON(parsing: Base64.decodeURL(text) ?? [])
            if document.object == nil, !document.isNull {
                invalid(
                    at.key(key), "<secret contents redacted>",
                    "json: cannot unmarshal \(document.typeName) into Go value of type map[string]interface {}")
            }
        } catch {
            invalid(at.key(key), "<secret contents redacted>", error.goMessage)
        }
    }

    /// `ValidateSecretUpdate`.
    mutating func secretUpdate(_ new: JSON, _ old: JSON) {
        metadataUpdate(new, old)
        immutable(new["type"], old["type"], FieldPath("type"))
        if old.flag("immutable") {
            if !new.flag("immutable") { forbidden(FieldPath("immutable"), Self.frozen) }
            if !Self.isSemanticallyEqual(new["data"], old["data"]) { forbidden(FieldPath("data"), Self.frozen) }
        }
        secret(new)
    }

    /// `ValidateNamespace`.
    mutating func namespace(_ namespace: JSON) {
        metadata(namespace, .label, isNamespaced: false)
        for finalizer in namespace["spec"]?.texts("finalizers") ?? [] {
            namespaceFinalizer(finalizer, FieldPath("spec") / "finalizers")
        }
    }

    /// `validateFinalizerName`.
    mutating func namespaceFinalizer(_ finalizer: String, _ at: FieldPath) {
        qualifiedName(finalizer, at)
        standardFinalizer(finalizer, at)
    }

    /// `ValidateNamespaceStatusUpdate`.
    mutating func namespaceStatusUpdate(_ new: JSON, _ old: JSON) {
        metadataUpdate(new, old)
        let phase = new["status"]?.text("phase") ?? ""
        let at = FieldPath("status") / "Phase"
        if new.isBeingDeleted {
            if phase != "Terminating" {
                invalid(at, .string(phase), "may only be 'Terminating' if `deletionTimestamp` is not empty")
            }
        } else if phase != "Active" {
            invalid(at, .string(phase), "may only be 'Active' if `deletionTimestamp` is empty")
        }
    }

    /// `ValidateServiceAccount`.
    mutating func serviceAccount(_ account: JSON) { metadata(account, .subdomain, isNamespaced: true) }
}
