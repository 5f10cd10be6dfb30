#!/usr/bin/env bash
# The commands of kubectl that change and show objects, one after the other with the unmodified client: create, apply, diff, edit, explain, patch,
# replace, label, set, expose, scale, rollout, wait, drain, taint, debug, config and the ways of get.
#   kubectl_walk.sh EKS_SIM_BINARY
SIM=$(readlink -f "${1:?the eks-sim binary}")
SERVE_OPTIONS="--profile upstream"
# shellcheck source=Tests/EndToEnd/lib.sh
source "$(dirname "$0")/lib.sh"
cluster demo API_AND_CONFIG_MAP
eks-sim kubeconfig demo --admin -o "$KUBECONFIG"
k() { kubectl "$@"; }
# says NAME REGEX COMMAND...: succeeds, and what it prints matches
says() {
  local n=$1 rx=$2
  shift 2
  if OUT=$("$@" 2>&1); then like "$n" "$OUT" "$rx"; else bad "$n" "exit $?: ${OUT:0:600}"; fi
}
# gives NAME WANT COMMAND...: prints exactly that
gives() {
  local n=$1 want=$2
  shift 2
  OUT=$("$@" 2>&1)
  is "$n" "$OUT" "$want"
}

part "create"
says "namespace" 'namespace/walk created' k create namespace walk
k config set-context --current --namespace walk >/dev/null
says "configmap" 'configmap/settings created' k create configmap settings --from-literal=a=1 --from-literal=b=2
says "secret" 'secret/generic created' k create secret generic generic --from-literal=password=x
says "docker-registry secret" 'secret/registry created' k create secret docker-registry registry --docker-server=r --docker-username=u --docker-password=p
gives "its type" 'kubernetes.io/dockerconfigjson' k get secret registry -o 'jsonpath={.type}'
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/tls.key" -out "$work/tls.crt" -subj /CN=x -days 1 2>/dev/null
says "TLS secret" 'secret/cert created' k create secret tls cert --cert="$work/tls.crt" --key="$work/tls.key"
says "deployment" 'deployment.apps/web created' k create deployment web --image=nginx:1.27 --replicas=2 --port=80
says "job" 'job.batch/once created' k create job once --image=busybox -- date
says "cronjob" 'cronjob.batch/nightly created' k create cronjob nightly --image=busybox --schedule='0 3 * * *' -- date
says "job from it" 'job.batch/tonight created' k create job tonight --from=cronjob/nightly
says "quota" 'resourcequota/bounds created' k create quota bounds --hard=pods=20,services=10
says "priority class" 'priorityclass.scheduling.k8s.io/high created' k create priorityclass high --value=1000 --description=x
says "disruption budget" 'poddisruptionbudget.policy/guard created' k create poddisruptionbudget guard --selector=app=guarded --min-available=1
says "role" 'role.rbac.authorization.k8s.io/reader created' k create role reader --verb=get,list --resource=pods,deployments.apps/scale
says "role binding" 'rolebinding.rbac.authorization.k8s.io/reader created' k create rolebinding reader --role=reader --serviceaccount=walk:robot
says "cluster role" 'clusterrole.rbac.authorization.k8s.io/metrics created' k create clusterrole metrics --verb=get --non-resource-url=/metrics
says "cluster role binding" 'clusterrolebinding.rbac.authorization.k8s.io/metrics created' k create clusterrolebinding metrics --clusterrole=metrics --user=u
says "service account" 'serviceaccount/robot created' k create serviceaccount robot
says "token" '^eyJ' k create token robot --duration=1h
says "service" 'service/clusterip created' k create service clusterip clusterip --tcp=80:8080
says "node port" 'service/nodeport created' k create service nodeport nodeport --tcp=80:8080
says "load balancer" 'service/lb created' k create service loadbalancer lb --tcp=80:8080
says "external name" 'service/ext created' k create service externalname ext --external-name=example.com
says "ingress" 'ingress.networking.k8s.io/front created' k create ingress front --rule='example.com/*=clusterip:80,tls=cert'
refuse "again" 'configmaps "settings" already exists' k create configmap settings
refuse "a bad name" 'Invalid value: "Bad_Name"' k create configmap Bad_Name
says "client dry run" 'deployment.apps/dry created \(dry run\)' k create deployment dry --image=x --dry-run=client
says "server dry run" 'deployment.apps/dry created \(server dry run\)' k create deployment dry --image=x --dry-run=server
refuse "is not kept" 'deployments.apps "dry" not found' k get deployment dry
says "generated names" 'configmap/gen-[a-z0-9]{5} created' k create -f - <<<'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"gen-"}}'
says "run" 'pod/single created' k run single --image=busybox --labels=app=guarded --restart=Never -- sleep 1d
says "run with overrides" 'pod/other created' k run other --image=busybox --overrides='{"spec":{"nodeName":"node-a"}}' --labels=app=free

