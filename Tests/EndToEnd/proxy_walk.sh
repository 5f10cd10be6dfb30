#!/usr/bin/env bash
# The proxies of Services, pods and nodes, with the unmodified kubectl: to a server on this machine, to simulated pods, to kubelets, to nothing.
#   proxy_walk.sh EKS_SIM_BINARY
SIM=$(readlink -f "${1:?the eks-sim binary}")
# shellcheck source=Tests/EndToEnd/lib.sh
source "$(dirname "$0")/lib.sh"
cluster demo API_AND_CONFIG_MAP
eks-sim kubeconfig demo --admin -o "$KUBECONFIG"
S=/api/v1/namespaces/default/services P=/api/v1/namespaces/default/pods

python3 - "$work/port" <<'PY' &
import http.server, socketserver, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers: self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        if self.headers.get("Upgrade") == "echo":
            self.send_response(101); self.send_header("Upgrade", "echo"); self.send_header("Connection", "Upgrade"); self.end_headers()
            self.wfile.write(self.rfile.readline()); self.close_connection = True
        elif self.path == "/moved": self.answer(302, b"", [("Location", "/there")])
        elif self.path == "/page": self.answer(200, b'<A Href=/there>x</A>', [("Content-Type", "text/html; charset=utf-8"), ("Access-Control-Allow-Origin", "*")])
        elif self.path == "/slow":
            self.send_response(200); self.send_header("Transfer-Encoding", "chunked"); self.end_headers()
            for word in (b"one", b"two"): self.wfile.write(b"%x\r\n%s\r\n" % (len(word), word)); self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        else: self.answer(200, f"{self.path} auth={self.headers.get('Authorization')} host={self.headers.get('Host')} uri={self.headers.get('X-Forwarded-Uri')}".encode(), [("X-Own", "yes")])
    def do_POST(self): self.answer(201, b"got " + self.rfile.read(int(self.headers["Content-Length"])))
    def log_message(self, *_): pass
server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
open(sys.argv[1], "w").write(str(server.server_address[1]))
server.serve_forever()
PY
backend=$!
trap 'kill "$server" "$backend" 2>/dev/null; wait "$server" "$backend" 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 50); do [ -s "$work/port" ] && break; sleep 0.1; done
PORT=$(cat "$work/port")
kubectl create -f - >/dev/null <<J
{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "here"},
 "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"name": "web", "port": $PORT}]}}
J

part "a Service that resolves to this machine"
like "get" "$(kubectl get --raw "$S/here:$PORT/proxy/a/b?c=d")" '^/a/b\?c=d auth=None host=127.0.0.1:[0-9]+ uri=/api/v1/namespaces/default/services/here:[0-9]+/proxy/a/b$'
like "by the port's name" "$(kubectl get --raw "$S/here:web/proxy/")" '^/ auth'
like "with a scheme" "$(kubectl get --raw "$S/http:here:web/proxy/x")" '^/x auth'
like "post" "$(kubectl create --raw "$S/here:web/proxy/" -f <(echo hello))" '^got hello'
is "in pieces" "$(kubectl get --raw "$S/here:web/proxy/slow")" onetwo
kubectl proxy --port=0 >"$work/proxy.log" 2>&1 &
kp=$!
for _ in $(seq 50); do grep -q 'Starting to serve' "$work/proxy.log" && break; sleep 0.1; done
AT=127.0.0.1:$(grep -oE '[0-9]+$' "$work/proxy.log")
like "its fields come back" "$(curl -si "http://$AT$S/here:web/proxy/")" 'X-Own: yes'
like "without the last slash it is moved" "$(curl -si "http://$AT$S/here:web/proxy")" 'Location: /api/v1/namespaces/default/services/here:web/proxy/'
like "places on it are named as the client reaches them" "$(curl -si "http://$AT$S/here:web/proxy/moved")" 'Location: /api/v1/namespaces/default/services/here:web/proxy/there'
GOT=$(curl -si "http://$AT$S/here:web/proxy/page")
like "links on pages too" "$GOT" '^<a href="/api/v1/namespaces/default/services/here:web/proxy/there">x</A>$'
if grep -qi access-control <<<"$GOT"; then bad "who may read it is not the other side's to say" "$GOT"; else good "who may read it is not the other side's to say"; fi
like "what is no other protocol after all" "$(curl -s -H 'Connection: Upgrade' -H 'Upgrade: other' "http://$AT$S/here:web/proxy/")" 'invalid upgrade response: status code 200'
is "another protocol" "$(python3 - "$AT" "$S/here:web/proxy/" <<'PY'
import socket, sys
host, port = sys.argv[1].split(":")
s = socket.create_connection((host, int(port)), 5)
def more():
    got = s.recv(4096)
    if not got: sys.exit(f"closed after {data}")
    return got
