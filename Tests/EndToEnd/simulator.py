"""Starts `eks-sim serve` and talks to a cluster's API server with its admin certificate. Python standard library only."""
import base64, http.client, json, os, re, signal, ssl, subprocess, tempfile, time


class Simulator:
    """One `serve` process on free ports."""

    def __init__(self, binary, state=":memory:", arguments=()):
        self.work = tempfile.mkdtemp(prefix="eks-sim-")
        self.ready_path = os.path.join(self.work, "ready.json")
        self.log = open(os.path.join(self.work, "serve.log"), "wb")
        started = time.monotonic()
        self.process = subprocess.Popen(
            [binary, "serve", "--state", state, "--aws-port", "0", "--api-port", "0", "--ready-file", self.ready_path, *arguments],
            stdout=self.log, stderr=subprocess.STDOUT)
        while not os.path.exists(self.ready_path):
            if self.process.poll() is not None or time.monotonic() - started > 60:
                raise RuntimeError("serve did not start: " + open(self.log.name).read())
            time.sleep(0.002)
        self.start_seconds = time.monotonic() - started
        with open(self.ready_path) as file:
            self.ready = json.load(file)
        self.cluster = self.ready["clusters"][0]
        self.host, port = re.match(r"https://(.*):(\d+)$", self.cluster["endpoint"]).groups()
        self.port = int(port)
        self.tls = self._context()

    def _context(self):
        with open(self.cluster["adminKubeconfig"]) as file:
            text = file.read()

        def field(name):
            return base64.b64decode(re.search(name + r": *\"?([A-Za-z0-9+/=]+)", text).group(1))

        paths = {}
        for name in ("certificate-authority-data", "client-certificate-data", "client-key-data"):
            paths[name] = os.path.join(self.work, name)
            with open(paths[name], "wb") as file:
                file.write(field(name))
        context = ssl.create_default_context(cafile=paths["certificate-authority-data"])
        context.load_cert_chain(paths["client-certificate-data"], paths["client-key-data"])
        return context

    def connect(self, timeout=30):
        """A keep-alive connection to the API server."""
        return http.client.HTTPSConnection(self.host, self.port, context=self.tls, timeout=timeout)

    def cpu_seconds(self):
        """User and system time that the server has used."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_megabytes(self):
        """Resident memory."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024

    def kill(self):
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def stop(self):
        """SIGTERM; answers the exit status."""
        self.process.terminate()
        status = self.process.wait(timeout=60)
        self.log.close()
        return status


def call(connection, method, path, body=None):
    """One request; answers status and JSON."""
    payload = json.dumps(body).encode() if body is not None else None
    connection.request(method, path, payload, {"Content-Type": "application/json"} if payload else {})
    answer = connection.getresponse()
    data = answer.read()
    return answer.status, (json.loads(data) if data else None)


def config_map(name, size=1024):
    """A ConfigMap of about `size` bytes."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"value": "x" * max(0, size - 120)}}
