import ArgumentParser
import EKSSim
import HTTP
import JSON

/// `eks-sim why`: the trace of a request, with the reason and the smallest fix.
struct Why: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Explain a request: each check on its path, what was compared with what, and the smallest fix of a refusal.",
        discussion: """
            Without an Audit-Id, the newest request is explained. --path VANTAGE CLUSTER explains how a call from there would go, hop by hop,
            and for a private cluster which VPC endpoints its nodes lack.
            """)

    /// The form of the explanation.
    enum Form: String, ExpressibleByArgument, CaseIterable {
        case text, json, mermaid
    }

    @Argument(help: "The Audit-Id of the answer (kubectl -v=8 shows it).") var auditID: String?
    @Flag(help: "The newest request (the default).") var last = false
    @Flag(help: "The newest request that was refused: any status from 400 but 404.") var refused = false
    @Flag(help: "Every request from now on, until interrupted; with --refused only those that are refused.") var follow = false
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("The way from a vantage point to a cluster's endpoint.", valueName: "vantage> <cluster"))
    var path: [String] = []
    @Option(name: .shortAndLong, help: "text, json (a line each with --follow) or mermaid (a sequence diagram).") var output: Form = .text
    @OptionGroup var endpoint: EndpointOption

    func validate() throws {
        guard [auditID != nil, last, refused || follow, !path.isEmpty].count(where: { $0 }) <= 1 else {
            throw ValidationError("Name one request: AUDIT-ID, --last, --refused, --follow or --path.")
        }
        guard path.isEmpty || path.count == 2 else { throw ValidationError("--path: want a vantage point and a cluster.") }
    }

    func run() throws {
        let client = try endpoint.client()
        if follow {
            return try client.lines("/traces/follow\(refused ? "?refused=true" : "")") { line in
                guard let json = try? JSON(parsing: line) else { return }
                try show(json, isLine: true)
            }
        }
        if path.count == 2 {
            let query = "/clusters/\(PercentEncoding.encode(path[1]))/path?vantage=\(PercentEncoding.encode(path[0]))"
            return try show(try client.json("GET", query), isLine: false)
        }
        let path = auditID.map { "/traces/\(PercentEncoding.encode($0))" } ?? (refused ? "/traces/refused" : "/traces/last")
        try show(try client.json("GET", path), isLine: false)
    }

    private func show(_ json: JSON, isLine: Bool) throws {
        guard let report = TraceReport(json: json) else { throw CommandFailure(message: "the simulator's trace is incomplete") }
        switch output {
        case .json: Console.print((isLine ? json.text : json.pretty()) + "\n")
        case .mermaid: Console.print(report.mermaid)
        case .text:
            Console.print(report.text(TraceReport.Style(width: Console.width, isColored: Console.isColored)) + (isLine ? "\n" : ""))
        }
    }
}
