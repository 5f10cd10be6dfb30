import Benchmark
import Facts
import JSON

/// Parsing and writing: an object of 4 KiB, and a document of 200 KB.
func jsonBenchmarks() {
    let pod = Samples.pod(bytes: 4096)
    let tree = (try? JSON(parsing: pod)) ?? .null
    Benchmark("JSON: parse a Pod of \(pod.count) bytes") { benchmark in
        for _ in benchmark.scaledIterations { blackHole(try? JSON(parsing: pod)) }
    }
    Benchmark("JSON: write a Pod of \(pod.count) bytes") { benchmark in
        for _ in benchmark.scaledIterations { blackHole(tree.serialized()) }
    }
    Benchmark("JSON: parse Kubernetes' schema, \(Facts.kubernetesSchema.count) bytes") { benchmark in
        for _ in benchmark.scaledIterations { blackHole(try? JSON(parsing: Facts.kubernetesSchema)) }
    }
}

/// Objects that the benchmarks work on.
enum Samples {
    /// A Pod of at least `bytes` bytes: containers with environment variables, as real ones have.
    static func pod(bytes: Int) -> [UInt8] {
        var environment: [JSON] = []
        while true {
            let pod: JSON = [
                "apiVersion": "v1", "kind": "Pod",
                "metadata": [
                    "name": "web-6d4cf56db6-x7k2p", "namespace": "default", "labels": ["app": "web", "pod-template-hash": "6d4cf56db6"],
                ],
                "spec": ["containers": [["name": "web", "image": "registry.local/web:1", "env": .array(environment)]]],
            ]
            let text = pod.serialized()
            if text.count >= bytes { return text }
            environment.append(["name": .string("VARIABLE_\(environment.count)"), "value": "a value of some length"])
        }
    }
}
