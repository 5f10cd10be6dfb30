#!/usr/bin/env python3
"""kill_under_load.py BINARY [--seeds N] [--first SEED]: kill -9 of `serve` under write load, then reopen.

Each seed: writers create and update ConfigMaps, the process is killed at a moment that the seed chooses, and a new process on the
same file must hold every acknowledged write. Exit 1 when one is lost. Closing line: `N passed, N failed`.
"""
import argparse, http.client, os, random, ssl, sys, tempfile, threading, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from simulator import Simulator, call, config_map

WRITERS = 6


def writer(simulator, seed, number, acknowledged, deleted, stop):
    rng = random.Random(f"{seed}/{number}")
    connection = simulator.connect(timeout=10)
    count = 0
    names = []
    while not stop.is_set():
        try:
            pick = rng.random()
            if names and pick < 0.3:
                name = rng.choice(names)
                value = str(rng.random())
                body = config_map(name)
                body["data"] = {"value": value}
                # An update in flight at the kill may or may not have happened; both values are then right.
                acknowledged[name] = acknowledged[name] | {value}
                status, _ = call(connection, "PUT", f"/api/v1/namespaces/default/configmaps/{name}", body)
                if status == 200:
                    acknowledged[name] = {value}
            elif names and pick < 0.4:
                name = names.pop(rng.randrange(len(names)))
                acknowledged.pop(name)
                status, _ = call(connection, "DELETE", f"/api/v1/namespaces/default/configmaps/{name}")
                if status == 200:
                    deleted.add(name)
            else:
                name = f"s{seed}-w{number}-{count}"
                count += 1
                body = config_map(name)
                status, _ = call(connection, "POST", "/api/v1/namespaces/default/configmaps", body)
                if status == 201:
                    names.append(name)
                    acknowledged[name] = {body["data"]["value"]}
        except (OSError, http.client.HTTPException, ssl.SSLError, ValueError):
            return


def one_round(binary, state, seed, expected, gone):
    """Writes, kills, reopens and compares; answers the lost names and how many writes were acknowledged."""
    simulator = Simulator(binary, state)
    stop = threading.Event()
    acknowledged = [dict() for _ in range(WRITERS)]
    deleted = [set() for _ in range(WRITERS)]
    threads = [threading.Thread(target=writer, args=(simulator, seed, n, acknowledged[n], deleted[n], stop)) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    time.sleep(random.Random(seed).uniform(0.2, 1.2))
    simulator.kill()
    stop.set()
    for thread in threads:
        thread.join()
    for part in acknowledged:
        expected.update(part)  # values are checked by the next line of defence: names
    for part in deleted:
        gone.update(part)
    simulator = Simulator(binary, state)
    connection = simulator.connect()
    status, listing = call(connection, "GET", "/api/v1/namespaces/default/configmaps")
    present = {item["metadata"]["name"]: item["data"] for item in listing["items"]}
    lost = [name for name, values in expected.items() if present.get(name, {}).get("value") not in values]
    lost += [name for name in gone if name in present]
    status, _ = call(connection, "POST", "/api/v1/namespaces/default/configmaps", config_map(f"after-{seed}"))
    if status != 201:
        lost.append(f"write after reopening: {status}")
    simulator.stop()
    return lost, sum(len(part) for part in acknowledged)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=1)
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="eks-sim-soak-") as folder:
        state = os.path.join(folder, "state.sqlite")
        expected, gone = {}, set()
        for seed in range(options.first, options.first + options.seeds):
            lost, count = one_round(options.binary, state, seed, expected, gone)
            print(f"seed {seed}: {count} acknowledged objects at the kill, {len(expected)} expected after it, {len(lost)} lost", flush=True)
            if lost:
                failed += 1
                print("  " + ", ".join(lost[:10]))
    print(f"{options.seeds - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
