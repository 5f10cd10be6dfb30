#!/usr/bin/env python3
"""load.py BINARY: the figures of the README, taken on a running release binary over TLS with the load generator beside it.

CPU per request is the server's own user and system time from /proc, so that the generator's cost does not count.
"""
import json, os, select, ssl, statistics, sys, tempfile, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "EndToEnd"))
from simulator import Simulator, call, config_map

results = []


def report(name, value, unit, limit, least=False):
    """Prints a figure; it must be at most `limit`, or at least with `least`."""
    is_reached = limit is None or (value >= limit if least else value <= limit)
    results.append(is_reached)
    verdict = "" if limit is None else f"   must reach {limit:g} {unit}: {'reached' if is_reached else 'MISSED'}"
    print(f"{name:<58} {value:10.3f} {unit}{verdict}", flush=True)


class Raw:
    """Prepared requests on one keep-alive TLS connection, with as little Python as possible between them."""

    def __init__(self, simulator):
        import socket
        plain = socket.create_connection((simulator.host, simulator.port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = simulator.tls.wrap_socket(plain, server_hostname=simulator.host)
        self.buffer = b""

    def ask(self, request):
        """Sends one request and answers the status and the body's size."""
        self.socket.sendall(request)
        return self.answer()

    def ask_all(self, requests):
        """Sends requests one behind the other without waiting between them, and answers what `ask` does for each."""
        self.socket.sendall(b"".join(requests))
        return [self.answer() for _ in requests]

    def answer(self):
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self.socket.recv(1 << 20)
        head, _, rest = self.buffer.partition(b"\r\n\r\n")
        lower = head.lower()
        start = lower.index(b"content-length:") + 15
        end = lower.find(b"\r\n", start)
        size = int(lower[start:end if end > 0 else len(lower)])
        left = size - len(rest)
        while left > 0:
            chunk = self.socket.recv(1 << 20)
            left -= len(chunk)
            rest = chunk
        self.buffer = rest[len(rest) + left:] if left < 0 else b""
        return head[9:12], size


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n\r\n".encode()


def post(path, body):
    data = json.dumps(body).encode()
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data


def per_request(simulator, requests, connections=8):
    """Server CPU in milliseconds per request and requests per second, `requests` spread over connections."""
    shares = [requests[i::connections] for i in range(connections)]
    clients = [Raw(simulator) for _ in shares]
    for client, share in zip(clients, shares):
        client.ask(get("/version"))
    wrong = []

    def work(client, share):
        for request in share:
            status, _ = client.ask(request)
            if status not in (b"200", b"201"):
                wrong.append(status)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(clients, shares)]
    before, started = simulator.cpu_seconds(), time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed, used = time.monotonic() - started, simulator.cpu_seconds() - before
    if wrong:
        sys.exit(f"bench: {len(wrong)} requests were not answered 200 or 201, the first {wrong[0]}")
    return used / len(requests) * 1000, len(requests) / elapsed


def pod(name):
    """A Pod of about 4 KiB as kube-apiserver stores it, defaults, managedFields and the mounted token included."""
    env = [{"name": f"VARIABLE_{i}", "value": "value-" * 6 + str(i)} for i in range(11)]
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "bench", "tier": name[-1]}, "annotations": {"note": "n" * 400}},
        "spec": {"containers": [{"name": "main", "image": "registry.local/bench:1", "env": env, "resources": {"requests": {"cpu": "10m"}}}]},
    }


def watchers(simulator, count, writes):
    """Milliseconds from sending a write to its arrival at each of `count` watchers."""
    namespace = "/api/v1/namespaces/default/configmaps"
    _, listing = call(simulator.connect(), "GET", namespace + "?limit=1")
    version = listing["metadata"]["resourceVersion"]
    poller = select.epoll()
    sockets = {}
    for _ in range(count):
        raw = Raw(simulator)
        raw.socket.sendall(get(f"{namespace}?watch=1&resourceVersion={version}"))
        raw.socket.recv(4096)
        raw.socket.setblocking(False)
        sockets[raw.socket.fileno()] = raw.socket
        poller.register(raw.socket.fileno(), select.EPOLLIN)
    time.sleep(0.3)
    for descriptor, connection in sockets.items():
        drain(connection)
    writer = Raw(simulator)
    delays = []
    for number in range(writes):
        name = f"watched-{number}"
        request = post(namespace, config_map(name))
        started = time.monotonic()
        thread = threading.Thread(target=writer.ask, args=(request,))
        thread.start()
        waiting = set(sockets)
        while waiting:
            for descriptor, _ in poller.poll(5):
                if descriptor in waiting and drain(sockets[descriptor]):
                    delays.append((time.monotonic() - started) * 1000)
                    waiting.discard(descriptor)
        thread.join()
    delays.sort()
    return delays[len(delays) // 2], delays[int(len(delays) * 0.99)]


def drain(connection):
    """Reads what has arrived; whether that was anything."""
    got = False
    while True:
        try:
            if not connection.recv(65536):
                return got
            got = True
        except (ssl.SSLWantReadError, BlockingIOError):
            return got


def finish():
    print(f"\n{len(results)} figures, {results.count(False)} missed")


def main():
    binary = sys.argv[1]
    starts, sizes = [], []
    for _ in range(7):
        with tempfile.TemporaryDirectory() as folder:
            simulator = Simulator(binary, os.path.join(folder, "state.sqlite"))
            starts.append(simulator.start_seconds * 1000)
            time.sleep(0.5)
            sizes.append(simulator.resident_megabytes())
            simulator.stop()
    report("cold start to the ready file, fresh state file (median)", statistics.median(starts), "ms", 150)
    report("idle resident memory with one cluster (median)", statistics.median(sizes), "MB", 60)

    with tempfile.TemporaryDirectory() as folder:
        simulator = Simulator(binary, os.path.join(folder, "state.sqlite"))
        base = "/api/v1/namespaces/default/configmaps"
        per_request(simulator, [post(base, config_map(f"warm-{n}")) for n in range(2000)])
        cost, rate = per_request(simulator, [post(base, config_map(f"made-{n}")) for n in range(12000)])
        report("create a 1 KiB ConfigMap, server CPU", cost, "ms", 0.25)
        report("create a 1 KiB ConfigMap, rate with 8 connections", rate, "per second", None)
        per_request(simulator, [get(f"{base}/made-{n % 12000}") for n in range(4000)])
        cost, rate = per_request(simulator, [get(f"{base}/made-{n % 12000}") for n in range(30000)])
        report("read a 1 KiB ConfigMap, server CPU", cost, "ms", 0.08)
        report("read a 1 KiB ConfigMap, rate with 8 connections", rate, "per second", None)
        median, high = watchers(simulator, 200, 60)
        report("one write to 200 watchers, median", median, "ms", None)
        report("one write to 200 watchers, p99", high, "ms", 50)
        per_request(simulator, [post("/api/v1/namespaces/default/pods", pod(f"pod-{n}")) for n in range(10000)])
        raw = Raw(simulator)
        times = []
        for _ in range(7):
            started = time.monotonic()
            status, size = raw.ask(get("/api/v1/namespaces/default/pods?resourceVersion=0"))
            times.append((time.monotonic() - started) * 1000)
        report(f"list 10,000 pods ({size / 1e6:.0f} MB) to the last byte (median)", statistics.median(times), "ms", 150)
        report("resident memory after all of this", simulator.resident_megabytes(), "MB", None)
        if simulator.stop() != 0:
            sys.exit("bench: serve did not stop cleanly")
    finish()


if __name__ == "__main__":
    main()
