import JSON
import Testing

@Suite("Deletion")
struct DeletionTests {
    @Test("a plain object goes at once, and the answer is a Status with its identity")
    func plain() async throws {
        let cluster = try await Cluster()
        let made = await cluster.send("POST", Cluster.maps, .configMap("a"))
        let deleted = await cluster.send("DELETE", Cluster.maps + "/a")
        #expect(deleted.status == 200 && deleted.json["status"] == "Success")
        #expect(deleted.json.at("details", "uid") == made.json.at("metadata", "uid"))
        #expect((await cluster.send("GET", Cluster.maps + "/a")).message == "configmaps \"a\" not found")
        #expect((await cluster.send("DELETE", Cluster.maps + "/a")).status == 404)
    }

    @Test("an object with finalizers stays, marked, until the last one is gone; none may be added meanwhile")
    func finalizers() async throws {
        let cluster = try await Cluster()
        _ = await cluster.send("POST", Cluster.maps, .configMap("a", metadata: ["finalizers": ["example.com/x", "example.com/y"]]))
        let deleted = await cluster.send("DELETE", Cluster.maps + "/a")
        #expect(deleted.status == 200 && deleted.json.at("metadata", "deletionTimestamp") == "2027-01-15T08:00:00Z")
        func finalize(_ list: JSON) async -> Cluster.Answer {
            await cluster.send("PATCH", Cluster.maps + "/a", ["metadata": ["finalizers": list]], type: "application/merge-patch+json")
        }
        let added = await finalize(["example.com/x", "example.com/y", "example.com/z"])
        #expect(added.status == 422)
        #expect((await finalize(["example.com/x"])).status == 200)
        #expect((await cluster.send("GET", Cluster.maps + "/a")).status == 200)
        #expect((await finalize(.null)).status == 200)
        #expect((await cluster.send("GET", Cluster.maps + "/a")).status == 404)
    }

    @Test("a pod that runs somewhere ends gracefully, one that runs nowhere at once, and force is force")
    func graceful() async throws {
        let cluster = try await Cluster()
        let path = "/api/v1/namespaces/default/pods"
        func pod(_ name: String, node: JSON) -> JSON {
            var pod: JSON = [
                "apiVersion": "v1", "kind": "Pod", "metadata": ["name": .string(name)],
                "spec": ["containers": [["name": "c", "image": "i"]]],
            ]
            if node != .null { pod.set(node, at: ["spec", "nodeName"]) }
            return pod
        }
        _ = await cluster.send("POST", path, pod("free", node: .null))
        _ = await cluster.send("POST", path, pod("bound", node: "n1"))
        _ = await cluster.send("DELETE", path + "/free")
        #expect((await cluster.send("GET", path + "/free")).status == 404)
        let ending = await cluster.send("DELETE", path + "/bound?gracePeriodSeconds=60")
        #expect(ending.json.at("metadata", "deletionGracePeriodSeconds") == 60)
        #expect(ending.json.at("metadata", "deletionTimestamp") == "2027-01-15T08:01:00Z")
        #expect((await cluster.send("GET", path + "/bound")).status == 200)
        let shorter = await cluster.send("DELETE", path + "/bound?gracePeriodSeconds=10")
        #expect(shorter.json.at("metadata", "deletionGracePeriodSeconds") == 10)
        _ = await cluster.send("DELETE", path + "/bound?gracePeriodSeconds=0")
        #expect((await cluster.send("GET", path + "/bound")).status == 404)
    }