s.sendall(f"GET {sys.argv[2]} HTTP/1.1\r\nHost: {sys.argv[1]}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n".encode())
data = b""
while b"\r\n\r\n" not in data: data += more()
s.sendall(b"ping\n")
while b"ping" not in data: data += more()
print(data.split(b" ")[1].decode(), data.split(b"\r\n\r\n")[1].decode().strip())
PY
)" "101 ping"
kill "$kp"

part "nothing there"
refuse "no such Service" 'services "none" not found' kubectl get --raw "$S/none/proxy/"
kubectl create service clusterip empty --tcp=80:80 >/dev/null
refuse "nobody behind it" 'no endpoints available for service "empty"' kubectl get --raw "$S/empty/proxy/"
refuse "no such port" 'no service port 81 found for service "empty"' kubectl get --raw "$S/empty:81/proxy/"
kill "$backend"; wait "$backend" 2>/dev/null
refuse "a refused connection" "error trying to reach service: dial tcp (127.0.0.1|localhost|\[::1\]):$PORT: connect: connection refused" kubectl get --raw "$S/here:web/proxy/"

part "pods and nodes"
eks-sim node add demo >/dev/null
kubectl run web --image=nginx --port=8080 >/dev/null
refuse "before it has an address" 'address not allowed' kubectl get --raw "$P/web/proxy/"
kubectl wait --for=condition=Ready pod/web --timeout=30s >/dev/null
like "a declared port" "$(kubectl get --raw "$P/web/proxy/")" 'port 8080 of pod web is simulated'
refuse "a port that there is not" 'dial tcp: address 99999: invalid port' kubectl get --raw "$S/here:99999/proxy/"
refuse "nor by name" 'dial tcp: lookup tcp/web: unknown port' kubectl get --raw "$P/web:web/proxy/"
refuse "another" 'error trying to reach service: dial tcp [0-9.]+:9: connect: connection refused' kubectl get --raw "$P/web:9/proxy/"
IP=$(kubectl get pod web -o 'jsonpath={.status.podIP}')
kubectl create -f - >/dev/null <<J
{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "metadata": {"name": "empty-1", "labels": {"kubernetes.io/service-name": "empty"}},
 "ports": [{"name": "80-80", "port": 8080}], "endpoints": [{"addresses": ["$IP"], "conditions": {"ready": true}}]}
J
like "behind a Service" "$(kubectl get --raw "$S/empty:80-80/proxy/")" 'port 8080 of pod web is simulated'
NODE=$(kubectl get nodes -o 'jsonpath={.items[0].metadata.name}')
is "a kubelet" "$(kubectl get --raw "/api/v1/nodes/$NODE/proxy/healthz")" ok
like "its pods" "$(kubectl get --raw "/api/v1/nodes/$NODE/proxy/pods")" '"name":"web"'
# web, aws-node, kube-proxy and both of coredns, soon.
for _ in $(seq 40); do kubectl get --raw "/api/v1/nodes/$NODE:10250/proxy/metrics" | grep -q '^kubelet_running_pods 5' && break; sleep 0.25; done
like "its metrics" "$(kubectl get --raw "/api/v1/nodes/$NODE:10250/proxy/metrics")" '^kubelet_running_pods 5'
is "what it measures: nothing is used" "$(kubectl get --raw "/api/v1/nodes/$NODE/proxy/stats/summary" | field '["pods"][0]["podRef"]["name"]')" web
refuse "without the right" 'cannot get resource "nodes/proxy"' kubectl get --raw "/api/v1/nodes/$NODE/proxy/healthz" --as nobody

finish
