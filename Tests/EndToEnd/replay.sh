#!/usr/bin/env bash
# The recorded requests of a real API server, sent over TLS to a cluster of profile upstream: replay.sh BINARY
# Prints the table of Fixtures/clients/replay.py and every vector that failed; exit 1 when one fails that is not known to.
set -euo pipefail
SIM=$(readlink -f "${1:?the eks-sim binary}")
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
"$SIM" serve --profile upstream --state "$work/state.sqlite" --aws-port 0 --api-port 0 --ready-file "$work/ready.json" >"$work/serve.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 200); do [ -s "$work/ready.json" ] && break; sleep 0.1; done
kubeconfig=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["clusters"][0]["adminKubeconfig"])' "$work/ready.json")
status=0
for file in http rbac; do
  python3 Fixtures/clients/replay.py "$kubeconfig" "Fixtures/vectors/$file.json" >"$work/out" || true
  tail -n 2 "$work/out"
  # A method that HTTP does not know is refused by the parser of the listener, before it is a request.
  failed=$(sed -n 's/^FAIL //p' "$work/out" | grep -vxFf Fixtures/vectors/http.known-failing | grep -vx errors.methods || true)
  [ -z "$failed" ] || { status=1; echo "not known to fail:" $failed; cat "$work/out"; }
done
exit "$status"
