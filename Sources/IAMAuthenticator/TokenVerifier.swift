public import World

/// A token that passed every local check, and what STS has to be asked.
public struct VerifiedToken: Sendable {
    /// The URL inside the token.
    public let url: PresignedURL
    /// The access key that signed it, as the credential names it.
    public let accessKeyID: String
    /// `X-Amz-Date`.
    public let signedAt: Instant
    /// The region label of the host, or `global`.
    public let stsRegion: String
}

/// aws-iam-authenticator's local checks of a token, in its order (`pkg/token/token.go`).
public struct TokenVerifier: Sendable {
    /// The partition of the cluster.
    public let partition: Partition
    /// The region of the cluster.
    public let region: String
    /// STS base URLs that are accepted besides the regional hosts, without a trailing `/`.
    public let extraEndpoints: [String]
    /// Whether checks that hold leave a step too, for a token that is looked into.
    public let tellsEveryCheck: Bool

    /// The hosts of the cluster's own region: they pass every check of a host.
    private let ownHosts: [String]

    static let prefix = "k8s-aws-v1."
    private static let maximumBytes = 4096
    private static let life: Duration = .seconds(15 * 60)
    private static let parameters: Set<String> = [
        "action", "version", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-security-token",
        "x-amz-signedheaders", "x-amz-signature",
    ]

    /// Makes a verifier.
    public init(partition: Partition, region: String, extraEndpoints: [String] = [], tellsEveryCheck: Bool = false) {
        self.tellsEveryCheck = tellsEveryCheck
        self.partition = partition
        self.region = region
        self.extraEndpoints = extraEndpoints.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
        let domains = [partition.domain] + (partition.dualStackDomain.map { [$0] } ?? [])
        ownHosts = Self.isRegion(region) ? domains.map { "sts.\(region).\($0)" } : []
    }

    /// Checks a token at a time; every check leaves a step.
    ///
    /// - Throws: `TokenError.format` of the first check that fails.
    public func verify(_ token: String, at now: Instant, steps: inout [TraceStep]) throws(TokenError) -> VerifiedToken {
        // Texts are made for what fails only.
        func check(
            _ holds: Bool, _ name: String, _ error: @autoclosure () -> String, expected: @autoclosure () -> String? = nil,
            actual: @autoclosure () -> String? = nil, fix: @autoclosure () -> String? = nil
        ) throws(TokenError) {
            guard !holds else {
                if tellsEveryCheck, steps.last?.check != name {
                    steps.append(TraceStep("token", name, expected: expected(), actual: actual(), .pass))
                }
                return
            }
            steps.append(TraceStep("token", name, expected: expected(), actual: actual(), .fail, fix: fix()))
            throw .format(error())
        }
        try check(
            token.utf8.count <= Self.maximumBytes, "length", "token is too large", expected: "at most \(Self.maximumBytes) bytes",
            actual: "\(token.utf8.count)")
        try check(
            token.hasPrefix(Self.prefix), "prefix", "token is missing expected \"\(Self.prefix)\" prefix", expected: Self.prefix,
            // Who sends a JWT is of another provider, and helped by another step.
            actual: String(token.prefix(16)), fix: token.hasPrefix("eyJ") ? nil : "aws eks get-token --cluster-name NAME")
        let encoded = token.dropFirst(Self.prefix.count)
        let decoded = GoBase64URL.decode(encoded)
        if case .success = decoded { try check(true, "base64url", "", expected: "base64url without padding", actual: "as wanted") }
        if case .failure(let offset) = decoded {
            try check(false, "base64url", "illegal base64 data at input byte \(offset.value)", expected: "base64url without padding")
        }
        guard case .success(let bytes) = decoded, let text = String(validating: bytes, as: UTF8.self), let url = PresignedURL(text) else {
            try check(false, "URL", "parse URL", expected: "a URL")
            throw .format("")
        }
        let extra = extraEndpoint(of: url)
        if extra == nil {
            try check(
                url.scheme == "https", "scheme", "unexpected scheme \"\(url.scheme)\" in pre-signed URL", expected: "https",
                actual: url.scheme,
                fix: "unset AWS_ENDPOINT_URL_STS, or start the authenticator with this endpoint among its extra STS endpoints")
            try checkHost(url.host, check)
            try check(url.path == "/", "path", "unexpected path in pre-signed URL", expected: "/", actual: url.path)
        }
        if extra != nil { try check(true, "host", "", expected: extra, actual: url.host) }
        guard let pairs = url.queryPairs else {
            try check(false, "query", "malformed query parameter")
            throw .format("")
        }
        let values = try checkQuery(pairs, check)
        let signedAt = try checkTimes(values, now, check)
        let region = extra != nil ? self.region : (url.host == "sts.amazonaws.com" ? "global" : Self.label(url.host, 1))
        if tellsEveryCheck {
            steps.removeAll { $0.check == "X-Amz-Date" }
        } else {
            steps.append(TraceStep("token", "host", actual: url.host, .pass))
        }
        steps.append(
            TraceStep(
                "token", "X-Amz-Date", expected: "at most 15 min old",
                actual: "\(signedAt.rfc3339), \(Int((now - signedAt).inSeconds)) s old", .pass))
        let credential = values["x-amz-credential"] ?? ""
        return VerifiedToken(url: url, accessKeyID: String(credential.prefix { $0 != "/" }), signedAt: signedAt, stsRegion: region)
    }

