public import HTTP
public import World

/// What happens to a connection that a listener accepted.
public enum Admission: Sendable {
    /// It is served by a target, which sees it come from `source`; `nil` stands for the connection's own address.
    case serve(any HTTPHandler, target: String, steps: [TraceStep], source: String? = nil)
    /// It gets no answer and is closed after a while, as a security group or CIDR filter drops packets.
    case drop
    /// It is closed at once, as the NLB resets a flow for which there is no healthy target.
    case reset
}

/// Decides about each connection of a listener.
public protocol ConnectionAdmission: Sendable {
    /// Decides about a connection from a source address and port.
    func admit(remoteAddress: String, remotePort: Int) -> Admission
}

/// Serves every connection with one handler.
public struct OpenAdmission: ConnectionAdmission {
    private let handler: any HTTPHandler

    /// Makes it.
    public init(_ handler: any HTTPHandler) { self.handler = handler }

    /// Lets everybody in.
    public func admit(remoteAddress: String, remotePort: Int) -> Admission { .serve(handler, target: "", steps: []) }
}
