import Testing

/// What `serve` and the other commands say when they cannot do what was asked: exit 1, or 2 for usage, and one clear line.
@Suite("serve refuses clearly")
struct ServeRefusalTests {
    /// A command to run in a scratch directory `$W` with the binary `$SIM`, its exit status and a part of what it says.
    struct Refusal: Sendable, CustomTestStringConvertible {
        let name: String
        let command: String
        let status: Int32
        let says: String
        var testDescription: String { name }
    }

    static let refusals: [Refusal] = [
        Refusal(
            name: "a state file that is not SQLite",
            command: "echo 'not a database, but long enough to look like one' > $W/s; \(serve) --state $W/s",
            status: 1, says: "$W/s"),
        Refusal(
            name: "a SQLite file of something else",
            command:
                "python3 -c 'import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute(\"create table t(x)\"); c.commit()' $W/s; \(serve) --state $W/s",
            status: 1, says: "$W/s"),
        Refusal(name: "a directory that does not exist", command: "\(serve) --state $W/no/such/s", status: 1, says: "$W/no/such"),
        Refusal(
            name: "a port in use",
            command: """
                python3 -c 'import socket,time; s=socket.socket(); s.bind(("127.0.0.1",0)); s.listen(); print(s.getsockname()[1],flush=True); time.sleep(20)' > $W/port &
                while [ ! -s $W/port ]; do sleep 0.05; done; $SIM serve --state :memory: --aws-port $(cat $W/port) --api-port 0; s=$?; kill %1; exit $s
                """, status: 1, says: "in use"),
        Refusal(
            name: "a second serve on the same state file",
            command: """
                \(serve) --state $W/s --ready-file $W/ready > $W/log & while [ ! -s $W/ready ]; do sleep 0.05; done
                \(serve) --state $W/s; s=$?; kill %1; wait %1; exit $s
                """, status: 1, says: "is using it"),
        Refusal(name: "an unknown option", command: "$SIM serve --no-such-option", status: 2, says: "no-such-option"),
        Refusal(name: "a port that is no port", command: "$SIM serve --aws-port 70000", status: 2, says: "70000"),
        Refusal(name: "no simulator running", command: "$SIM env --endpoint http://127.0.0.1:1", status: 1, says: "eks-sim serve"),
        Refusal(name: "why of two requests at once", command: "$SIM why --last --refused", status: 2, says: "--last"),
        Refusal(name: "a token that is none", command: "$SIM token inspect abc", status: 1, says: "k8s-aws-v1."),
    ]
    private static let serve = "$SIM serve --aws-port 0 --api-port 0"

    @Test("refusal", arguments: refusals)
    func refusal(_ refusal: Refusal) async throws {
        try await Shell.withDirectory { directory in
            let outcome = try await Shell.run(refusal.command, environment: ["W": directory, "SIM": Shell.binary])
            let says = refusal.says.replacing("$W", with: directory)
            #expect(outcome.status == refusal.status && outcome.output.contains(says), "\(outcome)")
        }
    }
}
