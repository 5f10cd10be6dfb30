#!/usr/bin/env bash
# Certificates from request to use, with openssl and the unmodified kubectl: approve, deny, who may, what signers refuse, what kubelets get by
# themselves, what EKS signs.
#   certificates_walk.sh EKS_SIM_BINARY
SIM=$(readlink -f "${1:?the eks-sim binary}")
SERVE_OPTIONS="--profile ${PROFILE:-upstream}"
# shellcheck source=Tests/EndToEnd/lib.sh
source "$(dirname "$0")/lib.sh"
cluster demo API_AND_CONFIG_MAP
eks-sim kubeconfig demo --admin -o "$KUBECONFIG"
# request NAME SUBJECT SIGNER USAGES [EXTENSION [SECONDS]]: makes a key and an object
request() {
  local days=""
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/$1.key" -subj "$2" ${5:+-addext "$5"} -out "$work/$1.csr" 2>/dev/null
  [ -z "${6:-}" ] || days="\"expirationSeconds\": $6,"
  kubectl ${AS:-} create -f - <<J
{"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": "$1"},
 "spec": {$days "signerName": "$3", "usages": $4, "request": "$(base64 -w0 <"$work/$1.csr")"}}
J
}
# issued NAME: waits for the certificate and leaves it in NAME.crt
issued() {
  kubectl wait --for=jsonpath='{.status.certificate}' "csr/$1" --timeout=10s >/dev/null &&
    kubectl get csr "$1" -o 'jsonpath={.status.certificate}' | base64 -d >"$work/$1.crt"
}
condition() { kubectl get csr "$1" -o "jsonpath={range .status.conditions[*]}{.type} {.reason}: {.message}{'\n'}{end}"; }
CLIENT='["digital signature","client auth"]' SERVER='["digital signature","key encipherment","server auth"]'

