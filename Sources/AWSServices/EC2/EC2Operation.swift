import JSON

/// One operation of EC2.
struct EC2Operation: Sendable {
    typealias Run = @Sendable (EC2Request, inout ResourceDraft) throws(AWSError) -> JSON

    let name: String
    /// Whether it may change anything.
    let isWrite: Bool
    /// The parameters whose resources the caller must be allowed to touch.
    let touched: [String]
    /// What it makes, which permission is asked for, too.
    let created: [ResourceKind]
    /// Reads and changes the draft; answers the members of the response.
    let run: Run

    /// An operation that only reads.
    static func read(_ name: String, _ run: @escaping Run) -> EC2Operation {
        EC2Operation(name: name, isWrite: false, touched: [], created: [], run: run)
    }

    /// An operation that changes the resources named by its parameters, and may make others.
    static func write(
        _ name: String, on touched: [String] = [], making created: [ResourceKind] = [], _ run: @escaping Run
    ) -> EC2Operation {
        EC2Operation(name: name, isWrite: true, touched: touched, created: created, run: run)
    }
}

/// What operations answer that have nothing to tell.
let ec2Return: JSON = ["return": true]
