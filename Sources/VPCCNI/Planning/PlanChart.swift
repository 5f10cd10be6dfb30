/// The addresses that plans hold, drawn over the pods of each node.
public struct PlanChart: Sendable {
    private static let width = 860.0
    private static let left = 64.0
    private static let top = 24.0
    private static let plotWidth = 772.0
    private static let plotHeight = 350.0
    private static let colours = ["#1f6feb", "#d1570b", "#2a7d3f", "#8a3ffc", "#b3261e", "#5f6b7a"]

    /// The plans, of the same nodes and subnets.
    public let plans: [IPPlan]

    /// A chart of plans.
    public init(_ plans: [IPPlan]) { self.plans = plans }

    /// The chart as SVG.
    public var svg: String {
        let pods = Double(max(plans.map(\.scenario.podsPerNode).max() ?? 1, 1))
        let size = plans.compactMap(\.end).map { $0.held + $0.free }.max() ?? 0
        let peak = plans.flatMap(\.steps).map { max($0.held, $0.running) }.max() ?? 0
        // The subnets' end is drawn only where the lines come near it.
        let limit = peak * 2 >= size ? size : peak
        let most = Double(max(limit, 1)) * 1.05
        func x(_ value: Int) -> Double { Self.left + Double(value) / pods * Self.plotWidth }
        func y(_ value: Int) -> Double { Self.top + Self.plotHeight - Double(value) / most * Self.plotHeight }
        let height = Self.top + Self.plotHeight + 56 + Double(plans.count) * 22
        var parts = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Self.text(Self.width)) \(Self.text(height))\" font-family=\"sans-serif\" font-size=\"12\">",
            "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>",
        ]
        for share in 0...4 {
            let value = limit * share / 4
            parts.append(Self.line(Self.left, y(value), Self.left + Self.plotWidth, y(value), "#dddddd"))
            parts.append(Self.label("\(value)", Self.left - 8, y(value) + 4, "end"))
            let count = Int(pods) * share / 4
            parts.append(Self.label("\(count)", x(count), Self.top + Self.plotHeight + 18, "middle"))
        }
        parts.append(Self.label("pods given to each node", Self.left + Self.plotWidth / 2, Self.top + Self.plotHeight + 40, "middle"))
        parts.append(Self.label("addresses held", Self.left, Self.top - 8, "start"))
        if limit == size {
            parts.append(Self.line(Self.left, y(size), Self.left + Self.plotWidth, y(size), "#b3261e", dashes: "6 4"))
            parts.append(Self.label("all \(size) of the subnets", Self.left + Self.plotWidth, y(size) - 6, "end"))
        }
        for (index, plan) in plans.enumerated() {
            let colour = Self.colours[index % Self.colours.count]
            var path = ""
            for step in plan.steps {
                let (column, row) = (Self.text(x(step.podsPerNode)), Self.text(y(step.held)))
                path += path.isEmpty ? "M\(column) \(row)" : " H\(column) V\(row)"
            }
            parts.append("<path d=\"\(path)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\"/>")
            if let failure = plan.failure {
                let held = plan.steps.last { $0.podsPerNode <= failure.pod }?.held ?? 0
                parts.append(
                    "<circle cx=\"\(Self.text(x(failure.pod)))\" cy=\"\(Self.text(y(held)))\" r=\"5\" fill=\"\(colour)\"><title>\(Self.escaped("pod \(failure.pod): \(failure.text)"))</title></circle>"
                )
            }
            let row = Self.top + Self.plotHeight + 62 + Double(index) * 22
            parts.append(Self.line(Self.left, row, Self.left + 18, row, colour))
            let end = plan.end.map { ": \($0.running) pods with \($0.held) addresses" } ?? ""
            let failed = plan.failure.map { ", the first failure is pod \($0.pod) of node \($0.node)" } ?? ""
            parts.append(Self.label(plan.scenario.label + end + failed, Self.left + 26, row + 4, "start"))
        }
        parts.append("</svg>")
        return parts.joined(separator: "\n") + "\n"
    }

    /// A number with one digit after the point at most.
    private static func text(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(abs(tenths % 10))"
    }

    private static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ colour: String, dashes: String? = nil) -> String {
        let pattern = dashes.map { " stroke-dasharray=\"\($0)\"" } ?? ""
        return "<line x1=\"\(text(x1))\" y1=\"\(text(y1))\" x2=\"\(text(x2))\" y2=\"\(text(y2))\" stroke=\"\(colour)\"\(pattern)/>"
    }

    private static func label(_ words: String, _ x: Double, _ y: Double, _ anchor: String) -> String {
        "<text x=\"\(text(x))\" y=\"\(text(y))\" text-anchor=\"\(anchor)\" fill=\"#24292f\">\(escaped(words))</text>"
    }

    private static func escaped(_ words: String) -> String {
        words.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
    }
}