if [ "${PROFILE:-upstream}" = upstream ]; then
  part "a client certificate"
  run "request" request anna /O=developers/CN=anna kubernetes.io/kube-apiserver-client "$CLIENT" "" 7200
  like "is pending" "$(kubectl get csr anna)" 'kubernetes.io/kube-apiserver-client +eks-sim:admin +120m +Pending'
  run "approve" kubectl certificate approve anna
  run "is issued" issued anna
  like "and shown so" "$(kubectl get csr anna)" 'Approved,Issued'
  like "for two hours" "$(openssl x509 -in "$work/anna.crt" -noout -text)" 'TLS Web Client Authentication'
  run "verifies against the cluster's CA" sh -c "kubectl config view --raw -o 'jsonpath={.clusters[0].cluster.certificate-authority-data}' | base64 -d >'$work/ca.crt' && openssl verify -CAfile '$work/ca.crt' '$work/anna.crt'"
  kubectl config set-credentials anna --client-certificate="$work/anna.crt" --client-key="$work/anna.key" --embed-certs >/dev/null
  kubectl config set-context anna --cluster="$(kubectl config view -o 'jsonpath={.contexts[0].context.cluster}')" --user=anna >/dev/null
  like "signs in" "$(kubectl --context anna auth whoami)" 'anna'
  like "with its groups" "$(kubectl --context anna auth whoami -o json)" 'developers'
  refuse "and has no rights of itself" 'User "anna" cannot list resource "pods"' kubectl --context anna get pods

  part "denied, refused, forbidden"
  request bob /CN=bob kubernetes.io/kube-apiserver-client "$CLIENT" >/dev/null
  run "deny" kubectl certificate deny bob
  like "is shown" "$(kubectl get csr bob)" 'Denied'
  refuse "approve after that" 'certificate signing request "bob" is already Denied|is already|cannot be' kubectl certificate approve bob
  refuse "masters" 'use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed' request root /O=system:masters/CN=root kubernetes.io/kube-apiserver-client "$CLIENT"
  request wrong /CN=wrong kubernetes.io/kube-apiserver-client "$SERVER" >/dev/null
  kubectl certificate approve wrong >/dev/null
  kubectl wait --for=condition=Failed csr/wrong --timeout=10s >/dev/null
  like "a usage that the signer has not" "$(condition wrong)" 'Failed SignerValidationFailure: invalid usage for client certificate: key encipherment|invalid usage for client certificate: server auth'
  kubectl create clusterrole approver --verb=get,update,patch --resource=certificatesigningrequests/approval,certificatesigningrequests/status >/dev/null
  kubectl create clusterrole looker --verb=get,list --resource=certificatesigningrequests >/dev/null
  kubectl create clusterrolebinding approver --clusterrole=approver --user=carol >/dev/null
  kubectl create clusterrolebinding looker --clusterrole=looker --user=carol >/dev/null
  request dora /CN=dora kubernetes.io/kube-apiserver-client "$CLIENT" >/dev/null
  refuse "approving without the signer's right" 'user not permitted to approve requests with signerName "kubernetes.io/kube-apiserver-client"' kubectl certificate approve dora --as carol
  kubectl create clusterrole kube-signers --verb=approve --resource=signers.certificates.k8s.io --resource-name='kubernetes.io/*' >/dev/null 2>&1 ||
    kubectl create -f - >/dev/null <<<'{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"kube-signers"},"rules":[{"apiGroups":["certificates.k8s.io"],"resources":["signers"],"verbs":["approve"],"resourceNames":["kubernetes.io/*"]}]}'
  kubectl create clusterrolebinding kube-signers --clusterrole=kube-signers --user=carol >/dev/null
  run "with that of the domain" kubectl certificate approve dora --as carol
  run "is issued" issued dora
  request other /CN=other example.com/own "$CLIENT" >/dev/null
  refuse "signing without the right" 'user not permitted to sign requests with signerName "example.com/own"' \
    kubectl patch csr other --subresource=status --as carol --type=merge -p '{"status":{"conditions":[{"type":"Failed","status":"True","reason":"x","message":"y"}]}}'
  kubectl certificate approve other >/dev/null
  like "another's signer is waited for" "$(kubectl get csr other)" 'Approved$'

  part "kubelets"
  kubectl create clusterrolebinding boot --clusterrole=system:certificates.k8s.io:certificatesigningrequests:nodeclient --group=system:bootstrappers >/dev/null
  kubectl create clusterrole requester --verb=create,get --resource=certificatesigningrequests >/dev/null
  kubectl create clusterrolebinding requester --clusterrole=requester --group=system:bootstrappers >/dev/null
  AS="--as boot --as-group system:bootstrappers --as-group system:authenticated"
  run "a bootstrapper's request" request node-a /O=system:nodes/CN=system:node:a kubernetes.io/kube-apiserver-client-kubelet '["digital signature","client auth"]'
  run "is approved and signed by itself" issued node-a
  like "by its right" "$(condition node-a)" 'Approved AutoApproved: Auto approving kubelet client certificate after SubjectAccessReview.'
  AS=""
  run "another's" request node-b /O=system:nodes/CN=system:node:b kubernetes.io/kube-apiserver-client-kubelet '["digital signature","client auth"]'
  kubectl config set-credentials node --client-certificate="$work/node-a.crt" --client-key="$work/node-a.key" >/dev/null
  like "the node signs in" "$(kubectl --user node auth whoami)" 'system:node:a'
  request serving /O=system:nodes/CN=system:node:a kubernetes.io/kubelet-serving "$SERVER" >/dev/null
  kubectl certificate approve serving >/dev/null
  kubectl wait --for=condition=Failed csr/serving --timeout=10s >/dev/null
  like "what serves needs a name" "$(condition serving)" 'DNS or IP subjectAltName is required'
else
  part "EKS' own signer"
  request web /CN=web.default.svc beta.eks.amazonaws.com/app-serving "$SERVER" "subjectAltName=DNS:web.default.svc,IP:10.0.0.9" >/dev/null
  kubectl certificate approve web >/dev/null
  run "is issued" issued web
  like "with its names" "$(openssl x509 -in "$work/web.crt" -noout -ext subjectAltName)" 'DNS:web.default.svc, IP Address:10.0.0.9'
  like "for a year" "$(openssl x509 -in "$work/web.crt" -noout -checkend $((364 * 86400)))" 'will not expire'
  request client /CN=c kubernetes.io/kube-apiserver-client "$CLIENT" >/dev/null
  kubectl certificate approve client >/dev/null
  sleep 1
  like "no certificates for clients are signed" "$(kubectl get csr client)" 'Approved$'
  AS="--as system:node:ip-10-0-0-1 --as-group system:nodes --as-group system:authenticated"
  run "a kubelet's request" request kubelet /O=system:nodes/CN=system:node:ip-10-0-0-1 kubernetes.io/kubelet-serving "$SERVER" "subjectAltName=IP:10.0.0.1"
  AS=""
  run "what kubelets serve with is approved by itself" issued kubelet
  like "by its right" "$(condition kubelet)" 'Auto approving self kubelet server certificate after SubjectAccessReview.'
fi

finish
