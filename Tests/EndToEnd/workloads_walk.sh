#!/usr/bin/env bash
# Workloads on the nodes of a cluster, with the unmodified aws and kubectl: what a new cluster has, deployments and their rollouts, daemon
# sets, endpoints of Services, drains that a budget holds back, and ends.
#   workloads_walk.sh EKS_SIM_BINARY
SIM=$(readlink -f "${1:?the eks-sim binary}")
# shellcheck source=Tests/EndToEnd/lib.sh
source "$(dirname "$0")/lib.sh"
k() { kubectl --kubeconfig "$work/demo.kubeconfig" "$@"; }
system() { k -n kube-system "$@"; }
pods() { k get pods -l "$1" --field-selector=status.phase=Running --no-headers 2>/dev/null | wc -l; }

part "a new cluster"
cluster demo API_AND_CONFIG_MAP
eks-sim kubeconfig demo --admin -o "$work/demo.kubeconfig"
like "has the VPC CNI" "$(system get daemonset aws-node -o wide)" 'aws-node +0 +0 .*aws-node,aws-eks-nodeagent +602401143452\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/amazon-k8s-cni:v'
like "kube-proxy" "$(system get daemonset kube-proxy -o wide)" 'eks/kube-proxy:v1\.34\.[0-9]+-minimal-eksbuild'
like "DNS, at the tenth address" "$(system get service kube-dns)" 'ClusterIP +10\.100\.0\.10 .*53/UDP,53/TCP,9153/TCP'
like "whose pods wait for nodes" "$(until_is 2 sh -c "kubectl --kubeconfig $work/demo.kubeconfig -n kube-system get pods --no-headers | grep -c Pending")" '^2$'
like "and say why" "$(system describe pods -l k8s-app=kube-dns)" 'no nodes available to schedule pods'
like "settings of its own" "$(system get configmaps)" 'kube-proxy-config'
SUBNETS=$(q ec2 describe-subnets --query 'Subnets[].SubnetId' | tr '\t' ',')
run "one without add-ons" aws eks create-cluster --name bare --role-arn "arn:aws:iam::$ACCOUNT:role/eks-cluster" \
  --resources-vpc-config "subnetIds=$SUBNETS" --no-bootstrap-self-managed-addons
aws eks wait cluster-active --name bare
eks-sim kubeconfig bare --admin -o "$work/bare.kubeconfig"
is "has none" "$(kubectl --kubeconfig "$work/bare.kubeconfig" get daemonsets,deployments,services -n kube-system -o name)" ""

part "nodes"
run "three" eks-sim node add demo --count 3 --instance-type m5.large
run "get ready" k wait --for=condition=Ready node --all --timeout=60s
run "each with the CNI" system rollout status daemonset aws-node --timeout=60s
run "and kube-proxy" system rollout status daemonset kube-proxy --timeout=60s
is "three" "$(system get pods -l k8s-app=kube-proxy --no-headers | wc -l)" 3
is "one on every one" "$(system get pods -l k8s-app=aws-node -o 'jsonpath={.items[*].spec.nodeName}' | tr ' ' '\n' | sort)" "$(k get nodes -o 'jsonpath={.items[*].metadata.name}' | tr ' ' '\n' | sort)"
is "with the addresses of the hosts" "$(system get pods -l k8s-app=kube-proxy -o 'jsonpath={.items[*].status.podIP}' | tr ' ' '\n' | sort)" "$(k get nodes -o 'jsonpath={.items[*].status.addresses[0].address}' | tr ' ' '\n' | sort)"
run "DNS runs" system rollout status deployment coredns --timeout=60s
# The first node may have got both; of two that come together when the nodes are there, each gets a node of its own.
run "none" system scale deployment coredns --replicas=0
is "is left" "$(until_is 0 sh -c "kubectl --kubeconfig $work/demo.kubeconfig -n kube-system get pods -l k8s-app=kube-dns -o name | wc -l")" 0
run "two again" system scale deployment coredns --replicas=2
run "run" system rollout status deployment coredns --timeout=60s
is "on two nodes" "$(until_is 2 sh -c "kubectl --kubeconfig $work/demo.kubeconfig -n kube-system get pods -l k8s-app=kube-dns -o 'jsonpath={.items[*].spec.nodeName}' | tr ' ' '\n' | sort -u | wc -l")" 2
like "behind its Service" "$(until_is 2 sh -c "kubectl --kubeconfig $work/demo.kubeconfig -n kube-system get endpoints kube-dns -o 'jsonpath={.subsets[0].addresses[*].ip}' | wc -w")" '^2$'
like "the CNI's init container ended" "$(system describe pod -l k8s-app=aws-node)" 'Reason: +Completed'

