import ConformanceVectors
import Encoding
import HTTP
import JSON
import KubeAPIServer
import Testing
import World

/// Webhooks of a test, by the path of their URL.
struct ScriptedWebhooks: WebhookCaller {
    let answers: [String: @Sendable (JSON) -> JSON]

    func post(_ call: WebhookCall) async throws(WebhookCallFailure) -> HTTPResponse {
        let path = String(call.target.prefix { $0 != "?" })
        guard let answer = answers[path], let review = try? JSON(parsing: call.body) else {
            throw WebhookCallFailure("dial tcp \(call.host):\(call.port): connect: connection refused")
        }
        let body = answer(review)
        return HTTPResponse(status: body["httpStatus"]?.integer.map { Int($0) } ?? 200, contentType: "application/json", body.serialized())
    }

    func isLocal(_ address: String) -> Bool { address == "192.0.2.1" }

    /// An AdmissionReview that answers.
    static func response(_ review: JSON, _ response: JSON) -> JSON {
        var answered = response
        answered["uid"] = review.at("request", "uid")
        return ["kind": "AdmissionReview", "apiVersion": review["apiVersion"] ?? .null, "response": answered]
    }
}

@Suite("Admission webhooks")
struct WebhookTests {
    private static let answers: [String: @Sendable (JSON) -> JSON] = [
        "/deny": { review in
            ScriptedWebhooks.response(
                review,
                ["allowed": false, "status": ["message": "not today", "reason": "Teapot", "code": 418], "warnings": ["careful"]])
        },
        "/deny-silently": { ScriptedWebhooks.response($0, ["allowed": false]) },
        "/allow": { ScriptedWebhooks.response($0, ["allowed": true, "warnings": ["seen"]]) },
        "/label": { review in
            let patch: JSON = [
                ["op": "add", "path": "/metadata/annotations", "value": ["by": review.at("request", "userInfo", "username") ?? ""]]
            ]
            return ScriptedWebhooks.response(
                review, ["allowed": true, "patchType": "JSONPatch", "patch": .string(Base64.encode(patch.serialized()))])
        },
        "/append": { review in
            let before = review.at("request", "object", "data", "log")?.string ?? ""
            let patch: JSON = [["op": "add", "path": "/data/log", "value": .string(before + "x")]]
            return ScriptedWebhooks.response(
                review, ["allowed": true, "patchType": "JSONPatch", "patch": .string(Base64.encode(patch.serialized()))])
        },
        "/wrong-uid": { _ in ["kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": ["uid": "x", "allowed": true]] },
        "/absent": { _ in ["kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"] },
        "/broken": { _ in ["httpStatus": 500] },
        "/check": { review in
            let request = review["request"] ?? [:]
            let facts: JSON = [
                "operation": request["operation"] ?? .null, "kind": request["kind"] ?? .null, "resource": request["resource"] ?? .null,
                "name": request["name"] ?? .null, "old": .bool(!(request["oldObject"] ?? .null).isNull),
                "new": .bool(!(request["object"] ?? .null).isNull), "dryRun": request["dryRun"] ?? .null,
                "options": request.at("options", "kind") ?? .null,
            ]
            return ScriptedWebhooks.response(review, ["allowed": false, "status": ["message": .string(facts.text)]])
        },
    ]

