import HTTP
public import JSON
import World

/// EC2 as a service of AWS calls it in process with a role of the account: IAM judges the role's policies as for any other caller.
extension AWSFrontDoor {
    /// Carries a call of EC2 out with the rights of a role; the parameters have their names on the wire. Answers the members of the
    /// response. What IAM refuses leaves a trace, as the call of a client does.
    ///
    /// - Parameters:
    ///   - role: the role's ARN.
    ///   - session: the name of the service's session.
    /// - Throws: EC2's refusal; `UnauthorizedOperation` is IAM's.
    public func ec2(
        _ operation: String, _ input: JSON, asRole role: String, session: String, account: String, region: String
    ) async throws(AWSError) -> JSON {
        let name = role.split(separator: "/").last.map(String.init) ?? ""
        let record = regions.resources(account, region).present.principal("roles", name)
        let caller = Caller(
            arn: "arn:aws:sts::\(account):assumed-role/\(name)/\(session)", accountID: account,
            userID: "\(record?["RoleId"]?.string ?? ""):\(session)", roleARN: role, roleName: name, userName: nil)
        let call = inProcessCall("ec2:\(operation)", as: caller, to: "ec2", .ec2, region)
        do throws(AWSError) {
            return try await ec2.perform(operation, input, as: call, on: regions.resources(account, region))
        } catch {
            noteRefusal(error, of: call)
            throw error
        }
    }

    /// A call that a program in the simulator makes, whose caller nobody has to verify; it is explained in `trace`, else in one of its own.
    func inProcessCall(
        _ summary: String, as caller: Caller, to service: String, _ wire: AWSProtocol, _ region: String, trace: RequestTrace? = nil
    ) -> AWSCall {
        let trace = trace ?? RequestTrace(id: world.random.uuid(), received: world.now, summary: summary, target: service)
        trace.identify(caller.arn)
        return AWSCall(
            request: HTTPRequest(method: "POST", path: "/", connection: .inProcess(listener: "aws"), trace: trace), query: [],
            caller: caller, region: region, requestID: trace.id, service: service, wire: wire)
    }

    /// Keeps the trace of a call that IAM refused, as that of a client's call.
    func noteRefusal(_ error: AWSError, of call: AWSCall) {
        guard error.code == call.wire.accessDeniedCode else { return }
        call.request.trace.finish(status: error.status)
        world.traces.record(call.request.trace)
    }
}

extension EC2Service {
    /// Carries an operation out for a caller whom nobody has to verify.
    func perform(_ name: String, _ input: JSON, as call: AWSCall, on resources: RegionResources) async throws(AWSError) -> JSON {
        guard let operation = Self.operations[name] else {
            throw AWSError(400, "InvalidAction", "The action \(name) is not valid for this web service.")
        }
        let request = EC2Request(call: call, operation: name, input: input, authorization: authorization)
        try authorize(request, operation, resources.present)
        guard operation.isWrite else {
            var draft = resources.present
            return try operation.run(request, &draft)
        }
        return try await resources.change { draft throws(AWSError) in try operation.run(request, &draft) }
    }
}
