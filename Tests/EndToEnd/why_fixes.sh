#!/usr/bin/env bash
# Every smallest fix that `eks-sim why` names is pasted as it stands, and the command that was refused is run again: it has to pass.
#   why_fixes.sh EKS_SIM_BINARY
SIM=$(readlink -f "${1:?the eks-sim binary}")
# shellcheck source=Tests/EndToEnd/lib.sh
source "$(dirname "$0")/lib.sh"

# fixed NAME REGEX COMMAND...: refused with REGEX; the fix is pasted by the administrator; then the command passes.
fixed() {
  local name=$1 rx=$2 fix
  shift 2
  refuse "$name: refused" "$rx" "$@"
  fix=$(eks-sim why --last -o json | python3 -c 'import json,sys; print(json.load(sys.stdin).get("fix",""))')
  printf '     $ %s\n' "${fix//$'\n'/$'\n     $ '}"
  if bash -euc "$fix" >"$work/fix.log" 2>&1; then good "$name: the fix runs"; else bad "$name: the fix runs" "$(cat "$work/fix.log")"; fi
  # A cluster's endpoint access changes on the clock.
  aws eks wait cluster-active --name "$C" >/dev/null 2>&1
  run "$name: passes now" "$@"
}
# context ROLE-ARN NAME: a kubectl context of a role
context() { aws eks update-kubeconfig --name "$C" --role-arn "$1" --alias "$2" --user-alias "$2" >/dev/null; kubectl config use-context admin >/dev/null; }

ROOT="{\"AWS\":\"arn:aws:iam::$ACCOUNT:root\"}"
C=demo
cluster demo API_AND_CONFIG_MAP
aws eks update-kubeconfig --name demo --alias admin --user-alias admin >/dev/null
kubectl create namespace team-a >/dev/null
kubectl create configmap settings -n team-a >/dev/null

part "401: nobody maps the role"
context "$(role lonely "$ROOT")" lonely
fixed "unmapped role" 'Unauthorized|must be logged in' kubectl --context lonely auth whoami
context "$(role pathed "$ROOT" --path /teams/dev/)" pathed
fixed "unmapped role with a path" 'Unauthorized|must be logged in' kubectl --context pathed auth whoami
GONE=$(role gone "$ROOT")
context "$GONE" gone
aws eks create-access-entry --cluster-name demo --principal-arn "$GONE" --kubernetes-groups 'old group' g2 --username 'gone:{{SessionName}}' >/dev/null
aws eks associate-access-policy --cluster-name demo --principal-arn "$GONE" \
  --policy-arn arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy --access-scope type=namespace,namespaces=team-a,team-b >/dev/null
aws iam delete-role --role-name gone
role gone "$ROOT" >/dev/null
fixed "role made again" 'Unauthorized|must be logged in' kubectl --context gone get configmaps -n team-a
is "with its groups" "$(kubectl --context gone auth whoami -o 'jsonpath={.status.userInfo.groups[0]}')" "old group"

part "403: RBAC"
fixed "list in a namespace" 'forbidden' kubectl --context lonely get configmaps -n team-a
fixed "get by name in the same namespace" 'forbidden' kubectl --context lonely get configmap settings -n team-a
fixed "cluster scope" 'forbidden' kubectl --context lonely get nodes
fixed "a named group" 'forbidden' kubectl --context lonely get deployments -n team-a
fixed "a path" 'forbidden' kubectl --context lonely get --raw /openid/v1/jwks
fixed "a subresource" 'forbidden' kubectl --context lonely create token default -n team-a
kubectl create role reader -n team-a --verb=get,list --resource=secrets >/dev/null
kubectl create rolebinding reader -n team-a --role=reader --user="arn:aws:sts::$ACCOUNT:assumed-role/lonely/EKSGetTokenAuth" >/dev/null
fixed "a role that lacks the verb" 'forbidden' kubectl --context lonely create secret generic s -n team-a
like "its rule has it" "$(kubectl get role reader -n team-a -o 'jsonpath={.rules[0].verbs}')" create
kubectl create role roles -n team-a --verb=create,get,list --resource=roles,rolebindings >/dev/null
kubectl create rolebinding roles -n team-a --role=roles --user="arn:aws:sts::$ACCOUNT:assumed-role/lonely/EKSGetTokenAuth" >/dev/null
fixed "a role beyond one's rights" 'attempting to grant RBAC permissions not currently held' \
  kubectl --context lonely create role beyond -n team-a --verb=get --resource=pods
fixed "a binding beyond one's rights" 'attempting to grant RBAC permissions not currently held' \
  kubectl --context lonely create rolebinding beyond -n team-a --clusterrole=admin --user=me
fixed "a bound group" 'forbidden' kubectl --context gone get pods -A
fixed "impersonation" 'cannot impersonate' kubectl --context lonely get --raw /version --as bob

part "the NLB"
update() { q eks update-cluster-config --name demo "$@" --query update.id >/dev/null; aws eks wait cluster-active --name demo; }
update --resources-vpc-config publicAccessCidrs=203.0.113.0/24
fixed "a source outside publicAccessCidrs" 'EOF|reset|closed|Unable to connect|timeout' timeout 60 kubectl --request-timeout=5s get namespaces

part "IAM and STS"
aws iam create-user --user-name hiroki >/dev/null
read -r KEY SECRET <<<"$(q iam create-access-key --user-name hiroki --query 'AccessKey.[AccessKeyId,SecretAccessKey]')"
hiroki() { env AWS_ACCESS_KEY_ID="$KEY" AWS_SECRET_ACCESS_KEY="$SECRET" "$@"; }
fixed "no policy allows it" 'AccessDeniedException' hiroki aws eks describe-cluster --name demo
fixed "no policy allows it, query protocol" 'AccessDenied' hiroki aws iam get-user
service=$(role service '{"Service":"ec2.amazonaws.com"}')
fixed "a role that trusts somebody else" 'AccessDenied' hiroki aws sts assume-role --role-arn "$service" --role-session-name ss
fixed "session tags that are not trusted" 'AccessDenied' hiroki aws sts assume-role --role-arn "$service" --role-session-name ss --tags Key=a,Value=b
account=$(role account "$ROOT")
fixed "a role that trusts the account, but the caller may not" 'AccessDenied' hiroki aws sts assume-role --role-arn "$account" --role-session-name ss

part "401 in CONFIG_MAP mode: aws-auth"
C=old
cluster old CONFIG_MAP
aws eks update-kubeconfig --name old --alias admin --user-alias admin >/dev/null
context "arn:aws:iam::$ACCOUNT:role/lonely" first
context "$(role second "$ROOT" --path /a/b/)" second
fixed "no aws-auth yet" 'Unauthorized|must be logged in' kubectl --context first auth whoami
fixed "an aws-auth that has others" 'Unauthorized|must be logged in' kubectl --context second auth whoami
run "the first is still in" kubectl --context first auth whoami

finish
