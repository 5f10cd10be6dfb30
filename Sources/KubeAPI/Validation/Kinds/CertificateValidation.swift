import JSON

/// Checks of API services, certificate requests and device claims.
extension FieldErrorList {
    /// `ValidateSignerName`.
    mutating func signerName(_ name: String, _ at: FieldPath) {
        if name.isEmpty { return required(at) }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else {
            return invalid(
                at, .string(name), "must be a fully qualified domain and path of the form 'example.com/signer-name'")
        }
        if parts[0].split(separator: ".", omittingEmptySubsequences: false).count < 2 {
            invalid(at, .string(name), "should be a domain with at least two segments separated by dots")
        }
        for part in parts {
            let problems = NameForm.subdomain.problems(part)
            if !problems.isEmpty {
                invalid(at, .string(part), "validating label \(GoText.quoted(part)): \(problems.joined(separator: ","))")
            }
        }
        if name.utf8.count > 571 { tooLong(at, 571) }
    }

    /// `ValidateCertificateSigningRequestCreate`.
    mutating func certificateRequest(_ request: JSON) {
        metadata(request, .subdomain, isNamespaced: false)
        let spec = request["spec"] ?? [:]
        let at = FieldPath("spec")
        let text = spec.text("request")
        if PEMText.blockTypes(PEMText.decoded(text)).first != "CERTIFICATE REQUEST" {
            invalid(at / "request", text.isEmpty ? .null : .string(text), "PEM block type must be CERTIFICATE REQUEST")
        }
        let usages = spec.texts("usages")
        if usages.isEmpty { required(at / "usages") }
        let known: Set<String> = [
            "signing", "digital signature", "content commitment", "key encipherment", "key agreement", "data encipherment", "cert sign",
            "crl sign", "encipher only", "decipher only", "any", "server auth", "client auth", "code signing", "email protection", "s/mime",
            "ipsec end system", "ipsec tunnel", "ipsec user", "timestamping", "ocsp signing", "microsoft sgc", "netscape sgc",
        ]
        var seen: Set<String> = []
        for (index, usage) in usages.enumerated() {
            if !known.contains(usage) { notSupported((at / "usages")[index], .string(usage), known.sorted()) }
            if !seen.insert(usage).inserted { duplicate((at / "usages")[index], .string(usage)) }
        }
        signerName(spec.text("signerName"), at / "signerName")
        if spec["signerName"] == "kubernetes.io/legacy-unknown" {
            invalid(at / "signerName", "kubernetes.io/legacy-unknown", "the legacy signerName is not allowed via this API version")
        }
        if let seconds = spec.number("expirationSeconds"), seconds < 600 {
            invalid(at / "expirationSeconds", .integer(seconds), "may not specify a duration less than 600 seconds (10 minutes)")
        }
    }

    /// `ValidateAPIService`.
    mutating func apiService(_ service: JSON) {
        let spec = service["spec"] ?? [:]
        let group = spec.text("group")
        let version = spec.text("version")
        let wanted = "\(version).\(group)"
        metadata(service, .pathSegment, isNamespaced: false)
        if service.objectName != wanted {
            invalid(
                FieldPath("metadata") / "name", .string(service.objectName),
                "must be `spec.version+\".\"+spec.group`: \(GoText.quoted(wanted))")
        }
        let at = FieldPath("spec")
        if group.isEmpty, version != "v1" {
            required(at / "group", "only v1 may have an empty group and it better be legacy kube")
        }
        if !group.isEmpty { dns1123Subdomain(group, at / "group") }
        invalid(at / "version", .string(version), each: NameForm.label1035.problems(version))
        for (field, limit) in [("groupPriorityMinimum", Int64(20000)), ("versionPriority", 1000)] {
            let priority = spec.number(field) ?? 0
            if priority <= 0 || priority > limit {
                invalid(at / field, .integer(priority), "must be positive and less than \(limit)")
            }
        }
        let isInsecure = spec.flag("insecureSkipTLSVerify")
        let hasBundle = !spec.text("caBundle").isEmpty
        guard let reference = spec.present("service") else {
            if hasBundle {
                invalid(at / "caBundle", "\(spec.text("caBundle").utf8.count) bytes", "local APIServices may not have a caBundle")
            }
            if isInsecure { invalid(at / "insecureSkipTLSVerify", true, "local APIServices may not have insecureSkipTLSVerify") }
            return
        }
        for field in ["namespace", "name"] where reference.text(field).isEmpty { required(at / "service" / field) }
        port(reference.number("port") ?? 0, at / "service" / "port")
        if isInsecure, hasBundle { invalid(at / "insecureSkipTLSVerify", true, "may not be true if caBundle is present") }
    }

    /// `ValidateResourceClaim`: the requests' names and kinds.
    mutating func deviceClaim(_ spec: JSON, _ at: FieldPath) {
        var names: Set<String> = []
        let path = at / "devices" / "requests"
        let requests = spec["devices"]?.items("requests") ?? []
        if requests.count > 32 { tooMany(path, requests.count, limit: 32) }
        for (index, request) in requests.enumerated() {
            let place = path[index]
            let name = request.text("name")
            if name.isEmpty { required(place / "name") } else { dns1123Label(name, place / "name") }
            if !names.insert(name).inserted { duplicate(place / "name", .string(name)) }
            let exactly = request.present("exactly")
            let choices = request.items("firstAvailable")
            if exactly == nil, choices.isEmpty { required(place, "exactly one of `exactly` or `firstAvailable` is required") }
            if exactly != nil, !choices.isEmpty {
                invalid(place, .null, "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set")
            }
            if let exactly { deviceRequest(exactly, place / "exactly") }
            for (position, choice) in choices.enumerated() {
                let child = (place / "firstAvailable")[position]
                if choice.text("name").isEmpty { required(child / "name") } else { dns1123Label(choice.text("name"), child / "name") }
                deviceRequest(choice, child)
            }
        }
    }

    private mutating func deviceRequest(_ request: JSON, _ at: FieldPath) {
        let deviceClass = request.text("deviceClassName")
        if deviceClass.isEmpty { required(at / "deviceClassName") } else { dns1123Subdomain(deviceClass, at / "deviceClassName") }
        let count = request.number("count") ?? 0
        switch request.text("allocationMode") {
        case "All":
            if count != 0 { invalid(at / "count", .integer(count), "must not be specified when allocationMode is 'All'") }
        case "ExactCount": if count <= 0 { invalid(at / "count", .integer(count), "must be greater than zero") }
        case let mode: notSupported(at / "allocationMode", .string(mode), ["All", "ExactCount"])
        }
    }
}
