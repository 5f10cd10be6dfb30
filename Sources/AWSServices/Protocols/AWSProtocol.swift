import HTTP
import JSON

/// The wire protocols of the services, as far as errors and envelopes go.
enum AWSProtocol: Sendable {
    /// Form in, XML out; with the namespace of the answers.
    case query(namespace: String)
    case ec2
    case restJSON
    case json11

    static let sts = AWSProtocol.query(namespace: "https://sts.amazonaws.com/doc/2011-06-15/")

    /// The protocol of a service by the name in its signatures' scope.
    static func of(_ service: String) -> AWSProtocol? {
        switch service {
        case "sts": sts
        case "iam": .query(namespace: "https://iam.amazonaws.com/doc/2010-05-08/")
        case "autoscaling": .query(namespace: "http://autoscaling.amazonaws.com/doc/2011-01-01/")
        case "elasticloadbalancing": .query(namespace: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/")
        case "cloudformation": .query(namespace: "http://cloudformation.amazonaws.com/doc/2010-05-15/")
        case "ec2": .ec2
        case "eks", "eks-auth": .restJSON
        case "ssm", "logs", "kms": .json11
        default: nil
        }
    }

    /// The code of a credential problem in this protocol's services.
    var unknownKeyCode: String {
        switch self {
        case .query: "InvalidClientTokenId"
        case .ec2: "AuthFailure"
        case .restJSON, .json11: "UnrecognizedClientException"
        }
    }
    var badSignatureCode: String {
        switch self {
        case .query: "SignatureDoesNotMatch"
        case .ec2: "AuthFailure"
        case .restJSON, .json11: "InvalidSignatureException"
        }
    }
    var missingSignatureCode: String {
        switch self {
        case .query, .ec2: "MissingAuthenticationToken"
        case .restJSON, .json11: "MissingAuthenticationTokenException"
        }
    }
    var incompleteSignatureCode: String {
        switch self {
        case .query, .ec2: "IncompleteSignature"
        case .restJSON, .json11: "IncompleteSignatureException"
        }
    }
    var expiredSessionCode: String {
        switch self {
        case .query: "ExpiredToken"
        case .ec2: "RequestExpired"
        case .restJSON, .json11: "ExpiredTokenException"
        }
    }
    var accessDeniedCode: String {
        switch self {
        case .query: "AccessDenied"
        case .ec2: "UnauthorizedOperation"
        case .restJSON, .json11: "AccessDeniedException"
        }
    }

    /// An error on the wire. `wantsJSON` makes query services answer JSON, as STS does when asked to.
    func response(_ error: AWSError, requestID: String, wantsJSON: Bool = false) -> HTTPResponse {
        let type = error.status >= 500 ? "Receiver" : "Sender"
        switch self {
        case .query where wantsJSON:
            let json: JSON = [
                "Error": ["Code": .string(error.code), "Message": .string(error.message), "Type": .string(type)],
                "RequestId": .string(requestID),
            ]
            return HTTPResponse(
                status: error.status, contentType: "application/json", json.serialized(), headers: ["x-amzn-RequestId": requestID])
        case .query(let namespace):
            var xml = XMLWriter()
            xml.element("Error") {
                $0.element("Type", type)
                $0.element("Code", error.code)
                $0.element("Message", error.message)
            }
            xml.element("RequestId", requestID)
            return Self.xml(error.status, "<ErrorResponse xmlns=\"\(namespace)\">\(xml.text)</ErrorResponse>", requestID)
        case .ec2:
            var xml = XMLWriter()
            xml.element("Errors") {
                $0.element("Error") {
                    $0.element("Code", error.code)
                    $0.element("Message", error.message)
                }
            }
            xml.element("RequestID", requestID)
            return Self.xml(error.status, "<Response>\(xml.text)</Response>", requestID)
        case .restJSON:
            var body: JSON = [:]
            for name in ["clusterName", "nodegroupName", "fargateProfileName", "addonName", "subscriptionId"] {
                body[name] = .some(error.members[name].map(JSON.string) ?? .null)
            }
            body["message"] = .string(error.message)
            return HTTPResponse(
                status: error.status, contentType: "application/json", body.serialized(),
                headers: ["x-amzn-RequestId": requestID, "x-amzn-ErrorType": error.code])
        case .json11:
            let body: JSON = ["__type": .string(error.code), "message": .string(error.message)]
            // These services answer every refusal with 400.
            return HTTPResponse(
                status: error.status < 500 ? 400 : error.status, contentType: "application/x-amz-json-1.1", body.serialized(),
                headers: ["x-amzn-RequestId": requestID]
            )
        }
    }

    /// The envelope of a successful query answer.
    static func queryResponse(_ action: String, namespace: String, requestID: String, result: String?) -> HTTPResponse {
        let inner = result.map { "<\(action)Result>\($0)</\(action)Result>" } ?? ""
        return xml(
            200,
            "<\(action)Response xmlns=\"\(namespace)\">\(inner)<ResponseMetadata><RequestId>\(requestID)</RequestId></ResponseMetadata></\(action)Response>",
            requestID)
    }

    /// An XML document as an answer.
    static func xml(_ status: Int, _ text: String, _ requestID: String) -> HTTPResponse {
        HTTPResponse(status: status, contentType: "text/xml", Array(text.utf8), headers: ["x-amzn-RequestId": requestID])
    }
}