part "a deployment"
run "create" k create deployment web --image=nginx:1.27 --replicas=3 --port=80
run "rolls out" k rollout status deployment web --timeout=60s
is "three pods" "$(pods app=web)" 3
like "named after their ReplicaSet" "$(k get pods -l app=web -o name)" '^pod/web-[a-z0-9]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}$'
like "get" "$(k get deployment web)" 'web +3/3 +3 +3'
like "describe" "$(k describe deployment web)" 'ScalingReplicaSet +.*deployment-controller +Scaled up replica set web-[a-z0-9]+ from 0 to 3'
like "events of the ReplicaSet" "$(k describe replicaset -l app=web)" 'SuccessfulCreate +.*replicaset-controller +Created pod: web-'
run "scale up" k scale deployment web --replicas=5
is "five" "$(until_is 5 pods app=web)" 5
run "scale down" k scale deployment web --replicas=2
is "two" "$(until_is 2 pods app=web)" 2
run "another image" k set image deployment web nginx=nginx:1.28
run "rolls out" k rollout status deployment web --timeout=60s
is "the pods have it" "$(until_is nginx:1.28 sh -c "kubectl --kubeconfig $work/demo.kubeconfig get pods -l app=web -o 'jsonpath={.items[*].spec.containers[0].image}' | tr ' ' '\n' | sort -u")" nginx:1.28
k annotate deployment web kubernetes.io/change-cause="image 1.28" >/dev/null
like "history" "$(until_is x k rollout history deployment web)" '^2 +image 1.28$'
like "of a revision" "$(k rollout history deployment web --revision=1)" 'Image:\s+nginx:1.27'
run "undo" k rollout undo deployment web
run "rolls out" k rollout status deployment web --timeout=60s
is "the old image" "$(k get deployment web -o 'jsonpath={.spec.template.spec.containers[0].image}')" nginx:1.27
like "as a new revision" "$(k rollout history deployment web)" '^3 '
BEFORE=$(k get pods -l app=web -o 'jsonpath={.items[*].metadata.uid}')
run "restart" k rollout restart deployment web
run "rolls out" k rollout status deployment web --timeout=60s
like "by other pods" "$(k get pods -l app=web -o 'jsonpath={.items[*].metadata.uid}' | tr ' ' '\n' | grep -cxFf <(tr ' ' '\n' <<<"$BEFORE"))" '^[0-2]$'
run "pause" k rollout pause deployment web
run "an image meanwhile" k set image deployment web nginx=nginx:1.29
refuse "does not roll" 'timed out|updated replicas|exceeded' k rollout status deployment web --timeout=1s
run "resume" k rollout resume deployment web
run "rolls out" k rollout status deployment web --timeout=60s
run "an image that stays" k get deployment web -o 'jsonpath={.status.updatedReplicas}'
is "on all" "$OUT" 2
run "a deadline" k patch deployment web --type=merge -p '{"spec":{"progressDeadlineSeconds":2,"minReadySeconds":1,"template":{"spec":{"nodeSelector":{"disk":"none"}}}}}'
refuse "is told" 'exceeded its progress deadline' k rollout status deployment web --timeout=20s
run "undo" k rollout undo deployment web
run "rolls out" k rollout status deployment web --timeout=60s

part "a service"
run "expose" k expose deployment web --port=80 --target-port=80
like "endpoints" "$(until_is 2 sh -c "kubectl --kubeconfig $work/demo.kubeconfig get endpoints web -o 'jsonpath={.subsets[0].addresses[*].ip}' | wc -w")" '^2$'
like "slices" "$(k get endpointslices -l kubernetes.io/service-name=web)" '^web-[a-z0-9]{5} +IPv4 +80 +[0-9.]+,[0-9.]+'
is "are the pods" "$(k get endpointslices -l kubernetes.io/service-name=web -o 'jsonpath={.items[0].endpoints[*].targetRef.name}' | tr ' ' '\n' | sort)" "$(k get pods -l app=web --no-headers -o custom-columns=N:.metadata.name | sort)"
like "describe" "$(k describe service web)" 'Endpoints: +[0-9.]+:80,[0-9.]+:80'

