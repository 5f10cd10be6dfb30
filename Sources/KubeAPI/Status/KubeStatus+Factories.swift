import JSON

extension KubeStatus {
    /// The body of the answer as bytes.
    public var statusJSON: [UInt8] { json.serialized() }

    /// A status that says success (`DELETE` of an object that has no body to give back).
    public static func success(group: String, resource: String, name: String, uid: String) -> JSON {
        var details = Self.details((group, resource), name: name)
        if !uid.isEmpty { details["uid"] = .string(uid) }
        return ["kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "details": details]
    }

    /// 406 for an `Accept` that names no type of the route (go-restful).
    public static func notAcceptableRepresentations(_ produced: [String]) -> KubeStatus {
        KubeStatus(
            code: 406, reason: "NotAcceptable",
            message: "406: Not Acceptable\n\nAvailable representations: \(produced.joined(separator: ", "))", details: [:])
    }

    /// 406 for a transformation that does not fit the object.
    public static func cannotTransform(_ message: String) -> KubeStatus {
        KubeStatus(code: 406, reason: "NotAcceptable", message: message)
    }

    /// The media types that are read and written, in the order in which errors name them.
    public static let mediaTypes = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"]

    /// 415 for a patch of a type that is no patch.
    public static let unsupportedPatchType = KubeStatus(
        code: 415, reason: "UnsupportedMediaType", message: "415: Unsupported Media Type", details: [:])

    /// 422 with which a JSON patch that cannot be applied is refused; the reason stays with the server, as in Kubernetes.
    public static let patchNotApplicable = KubeStatus(
        code: 422, reason: "Invalid", message: "the server rejected our request due to an error in our request", details: [:])

    /// 422 for a patched document that is no valid object: `json` is the whole document.
    public static func invalidPatchResult(_ document: String, _ detail: String) -> KubeStatus {
        invalid(group: "", kind: "", name: "", [.invalid("patch", .string(document), detail)])
    }

    /// 410 for a list at a revision that is compacted.
    public static let listTooOld = expired("The resourceVersion for the provided list is too old.")

    /// 410 for a continue token whose revision is compacted.
    public static let continueTooOld = expired(
        "The provided continue parameter is too old to display a consistent list result. "
            + "You can start a new list without the continue parameter.")

    /// 410 for a watch from a revision that is compacted.
    public static func watchTooOld(_ asked: UInt64, oldest: UInt64) -> KubeStatus {
        expired("too old resource version: \(asked) (\(oldest))")
    }

    /// 504 for a revision that is not there yet.
    public static func tooLargeResourceVersion(_ asked: UInt64, current: UInt64) -> KubeStatus {
        KubeStatus(
            code: 504, reason: "Timeout", message: "Timeout: Too large resource version: \(asked), current: \(current)",
            details: [
                "causes": [["reason": "ResourceVersionTooLarge", "message": "Too large resource version"]], "retryAfterSeconds": 1,
            ], retryAfter: 1)
    }

    /// 504 for a request that took too long.
    public static func timeout(_ message: String, retryAfter: Int = 0) -> KubeStatus {
        KubeStatus(
            code: 504, reason: "Timeout", message: "Timeout: \(message)",
            details: retryAfter > 0 ? ["retryAfterSeconds": .integer(Int64(retryAfter))] : [:],
            retryAfter: retryAfter > 0 ? retryAfter : nil)
    }

    /// 413 for a body above `limit` bytes.
    public static func requestEntityTooLarge(limit: Int) -> KubeStatus { tooLarge("Request entity too large: limit is \(limit)") }

    /// 429 with a delay in seconds.
    public static func tooManyRequests(retryAfter: Int) -> KubeStatus {
        KubeStatus(
            code: 429, reason: "TooManyRequests", message: "Too many requests, please try again later.",
            details: ["retryAfterSeconds": .integer(Int64(retryAfter))], retryAfter: retryAfter)
    }

    /// 503 with a delay in seconds.
    public static func serviceUnavailable(_ message: String) -> KubeStatus {
        KubeStatus(code: 503, reason: "ServiceUnavailable", message: message)
    }

    /// 409 when a generated name is taken: the client should try again.
    public static func generateNameConflict(group: String, resource: String, name: String) -> KubeStatus {
        KubeStatus(
            code: 409, reason: "AlreadyExists",
            message:
                "\(qualified(group, resource)) \"\(name)\" already exists, the server was not able to generate a unique name for the object",
            details: details((group, resource), name: name), retryAfter: 1)
    }

    /// 409 when the name belongs to an object that is being deleted.
    public static func alreadyExistsWhileDeleting(group: String, resource: String, name: String) -> KubeStatus {
        var status = alreadyExists(group: group, resource: resource, name: name)
        status.message = "object is being deleted: \(status.message)"
        return status
    }

    /// 409 for a write whose `metadata.resourceVersion` is not the stored one.
    public static func stale(group: String, resource: String, name: String) -> KubeStatus {
        conflict(group: group, resource: resource, name: name, staleText)
    }

    /// A failure that the server did not expect: 500 without reason, the bare text (`responsewriters.ErrorToAPIStatus`).
    public static func unexpected(_ message: String) -> KubeStatus { KubeStatus(code: 500, reason: "", message: message) }
}