    private static func hook(_ path: String, _ more: JSON = [:]) -> JSON {
        var hook: JSON = [
            "name": "hook.example.com", "clientConfig": ["url": .string("https://127.0.0.1:9443\(path)")], "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "rules": [["apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]]],
        ]
        for member in more.object ?? [:] { hook[member.key] = member.value }
        return hook
    }

    private static func cluster(_ kind: String, _ hooks: [JSON]) async throws -> Cluster {
        let cluster = try await Cluster(webhooks: ScriptedWebhooks(answers: answers))
        let answer = await cluster.send(
            "POST", "/apis/admissionregistration.k8s.io/v1/\(kind.lowercased())webhookconfigurations",
            [
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": .string("\(kind)WebhookConfiguration"), "metadata": ["name": "c"],
                "webhooks": .array(hooks),
            ])
        #expect(answer.status == 201, "\(answer.message)")
        return cluster
    }

    private static let calling = "Internal error occurred: failed calling webhook \"hook.example.com\": "

    @Test(
        "refuse in their own words, or because they cannot be asked",
        arguments: [
            ("/deny", 418, "Teapot", "admission webhook \"hook.example.com\" denied the request: not today"),
            ("/deny-silently", 400, "", "admission webhook \"hook.example.com\" denied the request without explanation"),
            (
                "/none", 500, "InternalError",
                calling
                    + "failed to call webhook: Post \"https://127.0.0.1:9443/none?timeout=10s\": dial tcp 127.0.0.1:9443: connect: connection refused"
            ),
            (
                "/wrong-uid", 500, "InternalError",
                calling + "received invalid webhook response: expected response.uid=\"*\", got \"x\""
            ), ("/absent", 500, "InternalError", calling + "received invalid webhook response: webhook response was absent"),
            (
                "/broken", 500, "InternalError",
                calling
                    + "failed to call webhook: an error on the server (\"{\\\"httpStatus\\\":500}\") has prevented the request from succeeding"
            ),
            (
                "/label", 500, "InternalError",
                calling + "received invalid webhook response: validating webhook may not return response.patch"
            ),
        ])
    func refusals(path: String, status: Int, reason: String, message: String) async throws {
        let cluster = try await Self.cluster("Validating", [Self.hook(path)])
        let answer = await cluster.send("POST", Cluster.maps, .configMap("m"))
        #expect(answer.status == status)
        #expect(answer.reason == reason)
        let parts = message.split(separator: "*", maxSplits: 1).map(String.init)
        #expect(parts.count == 2 ? answer.message.hasPrefix(parts[0]) && answer.message.hasSuffix(parts[1]) : answer.message == message)
        if path == "/deny" { #expect(answer.headers["Warning"] == "299 - \"careful\"") }
    }

    @Test("that cannot be asked are overlooked when they fail open")
    func failsOpen() async throws {
        let cluster = try await Self.cluster("Validating", [Self.hook("/none", ["failurePolicy": "Ignore"])])
        #expect(await cluster.send("POST", Cluster.maps, .configMap("m")).status == 201)
    }

    @Test("are told what is done to which object")
    func request() async throws {
        let cluster = try await Self.cluster("Validating", [Self.hook("/check", ["objectSelector": ["matchLabels": ["a": "b"]]])])
        func facts(_ answer: Cluster.Answer) throws -> JSON {
            try JSON(parsing: String(answer.message.drop { $0 != "{" }))
        }
        let labelled: JSON = ["labels": ["a": "b"]]
        let created = try facts(await cluster.send("POST", "\(Cluster.maps)?dryRun=All", .configMap("m", metadata: labelled)))
        #expect(created["operation"] == "CREATE" && created["new"] == true && created["old"] == false && created["dryRun"] == true)
        #expect(created["kind"] == ["group": "", "version": "v1", "kind": "ConfigMap"] && created["options"] == "CreateOptions")
        #expect(created["resource"] == ["group": "", "version": "v1", "resource": "configmaps"] && created["name"] == "m")
        #expect(await cluster.send("POST", Cluster.maps, .configMap("m")).status == 201)
        let patch = await cluster.send("PATCH", "\(Cluster.maps)/m", ["metadata": labelled], type: "application/merge-patch+json")
        let updated = try facts(patch)
        #expect(
            updated["operation"] == "UPDATE" && updated["new"] == true && updated["old"] == true && updated["options"] == "UpdateOptions")
        #expect(await cluster.send("DELETE", "\(Cluster.maps)/m").status == 200)
    }

    @Test("change objects, and are called again when others change them afterwards")
    func mutates() async throws {
        var again = Self.hook("/append", ["reinvocationPolicy": "IfNeeded"])
        again["name"] = "first.example.com"
        let cluster = try await Self.cluster("Mutating", [again, Self.hook("/label")])
        let answer = await cluster.send("POST", Cluster.maps, .configMap("m"))
        #expect(answer.status == 201, "\(answer.message)")
        #expect(answer.json.at("metadata", "annotations") == ["by": "eks-sim:admin"])
        #expect(answer.json["data"] == ["k": "v", "log": "xx"])
    }

    @Test("are asked only when their conditions hold")
    func conditions() async throws {
        let conditions: JSON = ["matchConditions": [["name": "not-free", "expression": "object.metadata.name != 'free'"]]]
        let cluster = try await Self.cluster("Validating", [Self.hook("/deny", conditions)])
        #expect(await cluster.send("POST", Cluster.maps, .configMap("free")).status == 201)
        #expect(await cluster.send("POST", Cluster.maps, .configMap("m")).status == 418)
    }

    @Test("are not asked about webhook configurations, and so can always be removed")
    func exempt() async throws {
        let everything: JSON = [
            "rules": [["apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]]]
        ]
        let cluster = try await Self.cluster("Validating", [Self.hook("/deny", everything)])
        #expect(await cluster.send("POST", Cluster.maps, .configMap("m")).status == 418)
        let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/c"
        #expect(await cluster.send("DELETE", path).status == 200)
        #expect(await cluster.send("POST", Cluster.maps, .configMap("m")).status == 201)
    }

    @Test("behind a Service are reached where an endpoint is on this machine")
    func services() async throws {
        let client: JSON = ["clientConfig": ["service": ["name": "hook", "namespace": "default", "path": "/allow"]]]
        let cluster = try await Self.cluster("Validating", [Self.hook("", client)])
        let failed = Self.calling + "failed to call webhook: Post \"https://hook.default.svc:443/allow?timeout=10s\": "
        func message() async -> String { await cluster.send("POST", "\(Cluster.maps)?dryRun=All", .configMap("m")).message }
        #expect(await message() == failed + "service \"hook\" not found")
        let service: JSON = [
            "apiVersion": "v1", "kind": "Service", "metadata": ["name": "hook"], "spec": ["ports": [["port": 443, "targetPort": 9443]]],
        ]
        #expect(await cluster.send("POST", "/api/v1/namespaces/default/services", service).status == 201)
        #expect(await message() == failed + "no endpoints available for service \"hook\"")
        func slice(_ name: String, _ address: String) -> JSON {
            [
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": ["name": .string(name), "labels": ["kubernetes.io/service-name": "hook"]],
                "ports": [["port": 9443]], "endpoints": [["addresses": [.string(address)]]],
            ]
        }
        let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
        #expect(await cluster.send("POST", slices, slice("far", "10.9.9.9")).status == 201)
        #expect(await message() == failed + "dial tcp 10.9.9.9:9443: connect: no route to host")
        #expect(await cluster.send("POST", slices, slice("near", "192.0.2.1")).status == 201)
        let answer = await cluster.send("POST", Cluster.maps, .configMap("m"))
        #expect(answer.status == 201 && answer.headers["Warning"] == "299 - \"seen\"")
    }

    @Test("are asked about subresources with the objects that these are made of")
    func subresources() async throws {
        let rules: JSON = [
            "rules": [
                ["apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments/scale"]],
                ["apiGroups": [""], "apiVersions": ["v1"], "operations": ["CONNECT", "CREATE"], "resources": ["pods/*"]],
            ]
        ]
        let cluster = try await Self.cluster("Validating", [Self.hook("/check", rules)])
        let deployment: JSON = [
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "d"],
            "spec": [
                "selector": ["matchLabels": ["a": "b"]],
                "template": ["metadata": ["labels": ["a": "b"]], "spec": ["containers": [["name": "c", "image": "i"]]]],
            ],
        ]
        let path = "/apis/apps/v1/namespaces/default/deployments"
        #expect(await cluster.send("POST", path, deployment).status == 201)
        let scaled = await cluster.send("PATCH", "\(path)/d/scale", ["spec": ["replicas": 3]], type: "application/merge-patch+json")
        #expect(scaled.message.contains("\"kind\":{\"group\":\"autoscaling\",\"version\":\"v1\",\"kind\":\"Scale\"}"), "\(scaled.message)")
        let attached = await cluster.send("POST", "/api/v1/namespaces/default/pods/p/attach?stdin=true")
        #expect(
            attached.message.contains(
                "\"operation\":\"CONNECT\",\"kind\":{\"group\":\"\",\"version\":\"v1\",\"kind\":\"PodAttachOptions\"}"))
        let evicted = await cluster.send(
            "POST", "/api/v1/namespaces/default/pods/p/eviction",
            ["apiVersion": "policy/v1", "kind": "Eviction", "metadata": ["name": "p"]])
        #expect(evicted.message.contains("\"kind\":{\"group\":\"policy\",\"version\":\"v1\",\"kind\":\"Eviction\"}"), "\(evicted.message)")
    }
}

