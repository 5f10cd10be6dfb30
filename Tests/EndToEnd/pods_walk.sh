#!/usr/bin/env bash
# Nodes, pods, logs, exec, attach and port-forward with the real kubectl.
#   pods_walk.sh EKS_SIM_BINARY
set -uo pipefail
sim=$(readlink -f "${1:?the eks-sim binary}")
work=$(mktemp -d)
failed=0
export KUBECONFIG="$work/kubeconfig" KUBECACHEDIR="$work/cache"
"$sim" serve --state :memory: --aws-port 0 --api-port 0 --ready-file "$work/ready.json" >"$work/serve.log" 2>&1 &
server=$!
finish() {
  kill "$server" 2>/dev/null
  wait "$server" 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT
for _ in $(seq 100); do [ -s "$work/ready.json" ] && break; kill -0 "$server" 2>/dev/null || break; sleep 0.1; done
[ -s "$work/ready.json" ] || { cat "$work/serve.log"; echo "the simulator did not start"; exit 1; }
cp "$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["clusters"][0]["adminKubeconfig"])' "$work/ready.json")" "$KUBECONFIG"
EKS_SIM_ENDPOINT=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["awsEndpoint"])' "$work/ready.json")
export EKS_SIM_ENDPOINT

bad() { failed=$((failed + 1)); printf 'FAILED: %s\n' "$*"; }
# check STATUS REGEX COMMAND…: the exit status is zero, or the number given, and the output matches.
check() {
  local wanted=$1 regex=$2 out status
  shift 2
  printf '$ %s\n' "$*"
  out=$(eval "$*" 2>&1)
  status=$?
  printf '%s\n' "$out"
  [ "$status" = "${wanted/ok/0}" ] || bad "exit $status, wanted $wanted"
  grep -Eq -- "$regex" <<<"$out" || bad "wanted /$regex/"
}

check ok 'pod/early created' "kubectl run early --image=nginx:1.27 --port=80"
check ok 'no nodes available to schedule pods' "kubectl wait --for=jsonpath='{.status.conditions[?(@.type==\"PodScheduled\")].reason}'=Unschedulable pod/early --timeout=20s; kubectl describe pod early"
check ok '^ip-172-31-' "'$sim' node add demo --count 2 --instance-type m5.large"
check ok 'm5.large' "'$sim' node list demo"
check ok 'condition met' "kubectl wait --for=condition=Ready node --all --timeout=60s"
check ok ' Ready +<none> ' kubectl get nodes -o wide
check ok 'condition met' "kubectl wait --for=condition=Ready pod/early --timeout=60s"
check ok '1/1 +Running' kubectl get pods -o wide
check ok 'Successfully assigned default/early' kubectl describe pod early
check ok 'Metrics API not available' "kubectl top node || true"

check ok 'pod/talk created' "kubectl run talk --image=busybox --restart=Never --command -- sh -c 'echo one; echo two; sleep 600'"
check ok 'condition met' "kubectl wait --for=condition=Ready pod/talk --timeout=60s"
check ok '^one$' kubectl logs talk
check ok '^two$' kubectl logs talk --tail=1
check ok '^[0-9-]+T[0-9:.]+Z two$' kubectl logs talk --timestamps
check 124 '^two$' timeout 2 kubectl logs -f talk
check 1 'previous terminated container "talk" in pod "talk" not found' kubectl logs talk --previous
check ok 'pod/done created' "kubectl run done --image=busybox --restart=Never --command -- sh -c 'echo bye; exit 3'"
check ok 'condition met' "kubectl wait --for=jsonpath='{.status.phase}'=Failed pod/done --timeout=60s"
check ok '^bye$' kubectl logs done
check ok 'condition met' "kubectl run quick --image=busybox --restart=Never --command -- true; kubectl wait --for=jsonpath='{.status.phase}'=Succeeded pod/quick --timeout=60s"

for sockets in true false; do
  export KUBECTL_REMOTE_COMMAND_WEBSOCKETS=$sockets KUBECTL_PORT_FORWARD_WEBSOCKETS=$sockets
  check ok '^hello there$' kubectl exec talk -- echo hello there
  check ok '^talk$' kubectl exec talk -- hostname
  check 7 'exit code 7' "kubectl exec talk -- sh -c 'exit 7'"
  check 127 'is simulated: "ls -l" is not run' kubectl exec talk -- ls -l
  check 4 '^typed$' "printf 'echo typed\nexit 4\n' | kubectl exec -i talk -- sh"
  check 1 'container not found|cannot exec into a container in a completed pod' kubectl exec done -- true
  kubectl port-forward pod/early 18080:80 18081:81 >"$work/forward.log" 2>&1 &
  forward=$!
  for _ in $(seq 50); do grep -q 18081 "$work/forward.log" && break; sleep 0.1; done
  check ok 'port 80 of pod early is simulated' curl -sS http://127.0.0.1:18080/
  check ok 'port 80 of pod early is simulated' curl -sS http://127.0.0.1:18080/again
  check 1 '.' "curl -sS http://127.0.0.1:18081/ || exit 1"
  sleep 0.3
  check ok 'connection refused' cat "$work/forward.log"
  kill "$forward" 2>/dev/null
  wait "$forward" 2>/dev/null
done

check ok 'deleted' kubectl delete pod talk --now
check ok 'deleted' kubectl delete pod early done quick
check ok 'No resources found' kubectl get pods
node=$("$sim" node list demo | head -1 | cut -d' ' -f1)
check ok 'removed' "'$sim' node remove demo $node"
check ok '^1$' "kubectl get nodes -o name | wc -l"

printf '\n%d failed\n' "$failed"
[ "$failed" = 0 ]