part "apply and diff"
cat >"$work/app.yaml" <<'Y'
apiVersion: v1
kind: ConfigMap
metadata: {name: applied, labels: {app: x}}
data: {one: "1", two: "2"}
---
apiVersion: v1
kind: Service
metadata: {name: applied, labels: {app: x}}
spec: {selector: {app: x}, ports: [{name: http, port: 80}, {name: https, port: 443}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: applied, labels: {app: x}}
spec:
  replicas: 1
  selector: {matchLabels: {app: x}}
  template:
    metadata: {labels: {app: x}}
    spec: {containers: [{name: main, image: "nginx:1", env: [{name: A, value: a}], ports: [{containerPort: 80}]}]}
Y
refuse "nothing is there: diff tells" '\+  one: "1"' k diff -f "$work/app.yaml"
says "apply" 'deployment.apps/applied created' k apply -f "$work/app.yaml"
says "again" 'deployment.apps/applied unchanged' k apply -f "$work/app.yaml"
run "no difference" k diff -f "$work/app.yaml"
sed -i 's/nginx:1"/nginx:2"/; s/, two: "2"//; s/, {name: https, port: 443}//' "$work/app.yaml"
refuse "diff" '-  two: "2"' k diff -f "$work/app.yaml"
like "exits with 1" "$(k diff -f "$work/app.yaml" >/dev/null 2>&1; echo $?)" '^1$'
says "apply the change" 'deployment.apps/applied configured' k apply -f "$work/app.yaml"
gives "what is no longer there goes" '{"one":"1"}' k get configmap applied -o 'jsonpath={.data}'
gives "of a list too" 'http' k get service applied -o 'jsonpath={.spec.ports[*].name}'
says "last applied" 'nginx:2' k apply view-last-applied deployment applied
says "prune" 'configmap/applied pruned' k apply -f <(sed '1,/^---/d' "$work/app.yaml") --prune -l app=x --prune-allowlist=core/v1/ConfigMap
says "server side" 'serverside-applied' k apply --server-side --force-conflicts -f "$work/app.yaml"
refuse "a conflict" 'Apply failed with 1 conflict: conflict with "kubectl".*\.spec\.replicas' k apply --server-side --field-manager=other -f - <<'Y'
{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "applied"}, "spec": {"replicas": 5}}
Y
says "forced" 'serverside-applied' k apply --server-side --field-manager=other --force-conflicts -f - <<'Y'
{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "applied"}, "spec": {"replicas": 5}}
Y
refuse "an unknown field" 'unknown field "spec.bogus"' k apply -f - <<<'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":{"bogus":1,"containers":[{"name":"a","image":"b"}]}}'
says "is told as a warning" 'Warning: unknown field "spec.bogus"' k apply --validate=warn --dry-run=server -f - <<<'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":{"bogus":1,"containers":[{"name":"a","image":"b"}]}}'
says "kustomize" 'configmap/kusto' sh -c "mkdir -p '$work/kusto' && printf 'configMapGenerator: [{name: kusto, literals: [a=b]}]\n' >'$work/kusto/kustomization.yaml' && kubectl apply -k '$work/kusto'"

part "edit"
printf '#!/bin/sh\nsed -i "s/one: \\"1\\"/one: \\"eins\\"/" "$1"\n' >"$work/editor"
chmod +x "$work/editor"
k create configmap edited --from-literal=one=1 >/dev/null
says "through EDITOR" 'configmap/edited edited' env EDITOR="$work/editor" kubectl edit configmap edited
gives "the value" eins k get configmap edited -o 'jsonpath={.data.one}'
says "without a change" 'Edit cancelled, no changes made' env EDITOR=true kubectl edit configmap edited
printf '#!/bin/sh\nsed -i "s/^kind: ConfigMap/kind: ConfigMap\\nimmutable: maybe/" "$1"\n' >"$work/editor"
refuse "what is invalid is told in the file" 'unmarshal|not valid|invalid|cannot unmarshal|error' env EDITOR="$work/editor" timeout 20 kubectl edit configmap edited
printf '#!/bin/sh\nsed -i "s/^status: {}/status: {observedGeneration: 7}/" "$1"\n' >"$work/editor"
says "of status" 'deployment.apps/web edited' env EDITOR="$work/editor" kubectl edit deployment web --subresource=status
gives "is kept" 7 k get deployment web -o 'jsonpath={.status.observedGeneration}'

