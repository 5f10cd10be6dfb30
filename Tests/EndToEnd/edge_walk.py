#!/usr/bin/env python3
"""edge_walk.py BINARY CHECK: what `serve` does at its edges, from outside. CHECK is one of the functions below.

Exit 1 with the reason when it does otherwise than stated.
"""
import http.client, json, os, resource, signal, socket, sqlite3, subprocess, sys, tempfile, threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from simulator import Simulator, call, config_map

MAPS = "/api/v1/namespaces/default/configmaps"


def expect(condition, what):
    if not condition:
        sys.exit(f"edge_walk: {what}")


def state_file():
    return os.path.join(tempfile.mkdtemp(prefix="eks-sim-"), "state.sqlite")


def run(binary, state, *arguments, **options):
    """A `serve` that is expected to end by itself; exit status and output."""
    done = subprocess.run(
        [binary, "serve", "--state", state, "--aws-port", "0", "--api-port", "0", *arguments], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=60, **options)
    return done.returncode, done.stdout.decode()


def drains(binary, number):
    """A watch ends whole, the process exits 0, the ready file goes, the port is free; a request that was begun is answered."""
    simulator = Simulator(binary)
    watch = simulator.connect()
    watch.request("GET", MAPS + "?watch=true")
    answer = watch.getresponse()
    expect(json.loads(answer.readline())["type"] == "ADDED", "the watch begins")
    for index in range(40):
        status, _ = call(simulator.connect(), "POST", MAPS, config_map(f"m{index}", 500_000))
        expect(status == 201, f"create answered {status}")
    for _ in range(40):
        answer.readline()
    # 20 MB are under way to a client that has read nothing of them yet.
    reader = simulator.connect()
    reader.request("GET", MAPS)
    large = reader.getresponse()
    simulator.process.send_signal(number)
    rest = answer.read()
    expect(rest == b"", f"the watch ends without further events, got {rest[:200]}")
    items = json.loads(large.read())["items"]
    expect(len(items) == 41, f"the list is whole, got {len(items)}")
    expect(simulator.process.wait(timeout=30) == 0, f"exit status {simulator.process.returncode}")
    expect(not os.path.exists(simulator.ready_path), "the ready file is gone")
    with socket.socket() as probe:
        expect(probe.connect_ex((simulator.host, simulator.port)) != 0, "nobody listens any more")


def sigterm(binary):
    drains(binary, signal.SIGTERM)


def sigint(binary):
    drains(binary, signal.SIGINT)


def full_disk(binary):
    """Writes that the disk refuses get 500 with the reason; what was acknowledged is there, also after a restart."""
    state = state_file()
    Simulator(binary, state).stop()
    soft = os.path.getsize(state) + (1 << 20)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, before[1]))
    try:
        simulator = Simulator(binary, state)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    connection = simulator.connect()
    kept, refused = [], None
    for index in range(400):
        status, body = call(connection, "POST", MAPS, config_map(f"m{index}", 20_000))
        if status == 201:
            kept.append(f"m{index}")
        else:
            refused = (status, body)
            break
    expect(refused is not None, "the disk never was full")
    expect(refused[0] == 500 and refused[1]["reason"] == "InternalError", f"refused with {refused}")
    expect("nothing was written" in refused[1]["message"], f"the message is {refused[1]['message']}")
    expect(simulator.process.poll() is None, "serve goes on")
    names = {item["metadata"]["name"] for item in call(connection, "GET", MAPS)[1]["items"]}
    expect(names == set(kept) | {"kube-root-ca.crt"}, "exactly what was acknowledged is there")
    expect(simulator.stop() == 0, "serve ends with 0")
    again = Simulator(binary, state)
    names = {item["metadata"]["name"] for item in call(again.connect(), "GET", MAPS)[1]["items"]}
    expect(names == set(kept) | {"kube-root-ca.crt"}, "it is there after a restart")
    expect(call(again.connect(), "POST", MAPS, config_map("later"))[0] == 201, "with room again, writing goes on")
    again.stop()


def newer_schema(binary):
    """A file of a later version is refused with 1 and left as it was."""
    state = state_file()
    Simulator(binary, state).stop()
    with sqlite3.connect(state) as file:
        file.execute("PRAGMA user_version = 9999")
    file.close()
    content = open(state, "rb").read()
    status, output = run(binary, state)
    expect(status == 1 and state in output and "newer" in output, f"{status} {output}")
    expect(open(state, "rb").read() == content, "the file is left as it was")


def damaged(binary):
    """A file with overwritten pages, or cut off, is refused with 1 and left as it was."""
    for damage in (lambda data: data[:8192] + b"\xa5" * 8192 + data[16384:], lambda data: data[: len(data) // 2]):
        state = state_file()
        Simulator(binary, state).stop()
        content = damage(open(state, "rb").read())
        open(state, "wb").write(content)
        status, output = run(binary, state)
        expect(status == 1 and state in output and "damaged" in output, f"{status} {output}")
        expect(open(state, "rb").read() == content, "the file is left as it was")


def read_only(binary):
    """A directory that cannot be written is refused with 1."""
    status, output = run(binary, "/proc/eks-sim.sqlite")
    expect(status == 1 and "/proc/eks-sim.sqlite" in output and len(output.splitlines()) == 1, f"{status} {output}")
    if os.getuid() != 0:
        directory = os.path.dirname(state_file())
        os.chmod(directory, 0o500)
        status, output = run(binary, os.path.join(directory, "s"))
        expect(status == 1 and directory in output, f"{status} {output}")


def ready_file(binary):
    """A ready file that cannot be written ends serve with 1."""
    status, output = run(binary, ":memory:", "--ready-file", "/no/such/directory/ready.json")
    expect(status == 1 and "cannot write /no/such/directory/" in output, f"{status} {output}")


def hostile(binary):
    """Garbage on both ports from many clients at once; everybody else is served."""
    simulator = Simulator(binary)
    aws = simulator.ready["awsEndpoint"].rsplit(":", 1)
    targets = [(simulator.host, simulator.port), (aws[0].split("//")[1], int(aws[1]))]
    pieces = [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", os.urandom(4096), b"GET / HTTP/1.1\r\n", b"\x00" * 100,
              b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(200)]

    def attack():
        for target in targets:
            for piece in pieces:
                try:
                    with socket.create_connection(target, timeout=5) as client:
                        client.sendall(piece)
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                except OSError:
                    pass

    threads = [threading.Thread(target=attack) for _ in range(8)]
    for thread in threads:
        thread.start()
    for index in range(20):
        expect(call(simulator.connect(), "POST", MAPS, config_map(f"h{index}"))[0] == 201, "others are served")
    for thread in threads:
        thread.join()
    expect(call(simulator.connect(), "GET", MAPS)[0] == 200, "others are served")
    with socket.create_connection(targets[0], timeout=10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        expect(b"Client sent an HTTP request to an HTTPS server." in client.recv(4096), "plain HTTP is told so")
    connection = http.client.HTTPConnection(*targets[1], timeout=30)
    connection.request("POST", "/", b"x" * (4 << 20), {"Content-Type": "application/x-www-form-urlencoded"})
    expect(connection.getresponse().status == 413, "AWS refuses a large body")
    connection = simulator.connect()
    connection.request("POST", MAPS, b" " * (4 << 20), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    expect(answer.status == 413 and json.loads(answer.read())["message"] == "Request entity too large: limit is 3145728", "413 as a Status")
    expect(simulator.stop() == 0, "serve ends with 0")


if __name__ == "__main__":
    globals()[sys.argv[2]](sys.argv[1])
