import JSON
import KubeAPI
import KubeAPIServer
import RBAC
import World

/// What a controller of kube-controller-manager works with: its own account, and its name in events.
struct ControllerContext: Sendable {
    let client: ComponentClient
    let world: World
    let minorVersion: Int
    private let recorder: CoreEventRecorder
    private let source: EventSource

    /// - Parameters:
    ///   - account: its service account in `kube-system`.
    ///   - component: how it calls itself in events.
    init(_ access: ComponentAccess, _ recorder: CoreEventRecorder, account: String, component: String? = nil, minorVersion: Int) {
        let user = UserInfo(
            username: "system:serviceaccount:kube-system:\(account)",
            groups: ["system:serviceaccounts", "system:serviceaccounts:kube-system"])
        client = ComponentClient(
            access, as: user, userAgent: "kube-controller-manager/v1.\(minorVersion).0 (linux/amd64) \(user.username)")
        world = access.cluster.world
        self.minorVersion = minorVersion
        self.recorder = recorder
        source = EventSource(client, .core(component: component ?? account, host: ""))
    }

    /// Records an event about an object of a kind.
    func note(_ object: JSON, _ kind: WorkloadKind, _ reason: String, _ message: String, type: String = "Normal") async {
        await note(ObjectReference(object, kind: kind.name, apiVersion: kind.apiVersion), reason, message, type: type)
    }

    /// Records an event about an object.
    func note(_ object: ObjectReference, _ reason: String, _ message: String, type: String = "Normal") async {
        await recorder.record(source, object, type: type, reason: reason, message: message)
    }
}

/// What becomes of a key after its turn.
enum SyncOutcome: Sendable {
    case done
    /// Its turn comes again at a time, whatever happens.
    case again(Instant)
    /// Something went wrong: again after a pause that grows.
    case failed

    /// The earlier of two.
    func sooner(_ time: Instant?) -> SyncOutcome {
        guard let time else { return self }
        switch self {
        case .done: return .again(time)
        case .again(let other): return .again(min(time, other))
        case .failed: return .failed
        }
    }
}

/// A controller of workloads: brings one object at a time into line.
protocol WorkloadController: Sendable {
    /// Looks at the object of a key, `namespace/name`, which may be gone.
    func sync(_ key: String, _ cache: WorkloadCache) async -> SyncOutcome

    /// Ends its connection.
    func close()
}