part "a daemon set"
FIRST=$(k get nodes -o 'jsonpath={.items[0].metadata.name}')
SECOND=$(k get nodes -o 'jsonpath={.items[1].metadata.name}')
k label node "$FIRST" disk=ssd >/dev/null
k apply -f - >/dev/null <<Y
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {nodeSelector: {disk: ssd}, containers: [{name: agent, image: "agent:1"}]}
Y
run "rolls out" k rollout status daemonset agent --timeout=60s
is "where the label is" "$(k get pods -l app=agent -o 'jsonpath={.items[*].spec.nodeName}')" "$FIRST"
k label node "$SECOND" disk=ssd >/dev/null
is "another node, another pod" "$(until_is 2 pods app=agent)" 2
run "another image" k set image daemonset agent agent=agent:2
run "rolls out" k rollout status daemonset agent --timeout=60s
like "history" "$(k rollout history daemonset agent)" '^2 '
run "undo" k rollout undo daemonset agent
run "rolls out" k rollout status daemonset agent --timeout=60s
is "the old image" "$(k get daemonset agent -o 'jsonpath={.spec.template.spec.containers[0].image}')" agent:1
k label node "$SECOND" disk- >/dev/null
is "no label, no pod" "$(until_is 1 pods app=agent)" 1

part "drains"
run "a budget" k create poddisruptionbudget web --selector=app=web --min-available=2
is "allows none" "$(until_is 0 k get pdb web -o 'jsonpath={.status.disruptionsAllowed}')" 0
NODE=$(k get pods -l app=web -o 'jsonpath={.items[0].spec.nodeName}')
refuse "holds a drain back" "would violate the pod's disruption budget" k drain "$NODE" --ignore-daemonsets --delete-emptydir-data --timeout=3s
run "one more" k scale deployment web --replicas=3
is "allows one" "$(until_is 1 k get pdb web -o 'jsonpath={.status.disruptionsAllowed}')" 1
run "lets it go on" k drain "$NODE" --ignore-daemonsets --delete-emptydir-data --timeout=60s
like "its pods are elsewhere" "$(pods app=web)" '^[23]$'
is "all of them" "$(k get pods -l app=web -o 'jsonpath={.items[*].spec.nodeName}' | grep -c "$NODE")" 0
run "three run" k rollout status deployment web --timeout=60s
like "daemons stay" "$(system get pods -o wide --field-selector "spec.nodeName=$NODE" --no-headers | awk '{print $1}' | sed 's/-[a-z0-9]*$//' | sort | paste -sd,)" '^aws-node,kube-proxy$'
run "uncordon" k uncordon "$NODE"

part "ends"
run "a deployment" k delete deployment web --timeout=60s
is "takes its pods along" "$(until_is "" k get pods,replicasets -l app=web -o name)" ""
is "and leaves the Service" "$(until_is "" k get endpoints web -o 'jsonpath={.subsets}')" ""
run "orphans" k create deployment lone --image=nginx
k rollout status deployment lone --timeout=60s >/dev/null
run "stay" k delete deployment lone --cascade=orphan
is "with their pods" "$(pods app=lone)" 1
run "and are adopted" k create deployment lone --image=nginx
run "by the next" k rollout status deployment lone --timeout=60s
is "without new pods" "$(k get pods -l app=lone --no-headers | wc -l)" 1
run "a namespace" k create namespace gone
run "with a deployment" k -n gone create deployment web --image=nginx --replicas=3
run "goes as a whole" k delete namespace gone --timeout=60s

part "after a restart"
NAMES=$(k get pods -A -o name | sort)
kill "$server"; wait "$server" 2>/dev/null
rm -f "$work/ready.json"
"$SIM" serve --state "$work/state.sqlite" --aws-port "${EKS_SIM_ENDPOINT##*:}" --api-port 0 --ready-file "$work/ready.json" >"$work/serve.log" 2>&1 &
server=$!
for _ in $(seq 100); do [ -s "$work/ready.json" ] && break; sleep 0.1; done
eks-sim kubeconfig demo --admin -o "$work/demo.kubeconfig"
is "the pods are the same" "$(until_is "$NAMES" sh -c "kubectl --kubeconfig $work/demo.kubeconfig get pods -A -o name | sort")" "$NAMES"
run "and are kept" k scale deployment lone --replicas=2
run "as before" k rollout status deployment lone --timeout=60s

finish