    @Test("preconditions protect against deleting another object of the same name")
    func preconditions() async throws {
        let cluster = try await Cluster()
        let made = await cluster.send("POST", Cluster.maps, .configMap("a"))
        let uid = made.json.at("metadata", "uid") ?? .null
        func delete(_ preconditions: JSON) async -> Cluster.Answer {
            await cluster.send(
                "DELETE", Cluster.maps + "/a", ["kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions])
        }
        #expect((await delete(["uid": "00000000-0000-0000-0000-000000000000"])).status == 409)
        #expect((await delete(["resourceVersion": "1"])).status == 409)
        #expect((await delete(["uid": uid, "resourceVersion": .string(made.revision)])).status == 200)
    }

    @Test("a collection is deleted by selector, and the answer lists what went")
    func collection() async throws {
        let cluster = try await Cluster()
        for name in ["a", "b", "c"] {
            _ = await cluster.send("POST", Cluster.maps, .configMap(name, metadata: ["labels": ["go": name == "b" ? "no" : "yes"]]))
        }
        let deleted = await cluster.send("DELETE", Cluster.maps + "?labelSelector=go%3Dyes")
        #expect(deleted.status == 200 && deleted.names == ["a", "c"])
        #expect((await cluster.send("GET", Cluster.maps)).names == ["b", "kube-root-ca.crt"])
    }

    @Test("dependents go with their owner, are orphaned, or go first")
    func dependents() async throws {
        let cluster = try await Cluster()
        for policy in ["Background", "Orphan", "Foreground"] {
            let owner = await cluster.send("POST", Cluster.maps, .configMap("owner"))
            let reference: JSON = [
                "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.json.at("metadata", "uid") ?? .null,
                "blockOwnerDeletion": true,
            ]
            _ = await cluster.send("POST", Cluster.maps, .configMap("child", metadata: ["ownerReferences": [reference]]))
            #expect((await cluster.send("DELETE", Cluster.maps + "/owner?propagationPolicy=\(policy)")).status == 200)
            #expect((await cluster.send("GET", Cluster.maps + "/owner")).status == 404)
            let child = await cluster.send("GET", Cluster.maps + "/child")
            #expect(child.status == (policy == "Orphan" ? 200 : 404), "\(policy)")
            #expect(child.json.at("metadata", "ownerReferences") == nil)
            _ = await cluster.send("DELETE", Cluster.maps + "/child")
        }
    }

    @Test("an owner with many dependents over time takes those that are there, whatever else their text says")
    func manyDependents() async throws {
        let cluster = try await Cluster()
        let owner = await cluster.send("POST", Cluster.maps, .configMap("owner"))
        let uid = owner.json.at("metadata", "uid") ?? .null
        let reference: JSON = ["apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid]
        for number in 0..<150 {
            let text = #""ownerReferences":[{"uid":"\#(uid.string ?? "")]]}"#
            let child = await cluster.send(
                "POST", Cluster.maps,
                .configMap("child-\(number)", metadata: ["annotations": ["a": .string(text)], "ownerReferences": [reference]]))
            #expect(child.status == 201)
            if number < 140 { _ = await cluster.send("DELETE", Cluster.maps + "/child-\(number)") }
        }
        _ = await cluster.send("POST", Cluster.maps, .configMap("free", metadata: ["annotations": ["uid": uid]]))
        #expect((await cluster.send("DELETE", Cluster.maps + "/owner")).status == 200)
        #expect((await cluster.send("GET", Cluster.maps)).names == ["free", "kube-root-ca.crt"])
    }

    @Test("an object loses the owners that never were, and stays while one is there")
    func absentOwners() async throws {
        let cluster = try await Cluster()
        func reference(_ name: String, _ uid: JSON) -> JSON {
            ["apiVersion": "v1", "kind": "ConfigMap", "name": .string(name), "uid": uid]
        }
        let owner = await cluster.send("POST", Cluster.maps, .configMap("owner"))
        let present = reference("owner", owner.json.at("metadata", "uid") ?? .null)
        let absent = reference("nobody", "11111111-2222-3333-4444-555555555555")
        let unknown: JSON = ["apiVersion": "example.com/v1", "kind": "Thing", "name": "t", "uid": "u"]
        let cases: [(name: String, owners: [JSON], left: JSON?)] = [
            ("half", [present, absent], [present]), ("none", [absent], nil), ("unknown", [absent, unknown], [absent, unknown]),
        ]
        for (name, owners, left) in cases {
            let made = await cluster.send("POST", Cluster.maps, .configMap(name, metadata: ["ownerReferences": .array(owners)]))
            #expect(made.status == 201)
            let child = await cluster.send("GET", Cluster.maps + "/" + name)
            #expect(child.json.at("metadata", "ownerReferences") == left, "\(name)")
            #expect(child.status == (left == nil ? 404 : 200), "\(name)")
        }
    }

    @Test("a namespace takes everything with it and lets nothing new in while it goes")
    func namespace() async throws {
        let cluster = try await Cluster()
        _ = await cluster.send("POST", "/api/v1/namespaces", ["metadata": ["name": "gone"]])
        let path = "/api/v1/namespaces/gone/configmaps"
        _ = await cluster.send("POST", path, .configMap("held", metadata: ["finalizers": ["example.com/x"]]))
        _ = await cluster.send("POST", path, .configMap("plain"))
        #expect((await cluster.send("DELETE", "/api/v1/namespaces/gone")).status == 200)
        let going = await cluster.send("GET", "/api/v1/namespaces/gone")
        #expect(going.json.at("status", "phase") == "Terminating")
        #expect((await cluster.send("GET", path)).names == ["held"])
        let late = await cluster.send("POST", path, .configMap("late"))
        #expect(late.status == 403)
        #expect(
            late.message
                == "configmaps \"late\" is forbidden: unable to create new content in namespace gone because it is being terminated")
        _ = await cluster.send("PATCH", path + "/held", ["metadata": ["finalizers": .null]], type: "application/merge-patch+json")
        #expect((await cluster.send("GET", "/api/v1/namespaces/gone")).status == 404)
    }
}