part "explain"
says "a kind" 'KIND: +Pod' k explain pods
says "a field" 'FIELD: +containers <\[\]Container>' k explain pod.spec.containers
says "all of it" 'terminationGracePeriodSeconds' k explain deployment --recursive
says "a version" 'VERSION: +v2' k explain hpa --api-version=autoscaling/v2
says "by OpenAPI v2" 'containers.*-required-' k explain pod.spec --output=plaintext-openapiv2
refuse "no such field" 'field "nothing" does not exist' k explain pod.spec.nothing

part "patch, replace, label"
says "strategic" 'patched' k patch deployment web -p '{"spec":{"template":{"spec":{"containers":[{"name":"nginx","env":[{"name":"A","value":"1"}]}]}}}}'
says "merge" 'patched' k patch deployment web --type=merge -p '{"spec":{"replicas":3}}'
says "JSON" 'patched' k patch deployment web --type=json -p '[{"op":"test","path":"/spec/replicas","value":3},{"op":"replace","path":"/spec/replicas","value":4}]'
refuse "a failed test" 'the server rejected our request due to an error in our request' k patch deployment web --type=json -p '[{"op":"test","path":"/spec/replicas","value":3}]'
says "a subresource" 'patched' k patch deployment web --subresource=scale --type=merge -p '{"spec":{"replicas":2}}'
says "nothing" 'patched \(no change\)' k patch deployment web --type=merge -p '{"spec":{"replicas":2}}'
refuse "what is invalid" 'spec.replicas: Invalid value: -1' k patch deployment web --type=merge -p '{"spec":{"replicas":-1}}'
says "locally" 'replicas: 9' k patch -f "$work/app.yaml" --local --type=merge -p '{"spec":{"replicas":9}}' -o yaml
says "label" 'configmap/settings labeled' k label configmap settings tier=back
refuse "again" "'tier' already has a value \(back\), and --overwrite is false" k label configmap settings tier=front
says "over it" 'labeled' k label configmap settings tier=front --overwrite
says "away" 'unlabeled' k label configmap settings tier-
says "annotate" 'annotated' k annotate configmap settings note=x
says "with a version" 'annotated' k annotate configmap settings note=y --overwrite --resource-version="$(k get configmap settings -o 'jsonpath={.metadata.resourceVersion}')"
refuse "an old version" 'the object has been modified' k annotate configmap settings note=z --overwrite --resource-version=1
says "replace" 'replaced' sh -c 'kubectl get configmap settings -o yaml | sed "s/a: \"1\"/a: \"9\"/" | kubectl replace -f -'
says "replace --force" 'replaced' sh -c 'kubectl get configmap settings -o yaml | kubectl replace --force -f -'
refuse "replace an absent one" 'configmaps "absent" not found' k replace -f - <<<'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"absent"}}'

part "set, expose, scale, autoscale, rollout"
says "set image" 'image updated' k set image deployment/web nginx=nginx:1.28
says "set env" 'env updated' k set env deployment/web B=2
says "env listed" 'B=2' k set env deployment/web --list
says "env from a configmap" 'env updated' k set env deployment/web --from=configmap/settings --prefix=S_
says "set resources" 'resource requirements updated' k set resources deployment web --limits=cpu=200m,memory=512Mi
says "set serviceaccount" 'serviceaccount updated' k set serviceaccount deployment web robot
says "set selector" 'selector updated' k set selector service clusterip app=web
says "set subject" 'subjects updated' k set subject rolebinding reader --user=anna
says "expose" 'service/web exposed' k expose deployment web --port=80 --target-port=8080
says "scale" 'scaled' k scale deployment web --replicas=1
refuse "not from that many" 'Expected replicas to be 5, was 1' k scale deployment web --current-replicas=5 --replicas=2
says "autoscale" 'horizontalpodautoscaler.autoscaling/web autoscaled' k autoscale deployment web --min=1 --max=5 --cpu-percent=80
says "rollout restart" 'deployment.apps/web restarted' k rollout restart deployment web
says "pause" 'deployment.apps/web paused' k rollout pause deployment web
refuse "again" 'is already paused' k rollout pause deployment web
says "resume" 'deployment.apps/web resumed' k rollout resume deployment web
says "status of one that is done" 'successfully rolled out' sh -c "kubectl patch deployment web --subresource=status --type=merge -p '{\"status\":{\"observedGeneration\":100,\"replicas\":1,\"updatedReplicas\":1,\"availableReplicas\":1,\"readyReplicas\":1}}' >/dev/null; kubectl rollout status deployment web --timeout=5s"
says "history: without a controller there is none" 'No rollout history found' k rollout history deployment web
# Nobody plays the Deployment controller here: its ReplicaSets are made by hand.
UID_OF=$(k get deployment web -o 'jsonpath={.metadata.uid}')
for n in 1 2; do
  k create -f - >/dev/null <<J
{"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web-$n", "labels": {"app": "web"}, "annotations": {"deployment.kubernetes.io/revision": "$n"},
  "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "$UID_OF", "controller": true}]},
 "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web", "pod-template-hash": "h$n"}},
  "template": {"metadata": {"labels": {"app": "web", "pod-template-hash": "h$n"}}, "spec": {"containers": [{"name": "nginx", "image": "nginx:rev-$n"}]}}}}
