import JSON

/// What a definition gets where it says nothing (`apiextensions/v1/defaults.go`, `registry/customresourcedefinition/strategy.go`).
enum DefinitionDefaults {
    static func apply(to definition: inout JSON) {
        let kind = definition.at("spec", "names", "kind")?.string ?? ""
        fill(&definition, ["spec", "names", "singular"], .string(kind.lowercased()))
        if !kind.isEmpty { fill(&definition, ["spec", "names", "listKind"], .string(kind + "List")) }
        if definition.at("spec", "conversion") ?? .null == .null { definition.set(["strategy": "None"], at: ["spec", "conversion"]) }
        if definition.at("spec", "conversion", "webhook", "clientConfig", "service")?.object != nil,
            definition.at("spec", "conversion", "webhook", "clientConfig", "service", "port") == nil
        {
            definition.set(443, at: ["spec", "conversion", "webhook", "clientConfig", "service", "port"])
        }
    }

    private static func fill(_ definition: inout JSON, _ path: [String], _ value: JSON) {
        if (definition.value(at: path)?.string ?? "").isEmpty, value != "" { definition.set(value, at: path) }
    }

    /// What is stored in a version is remembered until somebody says that it is not any more.
    static func recordStorageVersion(_ definition: inout JSON) {
        var stored = definition.at("status", "storedVersions")?.strings ?? []
        guard let storage = definition.at("spec", "versions")?.array?.first(where: { $0["storage"] == true })?["name"]?.string,
            !stored.contains(storage)
        else { return }
        stored.append(storage)
        definition.set(JSON(strings: stored), at: ["status", "storedVersions"])
    }
}
