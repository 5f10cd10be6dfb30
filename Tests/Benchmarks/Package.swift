// swift-tools-version:6.1
import PackageDescription

// A package of its own, so that normal builds never resolve the benchmark tools.
let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "eks-sim", path: "../../"),
        .package(url: "https://github.com/ordo-one/benchmark.git", from: "1.38.1", traits: []),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
    ],
    targets: [
        .executableTarget(
            name: "Engines",
            dependencies: [
                .product(name: "EKSSim", package: "eks-sim"),
                .product(name: "Engines", package: "eks-sim"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Benchmark", package: "benchmark"),
            ],
            path: "Benchmarks/Engines",
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
    ]
)