@Suite("Conversion webhooks")
struct ConversionWebhookTests {
    private static let converting: @Sendable (JSON) -> JSON = { review in
        let wanted = review.at("request", "desiredAPIVersion")?.string ?? ""
        let objects = (review.at("request", "objects")?.array ?? []).map { object -> JSON in
            var object = object
            let value = object["spec"]?["size"] ?? object["spec"]?["cells"] ?? 0
            object["apiVersion"] = .string(wanted)
            object["spec"] = wanted.hasSuffix("/v2") ? ["cells": value] : ["size": value]
            return object
        }
        return [
            "kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1",
            "response": ["uid": review.at("request", "uid") ?? "", "result": ["status": "Success"], "convertedObjects": .array(objects)],
        ]
    }

    private static let failing: @Sendable (JSON) -> JSON = { review in
        [
            "kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1",
            "response": ["uid": review.at("request", "uid") ?? "", "result": ["status": "Failure", "message": "cannot"]],
        ]
    }

    private static func cluster(_ webhook: @escaping @Sendable (JSON) -> JSON) async throws -> Cluster {
        let cluster = try await Cluster(webhooks: ScriptedWebhooks(answers: ["/convert": webhook]))
        func version(_ name: String, _ field: String, isStored: Bool) -> JSON {
            [
                "name": .string(name), "served": true, "storage": .bool(isStored),
                "schema": [
                    "openAPIV3Schema": [
                        "type": "object", "properties": ["spec": ["type": "object", "properties": .object([field: ["type": "integer"]])]],
                    ]
                ],
            ]
        }
        let definition: JSON = [
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": ["name": "grids.example.com"],
            "spec": [
                "group": "example.com", "scope": "Namespaced", "names": ["plural": "grids", "kind": "Grid"],
                "versions": [version("v1", "size", isStored: true), version("v2", "cells", isStored: false)],
                "conversion": [
                    "strategy": "Webhook",
                    "webhook": [
                        "clientConfig": ["url": "https://127.0.0.1:9443/convert"], "conversionReviewVersions": ["v1"],
                    ],
                ],
            ],
        ]
        let answer = await cluster.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        #expect(answer.status == 201, "\(answer.message)")
        return cluster
    }

