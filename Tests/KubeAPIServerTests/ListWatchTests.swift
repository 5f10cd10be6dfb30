import JSON
import Testing

@Suite("Lists and watches")
struct ListWatchTests {
    private static func filled(_ count: Int = 5) async throws -> Cluster {
        let cluster = try await Cluster()
        for index in 0..<count {
            let labels: JSON = ["even": index.isMultiple(of: 2) ? "yes" : "no"]
            _ = await cluster.send("POST", Cluster.maps, .configMap("m\(index)", metadata: ["labels": labels]))
        }
        return cluster
    }

    @Test("pages come from one revision: what is written meanwhile is not among them")
    func paging() async throws {
        let cluster = try await Self.filled()
        let first = await cluster.send("GET", Cluster.maps + "?limit=2")
        #expect(first.names == ["kube-root-ca.crt", "m0"])
        #expect(first.json.at("metadata", "remainingItemCount") == 4)
        let token = try #require(first.json.at("metadata", "continue")?.string)
        _ = await cluster.send("POST", Cluster.maps, .configMap("m00"))
        _ = await cluster.send("DELETE", Cluster.maps + "/m3")
        let second = await cluster.send("GET", Cluster.maps + "?limit=3&continue=\(token)")
        #expect(second.names == ["m1", "m2", "m3"])
        #expect(second.revision == first.revision)
        let next = try #require(second.json.at("metadata", "continue")?.string)
        let last = await cluster.send("GET", Cluster.maps + "?limit=3&continue=\(next)")
        #expect(last.names == ["m4"])
        #expect(last.json.at("metadata", "continue") == nil)
        let broken = await cluster.send("GET", Cluster.maps + "?limit=3&continue=nonsense")
        #expect(broken.status == 400)
    }

    @Test("selectors choose by labels and fields")
    func selectors() async throws {
        let cluster = try await Self.filled()
        #expect((await cluster.send("GET", Cluster.maps + "?labelSelector=even%3Dyes")).names == ["m0", "m2", "m4"])
        #expect((await cluster.send("GET", Cluster.maps + "?labelSelector=even%21%3Dyes%2Ceven")).names == ["m1", "m3"])
        #expect((await cluster.send("GET", Cluster.maps + "?fieldSelector=metadata.name%3Dm2")).names == ["m2"])
        #expect((await cluster.send("GET", Cluster.maps + "?labelSelector=a%20b")).status == 400)
    }

    @Test("resourceVersion of a list: 0 and older are at least that new, Exact is that one, the future is too large")
    func revisions() async throws {
        let cluster = try await Self.filled(2)
        let old = (await cluster.send("GET", Cluster.maps)).revision
        _ = await cluster.send("POST", Cluster.maps, .configMap("later"))
        #expect((await cluster.send("GET", Cluster.maps + "?resourceVersion=0")).names.contains("later"))
        #expect((await cluster.send("GET", Cluster.maps + "?resourceVersion=\(old)")).names.contains("later"))
        let exact = await cluster.send("GET", Cluster.maps + "?resourceVersion=\(old)&resourceVersionMatch=Exact")
        #expect(!exact.names.contains("later") && exact.revision == old)
        let future = await cluster.send("GET", Cluster.maps + "?resourceVersion=999999")
        #expect(future.status == 504 && future.message.hasPrefix("Timeout: Too large resource version: 999999, current: "))
        let compacted = try #require(Int64(old))
        try await cluster.compact(before: compacted + 1)
        let gone = await cluster.send("GET", Cluster.maps + "?resourceVersion=\(old)&resourceVersionMatch=Exact")
        #expect(gone.status == 410 && gone.reason == "Expired")
    }

    @Test("a watch begins with what is there, and tells of every change in order")
    func watch() async throws {
        let cluster = try await Self.filled(1)
        let watch = try await cluster.watch(Cluster.maps + "?watch=true")
        #expect(try await watch.next(2) == ["ADDED kube-root-ca.crt", "ADDED m0"])
        _ = await cluster.send("POST", Cluster.maps, .configMap("n"))
        _ = await cluster.send("PATCH", Cluster.maps + "/n", ["data": ["k": "2"]], type: "application/merge-patch+json")
        _ = await cluster.send("DELETE", Cluster.maps + "/n")
        #expect(try await watch.next(3) == ["ADDED n", "MODIFIED n", "DELETED n"])
        watch.close()
    }

