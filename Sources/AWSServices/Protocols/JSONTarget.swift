import HTTP
import JSON

/// The JSON 1.1 protocol: the operation is in `X-Amz-Target`, input and answer are JSON objects.
enum JSONTarget {
    private static let limits = JSON.Limits(depth: 64, bytes: 1 << 20)

    /// The operation of a call to a service, by the service's name in the target header.
    static func operation(_ call: AWSCall, service: String) throws(AWSError) -> String {
        let target = call.request.headers["X-Amz-Target"] ?? ""
        let parts = target.split(separator: ".", maxSplits: 1)
        guard parts.count == 2, parts[0] == service else {
            throw AWSError(400, "UnknownOperationException", "The operation \(target) is unknown.")
        }
        return String(parts[1])
    }

    /// The input of a call.
    static func input(_ call: AWSCall) throws(AWSError) -> JSON {
        let body = call.request.body
        guard !body.isEmpty else { return [:] }
        guard let input = try? JSON(parsing: body, limits: limits), input.object != nil else {
            throw AWSError(400, "SerializationException", "The request body is not a JSON object.")
        }
        return input
    }

    static func unknown(_ operation: String) -> AWSError {
        AWSError(400, "UnknownOperationException", "The operation \(operation) is not simulated yet.")
    }

    static func response(_ call: AWSCall, _ answer: JSON) -> HTTPResponse {
        HTTPResponse(
            status: 200, contentType: "application/x-amz-json-1.1", answer.serialized(escaping: .minimal),
            headers: ["x-amzn-RequestId": call.requestID])
    }
}
