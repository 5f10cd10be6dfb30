import HTTP
import IAMAuthenticator
public import World

/// A `k8s-aws-v1.` token taken apart, each check with its verdict.
public enum TokenInspection {
    /// What can be said without a simulator: the token's parts and the authenticator's local checks, for the region that its host names.
    /// The signature can only be checked by STS.
    public static func local(_ token: String, at now: Instant, extraEndpoints: [String] = []) -> TraceReport {
        let parts = parts(of: token)
        let host = parts.first { $0.check == "host" }?.actual ?? ""
        let labels = host.split(separator: ".")
        let region = labels.count > 3 ? String(labels[1]) : "us-east-1"
        let partition = Partition.all.first { host.hasSuffix($0.domain) } ?? Partition.all[0]
        var endpoints = extraEndpoints
        if labels.count < 3 || host.contains(":") { endpoints.append("http://\(host)") }
        var steps: [TraceStep] = []
        let isGood =
            (try? TokenVerifier(partition: partition, region: region, extraEndpoints: endpoints, tellsEveryCheck: true).verify(
                token, at: now, steps: &steps))
            != nil
        steps = parts + steps
        if isGood {
            steps.append(TraceStep("sts", "signature", expected: "STS to accept it", actual: "not asked: no simulator", .noOpinion))
        }
        return report(steps, status: isGood ? nil : 401, at: now)
    }

    /// A report of steps that a cluster's authenticator took for a token.
    static func report(_ steps: [TraceStep], status: Int?, at now: Instant, target: String = "token") -> TraceReport {
        TraceReport(RequestTrace.Record(id: "-", received: now, summary: "token inspect", target: target, status: status, steps: steps))
    }

    /// The token's parts, as far as it can be taken apart.
    static func parts(of token: String) -> [TraceStep] {
        guard let url = PresignedURL(token: token) else { return [] }
        var steps = [TraceStep("parts", "host", actual: url.host, .info)]
        for (name, value) in url.queryPairs ?? [] {
            switch name.lowercased() {
            case "x-amz-credential":
                let scope = value.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
                let names = ["access key", "date", "region", "service", "terminator"]
                for (part, text) in zip(names, scope) { steps.append(TraceStep("parts", part, actual: text, .info)) }
            case "x-amz-signature":
                steps.append(TraceStep("parts", name, actual: "\(value.prefix(12))… (\(value.count) hexadecimal digits)", .info))
            case "x-amz-security-token": steps.append(TraceStep("parts", name, actual: "present: a session's key", .info))
            default: steps.append(TraceStep("parts", name, actual: value, .info))
            }
        }
        return steps
    }
}
