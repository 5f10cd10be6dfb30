public import HTTP
import JSON
public import Store
public import World

/// The one listener of all AWS services: routed by the signature's scope, every call verified and authorized.
public final class AWSFrontDoor: HTTPHandler {
    let configuration: AWSConfiguration
    let world: World
    let records: Records
    let authentication: CallerAuthentication
    let authorization: CallerAuthorization
    let sts: STSService
    let iam: IAMService
    let ec2: EC2Service
    let eksServices: EKSServices

    /// Makes the services over a store. `provisioner` runs the clusters that EKS makes.
    public init(configuration: AWSConfiguration, world: World, store: any Store, provisioner: any ClusterProvisioner) {
        self.configuration = configuration
        self.world = world
        records = Records(store: store)
        authentication = CallerAuthentication(records: records, world: world)
        authorization = CallerAuthorization(records: records)
        sts = STSService(records: records, world: world)
        iam = IAMService(records: records, world: world)
        ec2 = EC2Service(records: records)
        eksServices = EKSServices(configuration: configuration, records: records, world: world, provisioner: provisioner)
    }

    /// Answers one request.
    public func handle(_ request: HTTPRequest) async -> HTTPResponse {
        let response = await answer(request)
        request.trace.finish(status: response.status)
        if request.connection.listener != "sts" { world.traces.record(request.trace) }
        return response
    }

    private func answer(_ request: HTTPRequest) async -> HTTPResponse {
        let requestID = world.random.uuid()
        let wantsJSON = request.headers["Accept"]?.contains("application/json") ?? false
        let signature: SigV4
        do { signature = try SigV4(request) } catch {
            return unsigned(request, error, requestID)
        }
        let service = signature.scope.service
        guard let wire = AWSProtocol.of(service) else {
            request.trace.add(TraceStep("aws", "service", expected: "one that is simulated", actual: service, .fail))
            return AWSProtocol.restJSON.response(
                AWSError(400, "UnknownOperationException", "The service \(service) is not simulated."), requestID: requestID)
        }
        do {
            let call = AWSCall(
                request: request, caller: try authentication.caller(of: request, signature, wire), region: signature.scope.region,
                requestID: requestID, service: service, wire: wire)
            request.trace.identify(call.caller.arn)
            return try await dispatch(call, wantsJSON: wantsJSON)
        } catch {
            return wire.response(error, requestID: requestID, wantsJSON: wantsJSON)
        }
    }

    private func dispatch(_ call: AWSCall, wantsJSON: Bool) async throws(AWSError) -> HTTPResponse {
        switch call.service {
        case "sts", "iam", "ec2":
            let form = try QueryForm(call.request)
            call.request.trace.describe("\(call.service):\(form.action)")
            switch call.service {
            case "sts": return try await sts.handle(call, form, authorization, wantsJSON: wantsJSON)
            case "iam": return try await iam.handle(call, form, authorization)
            default: return try ec2.handle(call, form, authorization)
            }
        case "eks": return try await eksServices.handle(call, authorization)
        case "eks-auth": throw AWSError(404, "UnknownOperationException", "The requested operation is not simulated yet.")
        default:
            let target = call.request.headers["X-Amz-Target"] ?? ""
            call.request.trace.describe("\(call.service):\(target.split(separator: ".").last ?? "?")")
            switch call.wire {
            case .json11: throw AWSError(400, "UnknownOperationException", "The operation \(target) is not simulated yet.")
            default:
                let action = (try? QueryForm(call.request))?.action ?? "?"
                throw AWSError(400, "InvalidAction", "Could not find operation \(action) for version NO_VERSION_SPECIFIED")
            }
        }
    }

