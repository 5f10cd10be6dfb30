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
        let trace = RequestTrace(id: world.random.uuid(), received: world.now, summary: "ec2:\(operation)", target: "ec2")
        trace.identify(caller.arn)
        let call = AWSCall(
            request: HTTPRequest(method: "POST", path: "/", connection: .inProcess(listener: "aws"), trace: trace), query: [],
            caller: caller, region: region, requestID: trace.id, service: "ec2", wire: .ec2)
        do throws(AWSError) {
            return try await ec2.perform(operation, input, as: call, on: regions.resources(account, region))
        } catch {
            if error.code == AWSProtocol.ec2.accessDeniedCode {
                trace.finish(status: error.status)
                world.traces.record(trace)
            }
            throw error
        }
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
