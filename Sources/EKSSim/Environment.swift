extension ReadyFile {
    /// What `eks-sim env` exports: endpoint, region and the bootstrap principal's keys, under the names that aws, Terraform and SDKs read.
    public var environment: [(name: String, value: String)] {
        [
            ("AWS_ENDPOINT_URL", awsEndpoint), ("AWS_REGION", region), ("AWS_DEFAULT_REGION", region),
            ("AWS_ACCESS_KEY_ID", accessKeyID), ("AWS_SECRET_ACCESS_KEY", secretAccessKey), ("EKS_SIM_ENDPOINT", awsEndpoint),
        ]
    }

    /// The same for the bootstrap principal of another account; `nil` for an account that has none.
    public func environment(of accountID: String) -> [(name: String, value: String)]? {
        guard let account = accounts.first(where: { $0.id == accountID }) else { return nil }
        var other = self
        other.accessKeyID = account.accessKeyID
        other.secretAccessKey = account.secretAccessKey
        return other.environment
    }
}
