#!/usr/bin/env bash
# The main job, walked with the real clients: each command and its real output; exit 0 only if every step behaved as stated.
#   demo.sh EKS_SIM_BINARY
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
sim=$(readlink -f "${1:?the eks-sim binary}")
work=$(mktemp -d)
failed=0 step=0
export AWS_PAGER="" AWS_EC2_METADATA_DISABLED=true KUBECONFIG="$work/kubeconfig" KUBECACHEDIR="$work/cache" AWS_CONFIG_FILE="$work/aws-config" \
  AWS_SHARED_CREDENTIALS_FILE="$work/aws-credentials"
PATH="$(dirname "$sim"):$PATH"

"$sim" serve --empty --state "$work/state.sqlite" --aws-port 0 --api-port 0 --ready-file "$work/ready.json" >"$work/serve.log" 2>&1 &
server=$!
finish() {
  kill "$server" 2>/dev/null
  wait "$server" 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT
for _ in $(seq 100); do [ -s "$work/ready.json" ] && break; kill -0 "$server" 2>/dev/null || break; sleep 0.1; done
[ -s "$work/ready.json" ] || { cat "$work/serve.log"; echo "demo: the simulator did not start"; exit 1; }
EKS_SIM_ENDPOINT=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["awsEndpoint"])' "$work/ready.json")
export EKS_SIM_ENDPOINT

title() { step=$((step + 1)); printf '\n\033[1m%s. %s\033[0m\n' "$step" "$*"; }
bad() { failed=$((failed + 1)); printf '\033[31mDEMO FAILED: %s\033[0m\n' "$*"; }
# A command as typed, its output, and its exit status in $status.
run() { printf '\n$ %s\n' "$1"; OUT=$(eval "${1//\/tmp\/demo/$work}" 2>&1); status=$?; printf '%s\n' "$OUT" | sed "s#$work#/tmp/demo#g"; }
# ok COMMAND [REGEX]: succeeds, and its output matches.
ok() { run "$1"; [ "$status" = 0 ] || bad "exit $status"; [ -z "${2:-}" ] || grep -Eq -- "$2" <<<"$OUT" || bad "wanted /$2/"; }
# refused REGEX COMMAND: fails with that, and `eks-sim why --last` says why with REGEX2.
refused() {
  run "$2"
  [ "$status" != 0 ] || bad "succeeded"
  grep -Eq -- "$1" <<<"$OUT" || bad "wanted /$1/"
  run "eks-sim why --last"
  [ "$status" = 0 ] || bad "why: exit $status"
  grep -Eq -- "$3" <<<"$OUT" || bad "why: wanted /$3/"
}
# watched COMMAND REGEX: goes on until its output matches, for at most a minute, and does not end by itself.
watched() {
  printf '\n$ %s\n' "$1"
  eval "exec $1" >"$work/watched" 2>&1 &
  local pid=$! left=600
  until grep -Eq -- "$2" "$work/watched" || [ $((left -= 1)) = 0 ]; do sleep 0.1; done
  cat "$work/watched"
  [ "$left" -gt 0 ] || bad "wanted /$2/ within a minute"
  kill "$pid" 2>/dev/null || bad "ended by itself"
  wait "$pid" 2>/dev/null || true
}
# Not printed: quiet values for later commands.
value() { eval "$1" 2>>"$work/quiet.log"; }

title "Credentials: the bootstrap principal"
run 'eks-sim env'
eval "$(eks-sim env)"
ok 'aws sts get-caller-identity' '"Account": "[0-9]{12}"'
ACCOUNT=$(value 'aws sts get-caller-identity --query Account --output text')
sed "s/ACCOUNT_ID/$ACCOUNT/" "$root/Fixtures/policies/trust-account.json" >"$work/trust-account.json"
sed "s/ACCOUNT_ID/$ACCOUNT/" "$root/Fixtures/manifests/aws-auth.yaml" >"$work/aws-auth.yaml"

title "IAM, then a cluster"
ok "aws iam create-role --role-name eks-cluster --assume-role-policy-document file://$root/Fixtures/policies/trust-eks.json --query Role.Arn" 'role/eks-cluster'
ok 'aws iam attach-role-policy --role-name eks-cluster --policy-arn arn:aws:iam::aws:policy/AmazonEKSClusterPolicy'
ok 'aws iam create-user --user-name hiroki --query User.Arn' 'user/hiroki'
ok 'aws iam create-access-key --user-name hiroki --query AccessKey.Status' 'Active'
for role in foo-role lonely-role entry-role; do
  ok "aws iam create-role --role-name $role --assume-role-policy-document file://$work/trust-account.json --query Role.RoleId" 'AROA'
done
SUBNETS=$(value "aws ec2 describe-subnets --query 'Subnets[0:2].SubnetId' --output text | tr '\t' ','")
ok "aws eks create-cluster --name foo-eks-cluster --role-arn arn:aws:iam::$ACCOUNT:role/eks-cluster --resources-vpc-config subnetIds=$SUBNETS --access-config authenticationMode=API_AND_CONFIG_MAP --query cluster.status" 'CREATING'
ok 'aws eks wait cluster-active --name foo-eks-cluster'
ok "aws eks describe-cluster --name foo-eks-cluster --query 'cluster.{status:status,endpoint:endpoint,ca:length(certificateAuthority.data),issuer:identity.oidc.issuer,services:kubernetesNetworkConfig.serviceIpv4Cidr,securityGroup:resourcesVpcConfig.clusterSecurityGroupId}'" 'ACTIVE'
for want in 'https://' 'sg-' '/16'; do grep -q -- "$want" <<<"$OUT" || bad "describe-cluster: wanted $want"; done

