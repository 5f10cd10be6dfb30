#!/usr/bin/env bash
# What `serve` does when there is too much of something, or it takes too long, over TLS: watches, writes in flight, deadlines.
#   limits_walk.sh EKS_SIM_BINARY
SIM=$(readlink -f "${1:?the eks-sim binary}")
SERVE_OPTIONS="--max-watches 1 --max-mutating-requests-inflight 1 --request-timeout 2s"
# shellcheck source=Tests/EndToEnd/lib.sh
source "$(dirname "$0")/lib.sh"
cluster demo API_AND_CONFIG_MAP
eks-sim kubeconfig demo --admin -o "$KUBECONFIG"
MAPS=/api/v1/namespaces/default/configmaps
kubectl create serviceaccount robot >/dev/null
kubectl create clusterrolebinding robot --clusterrole=cluster-admin --serviceaccount=default:robot >/dev/null
SERVER=$(kubectl config view -o 'jsonpath={.clusters[0].cluster.server}')
kubectl config view --raw -o 'jsonpath={.clusters[0].cluster.certificate-authority-data}' | base64 -d >"$work/ca.crt"
TOKEN=$(kubectl create token robot)
# call METHOD PATH [OPTION...]: the answer with its header fields
call() { curl -si --cacert "$work/ca.crt" -H "Authorization: Bearer $TOKEN" -X "$1" "$SERVER$2" "${@:3}"; }
write() { call POST "$MAPS$2" -H 'Content-Type: application/json' -d "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"$1\"}}"; }
# seen FILE REGEX: waits until a file says it
seen() { for _ in $(seq 100); do grep -qE "$2" "$1" 2>/dev/null && return; sleep 0.05; done; return 1; }

# Each API server counts for itself: let there be one.
eks-sim replica kill demo 1 >/dev/null
for _ in $(seq 6); do call GET "$MAPS" --retry 20 --retry-all-errors --retry-delay 1 >/dev/null; done

part "watches"
curl -siN --cacert "$work/ca.crt" -H "Authorization: Bearer $TOKEN" "$SERVER$MAPS?watch=1" >"$work/watch" 2>&1 &
watch=$!
run "one" seen "$work/watch" 'HTTP/2 200'
GOT=$(call GET "$MAPS?watch=1" --max-time 5)
like "another is told to come again" "$GOT" '^HTTP/2 429'
like "after a second" "$GOT" 'retry-after: 1'
like "in these words" "$GOT" '^Too many requests, please try again later\.$'
like "reads go on" "$(call GET "$MAPS")" '^HTTP/2 200'
like "administrators too" "$(timeout 2 kubectl get configmaps -w 2>&1)" 'kube-root-ca.crt'
kill "$watch"
wait "$watch" 2>/dev/null
for _ in $(seq 50); do GOT=$(call GET "$MAPS?watch=1&timeoutSeconds=1" --max-time 5); grep -q 'HTTP/2 200' <<<"$GOT" && break; sleep 0.1; done
like "there is a place again when it has ended" "$GOT" '^HTTP/2 200'

part "time"
# Takes connections and says nothing.
python3 - "$work/port" <<'PY' &
import socket, sys
s = socket.create_server(("127.0.0.1", 0))
open(sys.argv[1], "w").write(str(s.getsockname()[1]))
held = []
while True:
    held.append(s.accept())
    print("asked", file=open(sys.argv[1] + ".asked", "a"))
PY
silent=$!
trap 'kill "$server" "$silent" 2>/dev/null; wait "$server" "$silent" 2>/dev/null; rm -rf "$work"' EXIT
run "a webhook that says nothing" seen "$work/port" '[0-9]'
kubectl create -f - >/dev/null <<J
{"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "silent"}, "webhooks": [{
  "name": "silent.example.com", "clientConfig": {"url": "https://127.0.0.1:$(cat "$work/port")/"}, "sideEffects": "None", "admissionReviewVersions": ["v1"],
  "timeoutSeconds": 30, "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}]}]}
J
sleep 0.2
write slow "" >"$work/slow" &
slow=$!
seen "$work/port.asked" asked
like "a second write is told to come again" "$(call DELETE "$MAPS/none")" '^Too many requests, please try again later\.$'
wait "$slow"
like "the first has two seconds" "$(cat "$work/slow")" '^HTTP/2 504'
like "and not more" "$(cat "$work/slow")" '"message": "Timeout: request did not complete within the allotted timeout"'
START=$(date +%s%N)
like "a client may give it less" "$(write slow '?timeout=300ms')" '^HTTP/2 504'
[ $((($(date +%s%N) - START) / 1000000)) -lt 1500 ] && good "which is soon over" || bad "which is soon over" "it took longer"
like "what is no time is refused" "$(write slow '?timeout=soon')" 'invalid timeout specified in the request URL'
refuse "nothing of it is there" 'configmaps "slow" not found' kubectl get configmap slow

finish
