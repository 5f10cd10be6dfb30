import ConformanceVectors
import Encoding
import JSON
import Testing
import World

/// Requests for certificates in a cluster of profile `eks`: what its control plane approves, signs, refuses and forgets.
@Suite struct CertificateTests {
    /// Requests made by openssl, without the lines around.
    private static let requests: [String: String] = [
        "node":
            "MIHqMIGRAgEAMC8xFTATBgNVBAoMDHN5c3RlbTpub2RlczEWMBQGA1UEAwwNc3lzdGVtOm5vZGU6YTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABPfIsA"
            + "gwrCUacRUd7TpBNTmtZBCXjxn8npo6/c1Y/aupLeEnGZf4Kx03R7AWC8hPHDeHLGZL9lAwiC+OgC3vRgqgADAKBggqhkjOPQQDAgNIADBFAiAXOl4SngLR"
            + "0V0/GljFFxmhgk0H3daW7W+jeiuh3zsrEQIhAOzu6YqY24BGgBDzIob6J4VX4DUMIgIXFdSLRGGAStMh",
        "serving":
            "MIIBGDCBvwIBADAvMRUwEwYDVQQKDAxzeXN0ZW06bm9kZXMxFjAUBgNVBAMMDXN5c3RlbTpub2RlOmEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQqhW"
            + "mmeZP7yvFeAalwyH4/bFt6QIynBoUajJkmlsO9JUjYY5GVoKqf/c5Un784DYcSB83wh4apSXO7cdMfsG4KoC4wLAYJKoZIhvcNAQkOMR8wHTAbBgNVHREE"
            + "FDASggphLmludGVybmFshwQKAAABMAoGCCqGSM49BAMCA0gAMEUCIG6Ljqxl4Z/tlIEEFuwVOWKat4NSY20avnB8VXMZTafCAiEAt1TwT09nNeynIFTsPz"
            + "f3zECc3SK9FZRm/mfMHJOTLaA=",
        "person":
            "MIHgMIGGAgEAMCQxEzARBgNVBAoMCmRldmVsb3BlcnMxDTALBgNVBAMMBGFubmEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATPOx8IB/qWw9QTc+q060"
            + "q6/mxl+WDcM2W6cJIML7SAD8qvQRlpqXGBgP9R63tHgumdkZHBIgucODHDg0ga0DA7oAAwCgYIKoZIzj0EAwIDSQAwRgIhAN9tNRFVP8wkFvqcSSfmXZ/B"
            + "D8PIe8o3zTmOCWEMWEniAiEAs7V5UfwyyCGLwsdXzTM5uJr0hcbIsSvYczSlOtWZzk8=",
        "mail":
            "MIIBFzCBvwIBADAvMRUwEwYDVQQKDAxzeXN0ZW06bm9kZXMxFjAUBgNVBAMMDXN5c3RlbTpub2RlOmEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQY2s"
            + "jgCROthyZHZqts9G8Z0zIlKdKf71s++q9CEF2ViVI9d/8jqw61QVgadPNieri+3jgDZIXrKBY53NmbdNtooC4wLAYJKoZIhvcNAQkOMR8wHTAbBgNVHREE"
            + "FDASggFhgQ1hQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0cAMEQCIBVm02EaBoGE8Y4+i8pdk+PaQv0MYeAI+pfOnIW+feoKAiA1cex1WXFWsnsCuUoHKw"
            + "0LYuYjb5eDajOfZwrK9WoYng==",
        "uri":
            "MIIBFDCBvAIBADAvMRUwEwYDVQQKDAxzeXN0ZW06bm9kZXMxFjAUBgNVBAMMDXN5c3RlbTpub2RlOmEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATwyL"
            + "BilHWSUhK3IV9EyX16IQ+aWkUTMqSJFDCyZtxyL+SyGTfD7E7zNaKageECOJJzhlIy5vft/GryyvK9YTcZoCswKQYJKoZIhvcNAQkOMRwwGjAYBgNVHREE"
            + "ETAPggFhhgpzcGlmZmU6Ly94MAoGCCqGSM49BAMCA0cAMEQCIDBNAh8A+N699TeuyaOck+na0O/ICAp2pwM3oJ0Qkj4xAiBSqjoGjvNycPxwYxRQIjW+ic"
            + "WeSCDWkwQw40HOUR/kmQ==",
        "named":
            "MIH9MIGkAgEAMCMxFTATBgNVBAoMDHN5c3RlbTpub2RlczEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLDG7Qrew4U129HXc73vpT"
            + "chaxGRKaqaAopvjP+x4EWMIJhW4i8LQUeUfmMjZwkP9C6EFdAfejFWcEPI5xW9dU+gHzAdBgkqhkiG9w0BCQ4xEDAOMAwGA1UdEQQFMAOCAWEwCgYIKoZI"
            + "zj0EAwIDSAAwRQIgLYdK7uSmadmDMgh7yceTQzUaxnydQ3DBicNnOpK+M5wCIQCPQhGdRtxGMgLdKJS2xggqIsio8HEI4JrSqCbRqe4ZSw==",
    ]
    private static let path = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    private static let server = ["digital signature", "key encipherment", "server auth"]

