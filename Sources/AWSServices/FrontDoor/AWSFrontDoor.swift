public import HTTP
import JSON
public import PKI
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
    let autoScaling: AutoScalingService
    let kms: KMSService
    let ssm: SSMService
    let regions: RegionTable
    let eksServices: EKSServices
    let podIdentity: PodIdentityService
    let logs: LogsService
    let clusterCache = CollectionCache<[String: ClusterRecord]>()
    let associationCache = CollectionCache<Set<[String]>>()
    let identityProviderCache = CollectionCache<[String: IdentityProviderRecord]>()
    let entryCache = CollectionCache<[String: [AccessEntryRecord]]>()

    /// Makes the services over a store. `provisioner` runs the clusters that EKS makes, `issuers` has the keys of web identities.
    public init(
        configuration: AWSConfiguration, world: World, store: any Store, provisioner: any ClusterProvisioner,
        issuers: any OpenIDIssuers = UnreachableIssuers()
    ) {
        self.configuration = configuration
        self.world = world
        records = Records(store: store)
        authentication = CallerAuthentication(records: records, world: world)
        authorization = CallerAuthorization(records: records, world: world)
        sts = STSService(records: records, world: world, authentication: authentication, issuers: issuers)
        iam = IAMService(records: records, world: world, authorization: authorization)
        regions = RegionTable(records: records, world: world, delay: configuration.resourceDelay, provisioner: provisioner)
        ec2 = EC2Service(authorization: authorization, regions: regions)
        autoScaling = AutoScalingService(authorization: authorization, regions: regions)
        logs = LogsService(records: records, world: world, events: LogEventStore())
        kms = KMSService(records: records, world: world, authorization: authorization)
        ssm = SSMService(records: records, world: world, authorization: authorization)
        podIdentity = PodIdentityService(records: records, world: world, sts: sts)
        eksServices = EKSServices(
            configuration: configuration, records: records, world: world, regions: regions, provisioner: provisioner,
            authorization: authorization)
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
        guard !request.isBodyTruncated else { return tooLarge(request, requestID) }
        let signature: SigV4
        do { signature = try SigV4(request) } catch {
            return await unsigned(request, error, requestID)
        }
        let service = signature.scope.service
        let accept = service == "sts" ? request.headers["Accept"] ?? "" : ""
        let wantsJSON = accept == "application/json" || accept.contains("application/json")
        guard let wire = AWSProtocol.of(service) else {
            request.trace.add(TraceStep("aws", "service", expected: "one that is simulated", actual: service, .fail))
            return AWSProtocol.restJSON.response(
                AWSError(400, "UnknownOperationException", "The service \(service) is not simulated."), requestID: requestID)
        }
        request.trace.describe("\(service):?")
        do {
            let call = AWSCall(
                request: request, query: signature.query, caller: try authentication.caller(of: request, signature, wire),
                region: signature.scope.region,
                requestID: requestID, service: service, wire: wire)
            request.trace.identify(call.caller.arn)
            return try await dispatch(call, wantsJSON: wantsJSON)
        } catch {
            explain(error, service, request.trace)
            return wire.response(error, requestID: requestID, wantsJSON: wantsJSON)
        }
    }

    /// A refusal that no check wrote down is written down here, so that none is without its reason.
    private func explain(_ error: AWSError, _ service: String, _ trace: RequestTrace) {
        let record = trace.snapshot
        guard !record.steps.contains(where: { $0.verdict == .fail }) else { return }
        trace.add(TraceStep(service, record.summary, actual: "\(error.code): \(error.message)", .fail))
    }

    /// Calls after which the roles of instances are others, or none.
    private static let roles: Set<String> = [
        "CreateRole", "DeleteRole", "AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile", "DeleteInstanceProfile",
    ]

    private func dispatch(_ call: AWSCall, wantsJSON: Bool) async throws(AWSError) -> HTTPResponse {
        switch call.service {
        case "sts", "iam", "ec2", "autoscaling":
            let form = try QueryForm(call.request, query: call.query)
            call.request.trace.describe("\(call.service):\(form.action)")
            switch call.service {
            case "sts": return try await sts.handle(call, form, authorization, wantsJSON: wantsJSON)
            case "iam":
                let answer = try await iam.handle(call, form)
                if Self.roles.contains(form.action) { regions.noteMappings(of: call.caller.accountID) }
                return answer
            case "autoscaling": return try await autoScaling.handle(call, form)
            default: return try await ec2.handle(call, form)
            }
        case "eks": return try await eksServices.handle(call)
        case "eks-auth":
            return try await podIdentity.handle(call, authorization) { name in
                cluster(account: call.caller.accountID, region: call.region, name: name)
            }
        case "logs": return try await logs.handle(call, authorization)
        default:
            let target = call.request.headers["X-Amz-Target"] ?? ""
            call.request.trace.describe("\(call.service):\(target.split(separator: ".").last ?? "?")")
            switch call.service {
            case "kms": return try await kms.handle(call)
            case "ssm": return try await ssm.handle(call)
            default: break
            }
            switch call.wire {
            case .json11: throw AWSError(400, "UnknownOperationException", "The operation \(target) is not simulated yet.")
            default:
                throw try QueryForm(call.request, query: call.query).unknownAction
            }
        }
    }

    /// A body that was cut off cannot be verified: it is refused before its signature is looked at.
    private func tooLarge(_ request: HTTPRequest, _ requestID: String) -> HTTPResponse {
        request.trace.add(TraceStep("aws", "body", expected: "within the listener's limit", actual: "larger", .fail))
        let isForm = request.headers["Content-Type"]?.hasPrefix("application/x-www-form-urlencoded") ?? false
        let wire = isForm ? AWSProtocol.sts : .restJSON
        return wire.response(AWSError(413, "RequestEntityTooLarge", "Request Too Long"), requestID: requestID)
    }

    /// The one call of ours that takes no signature.
    private func webIdentity(_ request: HTTPRequest, _ form: QueryForm, _ requestID: String) async -> HTTPResponse {
        request.trace.describe("sts:\(form.action)")
        let wantsJSON = request.headers["Accept"]?.contains("application/json") == true
        do throws(AWSError) {
            return try await sts.webIdentity(request, form, requestID: requestID, wantsJSON: wantsJSON)
        } catch {
            explain(error, "sts", request.trace)
            return AWSProtocol.sts.response(error, requestID: requestID, wantsJSON: wantsJSON)
        }
    }

    private func unsigned(_ request: HTTPRequest, _ problem: SigV4.Problem, _ requestID: String) async -> HTTPResponse {
        let isForm = request.headers["Content-Type"]?.hasPrefix("application/x-www-form-urlencoded") ?? false
        let wire = isForm || request.query?.contains("Action=") == true ? AWSProtocol.sts : .restJSON
        switch problem {
        case .missing:
            let query = PercentEncoding.pairs(request.query ?? "") ?? []
            if isForm || request.query?.contains("Action=") == true, let form = try? QueryForm(request, query: query),
                form.action == "AssumeRoleWithWebIdentity"
            {
                return await webIdentity(request, form, requestID)
            }
            request.trace.add(
                TraceStep(
                    "sigv4", "signature", expected: "Authorization header or presigned query", actual: "none", .fail,
                    fix: "eval \"$(eks-sim env)\""))
            return wire.response(
                AWSError(403, wire.missingSignatureCode, "Request is missing Authentication Token"), requestID: requestID)
        case .incomplete(let text):
            request.trace.add(TraceStep("sigv4", "signature", actual: text, .fail))
            return wire.response(AWSError(400, wire.incompleteSignatureCode, text), requestID: requestID)
        }
    }
}

/// What the services are told at the start.
public struct AWSConfiguration: Sendable {
    /// The bootstrap principal's account.
    public var accountID: String
    /// Accounts besides, each with a bootstrap principal of its own.
    public var furtherAccounts: [String]
    /// The region that the bootstrap resources are made in.
    public var region: String
    /// The version of clusters that ask for none: EKS' default, or one that EKS does not offer.
    public var kubernetesVersion: String
    /// How long a cluster is CREATING, UPDATING or DELETING.
    public var clusterDelay: Duration
    /// How long an instance, a NAT gateway or an endpoint takes to come and to go.
    public var resourceDelay: Duration

    /// Makes a configuration.
    public init(
        accountID: String, furtherAccounts: [String] = [], region: String, kubernetesVersion: String? = nil,
        clusterDelay: Duration = .milliseconds(250),
        resourceDelay: Duration = .milliseconds(100)
    ) {
        self.accountID = accountID
        self.furtherAccounts = furtherAccounts
        self.region = region
        self.kubernetesVersion = kubernetesVersion ?? EKSVersions.defaultVersion
        self.clusterDelay = clusterDelay
        self.resourceDelay = resourceDelay
    }
}
