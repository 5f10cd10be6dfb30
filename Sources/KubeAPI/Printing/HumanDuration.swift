/// Durations as `kubectl get` shows ages (`k8s.io/apimachinery/pkg/util/duration.HumanDuration`).
enum HumanDuration {
    /// `45s`, `9m59s`, `7h5m`, `2d`, `2y3d`.
    static func text(seconds: Int64) -> String {
        if seconds < -1 { return "<invalid>" }
        if seconds < 0 { return "0s" }
        let minutes = seconds / 60
        let hours = seconds / 3600
        let days = hours / 24
        switch true {
        case seconds < 120: return "\(seconds)s"
        case minutes < 10: return pair(minutes, "m", seconds % 60, "s")
        case minutes < 180: return "\(minutes)m"
        case hours < 8: return pair(hours, "h", minutes % 60, "m")
        case hours < 48: return "\(hours)h"
        case hours < 192: return pair(days, "d", hours % 24, "h")
        case days < 365 * 2: return "\(days)d"
        case days < 365 * 8: return pair(days / 365, "y", days % 365, "d")
        default: return "\(days / 365)y"
        }
    }

    private static func pair(_ large: Int64, _ largeUnit: String, _ small: Int64, _ smallUnit: String) -> String {
        small == 0 ? "\(large)\(largeUnit)" : "\(large)\(largeUnit)\(small)\(smallUnit)"
    }
}
