import Crypto
import JSON

/// The machine images that AWS publishes for EKS nodes, and plain Amazon Linux. Ids follow from region and name, so that they stay.
enum Images {
    /// One public image.
    struct Image: Sendable {
        let id: String
        let name: String
        let description: String
        let architecture: String
        let owner: String
        let rootDevice: String
    }

    private static let eksOwner = "602401143452"
    private static let bottlerocketOwner = "092701018921"
    private static let amazonOwner = "137112412989"

    /// `ami-` and 17 hexadecimal digits.
    static func id(_ region: String, _ name: String) -> String {
        let digest = SHA256.hash(data: Array("\(region)/\(name)".utf8))
        let digits = digest.prefix(9).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        return "ami-\(digits.prefix(17))"
    }

    /// The image of a managed node group's type for a Kubernetes version.
    static func node(_ type: NodeImage, version: String, _ region: String) -> Image {
        let name = type.imageName(version: version)
        return Image(
            id: id(region, name), name: name, description: "EKS-optimized Kubernetes node based on \(type.system), (k8s: \(version))",
            architecture: type.architecture, owner: type.isBottlerocket ? bottlerocketOwner : eksOwner,
            rootDevice: type.isWindows ? "/dev/sda1" : "/dev/xvda")
    }

    /// Everything that is published in a region.
    static func all(_ region: String) -> [Image] {
        var images = ["x86_64", "arm64"].map { architecture in
            let name = "al2023-ami-2023.9.20251117.1-kernel-6.1-\(architecture)"
            return Image(
                id: id(region, name), name: name, description: "Amazon Linux 2023 AMI", architecture: architecture, owner: amazonOwner,
                rootDevice: "/dev/xvda")
        }
        for version in EKSVersions.all.map(\.version) {
            for type in NodeImage.all where type.exists(version: version) { images.append(node(type, version: version, region)) }
        }
        return images
    }

    /// An image by its id.
    static func find(_ id: String, _ region: String) throws(AWSError) -> Image {
        guard id.hasPrefix("ami-"), id.dropFirst(4).allSatisfy({ $0.isHexDigit }), id.count > 4 else {
            throw AWSError(400, "InvalidAMIID.Malformed", "Invalid id: \"\(id)\" (expecting \"ami-...\")")
        }
        guard let found = all(region).first(where: { $0.id == id }) else {
            throw AWSError(400, "InvalidAMIID.NotFound", "The image id '[\(id)]' does not exist")
        }
        return found
    }

    static let operations: [EC2Operation] = [.read("DescribeImages", describe)]

    @Sendable private static func describe(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let wanted = request.strings("ImageId")
        for id in wanted { _ = try find(id, draft.region) }
        let owners = request.strings("Owner")
        let rows: [JSON] = all(draft.region).enumerated().filter { wanted.isEmpty || wanted.contains($0.element.id) }.filter {
            owners.isEmpty || owners.contains("amazon") || owners.contains($0.element.owner)
        }.map { index, image in
            [
                "imageId": .string(image.id), "imageLocation": .string("amazon/\(image.name)"), "imageState": "available",
                "imageOwnerId": .string(image.owner), "imageOwnerAlias": "amazon", "creationDate": "2025-11-12T00:00:00.000Z",
                "isPublic": true, "architecture": .string(image.architecture), "imageType": "machine", "name": .string(image.name),
                "description": .string(image.description), "rootDeviceName": .string(image.rootDevice), "rootDeviceType": "ebs",
                "virtualizationType": "hvm", "hypervisor": "xen", "enaSupport": true, "platformDetails": "Linux/UNIX",
                "usageOperation": "RunInstances",
                "blockDeviceMapping": [
                    [
                        "deviceName": .string(image.rootDevice),
                        "ebs": ["deleteOnTermination": true, "volumeSize": 20, "volumeType": "gp3", "encrypted": false],
                    ]
                ], "tagSet": [], RegionState.number: .integer(Int64(index) + 1),
            ]
        }
        let found = try EC2Filter.select(
            rows, request.structures("Filter"),
            paths: [
                "architecture": "architecture", "creation-date": "creationDate", "description": "description", "ena-support": "enaSupport",
                "hypervisor": "hypervisor", "image-id": "imageId", "image-type": "imageType", "is-public": "isPublic", "name": "name",
                "owner-alias": "imageOwnerAlias", "owner-id": "imageOwnerId", "root-device-name": "rootDeviceName",
                "root-device-type": "rootDeviceType", "state": "imageState", "virtualization-type": "virtualizationType",
            ])
        return try EC2Page(minimum: 1).answer(request, "imagesSet", found)
    }
}

