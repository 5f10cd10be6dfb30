import JSON

/// Vectors of requests and answers: `vectors[]` with `steps[]`, run in process, each against a cluster of its own.
enum HTTPVectors {
    /// How many vectors run at once: a vector waits for streams now and then.
    private static let width = 4

    static func run(_ document: JSON, pace: Duration) async -> VectorTally {
        let vectors = document["vectors"]?.array ?? []
        var tally = VectorTally()
        let cluster: InProcessAPIServer
        do { cluster = try await HTTPVectorRun.template() } catch {
            tally.add("cluster", .failed("cannot be started: \(error)"))
            return tally
        }
        var outcomes = [[(id: String, outcome: VectorOutcome)]](repeating: [], count: vectors.count)
        await withTaskGroup(of: (Int, [(id: String, outcome: VectorOutcome)]).self) { group in
            var next = 0
            while next < min(width, vectors.count) {
                group.addTask { [next] in (next, await outcome(vectors[next], cluster, pace)) }
                next += 1
            }
            while let (index, outcome) = await group.next() {
                outcomes[index] = outcome
                guard next < vectors.count else { continue }
                group.addTask { [next] in (next, await Self.outcome(vectors[next], cluster, pace)) }
                next += 1
            }
        }
        for (id, outcome) in outcomes.joined() { tally.add(id, outcome) }
        return tally
    }

    /// One case a step, named `VECTOR/steps/N`.
    private static func outcome(
        _ vector: JSON, _ cluster: InProcessAPIServer, _ pace: Duration
    ) async -> [(id: String, outcome: VectorOutcome)] {
        let id = vector["id"]?.string ?? "?"
        let steps = vector["steps"]?.array ?? []
        func name(_ index: Int) -> String { "\(id)/steps/\(index)" }
        if vector["needs"]?.strings?.contains("compacted") == true {
            return steps.indices.map { (name($0), .notRun("old history has to be compacted; here all of it is kept")) }
        }
        do {
            var run = try await HTTPVectorRun(vector, on: cluster, pace: pace)
            return try await run.run().enumerated().map { index, differences in
                let step = steps[index]
                let request = "\(step["m"]?.string ?? "read") \(step["p"]?.string ?? step["read"]?.string ?? "")"
                return (name(index), VectorOutcome(differences.prefix(8).map { "\(request): \($0)" }))
            }
        } catch {
            return steps.indices.map { (name($0), .failed("\(error)")) }
        }
    }
}
