import ArgumentParser
import EKSSim
import HTTP
import JSON

/// `eks-sim why`: the trace of a request, with the reason and the smallest fix.
struct Why: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Explain a request: each check on its path, what was compared with what, and the smallest fix of a refusal.")

    @Argument(help: "The Audit-Id of the answer (kubectl -v=8 shows it).") var auditID: String?
    @Flag(help: "The newest request.") var last = false
    @Flag(help: "The newest request that was refused (401 or 403).") var refused = false
    @Option(name: .shortAndLong, help: "text or json.") var output: OutputFormat = .text
    @OptionGroup var endpoint: EndpointOption

    func validate() throws {
        if [auditID != nil, last, refused].count(where: { $0 }) != 1 {
            throw ValidationError("Name one request: AUDIT-ID, --last or --refused.")
        }
    }

    func run() throws {
        let path = auditID.map { "/traces/\(PercentEncoding.encode($0))" } ?? (refused ? "/traces/refused" : "/traces/last")
        let json = try endpoint.client().json("GET", path)
        switch output {
        case .json: Console.print(json.pretty() + "\n")
        case .text:
            guard let report = TraceReport(json: json) else { throw CommandFailure(message: "the simulator's trace is incomplete") }
            Console.print(report.text(TraceReport.Style(width: Console.width, isColored: Console.isColored)))
        }
    }
}
