#!/usr/bin/env python3
"""services.py BINARY [CREATIONS]: Services made and deleted by 64 clients over a /16, until it is full to 99 % and beyond.

No address is ever given twice, none is lost, and an allocation costs the same however full the range is.
"""
import ipaddress, json, os, random, sys, tempfile, threading, time

from load import Raw, Simulator, call, finish, post, report

CLIENTS = 64
SERVICES = "/api/v1/namespaces/default/services"
FULL = 0.99


def delete(name):
    return f"DELETE {SERVICES}/{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


class Crowd:
    """The clients, each with a connection of its own and the Services that it made."""

    def __init__(self, simulator):
        self.simulator = simulator
        self.clients = [Raw(simulator) for _ in range(CLIENTS)]
        self.names = [[] for _ in range(CLIENTS)]
        self.dice = [random.Random(seed) for seed in range(CLIENTS)]
        self.made = 0

    def run(self, work, count):
        """Lets all clients do their shares of `count` steps at once; answers the server's milliseconds of CPU for a step."""
        wrong = []

        def client(index):
            try:
                for step in range(index, count, CLIENTS):
                    work(index, step)
            except Exception as error:
                wrong.append(error)

        before = self.simulator.cpu_seconds()
        threads = [threading.Thread(target=client, args=(index,)) for index in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if wrong:
            sys.exit(f"bench: {len(wrong)} clients failed, the first: {wrong[0]!r}")
        return (self.simulator.cpu_seconds() - before) / count * 1000

    def ask(self, index, request, expected):
        status, _ = self.clients[index].ask(request)
        if status != expected:
            raise RuntimeError(f"{request[:60]!r} was answered {status}")

    def create(self, count):
        first, self.made = self.made, self.made + count

        def work(index, step):
            name = f"s-{first + step}"
            self.ask(index, post(SERVICES, {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}), b"201")
            self.names[index].append(name)

        return self.run(work, count)

    def delete(self, count):
        """Every client deletes Services of its own; of the last ones, all that it has."""
        def work(index, _):
            names = self.names[index]
            if not names:
                return
            place = self.dice[index].randrange(len(names))
            names[place], names[-1] = names[-1], names[place]
            self.ask(index, delete(names.pop()), b"200")

        return self.run(work, count)


def check(simulator, expected):
    """The addresses in use are distinct, of the range, and each has its IPAddress object and no other has."""
    connection = simulator.connect(timeout=120)
    _, services = call(connection, "GET", "/api/v1/services")
    _, addresses = call(connection, "GET", "/apis/networking.k8s.io/v1/ipaddresses")
    given = [item["spec"]["clusterIP"] for item in services["items"]]
    if len(set(given)) != len(given) or len(given) != expected:
        sys.exit(f"bench: {len(given)} Services have {len(set(given))} addresses, {expected} were expected")
    if set(given) != {item["metadata"]["name"] for item in addresses["items"]}:
        sys.exit(f"bench: {len(addresses['items'])} IPAddress objects for {len(given)} Services")


def main():
    binary = os.path.abspath(sys.argv[1])
    creations = int(sys.argv[2]) if len(sys.argv) > 2 else 100000
    with tempfile.TemporaryDirectory() as folder:
        simulator = Simulator(binary, os.path.join(folder, "state.sqlite"))
        connection = simulator.connect()
        own = len(call(connection, "GET", "/api/v1/services")[1]["items"])
        block = call(connection, "GET", "/apis/networking.k8s.io/v1/servicecidrs/kubernetes")[1]["spec"]["cidrs"][0]
        size = ipaddress.ip_network(block).num_addresses - 2
        full = int(size * FULL) - own
        crowd = Crowd(simulator)
        began = time.monotonic()
        costs = []
        part = full // 10
        for number in range(10):
            costs.append(crowd.create(part if number < 9 else full - 9 * part))
            if number in (0, 4, 9):
                report(f"a Service in {block}, {(number + 1) * 10 * FULL:.0f} % full, CPU", costs[-1], "ms", None)
        report("the last tenth costs so many times the first", costs[-1] / costs[0], "", 1.25)
        check(simulator, own + full)
        while crowd.made < creations:
            count = min(5000, creations - crowd.made)
            crowd.delete(count)
            again = crowd.create(count)
        report("a Service where others went, 99 % full, CPU", again, "ms", None)
        check(simulator, own + full)
        crowd.delete(max(len(names) for names in crowd.names) * CLIENTS)
        check(simulator, own)
        report(f"{crowd.made} creations and deletions by {CLIENTS} clients, wall time", time.monotonic() - began, "s", None)
        if simulator.stop() != 0:
            sys.exit("bench: serve did not stop cleanly")
    finish()


if __name__ == "__main__":
    main()
