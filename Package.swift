// swift-tools-version:6.2
import PackageDescription

/// Every target of ours is Swift 6 language mode with warnings as errors.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
    name: "eks-sim",
    products: [
        .library(name: "EKSSim", targets: ["EKSSim"]),
        .library(name: "Engines", targets: ["Encoding", "Facts", "HTTP", "JSON", "KubeAPIServer", "RBAC", "Store", "World"]),
        .executable(name: "eks-sim", targets: ["eks-sim"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
    ],
    targets: [
        // Base
        .target(name: "CFacts", exclude: ["data"]),
        room("Facts", ["CFacts"]),
        .systemLibrary(name: "CMalloc"),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        room("Encoding", ["CZlib"]),
        room("IPAddress"),
        room("JSON"),
        room("YAML", ["JSON", .product(name: "Yams", package: "Yams")]),
        room("World"),
        room("HTTP", ["World"]),
        room("Store", ["World"]),
        room("StoreSQLite", ["Store", "World", .product(name: "GRDB", package: "GRDB.swift")]),
        room(
            "PKI",
            [
                "Encoding", "JSON", "World",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
            ]),
        // Engines
        room("VPCModel", ["Facts", "IPAddress", "JSON"]),
        room(
            "VPCCNI",
            ["Encoding", "IPAddress", "JSON", "KubeAPI", "VPCModel", "World", .product(name: "Crypto", package: "swift-crypto")]),
        room(
            "KubeAPI", ["Encoding", "Facts", "IPAddress", "JSON", "World", "YAML", .product(name: "Crypto", package: "swift-crypto")]),
        room("ServiceNetwork", ["IPAddress", "JSON", "KubeAPI"]),
        room("Scheduling", ["JSON", "KubeAPI", "World", .product(name: "HeapModule", package: "swift-collections")]),
        room("RBAC", ["Encoding", "Facts", "JSON"]),
        room("IAMAuthenticator", ["Encoding", "HTTP", "JSON", "World", "YAML"]),
        room("IAMPolicy", ["JSON", "IPAddress"]),
        // Services
        room(
            "KubeAPIServer",
            [
                "Encoding", "Facts", "HTTP", "IPAddress", "JSON", "KubeAPI", "PKI", "RBAC", "ServiceNetwork", "Store", "World", "YAML",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "DequeModule", package: "swift-collections"),
            ]),
        room(
            "KubeControllers",
            [
                "Encoding", "Facts", "HTTP", "IPAddress", "JSON", "KubeAPI", "KubeAPIServer", "PKI", "RBAC", "Scheduling", "Store", "World",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HeapModule", package: "swift-collections"),
            ]),
        room(
            "AWSServices",
            [
                "Encoding", "Facts", "HTTP", "IAMPolicy", "IPAddress", "JSON", "PKI", "Store", "VPCModel", "World",
                .product(name: "Crypto", package: "swift-crypto"),
            ]),
        // Edge
        room(
            "Frontend",
            [
                "HTTP", "IPAddress", "PKI", "World",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOExtras", package: "swift-nio-extras"),
            ]),
        // Front
        room(
            "EKSSim",
            [
                "AWSServices", "Encoding", "Frontend", "HTTP", "IAMAuthenticator", "IPAddress", "JSON", "KubeAPI", "KubeAPIServer",
                "KubeControllers", "PKI", "RBAC", "Store", "StoreSQLite", "VPCCNI", "VPCModel", "World", "YAML",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .executableTarget(
            name: "eks-sim",
            dependencies: [
                "CMalloc", "EKSSim", "HTTP", "JSON", "KubeAPI", "KubeAPIServer", "VPCCNI", "World", "YAML",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: strict),
        // Conformance
        room(
            "ConformanceVectors",
            [
                "AWSServices", "EKSSim", "Encoding", "Facts", "Frontend", "HTTP", "IAMAuthenticator", "IAMPolicy", "IPAddress", "JSON",
                "KubeAPI",
                "KubeAPIServer", "PKI", "RBAC", "ServiceNetwork", "Store", "VPCCNI", "VPCModel", "World", "YAML",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .executableTarget(name: "vector-runner", dependencies: ["ConformanceVectors"], swiftSettings: strict),
        // Tests
        tests("WorldTests", ["World"]),
        tests("EncodingTests", ["Encoding"]),
        tests("IPAddressTests", ["IPAddress"]),
        tests("JSONTests", ["JSON"]),
        tests("YAMLTests", ["JSON", "YAML"]),
        tests("HTTPTests", ["HTTP"]),
        tests("StoreTests", ["Store", "World"]),
        tests("StoreSQLiteTests", ["Store", "StoreSQLite", "World", .product(name: "GRDB", package: "GRDB.swift")]),
        tests("KubeAPITests", ["JSON", "KubeAPI", "World"]),
        tests("ServiceNetworkTests", ["IPAddress", "JSON", "KubeAPI", "ServiceNetwork"]),
        tests("VPCCNITests", ["Facts", "IPAddress", "JSON", "VPCCNI", "VPCModel", "World"]),
        tests("VPCModelTests", ["IPAddress", "VPCModel"]),
        tests("SchedulingTests", ["JSON", "KubeAPI", "Scheduling", "World"]),
        tests("RBACTests", ["JSON", "RBAC"]),
        tests("IAMAuthenticatorTests", ["Encoding", "HTTP", "IAMAuthenticator", "JSON", "World"]),
        tests("IAMPolicyTests", ["IAMPolicy", "JSON"]),
        tests("AWSServicesTests", ["AWSServices", "HTTP", "JSON", "Store", "World", .product(name: "Crypto", package: "swift-crypto")]),
        tests(
            "KubeAPIServerTests",
            [
                "ConformanceVectors", "Encoding", "HTTP", "JSON", "KubeAPI", "KubeAPIServer", "PKI", "RBAC", "Store", "World",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
            ]),
        tests(
            "FrontendTests",
            [
                "Frontend", "HTTP", "IPAddress", "PKI", "World",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
            ]),
        tests(
            "KubeControllersTests",
            [
                "ConformanceVectors", "Encoding", "HTTP", "JSON", "KubeAPI", "KubeAPIServer", "KubeControllers", "PKI", "RBAC", "Store",
                "World",
            ]),
        tests(
            "PKITests",
            [
                "JSON", "PKI", "World",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ]),
        tests(
            "EKSSimTests",
            [
                "EKSSim", "Encoding", "HTTP", "IAMAuthenticator", "IAMPolicy", "IPAddress", "JSON", "KubeAPIServer", "PKI", "RBAC", "World",
                .product(name: "Crypto", package: "swift-crypto"),
            ]),
        tests("ConformanceVectorsTests", ["ConformanceVectors"]),
        .testTarget(
            name: "EndToEndTests", dependencies: ["ConformanceVectors"], path: "Tests/EndToEnd",
            exclude: [
                "access_walk.sh",
                "certificates_walk.sh",
                "kubectl_walk.sh",
                "limits_walk.sh",
                "proxy_walk.sh",
                "replay.sh",
                "vantage_walk.sh",
                "audit_walk.sh",
                "workload_identity.sh",
                "workloads_walk.sh",
                "aws_walk.sh",
                "branch_walk.sh",
                "custom_resources.sh",
                "demo.sh",
                "edge_walk.py",
                "kill_under_load.py",
                "lib.sh",
                "cni_walk.sh",
                "network_walk.sh",
                "nodes_walk.sh",
                "oidc.sh",
                "oidc_issuer.py",
                "operators",
                "pods_walk.sh",
                "presign.py",
                "setup.sh",
                "simulator.py",
                "why_fixes.sh",
            ], swiftSettings: strict),
    ]
)