/// The kinds of images that managed node groups run (`amiType`), with their releases.
struct NodeImage: Sendable {
    /// `AL2023_x86_64_STANDARD`
    let amiType: String
    let architecture: String
    /// The path of its public SSM parameters, from the version on: `amazon-linux-2023/x86_64/standard`.
    let variant: String

    var isBottlerocket: Bool { amiType.hasPrefix("BOTTLEROCKET") }
    var isWindows: Bool { amiType.hasPrefix("WINDOWS") }
    var isAmazonLinux2: Bool { amiType.hasPrefix("AL2_") }
    fileprivate var system: String {
        isAmazonLinux2 ? "AmazonLinux2" : isBottlerocket ? "Bottlerocket" : isWindows ? "Windows" : "AmazonLinux2023"
    }

    static let all = [
        NodeImage(amiType: "AL2023_x86_64_STANDARD", architecture: "x86_64", variant: "amazon-linux-2023/x86_64/standard"),
        NodeImage(amiType: "AL2023_ARM_64_STANDARD", architecture: "arm64", variant: "amazon-linux-2023/arm64/standard"),
        NodeImage(amiType: "AL2023_x86_64_NVIDIA", architecture: "x86_64", variant: "amazon-linux-2023/x86_64/nvidia"),
        NodeImage(amiType: "AL2023_ARM_64_NVIDIA", architecture: "arm64", variant: "amazon-linux-2023/arm64/nvidia"),
        NodeImage(amiType: "AL2023_x86_64_NEURON", architecture: "x86_64", variant: "amazon-linux-2023/x86_64/neuron"),
        NodeImage(amiType: "AL2_x86_64", architecture: "x86_64", variant: "amazon-linux-2"),
        NodeImage(amiType: "AL2_x86_64_GPU", architecture: "x86_64", variant: "amazon-linux-2-gpu"),
        NodeImage(amiType: "AL2_ARM_64", architecture: "arm64", variant: "amazon-linux-2-arm64"),
        NodeImage(amiType: "BOTTLEROCKET_x86_64", architecture: "x86_64", variant: "x86_64"),
        NodeImage(amiType: "BOTTLEROCKET_ARM_64", architecture: "arm64", variant: "arm64"),
        NodeImage(amiType: "BOTTLEROCKET_x86_64_NVIDIA", architecture: "x86_64", variant: "nvidia/x86_64"),
        NodeImage(amiType: "BOTTLEROCKET_ARM_64_NVIDIA", architecture: "arm64", variant: "nvidia/arm64"),
    ]

    /// The kind of an `amiType`; `nil` for what has no image here.
    static func of(_ amiType: String) -> NodeImage? { all.first { $0.amiType == amiType } }

    /// Newest patch versions of each minor as of the release.
    private static let patches = [
        "1.30": "1.30.14", "1.31": "1.31.13", "1.32": "1.32.9", "1.33": "1.33.5", "1.34": "1.34.2", "1.35": "1.35.0",
    ]
    private static let release = "20251112"
    private static let bottlerocketRelease = "1.51.0-47438798"

    /// Amazon Linux 2 ended with 1.32.
    func exists(version: String) -> Bool {
        guard let minor = version.split(separator: ".").last.flatMap({ Int($0) }) else { return false }
        return !isAmazonLinux2 || minor <= 32
    }

    /// `1.34.2-20251112`, or Bottlerocket's own version.
    func releaseVersion(_ version: String) -> String {
        isBottlerocket ? Self.bottlerocketRelease : "\(Self.kubelet(version))-\(Self.release)"
    }

    /// The kubelet's version: `1.34.2`.
    static func kubelet(_ version: String) -> String { patches[version] ?? "\(version).0" }

    fileprivate func imageName(version: String) -> String {
        if isBottlerocket {
            let flavour = variant.hasPrefix("nvidia/") ? "-nvidia" : ""
            return
                "bottlerocket-aws-k8s-\(version)\(flavour)-\(architecture == "arm64" ? "aarch64" : "x86_64")-v\(Self.bottlerocketRelease)"
        }
        let kind = variant.split(separator: "/").last.map(String.init) ?? ""
        return isAmazonLinux2
            ? "amazon-eks\(variant.dropFirst("amazon-linux-2".count))-node-\(version)-v\(Self.release)"
            : "amazon-eks-node-al2023-\(architecture)-\(kind)-\(version)-v\(Self.release)"
    }
}
