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

    // MARK: Changes

    private func change(_ call: AWSCall, _ form: QueryForm, _ change: (inout JSON) throws(AWSError) -> Void) async throws(AWSError) {
        let found = try provider(call, form)
        let missing = noProvider(form["OpenIDConnectProviderArn"] ?? "")
        try await records.update(collection(call, "oidc-providers"), found.name, missing: missing, change)
    }

    func addClient(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let client = try form.required("ClientID")
        guard (1...255).contains(client.utf8.count) else {
            throw QueryForm.violation(client, "ClientID", "Member must have length between 1 and 255")
        }
        try await change(call, form) { (json: inout JSON) throws(AWSError) in
            var clients = json["ClientIDList"]?.strings ?? []
            guard !clients.contains(client) else { return }
            guard clients.count < 100 else {
                throw AWSError(409, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100")
            }
            clients.append(client)
            json["ClientIDList"] = JSON(strings: clients)
        }
        return nil
    }

    func removeClient(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let client = try form.required("ClientID")
        try await change(call, form) { (json: inout JSON) throws(AWSError) in
            json["ClientIDList"] = JSON(strings: (json["ClientIDList"]?.strings ?? []).filter { $0 != client })
        }
        return nil
    }

    func updateThumbprints(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let thumbprints = form.list("ThumbprintList")
        guard (1...5).contains(thumbprints.count), thumbprints.allSatisfy({ $0.utf8.count == 40 && $0.allSatisfy(\.isHexDigit) }) else {
            throw AWSError(400, "InvalidInput", "Thumbprint list must contain 1 to 5 thumbprints of 40 hexadecimal characters")
        }
        try await change(call, form) { (json: inout JSON) throws(AWSError) in json["ThumbprintList"] = JSON(strings: thumbprints) }
        return nil
    }

    func tagProvider(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let added = try tags(form)?.object?.members ?? []
        try await change(call, form) { (json: inout JSON) throws(AWSError) in
            var tags = json["Tags"]?.object ?? JSONObject()
            for tag in added { tags[tag.key] = tag.value }
            guard tags.count <= 50 else { throw AWSError(409, "LimitExceeded", "The number of tags has reached the maximum limit of 50") }
            json["Tags"] = .object(tags)
        }
        return nil
    }

    func untagProvider(_ call: AWSCall, _ form: QueryForm) async throws(AWSError) -> String? {
        let keys = form.list("TagKeys")
        try await change(call, form) { (json: inout JSON) throws(AWSError) in for key in keys { json["Tags"]?[key] = nil } }
        return nil
    }

    func listProviderTags(_ call: AWSCall, _ form: QueryForm) throws(AWSError) -> String {
        let tags = try provider(call, form).json["Tags"]?.object?.members ?? []
        return try listing(form, "Tags", tags, name: { $0.key }) { xml, tag in Self.write(tag, &xml) }
    }
}
