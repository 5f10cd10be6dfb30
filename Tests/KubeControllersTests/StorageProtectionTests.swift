import JSON
import Testing

/// Storage that is being deleted goes when nothing uses it.
@Suite struct StorageProtectionTests {
    private static let claims = "/api/v1/namespaces/default/persistentvolumeclaims"
    private static let volumes = "/api/v1/persistentvolumes"

    private static func claim(_ name: String) -> JSON {
        [
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": ["name": .string(name)],
            "spec": ["accessModes": ["ReadWriteOnce"], "resources": ["requests": ["storage": "1Gi"]]],
        ]
    }

    @Test func anUnusedClaimAndVolumeGo() async throws {
        let cluster = try await RunningCluster()
        await cluster.send("POST", Self.claims, Self.claim("c"))
        await cluster.send(
            "POST", Self.volumes,
            [
                "apiVersion": "v1", "kind": "PersistentVolume", "metadata": ["name": "v"],
                "spec": ["capacity": ["storage": "1Gi"], "accessModes": ["ReadWriteOnce"], "hostPath": ["path": "/tmp"]],
            ])
        #expect(await cluster.get(Self.volumes + "/v").at("metadata", "finalizers") == ["kubernetes.io/pv-protection"])
        await cluster.send("DELETE", Self.claims + "/c")
        await cluster.send("DELETE", Self.volumes + "/v")
        #expect(await cluster.get(Self.claims + "/c").at("metadata", "deletionTimestamp") != nil)
        await cluster.advance()
        #expect(await cluster.get(Self.claims + "/c")["code"] == 404)
        #expect(await cluster.get(Self.volumes + "/v")["code"] == 404)
    }

    @Test func aClaimWaitsForThePodThatUsesIt() async throws {
        let cluster = try await KubeletTests.cluster()
        await cluster.send("POST", Self.claims, Self.claim("c"))
        // A pod on a node, put there by hand: nobody binds the claim.
        await cluster.createPod(
            "p", spec: ["nodeName": "n1", "volumes": [["name": "data", "persistentVolumeClaim": ["claimName": "c"]]]])
        await cluster.send("DELETE", Self.claims + "/c")
        await cluster.advance()
        #expect(await cluster.get(Self.claims + "/c").at("metadata", "finalizers") == ["kubernetes.io/pvc-protection"])
        await cluster.send("DELETE", "/api/v1/namespaces/default/pods/p?gracePeriodSeconds=0")
        await cluster.advance()
        #expect(await cluster.get(Self.claims + "/c")["code"] == 404)
    }

    @Test func aBoundVolumeStays() async throws {
        let cluster = try await RunningCluster()
        await cluster.send(
            "POST", Self.volumes,
            [
                "apiVersion": "v1", "kind": "PersistentVolume", "metadata": ["name": "v"],
                "spec": ["capacity": ["storage": "1Gi"], "accessModes": ["ReadWriteOnce"], "hostPath": ["path": "/tmp"]],
            ])
        let status = Self.volumes + "/v/status"
        await cluster.send("PATCH", status, ["status": ["phase": "Bound"]], type: "application/merge-patch+json")
        await cluster.send("DELETE", Self.volumes + "/v")
        await cluster.advance()
        #expect(await cluster.get(Self.volumes + "/v")["code"] == nil)
        await cluster.send("PATCH", status, ["status": ["phase": "Released"]], type: "application/merge-patch+json")
        await cluster.advance()
        #expect(await cluster.get(Self.volumes + "/v")["code"] == 404)
    }

    @Test func aClassWaitsForTheClaimThatNamesIt() async throws {
        let cluster = try await RunningCluster()
        let classes = "/apis/storage.k8s.io/v1/volumeattributesclasses"
        await cluster.send(
            "POST", classes,
            [
                "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttributesClass", "metadata": ["name": "fast"], "driverName": "d",
                "parameters": ["a": "b"],
            ])
        var claim = Self.claim("c")
        claim["spec"]?["volumeAttributesClassName"] = "fast"
        await cluster.send("POST", Self.claims, claim)
        await cluster.send("DELETE", classes + "/fast")
        await cluster.advance()
        #expect(await cluster.get(classes + "/fast")["code"] == nil)
        await cluster.send("DELETE", Self.claims + "/c")
        await cluster.advance()
        await cluster.send("PATCH", classes + "/fast", ["metadata": ["labels": ["a": "b"]]], type: "application/merge-patch+json")
        await cluster.advance()
        #expect(await cluster.get(classes + "/fast")["code"] == 404)
    }
}
