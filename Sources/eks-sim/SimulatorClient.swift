import ArgumentParser
import JSON

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Where the running simulator is.
struct EndpointOption: ParsableArguments {
    @Option(help: "The simulator's AWS endpoint. Default: $EKS_SIM_ENDPOINT, else http://127.0.0.1:4566.")
    var endpoint: String?

    /// The client for it.
    func client() throws -> SimulatorClient {
        let text = endpoint ?? Console.environment("EKS_SIM_ENDPOINT") ?? "http://127.0.0.1:4566"
        guard let client = SimulatorClient(text) else { throw CommandFailure(message: "not an endpoint: \(text); want http://HOST:PORT") }
        return client
    }
}

/// Asks a running simulator: one HTTP/1.1 request per connection, blocking, for `/_eks-sim/v1/…`.
struct SimulatorClient {
    let host: String
    let port: String

    /// Reads `http://HOST:PORT`; `nil` when it is not that.
    init?(_ endpoint: String) {
        guard endpoint.hasPrefix("http://") else { return nil }
        let authority = endpoint.dropFirst("http://".count).prefix { $0 != "/" }
        guard let colon = authority.lastIndex(of: ":") else { return nil }
        let port = authority[authority.index(after: colon)...]
        guard !port.isEmpty, port.allSatisfy(\.isASCII), UInt16(port) != nil else { return nil }
        host = String(authority[..<colon]).replacing("[", with: "").replacing("]", with: "")
        self.port = String(port)
    }

    /// Asks and answers the body; a refusal is a `CommandFailure` with the simulator's own words.
    func request(_ method: String, _ path: String, body: JSON? = nil) throws -> [UInt8] {
        let socket = try connect()
        defer { close(socket) }
        let content = body?.serialized() ?? []
        var message = Array("\(method) /_eks-sim/v1\(path) HTTP/1.1\r\nHost: \(host):\(port)\r\nConnection: close\r\n".utf8)
        message += Array("Content-Type: application/json\r\nContent-Length: \(content.count)\r\n\r\n".utf8) + content
        try send(message, to: socket)
        let answer = try receive(from: socket)
        guard let (status, bytes) = SimulatorClient.parse(answer) else {
            throw CommandFailure(message: "what listens on \(host):\(port) does not answer like eks-sim")
        }
        guard status < 300 else {
            let words = (try? JSON(parsing: bytes))?["message"]?.string
            throw CommandFailure(message: words ?? "the simulator answered \(status)")
        }
        return bytes
    }

    /// Asks and answers the body as JSON.
    func json(_ method: String, _ path: String, body: JSON? = nil) throws -> JSON {
        let bytes = try request(method, path, body: body)
        guard let json = try? JSON(parsing: bytes) else { throw CommandFailure(message: "the simulator's answer is not JSON") }
        return json
    }

    /// Asks for an answer that goes on, line by line, and hands over each line; returns when the simulator ends it.
    func lines(_ path: String, _ body: ([UInt8]) throws -> Void) throws {
        let socket = try connect()
        defer { close(socket) }
        // HTTP/1.0, so that the answer ends with the connection and comes without chunks.
        try send(Array("GET /_eks-sim/v1\(path) HTTP/1.0\r\nHost: \(host):\(port)\r\n\r\n".utf8), to: socket)
        var rest: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        var isHead = true
        while true {
            let count = recv(socket, &chunk, chunk.count, 0)
            guard count > 0 else { return }
            rest += chunk[..<count]
            if isHead {
                guard rest.firstRange(of: Array("\r\n\r\n".utf8)) != nil else { continue }
                guard let (status, bytes) = SimulatorClient.parse(rest), status < 300 else {
                    throw CommandFailure(message: "what listens on \(host):\(port) does not follow requests")
                }
                rest = bytes
                isHead = false
            }
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                try body(Array(rest[..<end]))
                rest.removeFirst(end + 1)
            }
        }
    }

    /// Whether anything listens there.
    var isReachable: Bool {
        guard let socket = try? connect() else { return false }
        close(socket)
        return true
    }

    private func connect() throws -> Int32 {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        #if canImport(Glibc)
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
        hints.ai_socktype = SOCK_STREAM
        #endif
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, port, &hints, &found) == 0, let first = found else {
            throw CommandFailure(message: "no such host: \(host)")
        }
        defer { freeaddrinfo(first) }
        let descriptor = socket(first.pointee.ai_family, first.pointee.ai_socktype, first.pointee.ai_protocol)
        guard descriptor >= 0 else { throw CommandFailure(message: "no socket: \(String(cString: strerror(errno)))") }
        #if canImport(Glibc)
        let outcome = Glibc.connect(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen)
        #else
        let outcome = Darwin.connect(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen)
        #endif
        guard outcome == 0 else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw CommandFailure(
                message: "no simulator at http://\(host):\(port) (\(reason)); start one with `eks-sim serve`, or name it with --endpoint")
        }
        return descriptor
    }

    private func send(_ message: [UInt8], to socket: Int32) throws {
        var rest = message[...]
        while !rest.isEmpty {
            #if canImport(Glibc)
            let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            #else
            let count = rest.withUnsafeBytes { Darwin.send(socket, $0.baseAddress, $0.count, 0) }
            #endif
            guard count > 0 else { throw CommandFailure(message: "the simulator closed the connection") }
            rest = rest.dropFirst(count)
        }
    }

    private func receive(from socket: Int32) throws -> [UInt8] {
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(socket, &chunk, chunk.count, 0)
            guard count >= 0 else { throw CommandFailure(message: "the connection broke: \(String(cString: strerror(errno)))") }
            guard count > 0 else { return answer }
            answer += chunk[..<count]
        }
    }

    /// Splits an answer with `Content-Length`, which is all that the simulator's own API sends.
    private static func parse(_ answer: [UInt8]) -> (status: Int, body: [UInt8])? {
        guard let end = answer.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let head = String(decoding: answer[..<end.lowerBound], as: UTF8.self)
        let words = head.prefix { $0 != "\r\n" }.split(separator: " ")
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else { return nil }
        return (status, Array(answer[end.upperBound...]))
    }
}
