extension ReadyFile {
    /// What `eks-sim env` exports: endpoint, region and the bootstrap principal's keys, under the names that aws, Terraform and SDKs read.
    public var environment: [(name: String, value: String)] {
        [
            ("AWS_ENDPOINT_URL", awsEndpoint), ("AWS_REGION", region), ("AWS_DEFAULT_REGION", region),
            ("AWS_ACCESS_KEY_ID", accessKeyID), ("AWS_SECRET_ACCESS_KEY", secretAccessKey), ("EKS_SIM_ENDPOINT", awsEndpoint),
        ]
    }
}