    private typealias Check = (
        Bool, String, @autoclosure () -> String, @autoclosure () -> String?, @autoclosure () -> String?, @autoclosure () -> String?
    ) throws(TokenError) -> Void

    private func checkHost(_ host: String, _ check: Check) throws(TokenError) {
        if ownHosts.contains(host) { return try check(true, "host", "", "", host, nil) }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        let fix =
            "set AWS_ENDPOINT_URL_STS to https://sts.\(region).\(partition.domain), or name the endpoint among the extra STS endpoints"
        try check(
            labels.count >= 3, "host", "could not parse region for pre-signed URL \(host), invalid host format: \(host)",
            "sts.REGION.DOMAIN", host, fix)
        if host == "sts.amazonaws.com" {
            return try check(
                partition.name == "aws", "host", "global endpoint unsupported in partition \(partition.name)", "a regional host", host, fix)
        }
        let region = String(labels[1])
        try check(
            Self.isRegion(region), "region", "invalid region identifier format provided: \(region)", "letters, digits and inner hyphens",
            region, nil)
        try check(
            Partition.stsHosts(region: region).contains(host), "host",
            "unexpected hostname \"\(host)\" in pre-signed URL",
            "sts.\(region).\(Partition.ofRegion(region).domain)", host, fix)
        let rest = labels.dropFirst(2).joined(separator: ".")
        try check(
            rest == partition.domain || rest == partition.dualStackDomain, "partition",
            "partition {\(partition.name)} does not support hostname \(host)", partition.domain, rest, fix)
    }

    private static func isRegion(_ text: String) -> Bool {
        !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") } && !text.hasPrefix("-")
            && !text.hasSuffix("-")
    }

    private func checkQuery(_ pairs: [(name: String, value: String)], _ check: Check) throws(TokenError) -> [String: String] {
        var values: [String: String] = Dictionary(minimumCapacity: 12)
        var spellings: [String: String] = Dictionary(minimumCapacity: 12)
        for (name, value) in pairs {
            let lower = name.lowercased()
            let spelling = spellings[lower]
            try check(
                spelling == nil || spelling == name, "query", "duplicate query parameter found: \"\(name)\"",
                "each parameter once",
                name, nil)
            try check(
                Self.parameters.contains(lower), "query", "non-whitelisted query parameter \"\(name)\"",
                "the parameters of a presigned GetCallerIdentity", name, nil)
            try check(spelling == nil, "query", "query parameter with multiple values not supported", "each parameter once", name, nil)
            spellings[lower] = name
            values[lower] = value
        }
        try check(
            values["action"] == "GetCallerIdentity", "Action", "unexpected action parameter in pre-signed URL", "GetCallerIdentity",
            values["action"] ?? "nothing", nil)
        let signed = (values["x-amz-signedheaders"] ?? "").split(separator: ";", omittingEmptySubsequences: false)
        try check(
            signed.contains { $0.lowercased() == "x-k8s-aws-id" }, "signed headers",
            "client did not sign the x-k8s-aws-id header in the pre-signed URL", "x-k8s-aws-id among them",
            values["x-amz-signedheaders"] ?? "nothing",
            "aws eks get-token --cluster-name NAME")
        return values
    }

    private func checkTimes(_ values: [String: String], _ now: Instant, _ check: Check) throws(TokenError) -> Instant {
        let expires = values["x-amz-expires"].flatMap { Int64($0) }
        try check(
            expires.map { (0...900).contains($0) } ?? false, "X-Amz-Expires",
            "invalid X-Amz-Expires parameter in pre-signed URL: \(expires ?? 0)", "0 to 900", values["x-amz-expires"] ?? "nothing", nil)
        let date = values["x-amz-date"] ?? ""
        try check(
            !date.isEmpty, "X-Amz-Date", "X-Amz-Date parameter must be present in pre-signed URL", "a time",
            date.isEmpty ? "nothing" : date, nil)
        guard let signedAt = Instant(amzDate: date) else {
            try check(
                false, "X-Amz-Date",
                "error parsing X-Amz-Date parameter \(date) into format 20060102T150405Z: parsing time \"\(date)\" as \"20060102T150405Z\": cannot parse \"\(date)\" as \"2006\"",
                "20060102T150405Z", date, nil)
            throw .format("")
        }
        let age = Int((now - signedAt).inSeconds)
        try check(
            now <= signedAt + Self.life, "X-Amz-Date",
            "X-Amz-Date parameter is expired (15 minute expiration) \(signedAt.rfc3339.replacing("T", with: " ").replacing("Z", with: " +0000 UTC"))",
            "at most 15 min before \(now.rfc3339)", "\(signedAt.rfc3339): expired, \(age) s old",
            "aws eks get-token --cluster-name NAME   # and compare the client's clock with the server's")
        return signedAt
    }

    /// The extra endpoint that a URL belongs to.
    private func extraEndpoint(of url: PresignedURL) -> String? {
        guard !extraEndpoints.isEmpty else { return nil }
        let path = url.rawPath.hasSuffix("/") ? String(url.rawPath.dropLast()) : url.rawPath
        let base = "\(url.scheme)://\(url.host)\(path)"
        return extraEndpoints.first { $0 == base }
    }

    private static func label(_ host: String, _ index: Int) -> String {
        let labels = host.split(separator: ".")
        return labels.indices.contains(index) ? String(labels[index]) : ""
    }
}