    @Test("a watch with a selector shows what enters and leaves the selection")
    func selection() async throws {
        let cluster = try await Self.filled(1)
        let revision = (await cluster.send("GET", Cluster.maps)).revision
        let watch = try await cluster.watch(Cluster.maps + "?watch=true&labelSelector=on&resourceVersion=\(revision)")
        func label(_ value: JSON) async {
            _ = await cluster.send(
                "PATCH", Cluster.maps + "/m0", ["metadata": ["labels": ["on": value]]], type: "application/merge-patch+json")
        }
        await label("1")
        await label("2")
        await label(.null)
        await label("3")
        #expect(try await watch.next(4) == ["ADDED m0", "MODIFIED m0", "DELETED m0", "ADDED m0"])
        watch.close()
    }

    @Test("a watch goes on where a list ended, and one from before the compaction is told to start again")
    func resume() async throws {
        let cluster = try await Self.filled(1)
        let revision = (await cluster.send("GET", Cluster.maps)).revision
        _ = await cluster.send("POST", Cluster.maps, .configMap("between"))
        let watch = try await cluster.watch(Cluster.maps + "?watch=true&resourceVersion=\(revision)")
        #expect(try await watch.next(1) == ["ADDED between"])
        watch.close()
        try await cluster.compact(before: cluster.revision)
        let old = try await cluster.watch(Cluster.maps + "?watch=true&resourceVersion=\(revision)")
        let event = try await old.event()
        #expect(event["type"] == "ERROR")
        #expect(event.at("object", "code") == 410)
        #expect(await old.ends())
    }

    @Test("a watch ends at its timeout on the world's clock, bookmarks come before it when asked for")
    func timeout() async throws {
        let cluster = try await Self.filled(1)
        let revision = (await cluster.send("GET", Cluster.maps)).revision
        let watch = try await cluster.watch(
            Cluster.maps + "?watch=true&timeoutSeconds=300&allowWatchBookmarks=true&resourceVersion=\(revision)")
        // Once an event has come, the watch runs.
        _ = await cluster.send("POST", Cluster.maps, .configMap("n"))
        #expect(try await watch.next(1) == ["ADDED n"])
        // Something else moves the revision on.
        _ = await cluster.send("POST", "/api/v1/namespaces", ["metadata": ["name": "other"]])
        await cluster.advance(.seconds(299))
        let bookmark = try await watch.event()
        #expect(bookmark["type"] == "BOOKMARK" && bookmark.at("object", "kind") == "ConfigMap")
        await cluster.advance(.seconds(1))
        #expect(await watch.ends())
    }

    @Test("a streaming list ends its initial events with an annotated bookmark")
    func initialEvents() async throws {
        let cluster = try await Self.filled(1)
        let watch = try await cluster.watch(
            Cluster.maps + "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true")
        #expect(try await watch.next(2) == ["ADDED kube-root-ca.crt", "ADDED m0"])
        let end = try await watch.event()
        #expect(end["type"] == "BOOKMARK")
        #expect(end.at("object", "metadata", "annotations", "k8s.io/initial-events-end") == "true")
        watch.close()
    }

    @Test("many watchers see the same events in the same order")
    func manyWatchers() async throws {
        let cluster = try await Cluster()
        var watches: [Cluster.Watch] = []
        let revision = (await cluster.send("GET", Cluster.maps)).revision
        for _ in 0..<20 { watches.append(try await cluster.watch(Cluster.maps + "?watch=true&resourceVersion=\(revision)")) }
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<30 { group.addTask { _ = await cluster.send("POST", Cluster.maps, .configMap("c\(index)")) } }
        }
        let first = try await watches[0].next(30)
        #expect(Set(first).count == 30)
        for watch in watches.dropFirst() { #expect(try await watch.next(30) == first) }
        for watch in watches { watch.close() }
    }
}
