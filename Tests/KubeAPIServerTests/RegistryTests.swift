import JSON
import Testing

@Suite("Objects of any resource: create, read, change")
struct RegistryTests {
    @Test("create gives an identity, get gives it back, a second create conflicts")
    func create() async throws {
        let cluster = try await Cluster()
        let made = await cluster.send("POST", Cluster.maps, .configMap("a"))
        #expect(made.status == 201)
        #expect(made.json.at("metadata", "namespace") == "default")
        #expect(made.json.at("metadata", "creationTimestamp") == "2027-01-15T08:00:00Z")
        #expect(made.json.at("metadata", "uid")?.string?.count == 36)
        let read = await cluster.send("GET", Cluster.maps + "/a")
        #expect(read.status == 200 && read.text == made.text)
        let again = await cluster.send("POST", Cluster.maps, .configMap("a"))
        #expect(again.status == 409 && again.reason == "AlreadyExists" && again.message == "configmaps \"a\" already exists")
    }

    @Test("generateName appends five characters, and the same seed gives the same ones")
    func generateName() async throws {
        var names: [[String]] = []
        for seed: UInt64 in [5, 5, 6] {
            let cluster = try await Cluster(seed: seed)
            var made: [String] = []
            for _ in 0..<3 { made.append(await cluster.send("POST", Cluster.maps, .configMap(nil, metadata: ["generateName": "g-"])).name) }
            #expect(made.allSatisfy { $0.hasPrefix("g-") && $0.count == 7 })
            #expect(Set(made).count == 3)
            names.append(made)
        }
        #expect(names[0] == names[1])
        #expect(names[0] != names[2])
    }

    @Test("an update with a stale resourceVersion is refused, without one it overwrites")
    func update() async throws {
        let cluster = try await Cluster()
        let made = await cluster.send("POST", Cluster.maps, .configMap("a"))
        var changed = made.json
        changed["data"] = ["k": "2"]
        let updated = await cluster.send("PUT", Cluster.maps + "/a", changed)
        #expect(updated.status == 200 && updated.revision != made.revision)
        let stale = await cluster.send("PUT", Cluster.maps + "/a", changed)
        #expect(stale.status == 409 && stale.reason == "Conflict")
        #expect(
            stale.message
                == "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to "
                + "the latest version and try again")
        changed.set(nil, at: ["metadata", "resourceVersion"])
        changed["data"] = ["k": "3"]
        let forced = await cluster.send("PUT", Cluster.maps + "/a", changed)
        #expect(forced.status == 200 && forced.json.at("data", "k") == "3")
    }

    @Test("a write that changes nothing keeps the resourceVersion")
    func noChange() async throws {
        let cluster = try await Cluster()
        let made = await cluster.send("POST", Cluster.maps, .configMap("a"))
        let same = await cluster.send("PUT", Cluster.maps + "/a", made.json)
        let patched = await cluster.send(
            "PATCH", Cluster.maps + "/a", ["data": ["k": "v"]], type: "application/merge-patch+json")
        #expect(same.revision == made.revision && patched.revision == made.revision)
    }

    @Test(
        "each kind of patch",
        arguments: [
            ("application/merge-patch+json", #"{"data":{"k":null,"n":"1"}}"#, #"{"n":"1"}"#),
            ("application/strategic-merge-patch+json", #"{"data":{"n":"1"}}"#, #"{"k":"v","n":"1"}"#),
            (
                "application/json-patch+json",
                #"[{"op":"test","path":"/data/k","value":"v"},{"op":"replace","path":"/data/k","value":"w"}]"#, #"{"k":"w"}"#
            ),
        ])
    func patch(type: String, patch: String, data: String) async throws {
        let cluster = try await Cluster()
        _ = await cluster.send("POST", Cluster.maps, .configMap("a"))
        let patched = await cluster.send("PATCH", Cluster.maps + "/a", bytes: Array(patch.utf8), type: type)
        #expect(patched.status == 200)
        #expect(try patched.json["data"]?.isEquivalent(to: JSON(parsing: data)) == true)
    }

    @Test("a dry run answers as if, and stores nothing", arguments: ["POST", "PUT", "PATCH", "DELETE"])
    func dryRun(method: String) async throws {
        let cluster = try await Cluster()
        let made = await cluster.send("POST", Cluster.maps, .configMap("a"))
        let revision = (await cluster.send("GET", Cluster.maps)).revision
        let path = Cluster.maps + (method == "POST" ? "" : "/a") + "?dryRun=All"
        let body: JSON? = ["POST": .configMap("b"), "PUT": .configMap("a", data: ["k": "2"]), "PATCH": ["data": ["k": "2"]]][method]
        let type = method == "PATCH" ? "application/merge-patch+json" : "application/json"
        let answer = await cluster.send(method, path, body, type: type)
        #expect(answer.status == (method == "POST" ? 201 : 200))
        #expect((await cluster.send("GET", Cluster.maps)).revision == revision)
        #expect((await cluster.send("GET", Cluster.maps + "/a")).text == made.text)
        let unknown = await cluster.send(method, path.replacing("All", with: "Some"), body, type: type)
        #expect(unknown.status == 422 || unknown.status == 400)
    }

    @Test("generation counts changes of the specification, the status subresource changes only the status")
    func statusSubresource() async throws {
        let cluster = try await Cluster()
        let path = "/api/v1/namespaces/default/pods"
        let pod: JSON = [
            "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "p"], "spec": ["containers": [["name": "c", "image": "i"]]],
        ]
        let made = await cluster.send("POST", path, pod)
        #expect(made.status == 201 && made.json.at("metadata", "generation") == 1)
        var changed = made.json
        changed.set("Running", at: ["status", "phase"])
        changed.set(["a": "b"], at: ["metadata", "labels"])
        let status = await cluster.send("PUT", path + "/p/status", changed)
        #expect(status.status == 200 && status.json.at("status", "phase") == "Running")
        #expect(status.json.at("metadata", "generation") == 1)
        let whole = await cluster.send("PATCH", path + "/p", ["status": ["phase": "Failed"]], type: "application/merge-patch+json")
        #expect(whole.json.at("status", "phase") == "Running")
    }

    @Test("writes of one object by many at once lose nothing: each success is one of the revisions")
    func concurrency() async throws {
        let cluster = try await Cluster()
        _ = await cluster.send("POST", Cluster.maps, .configMap("a", data: [:]))
        let statuses = await withTaskGroup(of: Int.self) { group in
            for index in 0..<40 {
                group.addTask {
                    await cluster.send(
                        "PATCH", Cluster.maps + "/a", ["data": ["k\(index)": "v"]], type: "application/merge-patch+json"
                    ).status
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.allSatisfy { $0 == 200 })
        #expect((await cluster.send("GET", Cluster.maps + "/a")).json["data"]?.object?.count == 40)
    }
}