    private static func grid(_ version: String, _ name: String, _ spec: JSON) -> JSON {
        ["apiVersion": .string("example.com/\(version)"), "kind": "Grid", "metadata": ["name": .string(name)], "spec": spec]
    }

    private static func path(_ version: String) -> String { "/apis/example.com/\(version)/namespaces/default/grids" }

    @Test("make each version of the stored one, in reads, lists, watches and writes")
    func converts() async throws {
        let cluster = try await Self.cluster(Self.converting)
        let made = await cluster.send("POST", Self.path("v2"), Self.grid("v2", "a", ["cells": 4]))
        #expect(made.status == 201 && made.json["apiVersion"] == "example.com/v2" && made.json["spec"] == ["cells": 4], "\(made.text)")
        let read = await cluster.send("GET", "\(Self.path("v1"))/a")
        #expect(read.json["apiVersion"] == "example.com/v1" && read.json["spec"] == ["size": 4])
        _ = await cluster.send("POST", Self.path("v1"), Self.grid("v1", "b", ["size": 5]))
        let list = await cluster.send("GET", Self.path("v2"))
        #expect(list.json["items"]?.array?.map { $0["spec"] ?? .null } == [["cells": 4], ["cells": 5]])
        let patched = await cluster.send("PATCH", "\(Self.path("v2"))/b", ["spec": ["cells": 6]], type: "application/merge-patch+json")
        #expect(patched.status == 200 && patched.json["spec"] == ["cells": 6], "\(patched.text)")
        #expect(await cluster.send("GET", "\(Self.path("v1"))/b").json["spec"] == ["size": 6])
        let watch = try await cluster.watch("\(Self.path("v2"))?watch=1")
        #expect(try await watch.event().at("object", "spec") == ["cells": 4])
        watch.close()
    }

    @Test("that fail are told of")
    func fails() async throws {
        let cluster = try await Self.cluster(Self.failing)
        let made = await cluster.send("POST", Self.path("v2"), Self.grid("v2", "a", ["cells": 4]))
        #expect(made.status == 500)
        #expect(made.message == "Internal error occurred: conversion webhook for example.com/v2, Kind=Grid failed: cannot")
    }
}