    private func unsigned(_ request: HTTPRequest, _ problem: SigV4.Problem, _ requestID: String) -> HTTPResponse {
        let isForm = request.headers["Content-Type"]?.hasPrefix("application/x-www-form-urlencoded") ?? false
        let wire = isForm || request.query?.contains("Action=") == true ? AWSProtocol.of("sts") ?? .restJSON : .restJSON
        switch problem {
        case .missing:
            request.trace.add(
                TraceStep(
                    "sigv4", "signature", expected: "Authorization header or presigned query", actual: "none", .fail,
                    fix: "eval \"$(eks-sim env)\""))
            if isForm, let form = try? QueryForm(request), form.action == "AssumeRoleWithWebIdentity" {
                return wire.response(
                    AWSError(400, "InvalidAction", "AssumeRoleWithWebIdentity is not simulated yet."), requestID: requestID)
            }
            return wire.response(
                AWSError(403, "MissingAuthenticationToken", "Request is missing Authentication Token"), requestID: requestID)
        case .incomplete(let text):
            request.trace.add(TraceStep("sigv4", "signature", actual: text, .fail))
            return wire.response(AWSError(400, "IncompleteSignature", text), requestID: requestID)
        }
    }
}

/// What the services are told at the start.
public struct AWSConfiguration: Sendable {
    /// The bootstrap principal's account.
    public var accountID: String
    /// The region that the bootstrap resources are made in.
    public var region: String
    /// How long a cluster is CREATING, UPDATING or DELETING.
    public var clusterDelay: Duration

    /// Makes a configuration.
    public init(accountID: String, region: String, clusterDelay: Duration = .milliseconds(250)) {
        self.accountID = accountID
        self.region = region
        self.clusterDelay = clusterDelay
    }
}

/// A verified call.
struct AWSCall: Sendable {
    let request: HTTPRequest
    let caller: Caller
    let region: String
    let requestID: String
    let service: String
    let wire: AWSProtocol
}

/// The parameters of a query call.
struct QueryForm: Sendable {
    private let pairs: [(name: String, value: String)]
    let action: String

    init(_ request: HTTPRequest) throws(AWSError) {
        let body = String(validating: request.body, as: UTF8.self) ?? ""
        let text = request.method == "GET" ? request.query ?? "" : body
        guard let pairs = PercentEncoding.pairs(text) else { throw AWSError(400, "MalformedQueryString", "The query string is malformed") }
        self.pairs = pairs
        guard let action = pairs.first(where: { $0.name == "Action" })?.value, !action.isEmpty else {
            throw AWSError(400, "MissingAction", "The request must contain the parameter Action")
        }
        self.action = action
    }

    /// A parameter.
    subscript(name: String) -> String? { pairs.first { $0.name == name }?.value }

    /// A parameter that has to be there.
    func required(_ name: String) throws(AWSError) -> String {
        guard let value = self[name] else {
            throw AWSError(
                400, "ValidationError",
                "1 validation error detected: Value at '\(Self.lowerFirst(name))' failed to satisfy constraint: Member must not be null")
        }
        return value
    }

    /// The values of `Name.member.N` or `Name.N` in order of N.
    func list(_ name: String) -> [String] {
        var found: [(Int, String)] = []
        for pair in pairs {
            for prefix in ["\(name).member.", "\(name)."] where pair.name.hasPrefix(prefix) {
                if let index = Int(pair.name.dropFirst(prefix.count)) { found.append((index, pair.value)) }
            }
        }
        return found.sorted { $0.0 < $1.0 }.map(\.1)
    }

    /// Pairs of `Name.member.N.Key` and `Name.member.N.Value`.
    func tags(_ name: String = "Tags") -> [(key: String, value: String)] {
        var index = 1
        var tags: [(key: String, value: String)] = []
        while let key = self["\(name).member.\(index).Key"] {
            tags.append((key, self["\(name).member.\(index).Value"] ?? ""))
            index += 1
        }
        return tags
    }

    /// `Filter.N.Name` with `Filter.N.Value.M`.
    var filters: [(name: String, values: [String])] {
        var index = 1
        var filters: [(name: String, values: [String])] = []
        while let name = self["Filter.\(index).Name"] {
            filters.append((name, list("Filter.\(index).Value")))
            index += 1
        }
        return filters
    }

    static func lowerFirst(_ name: String) -> String { name.prefix(1).lowercased() + name.dropFirst() }
}
