import ArgumentParser
import JSON

/// `eks-sim clock`: the world's time.
struct Clock: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show or move the simulator's clock.", subcommands: [Show.self, Advance.self, Freeze.self, Resume.self],
        defaultSubcommand: Show.self)

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the time and whether it runs.")
        @OptionGroup var endpoint: EndpointOption
        func run() throws { try Clock.report(endpoint.client().json("GET", "/clock")) }
    }

    struct Advance: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Move time forward, running every timer that falls due on the way.")
        @Argument(help: "How far: 90s, 15m, 2h, 7d.") var duration: String
        @OptionGroup var endpoint: EndpointOption
        func run() throws {
            try Clock.report(endpoint.client().json("POST", "/clock", body: ["advance": .string(duration)]))
        }
    }

    struct Freeze: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Stop time.")
        @OptionGroup var endpoint: EndpointOption
        func run() throws { try Clock.report(endpoint.client().json("POST", "/clock", body: ["mode": "frozen"])) }
    }

    struct Resume: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let time run on.")
        @OptionGroup var endpoint: EndpointOption
        func run() throws { try Clock.report(endpoint.client().json("POST", "/clock", body: ["mode": "running"])) }
    }

    private static func report(_ json: JSON) throws {
        Console.print("\(json["now"]?.string ?? "?") \(json["mode"]?.string ?? "?")\n")
    }
}
