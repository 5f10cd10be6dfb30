import ConformanceVectors
import Encoding
import JSON
import KubeAPIServer
import KubeControllers
import PKI
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

    // MARK: Profile upstream

    private static let client = ["digital signature", "client auth"]

    private func certificate(_ cluster: RunningCluster) async -> [UInt8]? {
        let pem = await cluster.get("\(Self.path)/x").at("status", "certificate")?.string.flatMap(Base64.decodeURL)
        let lines = pem.map { String(decoding: $0, as: UTF8.self).split(separator: "\n") }
        return lines.map { $0.filter { !$0.hasPrefix("-----") }.joined() }.flatMap(Base64.decodeURL)
    }

    @Test(
        "what a kubelet would sign in with is refused with upstream's words",
        arguments: [
            ("person", client, "subject organization is not system:nodes"), ("serving", client, "DNS subjectAltNames are not allowed"),
            ("node", server, "usages did not match [client auth digital signature key encipherment]"),
        ])
    func clientRefusals(request: String, usages: [String], message: String) async throws {
        let cluster = try await RunningCluster(profile: .upstream)
        await create(cluster, request, signer: "kubernetes.io/kube-apiserver-client-kubelet", usages: usages)
        await decide(cluster)
        #expect(await failure(cluster) == message)
    }

    @Test(
        "a certificate is as long as was asked, a year at most; from eight hours on it ends five minutes earlier, as it begins",
        arguments: [
            (nil, 365 * 86400 - 300), (600, 600), (28799, 28799), (28800, 28500), (366 * 86400, 365 * 86400 - 300),
        ] as [(Int64?, Int64)])
    func duration(asked: Int64?, lasts: Int64) async throws {
        let cluster = try await RunningCluster(profile: .upstream)
        await create(cluster, "person", signer: "kubernetes.io/kube-apiserver-client", usages: Self.client, seconds: asked)
        await decide(cluster)
        let der = try #require(await certificate(cluster))
        let verified = try ClientCertificateVerifier(RunningCluster.authority.get()).verified([der])
        let start = RunningCluster.start
        let end = start + .seconds(lasts)
        #expect(try verified.subject(at: start - .seconds(300)).commonName.isEmpty == false)
        #expect(throws: ClientCertificateVerifier.Refusal.notYetValid(notBefore: start - .seconds(300))) {
            try verified.subject(at: start - .seconds(301))
        }
        #expect(try verified.subject(at: end).organizations == verified.subject(at: start).organizations)
        #expect(throws: ClientCertificateVerifier.Refusal.expired(notAfter: end)) { try verified.subject(at: end + .seconds(1)) }
    }

    @Test("what is issued goes when its certificate ends, before the hour")
    func ended() async throws {
        let cluster = try await RunningCluster(profile: .upstream)
        await create(cluster, "person", signer: "kubernetes.io/kube-apiserver-client", usages: Self.client, seconds: 600)
        await decide(cluster)
        await cluster.advance(.seconds(598))
        #expect(await certificate(cluster) != nil)
        await cluster.advance(.seconds(3))
        #expect(await cluster.get("\(Self.path)/x")["reason"] == "NotFound")
    }

    @Test("what was approved while no controller ran is signed after the start; what grew old then goes")
    func restart() async throws {
        let cluster = try await RunningCluster(profile: .upstream)
        await cluster.controllers.stop()
        await create(cluster, "person", signer: "kubernetes.io/kube-apiserver-client", usages: Self.client)
        await decide(cluster)
        #expect(await certificate(cluster) == nil)
        let others = try await cluster.restarted()
        await cluster.advance()
        #expect(await certificate(cluster) != nil)
        await others.stop()
        await cluster.advance(.seconds(3600))
        #expect(await certificate(cluster) != nil)
        _ = try await cluster.restarted()
        await cluster.advance()
        #expect(await cluster.get("\(Self.path)/x")["reason"] == "NotFound")
    }
}
