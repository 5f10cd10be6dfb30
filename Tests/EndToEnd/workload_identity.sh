#!/usr/bin/env bash
# IRSA, EKS Pod Identity and ArgoCD's cross-account path with aws, boto3 and kubectl: workload_identity.sh BINARY
set -euo pipefail
sim=$1
work=$(mktemp -d)
# aws keeps sessions of web identities under HOME, where another simulator's would be found.
export HOME=$work
serve=
trap '[ -z "$serve" ] || kill "$serve" 2>/dev/null; rm -rf "$work"' EXIT

fail() { printf 'FAILED: %s\n' "$*"; exit 1; }
# expect TEXT COMMAND…: the command's output holds the text, whether it succeeds or not.
expect() {
  local text=$1 found
  shift
  found=$("$@" 2>&1 || true)
  case $found in *"$text"*) printf 'ok: %s\n' "$text" ;; *) fail "wanted: $text"$'\n'"got: $found" ;; esac
}

"$sim" serve --account 222233334444 --state "$work/state" --aws-port 0 --api-port 0 --ready-file "$work/ready" >"$work/log" 2>&1 &
serve=$!
for _ in $(seq 300); do [ -s "$work/ready" ] && break; sleep 0.1; done
EKS_SIM_ENDPOINT=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["awsEndpoint"])' "$work/ready")
export EKS_SIM_ENDPOINT AWS_PAGER=''
eval "$("$sim" env)"
account=111122223333
"$sim" kubeconfig demo --admin -o "$work/admin"
k() { kubectl --kubeconfig "$work/admin" "$@"; }

