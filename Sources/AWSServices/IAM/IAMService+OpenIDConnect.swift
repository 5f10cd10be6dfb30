import JSON
import World

/// OpenID Connect providers, named by their issuer without scheme.
extension IAMService {
    private func noProvider(_ arn: String) -> AWSError {
        AWSError(404, "NoSuchEntity", "OpenIDConnect Provider not found for arn \(arn)")
    }

    private func provider(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> Records.Document {
        let arn = try form.required("OpenIDConnectProviderArn")
        let prefix = "arn:aws:iam::\(call.caller.accountID):oidc-provider/"
        guard arn.hasPrefix(prefix), let found = records.get(collection(call, "oidc-providers"), String(arn.dropFirst(prefix.count))) else {
            throw noProvider(arn)
        }
        return found
    }

    func createProvider(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String {
        let url = try form.required("Url")
        guard url.hasPrefix("https://"), (9...255).contains(url.utf8.count), !url.contains(where: { "?#".contains($0) }) else {
            throw AWSError(400, "ValidationError", "Invalid Open ID Connect Provider URL")
        }
        let clients = form.list("ClientIDList")
        guard clients.count <= 100 else {
            throw AWSError(409, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100")
        }
        let thumbprints = form.list("ThumbprintList")
        guard thumbprints.count <= 5, thumbprints.allSatisfy({ $0.utf8.count == 40 && $0.allSatisfy(\.isHexDigit) }) else {
            throw AWSError(400, "InvalidInput", "Thumbprint list must contain at most 5 thumbprints of 40 hexadecimal characters")
        }
        var name = String(url.dropFirst("https://".count))
        if name.hasSuffix("/") { name.removeLast() }
        var provider: JSON = [
            "Url": .string(name), "ClientIDList": JSON(strings: clients), "ThumbprintList": JSON(strings: thumbprints),
            "CreateDate": .string(world.now.rfc3339),
        ]
        provider["Tags"] = try tags(form)
        try await records.create(
            collection(call, "oidc-providers"), name, provider,
            exists: AWSError(409, "EntityAlreadyExists", "Provider with url https://\(name) already exists."))
        var xml = XMLWriter()
        xml.element("OpenIDConnectProviderArn", "arn:aws:iam::\(call.caller.accountID):oidc-provider/\(name)")
        Self.writeTags(provider, &xml)
        return xml.text
    }

    func getProvider(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> String {
        let provider = try provider(call, form).json
        var xml = XMLWriter()
        xml.element("Url", provider["Url"]?.string)
        for list in ["ClientIDList", "ThumbprintList"] { xml.list(list, provider[list]?.strings ?? []) { $0.text($1) } }
        xml.element("CreateDate", provider["CreateDate"]?.string)
        Self.writeTags(provider, &xml)
        return xml.text
    }

    func listProviders(_ call: AWSCall) -> String {
        var xml = XMLWriter()
        xml.list("OpenIDConnectProviderList", records.list(collection(call, "oidc-providers"))) { xml, provider in
            xml.element("Arn", "arn:aws:iam::\(call.caller.accountID):oidc-provider/\(provider.name)")
        }
        return xml.text
    }

    func deleteProvider(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let found = try provider(call, form)
        try await delete(collection(call, "oidc-providers"), found.name, missing: noProvider(form["OpenIDConnectProviderArn"] ?? ""))
        return nil
    }
}
