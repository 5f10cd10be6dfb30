import Benchmark

let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = .init(metrics: [.cpuTotal, .wallClock, .throughput], scalingFactor: .kilo, maxDuration: .seconds(2))
    jsonBenchmarks()
    authorizationBenchmarks()
    tokenBenchmarks()
}