J
done
k annotate deployment web deployment.kubernetes.io/revision=2 >/dev/null
says "with two revisions" '^2 +<none>' k rollout history deployment web
says "of one" 'nginx:rev-1' k rollout history deployment web --revision=1
says "undo" 'deployment.apps/web rolled back' k rollout undo deployment web
gives "to the template of the one before" 'nginx:rev-1' k get deployment web -o 'jsonpath={.spec.template.spec.containers[0].image}'

part "wait"
says "for deletion of what is not there" '^$|not found' sh -c 'kubectl wait --for=delete configmap/absent --timeout=5s || true'
(sleep 1; kubectl create configmap awaited >/dev/null) &
says "for creation" 'condition met' k wait --for=create configmap/awaited --timeout=20s
(sleep 1; kubectl patch configmap awaited --type=merge -p '{"data":{"x":"y"}}' >/dev/null) &
says "for a value" 'condition met' k wait --for=jsonpath='{.data.x}'=y configmap/awaited --timeout=20s
(sleep 1; kubectl delete configmap awaited >/dev/null) &
says "for deletion" 'condition met' k wait --for=delete configmap/awaited --timeout=20s
refuse "in vain" 'timed out waiting for the condition' k wait --for=condition=Ready pod/single --timeout=1s

part "nodes"
for n in a b; do k create -f - >/dev/null <<<"{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"node-$n\"}}"; done
says "taint" 'node/node-a tainted' k taint node node-a dedicated=x:NoSchedule
refuse "again" 'already has dedicated taint' k taint node node-a dedicated=y:NoSchedule
says "untaint" 'untainted' k taint node node-a dedicated-
says "cordon" 'node/node-a cordoned' k cordon node-a
says "again" 'already cordoned' k cordon node-a
says "shows" 'SchedulingDisabled' k get node node-a
says "uncordon" 'uncordoned' k uncordon node-a
k patch pod single --subresource=status --type=merge -p '{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}' >/dev/null
k create -f - >/dev/null <<<'{"apiVersion":"v1","kind":"Binding","metadata":{"name":"single"},"target":{"apiVersion":"v1","kind":"Node","name":"node-a"}}'
refuse "drain asks for more" 'cannot delete Pods that declare no controller' k drain node-a
k patch poddisruptionbudget guard --subresource=status --type=merge -p '{"status":{"observedGeneration":1,"disruptionsAllowed":0,"currentHealthy":1,"desiredHealthy":1,"expectedPods":1}}' >/dev/null
refuse "a budget blocks it" "Cannot evict pod as it would violate the pod's disruption budget" k drain node-a --force --timeout=6s
says "others are told to go" 'Terminating' k get pods -l app=free
k delete poddisruptionbudget guard >/dev/null
# Nobody plays the kubelet here: what is evicted is let go by hand.
(for _ in $(seq 20); do sleep 0.3; kubectl delete pods --all --force --grace-period=0 >/dev/null 2>&1; done) &
letting_go=$!
says "without it" 'node/node-a drained' k drain node-a --force --timeout=20s
wait "$letting_go"
refuse "top" 'Metrics API not available' k top node

part "debug"
k run target --image=nginx >/dev/null
says "an ephemeral container" 'Defaulting debug container name|debugger' sh -c 'kubectl debug target --image=busybox --attach=false'
says "is there" '^debugger-' k get pod target -o 'jsonpath={.spec.ephemeralContainers[0].name}'
says "a copy" '' k debug target --image=busybox --copy-to=target-copy --attach=false
says "is there" 'target-copy' k get pod target-copy -o name
says "of a node" 'Creating debugging pod node-debugger-node-a' k debug node/node-a --image=busybox --attach=false