title "update-kubeconfig, then kubectl as the cluster's creator"
ok 'aws eks update-kubeconfig --name foo-eks-cluster' 'Added new context'
CONTEXT="arn:aws:eks:$AWS_REGION:$ACCOUNT:cluster/foo-eks-cluster"
ok "kubectl config use-context $CONTEXT" 'Switched to context'
ok 'kubectl get ns' 'kube-system +Active'
ok 'kubectl get svc -A' 'kubernetes +ClusterIP'
ok "kubectl apply -f $root/Fixtures/manifests/team-a.yaml" 'configmap/settings created'
ok "kubectl apply -f $root/Fixtures/manifests/team-a.yaml" 'configmap/settings unchanged'
watched 'kubectl get configmaps -n team-a -w' 'settings'
if kubectl auth whoami --help >/dev/null 2>&1; then ok 'kubectl auth whoami' 'arn:aws:iam'; fi
ok "kubectl auth can-i '*' '*' --all-namespaces" 'yes'

title "A role that is mapped nowhere"
ok "aws eks update-kubeconfig --name foo-eks-cluster --alias lonely --user-alias lonely --role-arn arn:aws:iam::$ACCOUNT:role/lonely-role" 'context lonely'
refused 'must be logged in|Unauthorized' 'kubectl --context lonely get pods' 'at foo-eks-cluster'

grep -Eq '^GET /api.* → 401$' <<<"$OUT" || bad "why: wanted kubectl's request, not the token refresh after it"
grep -q 'not mapped' <<<"$OUT" || bad "why: wanted the mapping's verdict"

title "The same kind of role, mapped through aws-auth"
ok "kubectl --context $CONTEXT apply -f /tmp/demo/aws-auth.yaml" 'configmap/aws-auth (created|configured)'
ok "aws eks update-kubeconfig --name foo-eks-cluster --alias developer --user-alias developer --role-arn arn:aws:iam::$ACCOUNT:role/foo-role" 'context developer'
ok 'kubectl --context developer get configmaps -n team-a' 'settings'
ok 'kubectl --context developer auth can-i create pods -n team-a' 'yes'
refused 'forbidden: User "hiroki-it" cannot list resource "configmaps"' 'kubectl --context developer get configmaps -n default' 'developers'
refused 'forbidden: User "hiroki-it" cannot list resource "secrets"' 'kubectl --context developer get secrets -n team-a' 'secrets'

title "An access entry with an access policy"
ok "aws eks create-access-entry --cluster-name foo-eks-cluster --principal-arn arn:aws:iam::$ACCOUNT:role/entry-role --query accessEntry.username" 'assumed-role/entry-role'
ok "aws eks associate-access-policy --cluster-name foo-eks-cluster --principal-arn arn:aws:iam::$ACCOUNT:role/entry-role --policy-arn arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy --access-scope type=namespace,namespaces=team-a --query associatedAccessPolicy.accessScope" 'team-a'
ok "aws eks update-kubeconfig --name foo-eks-cluster --alias viewer --user-alias viewer --role-arn arn:aws:iam::$ACCOUNT:role/entry-role" 'context viewer'
ok 'kubectl --context viewer get configmaps -n team-a' 'settings'
refused 'forbidden: User "arn:aws:sts::[0-9]+:assumed-role/entry-role/' 'kubectl --context viewer get configmaps -n default' 'AmazonEKSViewPolicy'
refused 'forbidden' 'kubectl --context viewer delete configmap settings -n team-a' 'AmazonEKSViewPolicy'

title "Tokens that are no good"
SERVER=$(value "aws eks describe-cluster --name foo-eks-cluster --query cluster.endpoint --output text")
value "aws eks describe-cluster --name foo-eks-cluster --query cluster.certificateAuthority.data --output text" | base64 -d >"$work/ca.crt"
BARE="KUBECONFIG=/dev/null kubectl --server $SERVER --certificate-authority /tmp/demo/ca.crt"
GOOD=$(value "aws eks get-token --cluster-name foo-eks-cluster --query status.token --output text")
EXPIRED=$(python3 "$root/Tests/EndToEnd/presign.py" foo-eks-cluster 960)
FOREIGN=$(value "aws eks get-token --cluster-name another-cluster --query status.token --output text")
TAMPERED=$(python3 -c 'import base64,sys
text = sys.argv[1].split(".", 1)[1]
url = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
url = url[:-1] + ("0" if url[-1] != "0" else "1")
print("k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("="))' "$GOOD")
export GOOD EXPIRED FOREIGN TAMPERED
ok "$BARE --token \"\$GOOD\" get ns -o name" 'namespace/team-a'
refused 'must be logged in|Unauthorized' "$BARE --token \"\$EXPIRED\" get ns" 'expired|15 min'
refused 'must be logged in|Unauthorized' "$BARE --token \"\$TAMPERED\" get ns" 'SignatureDoesNotMatch|signature'
refused 'must be logged in|Unauthorized' "$BARE --token \"\$FOREIGN\" get ns" 'x-k8s-aws-id|cluster id|SignatureDoesNotMatch'
ok 'eks-sim token inspect "$GOOD"' 'GetCallerIdentity'

title "The simulator stops cleanly"
kill -TERM "$server"
wait "$server"
[ $? = 0 ] || bad "serve ended with a failure"
echo
if [ "$failed" = 0 ]; then echo "demo: every step behaved as stated"; else echo "demo: $failed step(s) did not behave as stated"; exit 1; fi