issuer=$(aws eks describe-cluster --name demo --query cluster.identity.oidc.issuer --output text)
path=${issuer#https://*.amazonaws.com}
curl -sf "$EKS_SIM_ENDPOINT$path/.well-known/openid-configuration" | grep -q "\"jwks_uri\":\"$issuer/keys\"" || fail 'discovery document'
curl -sf "$EKS_SIM_ENDPOINT$path/keys" | grep -q '"alg":"RS256"' || fail 'key set'

k create namespace prod >/dev/null
k create serviceaccount app -n prod >/dev/null
trust() { printf '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::%s:oidc-provider/%s"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"%s:sub":"%s","%s:aud":"sts.amazonaws.com"}}}]}' "$account" "${issuer#https://}" "${issuer#https://}" "$1" "${issuer#https://}"; }
aws iam create-role --role-name app --assume-role-policy-document "$(trust system:serviceaccount:prod:app)" >/dev/null

echo '--- IRSA'
expect 'has no role' "$sim" pod-env prod/app
k annotate serviceaccount app -n prod "eks.amazonaws.com/role-arn=arn:aws:iam::$account:role/app" >/dev/null
# boto3 rather than aws: the command keeps sessions of web identities in a file.
boto() { ( eval "$("$sim" pod-env "$1" --directory "$work/$1")" && python3 -c '
import boto3, botocore.exceptions
try: print(boto3.client("sts").get_caller_identity()["Arn"])
except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error: print(error)' ); }
expect 'No OpenIDConnect provider found in your account for https://' boto prod/app
aws iam create-open-id-connect-provider --url "$issuer" --client-id-list other >/dev/null
expect 'Incorrect token audience' boto prod/app
provider="arn:aws:iam::$account:oidc-provider/${issuer#https://}"
aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn "$provider" --client-id sts.amazonaws.com
expect "arn:aws:sts::$account:assumed-role/app/" boto prod/app
aws iam update-assume-role-policy --role-name app --policy-document "$(trust system:serviceaccount:prod:other)"
expect 'Not authorized to perform sts:AssumeRoleWithWebIdentity' boto prod/app
expect 'StringEquals' "$sim" why --refused
aws iam update-assume-role-policy --role-name app --policy-document "$(trust system:serviceaccount:prod:app)"
k get pod eks-sim-pod-env-app -n prod -o jsonpath='{.spec.volumes[0].name} {.spec.containers[0].env[*].name}' >"$work/pod"
grep -q '^aws-iam-token AWS_STS_REGIONAL_ENDPOINTS AWS_DEFAULT_REGION AWS_REGION AWS_ROLE_ARN AWS_WEB_IDENTITY_TOKEN_FILE' "$work/pod" ||
  fail "the webhook's changes: $(cat "$work/pod")"

echo '--- EKS Pod Identity'
pods='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole"]}]}'
aws iam create-role --role-name pods --assume-role-policy-document "$pods" >/dev/null
expect 'Cross-account pass role is not allowed' aws eks create-pod-identity-association --cluster-name demo --namespace prod \
  --service-account app --role-arn arn:aws:iam::444455556666:role/pods
aws eks create-pod-identity-association --cluster-name demo --namespace prod --service-account app \
  --role-arn "arn:aws:iam::$account:role/pods" >"$work/association"
expect 'Association already exists' aws eks create-pod-identity-association --cluster-name demo --namespace prod \
  --service-account app --role-arn "arn:aws:iam::$account:role/pods"
expect '"serviceAccount": "app"' aws eks list-pod-identity-associations --cluster-name demo
expect 'EKS does not have permissions to assume the associated role' boto prod/app
expect 'sts:TagSession' "$sim" why --last
aws iam update-assume-role-policy --role-name pods --policy-document "${pods/\"sts:AssumeRole\"/\"sts:AssumeRole\",\"sts:TagSession\"}"
expect "arn:aws:sts::$account:assumed-role/pods/eks-demo-eks-sim-pod-" boto prod/app
expect 'enabled' k get pod eks-sim-pod-env-app -n prod -o jsonpath='{.metadata.labels}'
id=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["association"]["associationId"])' "$work/association")
aws eks delete-pod-identity-association --cluster-name demo --association-id "$id" >/dev/null

echo "--- ArgoCD: service account, web identity, role, role of another account, access entry of that account's cluster"
other=222233334444
# two COMMAND…: as the administrator of the other account
two() { ( eval "$("$sim" env --account "$other")" && "$@" ); }
expect "no account 999988887777; there are $account, $other" "$sim" env --account 999988887777
expect "arn:aws:iam::$other:user/eks-sim" two aws sts get-caller-identity
expect 'No cluster found for name: demo.' two aws eks describe-cluster --name demo
two aws iam create-role --role-name cluster --assume-role-policy-document \
  '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"eks.amazonaws.com"},"Action":"sts:AssumeRole"}]}' >/dev/null
subnets=$(two aws ec2 describe-subnets --query 'Subnets[].SubnetId' --output text | tr '\t' ',')
two aws eks create-cluster --name foo --role-arn "arn:aws:iam::$other:role/cluster" --resources-vpc-config "subnetIds=$subnets" \
  --access-config authenticationMode=API >/dev/null
two aws eks wait cluster-active --name foo

k create namespace argocd >/dev/null
k create serviceaccount foo-argocd-server -n argocd >/dev/null
service="arn:aws:iam::$account:role/foo-argocd-access-entry-service"
target="arn:aws:iam::$other:role/foo-argocd-access-entry-cluster"
aws iam create-role --role-name foo-argocd-access-entry-service \
  --assume-role-policy-document "$(trust system:serviceaccount:argocd:foo-argocd-server)" >/dev/null
# trusts ARN: a trust policy
trusts() { printf '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"%s"},"Action":"sts:AssumeRole"}]}' "$1"; }
two aws iam create-role --role-name foo-argocd-access-entry-cluster --assume-role-policy-document "$(trusts "arn:aws:iam::$other:root")" >/dev/null
k annotate serviceaccount foo-argocd-server -n argocd "eks.amazonaws.com/role-arn=$service" >/dev/null
two aws eks update-kubeconfig --name foo --role-arn "$target" --kubeconfig "$work/argocd" >/dev/null
argocd() { ( eval "$("$sim" pod-env argocd/foo-argocd-server --cluster demo --directory "$work/argo")" && kubectl --kubeconfig "$work/argocd" "$@" ); }
denied="is not authorized to perform: sts:AssumeRole on resource: $target"
expect "$denied" argocd get namespaces
expect 'trust policy' "$sim" why --refused
two aws iam update-assume-role-policy --role-name foo-argocd-access-entry-cluster --policy-document "$(trusts "$service")"
# The other account's trust is not enough: a role's own account has to let it out, too.
expect "$denied" argocd get namespaces
expect 'aws iam put-role-policy --role-name foo-argocd-access-entry-service' "$sim" why --refused
aws iam put-role-policy --role-name foo-argocd-access-entry-service --policy-name out --policy-document \
  "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Resource\":\"$target\"}]}"
expect 'You must be logged in to the server' argocd get namespaces
expect "create-access-entry --cluster-name foo --principal-arn $target" "$sim" why --refused
expect 'No cluster found for name: foo.' aws eks create-access-entry --cluster-name foo --principal-arn "$target"
two aws eks create-access-entry --cluster-name foo --principal-arn "$target" --kubernetes-groups argocd-group >/dev/null
expect 'cannot list resource "namespaces"' argocd get namespaces
two aws eks associate-access-policy --cluster-name foo --principal-arn "$target" --access-scope type=cluster \
  --policy-arn arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy >/dev/null
expect 'kube-system' argocd get namespaces
expect 'argocd-group' argocd auth whoami
expect "arn:aws:sts::$other:assumed-role/foo-argocd-access-entry-cluster/EKSGetTokenAuth" argocd auth whoami

echo '--- an access entry for a principal of another account'
visitor="arn:aws:iam::$other:role/visitor"
two aws iam create-role --role-name visitor --assume-role-policy-document "$(trusts "arn:aws:iam::$other:root")" >/dev/null
aws eks create-access-entry --cluster-name demo --principal-arn "$visitor" >/dev/null
aws eks associate-access-policy --cluster-name demo --principal-arn "$visitor" --access-scope type=namespace,namespaces=prod \
  --policy-arn arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy >/dev/null
aws eks update-kubeconfig --name demo --role-arn "$visitor" --kubeconfig "$work/visitor" >/dev/null
expect 'eks-sim-pod-env-app' two kubectl --kubeconfig "$work/visitor" get pods -n prod
echo 'every step behaved as stated'
