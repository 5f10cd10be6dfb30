public import JSON

extension ResourceType {
    /// What is wrong with an object in the version of the store, besides its metadata, by what CustomResourceDefinitions say of themselves
    /// and of others. `old` is the object before an update; `subresource` the part that is written.
    public func definitionProblems(_ object: JSON, old: JSON?, subresource: String) -> [FieldError] {
        if let custom {
            let present = custom.served(object)
            let before = old.map(custom.served)
            if subresource == "status", let before { return custom.statusProblems(present, old: before) }
            return custom.problems(present, old: before)
        }
        guard group == "apiextensions.k8s.io", resource == "customresourcedefinitions" else { return [] }
        if subresource == "status" { return DefinitionValidation.statusProblems(object) }
        return old.map { DefinitionValidation.problems(object, old: $0) } ?? DefinitionValidation.problems(object)
    }
}
