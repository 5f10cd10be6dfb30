/// How OpenAPI names types, tags and operations.
enum OpenAPINames {
    /// `core.v1.Pod` -> `io.k8s.api.core.v1.Pod`
    static func definition(_ type: String) -> String {
        switch type.prefix(while: { $0 != "." }) {
        case "meta": "io.k8s.apimachinery.pkg.apis.\(type)"
        case "version": "io.k8s.apimachinery.pkg.\(type)"
        case "apiextensions": "io.k8s.apiextensions-apiserver.pkg.apis.\(type)"
        case "apiregistration": "io.k8s.kube-aggregator.pkg.apis.\(type)"
        default: "io.k8s.api.\(type)"
        }
    }

    /// The types that the schema treats as values, under the names of their Go types.
    static func definition(_ scalar: ScalarType) -> String? {
        switch scalar {
        case .string, .integer, .number, .boolean, .object, .bytes: nil
        case .quantity: "io.k8s.apimachinery.pkg.api.resource.Quantity"
        case .intOrString: "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
        case .raw: "io.k8s.apimachinery.pkg.runtime.RawExtension"
        case .time: definition("meta.v1.Time")
        case .microTime: definition("meta.v1.MicroTime")
        case .fields: definition("meta.v1.FieldsV1")
        case .any: definition("apiextensions.v1.JSON")
        case .schemaOrArray: definition("apiextensions.v1.JSONSchemaPropsOrArray")
        case .schemaOrBool: definition("apiextensions.v1.JSONSchemaPropsOrBool")
        case .schemaOrStrings: definition("apiextensions.v1.JSONSchemaPropsOrStringArray")
        }
    }

    /// `rbac.authorization.k8s.io` -> `rbacAuthorization`, the core group -> `core`
    static func group(_ group: String) -> String {
        guard !group.isEmpty else { return "core" }
        let name = group.hasSuffix(".k8s.io") ? group.dropLast(7) : group[...]
        let parts = name.split(separator: ".")
        return parts.prefix(1).joined() + parts.dropFirst().map(capitalized).joined()
    }

    /// `apps`, `v1` -> `AppsV1`
    static func groupVersion(_ name: String, _ version: String) -> String { capitalized(group(name)) + capitalized(version) }

    /// `status` -> `Status`
    static func capitalized(_ text: some StringProtocol) -> String { text.prefix(1).uppercased() + text.dropFirst() }
}
