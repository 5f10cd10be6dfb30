import JSON
import World

/// The public parameters that name the images of EKS nodes ("Retrieve recommended Amazon Linux AMI IDs", "… Bottlerocket AMI IDs").
enum PublicParameters {
    /// When all of them were last changed: the day of the images' release.
    static let modified: Int64 = 1_762_905_600

    private static let eks = "/aws/service/eks/optimized-ami/"
    private static let bottlerocket = "/aws/service/bottlerocket/aws-k8s-"

    /// Every name with its value.
    private static func tree(_ region: String) -> [(name: String, value: String)] {
        EKSVersions.all.map(\.version).flatMap { version in
            NodeImage.all.filter { $0.exists(version: version) }.flatMap { type in entries(type, version, region) }
        }
    }

    private static func entries(_ type: NodeImage, _ version: String, _ region: String) -> [(name: String, value: String)] {
        let image = Images.node(type, version: version, region)
        let release = type.releaseVersion(version)
        guard type.isBottlerocket else {
            let path = "\(eks)\(version)/\(type.variant)/recommended"
            let all: JSON = [
                "schema_version": "2", "image_id": .string(image.id), "image_name": .string(image.name),
                "release_version": .string(release),
            ]
            return [
                (path, all.text), ("\(path)/image_id", image.id), ("\(path)/image_name", image.name), ("\(path)/release_version", release),
            ]
        }
        let isNvidia = type.variant.hasPrefix("nvidia/")
        let path = "\(bottlerocket)\(version)\(isNvidia ? "-nvidia" : "")/\(type.architecture)/latest"
        return [("\(path)/image_id", image.id), ("\(path)/image_version", release)]
    }

    /// A parameter's value; `nil` when there is none of the name.
    static func value(_ name: String, _ region: String) -> String? {
        guard name.hasPrefix("/aws/service/") else { return nil }
        return tree(region).first { $0.name == name }?.value
    }

    static func names(_ region: String) -> [String] { tree(region).map(\.name) }
}
