import NIOCore
import NIOHTTP1
import NIOHTTP2
public import NIOPosix
import NIOSSL
public import World

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// One address that is listened on: HTTP/1.1, or with TLS also HTTP/2.
public final class Listener: Sendable {
    /// Where it listens.
    public struct Address: Sendable, Hashable {
        /// An IP address.
        public var host: String
        /// A port; 0 means any free one.
        public var port: Int

        /// Makes an address.
        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    /// The address in use, with the real port.
    public let address: Address
    private let channel: any Channel
    private let registry: ConnectionRegistry
    private let configuration: FrontendConfiguration

    private init(address: Address, channel: any Channel, registry: ConnectionRegistry, configuration: FrontendConfiguration) {
        self.address = address
        self.channel = channel
        self.registry = registry
        self.configuration = configuration
    }

    /// Opens a listener named `name` (a cluster, or `aws`).
    ///
    /// - Throws: `FrontendError`.
    public static func open(
        name: String, at address: Address, tls: ServerTLS? = nil, admission: any ConnectionAdmission, world: World,
        group: MultiThreadedEventLoopGroup, configuration: FrontendConfiguration = FrontendConfiguration()
    ) async throws(FrontendError) -> Listener {
        let registry = ConnectionRegistry()
        let initializer = ConnectionInitializer(
            name: name, tls: tls, admission: admission, world: world, registry: registry, configuration: configuration)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.maxMessagesPerRead, value: 16)
            .childChannelInitializer { channel in initializer.initialize(channel) }
        let channel: any Channel
        do { channel = try await bootstrap.bind(host: address.host, port: address.port).get() } catch {
            throw Self.describe(error, address)
        }
        let port = channel.localAddress?.port ?? address.port
        return Listener(
            address: Address(host: address.host, port: port), channel: channel, registry: registry, configuration: configuration)
    }

    private static func describe(_ error: any Error, _ address: Address) -> FrontendError {
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE: .addressInUse(host: address.host, port: address.port)
        case EACCES, EPERM: .notAllowed(host: address.host, port: address.port)
        default: .cannotListen(host: address.host, port: address.port, reason: "\(error)")
        }
    }

    /// How many connections are open.
    public var connectionCount: Int { registry.count }

    /// Closes the connections of a target at once, as its death would.
    public func closeConnections(of target: String) { registry.close(target: target) }

    /// Stops accepting, lets answers under way finish, ends streams, and closes; after the drain timeout without waiting further.
    public func drain() async {
        try? await channel.close().get()
        registry.drain()
        let step = TimeAmount.milliseconds(5)
        var waited: Int64 = 0
        while registry.answering > 0, waited < configuration.drainTimeout.clampedNanoseconds {
            try? await channel.eventLoop.scheduleTask(in: step) {}.futureResult.get()
            waited += step.nanoseconds
        }
        // One more turn, so that the last bytes leave before the sockets close.
        try? await channel.eventLoop.scheduleTask(in: step) {}.futureResult.get()
        registry.close()
    }
}
