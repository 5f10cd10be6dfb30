#!/usr/bin/env bash
# The commands about access against a running simulator: who-can, access rehearse, access lint, why in every form, token inspect offline.
#   access_walk.sh EKS_SIM_BINARY
SIM=$(readlink -f "${1:?the eks-sim binary}")
# shellcheck source=Tests/EndToEnd/lib.sh
source "$(dirname "$0")/lib.sh"
# exits NAME WANT COMMAND...: ends with that status; its output in $OUT
exits() {
  local n=$1 want=$2
  shift 2
  OUT=$("$@" 2>&1)
  is "$n" "$?" "$want"
}

ROOT="{\"AWS\":\"arn:aws:iam::$ACCOUNT:root\"}"
cluster demo API_AND_CONFIG_MAP
DEV=$(role dev "$ROOT") OPS=$(role ops "$ROOT")
aws eks create-access-entry --cluster-name demo --principal-arn "$DEV" --kubernetes-groups developers >/dev/null
aws eks update-kubeconfig --name demo --alias admin --user-alias admin >/dev/null
kubectl create namespace team-a >/dev/null
kubectl create role pods -n team-a --verb=get,list,delete --resource=pods >/dev/null
kubectl create rolebinding pods -n team-a --role=pods --group=developers >/dev/null
kubectl create configmap aws-auth -n kube-system --from-literal=mapRoles="- {rolearn: '$OPS', username: 'ops:{{SessionName}}', groups: [developers]}" >/dev/null

part "who-can"
run "delete pods" eks-sim who-can delete po -n team-a
like "the creator, by its policy" "$OUT" 'AmazonEKSClusterAdminPolicy'
like "the entry's role" "$OUT" "$DEV"
like "the path" "$(tr -s ' \n' ' ' <<<"$OUT")" 'access entry → Group "developers" → RoleBinding "pods/team-a" → Role "pods"'
like "the line's role" "$OUT" "$OPS"
run "as JSON" eks-sim who-can delete pods -n team-a -o json
is "three principals" "$(field '["principals"].__len__()' <<<"$OUT")" 3
is "what it says is what happens" "$(kubectl auth can-i delete pods -n team-a --as x --as-group developers 2>/dev/null)" yes

part "access rehearse"
printf 'authenticationMode: API\n' >"$work/api.yaml"
exits "mode API locks ops out" 1 eks-sim access rehearse --file "$work/api.yaml"
like "told by name" "$OUT" "lose all access: $OPS"
printf 'accessEntries:\n  create:\n    - principalArn: %s\n      kubernetesGroups: [developers]\nauthenticationMode: API\n' "$OPS" >"$work/moved.yaml"
exits "with an entry for ops first, nobody is" 0 eks-sim access rehearse --file "$work/moved.yaml"
exits "what EKS refuses is refused" 1 eks-sim access rehearse --file <(echo 'authenticationMode: CONFIG_MAP')
like "in its words" "$OUT" 'Unsupported authentication mode update from API_AND_CONFIG_MAP to CONFIG_MAP'
is "nothing was changed" "$(q eks describe-cluster --name demo --query cluster.accessConfig.authenticationMode)" API_AND_CONFIG_MAP
exits "no such file" 1 eks-sim access rehearse --file "$work/none"
eks-sim kubeconfig demo --admin -o "$work/real.kubeconfig" >/dev/null
exits "an imported cluster, aws-auth deleted" 1 eks-sim access rehearse --import "$work/real.kubeconfig" --file <(echo 'awsAuth: null') -o json
is "ops is locked out there" "$(field '["lockedOut"][0]' <<<"$OUT")" "$OPS"
exits "a kubeconfig that is none" 1 eks-sim access rehearse --import "$work/none" --file "$work/api.yaml"

part "access rehearse with the entries of an imported cluster"
{
  aws eks describe-cluster --name demo
  for arn in $(q eks list-access-entries --cluster-name demo --query accessEntries); do
    aws eks describe-access-entry --cluster-name demo --principal-arn "$arn"
    aws eks list-associated-access-policies --cluster-name demo --principal-arn "$arn"
  done
} >"$work/entries.json"
imported() { eks-sim access rehearse --import "$work/real.kubeconfig" --import-entries "$work/entries.json" "$@"; }
printf 'accessEntries: {delete: [%s]}\n' "$DEV" >"$work/without-dev.yaml"
exits "the entry of dev deleted" 1 imported --file "$work/without-dev.yaml"
like "dev is locked out" "$OUT" "lose all access: $DEV"
like "of pods in team-a" "$OUT" 'delete'
printf 'accessPolicies:\n  associate: [{principalArn: %s, policyArn: AmazonEKSViewPolicy}]\n' "$DEV" >"$work/viewer.yaml"
exits "a policy more" 0 imported --file "$work/viewer.yaml" -o json
is "locks nobody out" "$(field '["lockedOut"].__len__()' <<<"$OUT")" 0
exits "mode API, as the cluster itself would" 1 imported --file "$work/api.yaml"
like "ops, of the imported aws-auth" "$OUT" "lose all access: $OPS"
exits "entries without --import" 2 eks-sim access rehearse --import-entries "$work/entries.json" --file "$work/api.yaml"
exits "a file of something else" 1 eks-sim access rehearse --import "$work/real.kubeconfig" --import-entries <(echo '{"nodegroups": []}') --file "$work/api.yaml"
like "told what is wanted" "$OUT" 'want answers of aws eks describe-access-entry'
is "the original has the entry still" "$(q eks describe-access-entry --cluster-name demo --principal-arn "$DEV" --query accessEntry.principalArn)" "$DEV"

part "access lint"
exits "clean" 0 eks-sim access lint
aws iam delete-role --role-name dev
exits "the role of an entry is gone" 1 eks-sim access lint
like "told" "$OUT" 'entry-principal-deleted'
role dev "$ROOT" >/dev/null
exits "and made again" 1 eks-sim access lint -o json
is "told" "$(field '["findings"][0]["rule"]' <<<"$OUT")" entry-principal-recreated
bash -euc "$(field '["findings"][0]["fix"]' <<<"$OUT")" >/dev/null
exits "its fix, pasted" 0 eks-sim access lint

part "why"
eks-sim why --follow -o json >"$work/follow.log" 2>/dev/null &
follower=$!
sleep 0.3
env AWS_SECRET_ACCESS_KEY=wrong aws sts get-caller-identity >/dev/null 2>&1
for _ in $(seq 50); do grep -q SignatureDoesNotMatch "$work/follow.log" && break; sleep 0.1; done
kill "$follower"
like "--follow tells a refusal as it happens" "$(cat "$work/follow.log")" 'GetCallerIdentity|sts:'
run "mermaid" eks-sim why --refused -o mermaid
like "is a sequence diagram" "$OUT" '^sequenceDiagram'
run "without a word it is the last" eks-sim why
narrow() { COLUMNS=60 eks-sim why --refused | sed "/smallest fix/,\$d"; }
is "fits sixty columns, but for words that are longer" "$(narrow | python3 -c 'import sys
print(sum(len(line) > 61 and max(map(len, line.split())) < 40 for line in sys.stdin))')" 0

part "token inspect"
TOKEN=$(q eks get-token --cluster-name demo --query status.token)
run "offline" eks-sim token inspect --offline "$TOKEN"
like "each check" "$OUT" '✓ token .*X-Amz-Expires'
like "what only STS can tell" "$OUT" 'signature'
exits "a tampered one" 1 eks-sim token inspect "${TOKEN%?}"
exits "no token" 1 eks-sim token inspect --offline nonsense

finish