    private func create(
        _ cluster: RunningCluster, _ request: String, signer: String = "kubernetes.io/kubelet-serving", usages: [String] = server,
        seconds: Int64? = nil
    ) async {
        let base64 = Self.requests[request] ?? ""
        let pem = "-----BEGIN CERTIFICATE REQUEST-----\n\(base64)\n-----END CERTIFICATE REQUEST-----\n"
        var spec: JSON = [
            "request": .string(Base64.encode(Array(pem.utf8))), "signerName": .string(signer), "usages": JSON(strings: usages),
        ]
        spec["expirationSeconds"] = seconds.map(JSON.integer)
        let made = await cluster.send(
            "POST", Self.path,
            [
                "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": ["name": "x"],
                "spec": spec,
            ])
        #expect(made["kind"] == "CertificateSigningRequest", "\(made.text)")
    }

    private func decide(_ cluster: RunningCluster, _ type: String = "Approved") async {
        var object = await cluster.get("\(Self.path)/x")
        object.set(
            [
                [
                    "type": .string(type), "status": "True", "reason": "r", "message": "m",
                    "lastUpdateTime": .string(cluster.server.world.now.rfc3339),
                ]
            ],
            at: ["status", "conditions"])
        let answer = await cluster.send("PUT", "\(Self.path)/x/approval", object)
        #expect(answer["kind"] == "CertificateSigningRequest", "\(answer.text)")
        await cluster.advance()
    }

    private func failure(_ cluster: RunningCluster) async -> String? {
        let conditions = await cluster.get("\(Self.path)/x").at("status", "conditions")?.array ?? []
        return conditions.first { $0["type"] == "Failed" }?["message"]?.string
    }

    @Test(
        "what a kubelet would serve with is refused with upstream's words",
        arguments: [
            ("person", server, "subject organization is not system:nodes"), ("node", server, "DNS or IP subjectAltName is required"),
            ("mail", server, "Email subjectAltNames are not allowed"), ("uri", server, "URI subjectAltNames are not allowed"),
            ("named", server, "subject common name does not begin with system:node:"),
            ("serving", ["server auth"], "usages did not match [digital signature key encipherment server auth]"),
            ("serving", ["digital signature", "client auth"], "usages did not match [digital signature key encipherment server auth]"),
        ])
    func refusals(request: String, usages: [String], message: String) async throws {
        let cluster = try await RunningCluster()
        await create(cluster, request, usages: usages)
        await decide(cluster)
        #expect(await failure(cluster) == message)
        #expect(await cluster.get("\(Self.path)/x").at("status", "certificate") == nil)
    }

    @Test("EKS' own signer signs what serves, for anybody, and nothing else")
    func application() async throws {
        let cluster = try await RunningCluster()
        await create(cluster, "person", signer: "beta.eks.amazonaws.com/app-serving")
        #expect(await cluster.get("\(Self.path)/x").at("status", "certificate") == nil)
        await decide(cluster)
        let certificate = await cluster.get("\(Self.path)/x").at("status", "certificate")?.string
        #expect(
            certificate.flatMap(Base64.decodeURL).map { String(decoding: $0, as: UTF8.self) }?.hasPrefix(
                "-----BEGIN CERTIFICATE-----\n") == true)
        // What is issued goes after an hour.
        await cluster.advance(.seconds(3590))
        #expect(await cluster.get("\(Self.path)/x")["kind"] == "CertificateSigningRequest")
        await cluster.advance(.seconds(10))
        #expect(await cluster.get("\(Self.path)/x")["reason"] == "NotFound")
        await create(cluster, "person", signer: "beta.eks.amazonaws.com/app-serving", usages: ["client auth"])
        await decide(cluster)
        #expect(await failure(cluster) == "invalid usage for serving certificate: client auth")
    }

    @Test("nobody signs for clients on EKS; what waits goes after a day, what is denied after an hour")
    func forgotten() async throws {
        let cluster = try await RunningCluster()
        await create(cluster, "person", signer: "kubernetes.io/kube-apiserver-client", usages: ["client auth"])
        await decide(cluster, "Denied")
        await cluster.advance(.seconds(3600))
        #expect(await cluster.get("\(Self.path)/x")["reason"] == "NotFound")
        await create(cluster, "person", signer: "kubernetes.io/kube-apiserver-client", usages: ["client auth"])
        await cluster.advance(.seconds(86390))
        #expect(await cluster.get("\(Self.path)/x").at("status", "certificate") == nil)
        await cluster.advance(.seconds(20))
        #expect(await cluster.get("\(Self.path)/x")["reason"] == "NotFound")
    }
}
