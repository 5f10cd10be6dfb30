# What the walks have in common; to be sourced. Starts a simulator of its own with SIM, the binary, and leaves $work, $server, $ACCOUNT.
set -uo pipefail
work=$(mktemp -d)
passed=0 failed=0
export AWS_PAGER="" AWS_EC2_METADATA_DISABLED=true KUBECONFIG="$work/kubeconfig" KUBECACHEDIR="$work/cache" AWS_CONFIG_FILE="$work/aws-config" \
  AWS_SHARED_CREDENTIALS_FILE="$work/aws-credentials"
PATH="$(dirname "$SIM"):$PATH"

# shellcheck disable=SC2086 # options of the walk
"$SIM" serve --empty ${SERVE_OPTIONS:-} --state "$work/state.sqlite" --aws-port 0 --api-port 0 --ready-file "$work/ready.json" >"$work/serve.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 100); do [ -s "$work/ready.json" ] && break; kill -0 "$server" 2>/dev/null || break; sleep 0.1; done
[ -s "$work/ready.json" ] || { cat "$work/serve.log"; echo "the simulator did not start"; exit 1; }
EKS_SIM_ENDPOINT=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["awsEndpoint"])' "$work/ready.json")
export EKS_SIM_ENDPOINT
eval "$(eks-sim env)"
ACCOUNT=$(aws sts get-caller-identity --query Account --output text)

part() { printf '\n== %s\n' "$*"; }
good() { passed=$((passed + 1)); printf 'ok   %s\n' "$1"; }
bad() { failed=$((failed + 1)); printf 'FAIL %s\n     %s\n' "$1" "$2"; }
# is NAME GOT WANT
is() { if [ "$2" = "$3" ]; then good "$1"; else bad "$1" "got [$2] want [$3]"; fi; }
# like NAME GOT REGEX
like() { if grep -Eq -- "$3" <<<"$2"; then good "$1"; else bad "$1" "got [$2] want /$3/"; fi; }
# run NAME COMMAND...: succeeds; its output in $OUT
run() { local n=$1; shift; if OUT=$("$@" 2>"$work/err"); then good "$n"; else bad "$n" "$(head -c 600 "$work/err")"; fi; }
# refuse NAME REGEX COMMAND...: fails, and what it says matches
refuse() {
  local n=$1 rx=$2
  shift 2
  if OUT=$("$@" 2>&1); then bad "$n" "succeeded: ${OUT:0:200}"; else like "$n" "$(tr '\n' ' ' <<<"$OUT")" "$rx"; fi
}
# until_is WANT COMMAND...: repeats until the output is as wanted, for some seconds
until_is() {
  local want=$1 got=""
  shift
  for _ in $(seq 200); do
    got=$("$@" 2>/dev/null)
    [ "$got" = "$want" ] && break
    sleep 0.25
  done
  printf '%s' "$got"
}
q() { aws "$@" --output text; }
# nodes CLUSTER: how many nodes say what of themselves, as 1NotReady,2Ready
nodes() { kubectl --kubeconfig "$work/$1.kubeconfig" get nodes --no-headers 2>/dev/null | awk '{print $2}' | sort | uniq -c | awk '{print $1 $2}' | paste -sd,; }
# status CLUSTER NODEGROUP
status() { q eks describe-nodegroup --cluster-name "$1" --nodegroup-name "$2" --query nodegroup.status; }
field() { python3 -c 'import json,sys; d=json.load(sys.stdin); print(eval("d"+sys.argv[1]))' "$1"; }
trust() { printf '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":%s}]}' "$1"; }
allow() { printf '{"Version":"2012-10-17","Statement":[{"Effect":"%s","Action":"%s","Resource":"%s"}]}' "${3:-Allow}" "$1" "${2:-*}"; }
role() { q iam create-role --role-name "$1" --assume-role-policy-document "$(trust "$2")" --query Role.Arn "${@:3}"; }
# cluster NAME MODE: makes a cluster in the default network and waits for it
cluster() {
  local subnets role_arn="arn:aws:iam::$ACCOUNT:role/eks-cluster"
  aws iam get-role --role-name eks-cluster >/dev/null 2>&1 || role eks-cluster '{"Service":"eks.amazonaws.com"}' >/dev/null
  subnets=$(q ec2 describe-subnets --query 'Subnets[].SubnetId' | tr '\t' ',')
  aws eks create-cluster --name "$1" --role-arn "$role_arn" --resources-vpc-config "subnetIds=$subnets" --access-config "authenticationMode=$2" >/dev/null
  aws eks wait cluster-active --name "$1"
}
finish() {
  printf '\n%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" = 0 ]
}
