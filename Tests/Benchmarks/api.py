#!/usr/bin/env python3
"""api.py BINARY: what patches, watchers, memory and OpenAPI documents cost, taken as load.py takes its figures."""
import json, os, statistics, sys, tempfile, threading, time

from load import Raw, Simulator, call, config_map, drain, finish, get, per_request, post, report

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


def deployment(name, image):
    """A Deployment of about 4 KiB as it is sent."""
    env = [{"name": f"VARIABLE_{i}", "value": "value-" * 8 + str(i)} for i in range(30)]
    container = {
        "name": "main", "image": image, "env": env, "ports": [{"containerPort": 8080, "name": "http"}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}}, "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    sidecar = {"name": "proxy", "image": "registry.local/proxy:1", "args": ["--listen", ":9090", "--upstream", "127.0.0.1:8080"]}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "labels": {"app": name, "team": "bench"}, "annotations": {"note": "n" * 800}},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container, sidecar], "volumes": [{"name": "data", "emptyDir": {}}]},
            },
        },
    }


def patch(path, body, kind):
    data = json.dumps(body).encode()
    head = f"PATCH {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/{kind}\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def patches(simulator):
    names = [f"patched-{n}" for n in range(200)]
    applied = DEPLOYMENTS + "/{}?fieldManager=bench"

    def apply(count, tag):
        return [
            patch(applied.format(names[n % 200]), deployment(names[n % 200], f"registry.local/bench:{tag}-{n // 200}"), "apply-patch+yaml")
            for n in range(count)
        ]

    per_request(simulator, apply(400, "warm"))
    cost, rate = per_request(simulator, apply(6000, "run"))
    report(f"apply a Deployment of {len(json.dumps(deployment('x', 'y'))) / 1024:.1f} KiB, server CPU", cost, "ms", None)
    report("apply such a Deployment, rate with 8 connections", rate, "per second", 1500, least=True)

    def merge(count):
        return [
            patch(
                f"{DEPLOYMENTS}/{names[n % 200]}",
                {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": f"registry.local/merged:{n}"}]}}}},
                "strategic-merge-patch+json") for n in range(count)
        ]

    cost, rate = per_request(simulator, merge(8000))
    report("strategic merge patch of it, server CPU", cost, "ms", None)
    report("strategic merge patch of it, rate with 8 connections", rate, "per second", 2500, least=True)


def selected(simulator, count, writes):
    """Server CPU in milliseconds per write that is shown to `count` watchers, each with a label selector that a tenth of writes pass."""
    namespace = "/api/v1/namespaces/default/configmaps"
    _, listing = call(simulator.connect(), "GET", namespace + "?limit=1")
    version = listing["metadata"]["resourceVersion"]
    watching = []
    for number in range(count):
        raw = Raw(simulator)
        raw.socket.sendall(get(f"{namespace}?watch=1&resourceVersion={version}&labelSelector=group%3Dg{number % 10}"))
        raw.socket.recv(4096)
        raw.socket.setblocking(False)
        watching.append(raw.socket)
    time.sleep(0.3)
    for connection in watching:
        drain(connection)
    stop = threading.Event()

    def reader():
        while not stop.is_set():
            for connection in watching:
                drain(connection)
            time.sleep(0.05)

    thread = threading.Thread(target=reader)
    thread.start()
    requests = []
    for number in range(writes):
        body = config_map(f"selected-{count}-{number}")
        body["metadata"]["labels"] = {"group": f"g{number % 10}"}
        requests.append(post(namespace, body))
    cost, _ = per_request(simulator, requests, connections=2)
    stop.set()
    thread.join()
    for connection in watching:
        connection.close()
    return cost


def openapi(binary):
    """Milliseconds of the first and of later answers of a group's OpenAPI v3 document, each from a fresh server."""
    first, later = [], []
    for group in ["apis/apps/v1", "apis/batch/v1", "apis/networking.k8s.io/v1"]:
        with tempfile.TemporaryDirectory() as folder:
            simulator = Simulator(binary, os.path.join(folder, "state.sqlite"))
            raw = Raw(simulator)
            raw.ask(get("/version"))
            for times in [first, later]:
                started = time.monotonic()
                raw.ask(get(f"/openapi/v3/{group}"))
                times.append((time.monotonic() - started) * 1000)
            simulator.stop()
    report("OpenAPI v3 of a group, first time (slowest of three)", max(first), "ms", 20)
    report("OpenAPI v3 of a group, from then on (slowest of three)", max(later), "ms", None)


def memory(binary):
    """Resident memory of a fresh server that was given 10,000 objects of 4 KiB and has listed them all to four connections."""
    with tempfile.TemporaryDirectory() as folder:
        simulator = Simulator(binary, os.path.join(folder, "state.sqlite"))
        path = "/api/v1/namespaces/default/configmaps"
        per_request(simulator, [post(path, {**config_map(f"held-{n}"), "data": {"key": "v" * 4096}}) for n in range(10000)])
        connections = [Raw(simulator) for _ in range(4)]
        size = max(connection.ask(get(path + "?resourceVersion=0"))[1] for connection in connections)
        time.sleep(1)  # what the last answer held goes back just after its last byte
        above = max(0, simulator.resident_megabytes() - 60)
        report(f"memory above 60 MB for each of {size / 1e6:.0f} MB stored, after four lists", above / (size / 1e6), "times", 2.5)
        simulator.stop()


def audit(binary):
    """What the audit log adds to the CPU of a request: EKS' policy, one line for each stage, against no log."""
    path = "/api/v1/namespaces/default/configmaps"
    costs = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in [("off", []), ("on", ["--audit-log", os.path.join(folder, "audit.log")])]:
            simulator = Simulator(binary, os.path.join(folder, f"{name}.sqlite"), arguments)
            per_request(simulator, [get(path)] * 200)
            write, _ = per_request(simulator, [post(path, config_map(f"audited-{n}")) for n in range(4000)])
            read, _ = per_request(simulator, [get(f"{path}/audited-{n % 4000}") for n in range(12000)])
            costs[name] = write, read
            simulator.stop()
    for what, off, on in zip(["a create", "a read"], costs["off"], costs["on"]):
        report(f"what the audit log adds to {what} of {off:.3f} ms, server CPU", on - off, "ms", None)


def main():
    binary = sys.argv[1]
    openapi(binary)
    memory(binary)
    audit(binary)
    with tempfile.TemporaryDirectory() as folder:
        # The API server alone: in a cluster of EKS the controllers of workloads go to work on each Deployment at the same time.
        simulator = Simulator(binary, os.path.join(folder, "upstream.sqlite"), ["--profile", "upstream"])
        patches(simulator)
        if simulator.stop() != 0:
            sys.exit("bench: serve did not stop cleanly")
        simulator = Simulator(binary, os.path.join(folder, "state.sqlite"))
        per_request(simulator, [post("/api/v1/namespaces/default/configmaps", config_map(f"held-{n}")) for n in range(10000)])
        costs = {count: selected(simulator, count, 1500) for count in [100, 200, 400]}
        for count, cost in costs.items():
            report(f"a write that {count} watchers with label selectors are shown, CPU", cost, "ms", None)
        report("the same, 400 watchers against 200", costs[400] / costs[200], "times", 2)
        if simulator.stop() != 0:
            sys.exit("bench: serve did not stop cleanly")
    finish()


if __name__ == "__main__":
    main()