part "ways of get"
says "wide" 'SELECTOR' k get services -o wide
says "names" '^configmap/settings$' k get configmaps -o name
says "columns" '^settings +2$|^settings +' k get configmap settings -o custom-columns=NAME:.metadata.name,DATA:.data
gives "go-template" 'settings' k get configmap settings -o 'go-template={{.metadata.name}}'
says "sorted" 'settings' k get configmaps --sort-by=.metadata.name
says "by field" '^service/ext$' sh -c 'kubectl get services --field-selector metadata.name=ext -o name'
says "by label" 'deployment' k get deployment,service -l app=x
says "labels as columns" 'APP' k get deployments -L app
says "labels shown" 'app=web' k get deployments --show-labels
says "in pieces" 'settings' k get configmaps --chunk-size=1
says "no headers" '^applied|^edited|^gen' k get configmaps --no-headers
says "of all namespaces" 'kube-system' k get configmaps -A
says "watch once" 'settings' timeout 5 kubectl get configmap settings --watch-only=false --output-watch-events=false
like "watched" "$(timeout 3 kubectl get configmaps -w 2>&1)" 'settings'
says "raw" '"kind":"NamespaceList"' k get --raw /api/v1/namespaces
says "managed fields" 'managedFields' k get configmap settings -o yaml --show-managed-fields
says "a subresource" 'replicas' k get deployment web --subresource=scale -o yaml
says "all" 'deployment.apps/web' k get all
refuse "no such type" "the server doesn't have a resource type \"wombats\"" k get wombats
refuse "no such object" 'configmaps "none" not found' k get configmap none
says "or none" '^$' k get configmap none --ignore-not-found
for kind in deployment/web service/clusterip configmap/settings secret/generic job/once cronjob/nightly ingress/front role/reader rolebinding/reader node/node-a \
  horizontalpodautoscaler/web quota/bounds namespace/walk serviceaccount/robot pod/target; do
  says "describe $kind" "Name: +${kind#*/}" k describe "$kind"
done
says "events" 'No events found|LAST SEEN' k events
says "api-resources" 'deployments +deploy +apps/v1 +true +Deployment' k api-resources
says "wide" 'create,delete,deletecollection,get,list,patch,update,watch' k api-resources -o wide --verbs=list,get
says "api-versions" '^apps/v1$' k api-versions
says "cluster-info" 'Kubernetes control plane.* is running at' k cluster-info
says "dump" '"kind": "NodeList"' k cluster-info dump --namespaces walk
says "version" 'Server Version: v1.36' k version
says "whoami" 'eks-sim:admin' k auth whoami
says "can-i" '^yes$' k auth can-i create pods
says "as another" '^no' sh -c 'kubectl auth can-i create pods --as nobody || true'
says "list" 'selfsubjectreviews' k auth can-i --list
says "reconcile" 'reconciled|unchanged' k auth reconcile -f - <<<'{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"reader","namespace":"walk"},"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["watch"]}]}'

part "proxy"
kubectl proxy --port=0 >"$work/proxy.log" 2>&1 &
proxy=$!
for _ in $(seq 30); do grep -q 'Starting to serve' "$work/proxy.log" && break; sleep 0.1; done
PORT=$(grep -oE '[0-9]+$' "$work/proxy.log")
says "the API without credentials" '"kind": "ConfigMap"' curl -s "http://127.0.0.1:$PORT/api/v1/namespaces/walk/configmaps/settings"
kill "$proxy"

part "config"
says "view" 'certificate-authority-data: DATA\+OMITTED' k config view
says "contexts" '^\*' k config get-contexts
says "set a cluster" 'Cluster "x" set' k config set-cluster x --server=https://127.0.0.1:1
says "set credentials" 'User "x" set' k config set-credentials x --token=t
says "set a context" 'Context "x" created' k config set-context x --cluster=x --user=x
says "rename it" 'renamed to "y"' k config rename-context x y
says "delete it" 'deleted context y' k config delete-context y

part "delete"
says "several" '"tonight" deleted' k delete job once tonight --cascade=background
says "by label" 'deleted' k delete deployments,services -l app=x
says "in the foreground" 'deleted' k delete deployment web --cascade=foreground --timeout=20s
says "orphaned" 'deleted' k delete cronjob nightly --cascade=orphan
refuse "what is gone" 'jobs.batch "once" not found' k delete job once
says "ignored" '' k delete job once --ignore-not-found
k delete pods --all --force --grace-period=0 >/dev/null 2>&1
says "the namespace" 'namespace "walk" deleted' k delete namespace walk --timeout=40s

finish
