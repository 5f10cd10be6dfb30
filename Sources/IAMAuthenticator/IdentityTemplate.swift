/// The templates of usernames and groups, replaced as text (`pkg/server/server.go renderTemplate`).
enum IdentityTemplate {
    /// Why a template cannot be filled in.
    enum Problem: Error, Sendable, Hashable, CustomStringConvertible {
        case noInstanceID
        case noPrivateDNSName(String)

        var description: String {
            switch self {
            case .noInstanceID: "SessionName did not contain an instance id"
            case .noPrivateDNSName(let instance): "failed to find node \(instance)"
            }
        }
    }

    /// Fills in a template. `privateDNSName` finds an instance's name in EC2.
    static func render(
        _ template: String, _ identity: CallerIdentity, privateDNSName: @Sendable (String) async -> String?
    ) async throws(Problem) -> String {
        guard template.utf8.contains(UInt8(ascii: "{")) else { return template }
        var text = template
        if text.contains("{{EC2PrivateDNSName}}") {
            guard isInstanceID(identity.sessionName) else { throw .noInstanceID }
            guard let name = await privateDNSName(identity.sessionName) else { throw .noPrivateDNSName(identity.sessionName) }
            text = text.replacing("{{EC2PrivateDNSName}}", with: name)
        }
        text = text.replacing("{{AccountID}}", with: identity.accountID)
        text = text.replacing("{{SessionName}}", with: identity.sessionName.replacing("@", with: "-"))
        text = text.replacing("{{SessionNameRaw}}", with: identity.sessionName)
        return text.replacing("{{AccessKeyID}}", with: identity.accessKeyID)
    }

    private static func isInstanceID(_ text: String) -> Bool {
        guard text.hasPrefix("i-") else { return false }
        let rest = text.dropFirst(2)
        return (rest.count == 8 || rest.count == 17) && rest.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    }
}
