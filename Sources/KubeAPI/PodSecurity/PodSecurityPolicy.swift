public import JSON

/// The levels that the labels of a namespace ask for (`k8s.io/pod-security-admission/api`).
public struct PodSecurityPolicy: Sendable, Hashable {
    /// A level at the version of the standards, such as `baseline:latest`.
    public struct Mode: Sendable, Hashable {
        /// The level.
        public var level: PodSecurityStandard.Level = .privileged
        /// `latest` or `v1.36`.
        public var version = "latest"

        /// Level and version.
        public var text: String { "\(level.rawValue):\(version)" }
    }

    /// Refuses pods.
    public private(set) var enforce = Mode()
    /// Warns of pods.
    public private(set) var warn = Mode()
    /// Is told to the audit log.
    public private(set) var audit = Mode()

    /// Whether nothing is asked.
    public var isPrivileged: Bool { [enforce, warn, audit].allSatisfy { $0.level == .privileged } }

    private static let prefix = "pod-security.kubernetes.io/"

    /// The policy of a namespace's labels; what cannot be read counts as the strictest, and is told by `problems`.
    public init(labels: JSON?) {
        func mode(_ name: String) -> Mode {
            var mode = Mode()
            if let text = labels?[Self.prefix + name]?.string { mode.level = PodSecurityStandard.Level(rawValue: text) ?? .restricted }
            if let text = labels?["\(Self.prefix)\(name)-version"]?.string, Self.isVersion(text) { mode.version = text }
            return mode
        }
        enforce = mode("enforce")
        warn = mode("warn")
        audit = mode("audit")
    }

    /// What is wrong with the labels.
    public static func problems(labels: JSON?) -> [FieldError] {
        var errors: [FieldError] = []
        for name in ["enforce", "audit", "warn"] {
            let level = prefix + name
            if let text = labels?[level]?.string, PodSecurityStandard.Level(rawValue: text) == nil {
                errors.append(
                    .invalid("metadata.labels[\(level)]", .string(text), "must be one of privileged, baseline, restricted"))
            }
            let version = "\(level)-version"
            if let text = labels?[version]?.string, !isVersion(text) {
                errors.append(.invalid("metadata.labels[\(version)]", .string(text), "must be \"latest\" or \"v1.x\""))
            }
        }
        return errors
    }

    private static func isVersion(_ text: String) -> Bool {
        guard text != "latest" else { return true }
        guard text.hasPrefix("v1.") else { return false }
        let minor = text.dropFirst(3)
        return !minor.isEmpty && minor.allSatisfy { $0.isASCII && $0.isNumber } && (minor == "0" || !minor.hasPrefix("0"))
    }
}
