import JSON

/// The status and approval of certificate requests (`validateCertificateSigningRequestUpdate` of `pkg/apis/certificates/validation`).
extension FieldErrorList {
    /// What may not change in a request's status, or with `approves` in its approval.
    mutating func certificateStatusUpdate(_ new: JSON, _ old: JSON, approves: Bool) {
        let at = FieldPath("status")
        let conditions = new["status"]?.items("conditions") ?? []
        let certificate = new["status"]?.text("certificate") ?? ""
        certificateConditions(conditions, at / "conditions")
        if certificate != old["status"]?.text("certificate") ?? "", !certificate.isEmpty,
            !PEMText.blockTypes(PEMText.decoded(certificate)).contains("CERTIFICATE")
        {
            invalid(at / "certificate", "<certificate data>", "must contain at least one CERTIFICATE PEM block")
        }
        let types = Set(conditions.map { $0.text("type") })
        let before = Set((old["status"]?.items("conditions") ?? []).map { $0.text("type") })
        for type in ["Approved", "Denied", "Failed"] where before.contains(type) && !types.contains(type) {
            forbidden(at / "conditions", "updates may not remove a condition of type \(GoText.quoted(type))")
        }
        guard !approves else { return }
        for type in ["Approved", "Denied"] where types.contains(type) && !before.contains(type) {
            forbidden(at / "conditions", "updates may not add a condition of type \(GoText.quoted(type))")
        }
    }

    private mutating func certificateConditions(_ conditions: [JSON], _ at: FieldPath) {
        var seen: Set<String> = []
        for (index, condition) in conditions.enumerated() {
            let type = condition.text("type")
            if type.isEmpty { required(at[index] / "type") }
            if !seen.insert(type).inserted { duplicate(at[index] / "type", .string(type)) }
            let isFinal = ["Approved", "Denied", "Failed"].contains(type)
            oneOf(
                condition.text("status"), isFinal ? ["True"] : ["True", "False", "Unknown"], at[index] / "status", requiredWhenEmpty: true)
            if type == "Denied" && seen.contains("Approved") || type == "Approved" && seen.contains("Denied") {
                invalid(at, .string(type), "Approved and Denied conditions are mutually exclusive")
            }
        }
    }
}
