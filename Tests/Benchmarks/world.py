#!/usr/bin/env python3
"""world.py BINARY [NODES PODS]: a world of 1,000 nodes and 50,000 pods from nothing, then an hour in which nothing happens.

Nodes are instances of managed node groups with interfaces and pools of the account's subnets; pods are made over TLS and bound by the
scheduler. The clock is virtual and moves as fast as the work allows: second after second, but for the time in which the pods are made.
"""
import multiprocessing, os, re, subprocess, sys, tempfile, threading, time, urllib.request

import boto3

from load import Raw, Simulator, call, finish, post, report

GROUP = 450  # nodes in a managed node group at most


class World:
    def __init__(self, binary, folder):
        self.binary = binary
        self.simulator = Simulator(binary, os.path.join(folder, "state.sqlite"), ["--clock", "virtual", "--durability", os.environ.get("DURABILITY", "normal")])
        ready = self.simulator.ready
        keys = ready["credentials"]
        self.environment = {
            **os.environ, "AWS_ACCESS_KEY_ID": keys["accessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["secretAccessKey"],
            "EKS_SIM_ENDPOINT": ready["awsEndpoint"]}

    def client(self, service):
        """boto3's client of a service: the command would take longer to start than most of what it asks for."""
        ready = self.simulator.ready
        keys = ready["credentials"]
        return boto3.client(
            service, endpoint_url=ready["awsEndpoint"], region_name=ready["region"], aws_access_key_id=keys["accessKeyId"],
            aws_secret_access_key=keys["secretAccessKey"])

    def advance(self, duration):
        subprocess.run([self.binary, "clock", "advance", duration], env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def move(self, until):
        """Lets time pass in a thread of its own until an event is set; answers the thread."""
        def work():
            while not until.is_set():
                self.advance("1s")

        thread = threading.Thread(target=work)
        thread.start()
        return thread

    def addresses(self):
        """How many addresses pods have. Unlike a look at the pods themselves, this does not make kubelets write what they kept back."""
        with urllib.request.urlopen(self.simulator.ready["awsEndpoint"] + "/metrics") as answer:
            text = answer.read().decode()
        return sum(int(count) for count in re.findall(r'^eks_sim_pool_addresses.*state="used".* (\d+)$', text, re.M))

    def is_waiting(self):
        """Whether a pod does not run yet."""
        _, answer = call(self.simulator.connect(timeout=120), "GET", "/api/v1/namespaces/default/pods?limit=1&fieldSelector=status.phase%21%3DRunning")
        return bool(answer["items"])


def subnets(world):
    """Three subnets of 65,531 addresses in the cluster's VPC."""
    vpc = world.client("eks").describe_cluster(name="demo")["cluster"]["resourcesVpcConfig"]["vpcId"]
    ec2 = world.client("ec2")
    made = []
    for index, zone in enumerate("acd"):
        block = f"100.{64 + index}.0.0/16"
        ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock=block)
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=world.simulator.ready["region"] + zone)
        made.append(subnet["Subnet"]["SubnetId"])
    return made


def node_role(world):
    trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}]}'
    iam = world.client("iam")
    iam.create_role(RoleName="nodes", AssumeRolePolicyDocument=trust)
    for policy in ["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"]:
        iam.attach_role_policy(RoleName="nodes", PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    return iam.get_role(RoleName="nodes")["Role"]["Arn"]


def nodes(world, places, role, count):
    eks = world.client("eks")
    names = []
    for number in range(0, count, GROUP):
        size = min(GROUP, count - number)
        names.append(f"g{number // GROUP}")
        eks.create_nodegroup(
            clusterName="demo", nodegroupName=names[-1], nodeRole=role, subnets=places, instanceTypes=["m5.4xlarge"],
            scalingConfig={"minSize": 0, "maxSize": size, "desiredSize": size})
    for _ in range(300):
        time.sleep(0.2)
        groups = [eks.describe_nodegroup(clusterName="demo", nodegroupName=name)["nodegroup"] for name in names]
        if all(group["status"] == "ACTIVE" for group in groups):
            return
    sys.exit(f"bench: the node groups are {[group['status'] for group in groups]}")


def pods(world, count, connections=4, batch=20):
    def pod(number):
        return post("/api/v1/namespaces/default/pods", {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{number}", "labels": {"app": "world"}},
            "spec": {"containers": [{"name": "main", "image": "registry.local/app:1", "resources": {"requests": {"cpu": "10m"}}}]}})

    def work(first):
        client = Raw(world.simulator)
        numbers = range(first, count, connections)
        for start in range(0, len(numbers), batch):
            for status, _ in client.ask_all([pod(number) for number in numbers[start:start + batch]]):
                if status != b"201":
                    sys.exit(f"bench: a pod was answered {status}")

    clients = [multiprocessing.Process(target=work, args=(first,)) for first in range(connections)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    if any(client.exitcode for client in clients):
        sys.exit("bench: not all pods were made")


def main():
    binary = os.path.abspath(sys.argv[1])
    node_count, pod_count = (int(n) for n in (sys.argv[2:4] or (1000, 50000)))
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        world = World(binary, folder)
        places = subnets(world)
        role = node_role(world)
        ready = threading.Event()
        mover = world.move(ready)
        began = time.monotonic()
        nodes(world, places, role, node_count)
        ready.set()
        mover.join()
        report(f"{node_count} nodes ready, wall time", time.monotonic() - began, "s", None)
        began = time.monotonic()
        pods(world, pod_count)
        arrived = threading.Event()
        mover = world.move(arrived)
        report(f"{pod_count} pods made, wall time", time.monotonic() - began, "s", None)
        began = time.monotonic()
        while world.addresses() < pod_count and time.monotonic() - started < 600:
            time.sleep(0.5)
        while world.is_waiting() and time.monotonic() - started < 600:
            time.sleep(1)
        arrived.set()
        mover.join()
        if world.is_waiting():
            sys.exit("bench: not all pods run")
        report("until all of them run, wall time", time.monotonic() - began, "s", None)
        report("the server's CPU time for all that", world.simulator.cpu_seconds(), "s", None)
        report("the whole world from nothing, wall time", time.monotonic() - started, "s", 60)
        report("its resident memory", world.simulator.resident_megabytes(), "MB", 1500)
        world.advance("2m")
        began = time.monotonic()
        world.advance("1h")
        report("an idle hour of it, wall time", time.monotonic() - began, "s", 5)
        if world.simulator.stop() != 0:
            sys.exit("bench: serve did not stop cleanly")
    finish()


if __name__ == "__main__":
    main()
