#!/usr/bin/env bash
# Users of an OpenID Connect provider, with aws and kubectl: oidc.sh BINARY
SIM=$1
issuer_dir=$(mktemp -d)
python3 "$(dirname "$0")/oidc_issuer.py" "$issuer_dir" &
issuer=$!
for _ in $(seq 100); do [ -s "$issuer_dir/url" ] && break; sleep 0.1; done
SERVE_OPTIONS="--oidc-ca $issuer_dir/ca.pem"
. "$(dirname "$0")/lib.sh"
# A test that starts this may have blocked the signals that can be.
trap 'kill -9 "$issuer" 2>/dev/null; kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$work" "$issuer_dir"' EXIT
url=$(<"$issuer_dir/url")

part 'a provider of HTTPS whose authority serve was told'
cluster demo API
eks-sim kubeconfig demo --admin -o "$work/admin" >/dev/null
k() { kubectl --kubeconfig "$work/admin" "$@"; }
kubectl config view --kubeconfig "$work/admin" --raw --minify -o json |
  python3 -c 'import json,sys; d=json.load(sys.stdin); d["users"][0]["user"]={}; json.dump(d,open(sys.argv[1],"w"))' "$work/plain"
# as TOKEN COMMAND…: kubectl with a token of the provider
as() { local token=$1; shift; kubectl --kubeconfig "$work/plain" --token "$(<"$issuer_dir/$token")" "$@"; }
refuse 'nobody knows its users yet' 'Unauthorized' as good auth whoami
like 'why tells how to associate it' "$(eks-sim why --last)" 'aws eks associate-identity-provider-config --cluster-name demo'
refuse 'an issuer without TLS' 'InvalidParameterException' aws eks associate-identity-provider-config --cluster-name demo \
  --oidc identityProviderConfigName=corp,issuerUrl=http://127.0.0.1,clientId=kubernetes
run 'associate' aws eks associate-identity-provider-config --cluster-name demo --tags env=dev \
  --oidc "identityProviderConfigName=corp,issuerUrl=$url,clientId=kubernetes,usernameClaim=email,groupsClaim=groups,groupsPrefix=corp:,requiredClaims={hd=example.com}"
like 'an update' "$OUT" '"AssociateIdentityProviderConfig"'
update=$(field '["update"]["id"]' <<<"$OUT")
reference=type=oidc,name=corp
status() { q eks describe-identity-provider-config --cluster-name demo --identity-provider-config "$reference" --query identityProviderConfig.oidc.status; }
for _ in $(seq 50); do [ "$(status)" = ACTIVE ] && break; sleep 0.1; done
is 'ACTIVE' "$(status)" ACTIVE
is 'the update' "$(q eks describe-update --name demo --update-id "$update" --query update.status)" Successful
is 'listed' "$(q eks list-identity-provider-configs --cluster-name demo)" $'IDENTITYPROVIDERCONFIGS\tcorp\toidc'
refuse 'a second one' 'ResourceInUseException' aws eks associate-identity-provider-config --cluster-name demo \
  --oidc "identityProviderConfigName=other,issuerUrl=$url,clientId=kubernetes"

part 'its users'
like 'who' "$(as good auth whoami)" 'ann@example.com'
like 'groups' "$(as good auth whoami)" '\[corp:dev system:authenticated\]'
refuse 'no rights without RBAC' 'User "ann@example.com" cannot list resource "pods"' as good get pods
run 'a binding to the group' k create rolebinding dev --clusterrole view --group corp:dev
run 'reads' as good get pods
for name in audience expired domain unverified; do refuse "$name" 'Unauthorized' as "$name" auth whoami; eks-sim why --last >"$work/why-$name"; done
like 'why: audience' "$(tr -d '\n' <"$work/why-audience")" 'OIDC aud.*clientId kubernetes.*other'
like 'why: life' "$(tr -d '\n' <"$work/why-expired")" 'OIDC exp.*1970-01-01T00:00:01Z'
like 'why: required claim' "$(tr -d '\n' <"$work/why-domain")" 'OIDC required claim hd.*example.com.*elsewhere'
like 'why: email' "$(tr -d '\n' <"$work/why-unverified")" 'OIDC email_verified.*false'

part 'another cluster of the simulator as the provider'
cluster apps API
eks-sim kubeconfig apps --admin -o "$work/apps" >/dev/null
kubectl --kubeconfig "$work/apps" create serviceaccount robot >/dev/null
own=$(q eks describe-cluster --name apps --query cluster.identity.oidc.issuer)
refuse 'not its own' 'cannot be same as OpenID Connect' aws eks associate-identity-provider-config --cluster-name apps \
  --oidc "identityProviderConfigName=own,issuerUrl=$own,clientId=sts"
run 'disassociate' aws eks disassociate-identity-provider-config --cluster-name demo --identity-provider-config "$reference"
for _ in $(seq 50); do status >/dev/null 2>&1 || break; sleep 0.1; done
refuse 'gone' 'No config found for cluster: demo, config type: oidc, config name: corp' status
refuse 'nobody knows its users any more' 'Unauthorized' as good auth whoami
run 'associate the other cluster' aws eks associate-identity-provider-config --cluster-name demo \
  --oidc "identityProviderConfigName=apps,issuerUrl=$own,clientId=demo.example.com,usernamePrefix=apps:"
reference=type=oidc,name=apps
for _ in $(seq 50); do [ "$(status)" = ACTIVE ] && break; sleep 0.1; done
kubectl --kubeconfig "$work/apps" create token robot --audience demo.example.com >"$issuer_dir/robot"
like 'a service account of the other cluster' "$(as robot auth whoami)" 'apps:system:serviceaccount:default:robot'
finish
