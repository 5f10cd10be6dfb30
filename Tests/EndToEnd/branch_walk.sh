#!/usr/bin/env bash
# Security groups for pods with the unmodified aws and kubectl: trunk interfaces of nodes, SecurityGroupPolicies, branch interfaces of pods, what
# a cluster's role must be allowed, and that nothing is left in EC2.
#   branch_walk.sh EKS_SIM_BINARY
SIM=$(readlink -f "${1:?the eks-sim binary}")
# shellcheck source=Tests/EndToEnd/lib.sh
source "$(dirname "$0")/lib.sh"
k() { kubectl --kubeconfig "$work/demo.kubeconfig" "$@"; }
later() { "$SIM" clock advance "$1" >/dev/null; }
eni() { q ec2 describe-network-interfaces --filters "$@"; }
count() { eni "Name=interface-type,Values=$1" --query 'length(NetworkInterfaces)'; }
trunks() { count trunk; }
branches() { count branch; }
pods_of() { k get nodes -o "jsonpath={.items[*].status.$1['vpc\.amazonaws\.com/pod-eni']}"; }
reasons() { k get events -A --field-selector "involvedObject.name=$1" -o 'jsonpath={range .items[*]}{.reason}{"\n"}{end}' | sort -u | paste -sd,; }

cluster demo API
eks-sim kubeconfig demo --admin -o "$work/demo.kubeconfig"
role nodes '{"Service":"ec2.amazonaws.com"}' >/dev/null
for p in AmazonEKSWorkerNodePolicy AmazonEKS_CNI_Policy AmazonEC2ContainerRegistryPullOnly; do
  aws iam attach-role-policy --role-name nodes --policy-arn "arn:aws:iam::aws:policy/$p"
done
aws iam attach-role-policy --role-name eks-cluster --policy-arn arn:aws:iam::aws:policy/AmazonEKSClusterPolicy
SUBNETS=$(q ec2 describe-subnets --query 'Subnets[].SubnetId')
# shellcheck disable=SC2086 # several subnets
aws eks create-nodegroup --cluster-name demo --nodegroup-name main --node-role "arn:aws:iam::$ACCOUNT:role/nodes" --subnets $SUBNETS \
  --scaling-config minSize=1,maxSize=3,desiredSize=2 --instance-types m5.large >/dev/null
run "wait nodegroup-active" aws eks wait nodegroup-active --cluster-name demo --nodegroup-name main
later 30s
VPC=$(q ec2 describe-vpcs --query 'Vpcs[0].VpcId')
group() { q ec2 create-security-group --group-name "$1" --description "$1" --vpc-id "$VPC" --query GroupId; }
SG1=$(group database)
SG2=$(group audited)
NODE=$(k get nodes -o 'jsonpath={.items[0].metadata.name}')
OTHER=$(k get nodes -o 'jsonpath={.items[1].metadata.name}')

part "what every cluster has"
like "definitions" "$(k get crd -o name | paste -sd,)" 'cninodes.vpcresources.k8s.aws.*securitygrouppolicies.vpcresources.k8s.aws'
is "the webhook" "$(k get mutatingwebhookconfiguration vpc-resource-mutating-webhook -o 'jsonpath={.webhooks[*].name}')" mpod.vpc.k8s.aws
is "a CNINode for each node" "$(k get cninodes --no-headers | awk '{print $1}' | sort | paste -sd,)" "$(printf '%s\n' "$NODE" "$OTHER" | sort | paste -sd,)"
is "by its short name, without features" "$(k get cnd "$NODE" -o 'jsonpath={.spec}')" '{"tags":{"cluster.k8s.amazonaws.com/name":"demo"}}'
like "owned by the Node" "$(k get cnd "$NODE" -o 'jsonpath={.metadata.ownerReferences[0].kind}')" Node
like "explained" "$(k explain sgp.spec)" 'serviceAccountSelector'
refuse "a policy without groups" 'spec.securityGroups.groupIds.*should have at least 1 items' k apply -f - <<<'
{"apiVersion":"vpcresources.k8s.aws/v1beta1","kind":"SecurityGroupPolicy","metadata":{"name":"none"},"spec":{"podSelector":{},"securityGroups":{"groupIds":[]}}}'
is "no trunk" "$(trunks)" 0

part "a cluster role that may not make interfaces"
run "ENABLE_POD_ENI" k set env daemonset/aws-node -n kube-system ENABLE_POD_ENI=true
run "rolls out" k rollout status daemonset/aws-node -n kube-system --timeout=60s
later 20s
is "the agents ask" "$(k get cnd "$NODE" -o 'jsonpath={.spec.features}')" '[{"name":"SecurityGroupsForPods"}]'
like "the event says what is missing" "$(k get events -A -o wide)" \
  'TrunkENICreationFailed.*Failed to create trunk interface: Error Code: UnauthorizedOperation: Please verify the cluster IAM role has AmazonEKSVPCResourceController policy'
like "described with the node" "$(k describe node "$NODE")" 'NodeTrunkFailedInit +.*vpc-resource-controller +The node failed initializing trunk interface'
like "and traced" "$("$SIM" why --refused)" 'ec2:CreateNetworkInterface'
is "no trunk" "$(trunks)" 0

part "trunks"
aws iam attach-role-policy --role-name eks-cluster --policy-arn arn:aws:iam::aws:policy/AmazonEKSVPCResourceController
later 35s
is "a trunk for each node" "$(trunks)" 2
is "described" "$(eni Name=interface-type,Values=trunk --query 'NetworkInterfaces[].Description' | tr '\t' '\n' | sort -u)" aws-k8s-trunk-eni
is "at the highest device index" "$(eni Name=interface-type,Values=trunk --query 'NetworkInterfaces[].Attachment.DeviceIndex' | tr '\t' '\n' | sort -u)" 2
is "with its owner" "$(eni 'Name=tag:eks:eni:owner,Values=eks-vpc-resource-controller' --query 'length(NetworkInterfaces)')" 2
is "capacity" "$(pods_of capacity)" "9 9"
is "allocatable" "$(pods_of allocatable)" "9 9"
like "events" "$(k describe node "$NODE")" 'NodeTrunkInitiated +.*vpc-resource-controller +The node has trunk interface initialized successfully'
later 10s
like "the agent has it" "$("$SIM" ip pool "$NODE" --page v1/enis)" '"IsTrunk": ?true'
like "ip pool shows it" "$("$SIM" ip pool "$NODE")" 'Trunk eni-[0-9a-f]+: 0 of 9 branch interfaces'

part "pods with groups of their own"
run "a policy by pods" k apply -f - <<<"
{\"apiVersion\":\"vpcresources.k8s.aws/v1beta1\",\"kind\":\"SecurityGroupPolicy\",\"metadata\":{\"name\":\"db\"},\"spec\":{\"podSelector\":{\"matchLabels\":{\"app\":\"db\"}},\"securityGroups\":{\"groupIds\":[\"$SG1\"]}}}"
run "and by service accounts" k apply -f - <<<"
{\"apiVersion\":\"vpcresources.k8s.aws/v1beta1\",\"kind\":\"SecurityGroupPolicy\",\"metadata\":{\"name\":\"audit\"},\"spec\":{\"serviceAccountSelector\":{\"matchLabels\":{\"audit\":\"yes\"}},\"securityGroups\":{\"groupIds\":[\"$SG1\",\"$SG2\"]}}}"
like "listed" "$(k get sgp)" "SECURITY-GROUP-IDS"
run "an account" k create serviceaccount audited
run "with its label" k label serviceaccount audited audit=yes
run "a pod" k run db --image=nginx --labels app=db --overrides "{\"spec\":{\"nodeName\":null,\"serviceAccountName\":\"audited\",\"nodeSelector\":{\"kubernetes.io/hostname\":\"$NODE\"}}}"
run "another one" k run plain --image=nginx
is "wants a branch interface" "$(k get pod db -o 'jsonpath={.spec.containers[0].resources}')" '{"limits":{"vpc.amazonaws.com/pod-eni":"1"},"requests":{"vpc.amazonaws.com/pod-eni":"1"}}'
is "the other does not" "$(k get pod plain -o 'jsonpath={.spec.containers[0].resources}')" '{}'
run "the other is ready" k wait --for=condition=Ready pod/plain --timeout=20s
later 15s
run "it is ready" k wait --for=condition=Ready pod/db --timeout=20s
is "events" "$(reasons db)" "Created,FailedCreatePodSandBox,Pulled,Pulling,ResourceAllocated,Scheduled,SecurityGroupRequested,Started"
like "the sandbox had to wait" "$(k describe pod db)" 'FailedCreatePodSandBox.*add cmd: failed to assign an IP address to container'
like "the groups of both" "$(k describe pod db)" "SecurityGroupRequested.*Pod will get the following Security Groups \[$SG1 $SG2\]"
IP=$(k get pod db -o 'jsonpath={.status.podIP}')
A=$(k get pod db -o "jsonpath={.metadata.annotations['vpc\.amazonaws\.com/pod-eni']}")
is "its address is the branch's" "$(field '[0]["privateIp"]' <<<"$A")" "$IP"
BRANCH=$(field '[0]["eniId"]' <<<"$A")
of() { q ec2 describe-network-interfaces --network-interface-ids "$BRANCH" --query "NetworkInterfaces[0].$1"; }
is "in EC2" "$(of '[InterfaceType,Status,Description,PrivateIpAddress]' | tr '\t' ' ')" "branch in-use aws-k8s-branch-eni $IP"
is "with the groups" "$(of 'Groups[].GroupId' | tr '\t' '\n' | sort | paste -sd,)" "$(printf '%s\n' "$SG1" "$SG2" | sort | paste -sd,)"
is "on VLAN 1" "$(q ec2 describe-trunk-interface-associations --query 'InterfaceAssociations[].[BranchInterfaceId,InterfaceProtocol,VlanId]' | tr '\t' ' ')" "$BRANCH VLAN 1"
like "ip pool" "$("$SIM" ip pool "$NODE")" "$BRANCH +$IP +1 +used +default/db"
refuse "nobody else may annotate" 'admission webhook "vpod.vpc.k8s.aws" denied the request: annotation is not set by vpc-resource-controller' \
  k annotate pod db vpc.amazonaws.com/pod-eni=mine --overwrite
refuse "nor bring an annotation along" 'pod cannot be created with vpc.amazonaws.com/pod-eni annotation' \
  k run own --image=nginx --annotations vpc.amazonaws.com/pod-eni=mine
refuse "a group in use stays" 'DependencyViolation' aws ec2 delete-security-group --group-id "$SG2"

part "as many as the node takes"
run "a deployment" k apply -f - <<E2
{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"many"},"spec":{"replicas":9,"selector":{"matchLabels":{"app":"db"}},"template":
{"metadata":{"labels":{"app":"db"}},"spec":{"nodeSelector":{"kubernetes.io/hostname":"$NODE"},"containers":[{"name":"c","image":"nginx"}]}}}}
E2
later 20s
is "eight of nine" "$(until_is 8 k get deployment many -o 'jsonpath={.status.readyReplicas}')" 8
is "branches" "$(branches)" 9
like "the last waits" "$(k describe pods -l app=db)" 'FailedScheduling.*Insufficient vpc.amazonaws.com/pod-eni'

part "the end of a pod"
run "another cool-down" k patch configmap amazon-vpc-cni -n kube-system --type merge -p '{"data":{"branch-eni-cooldown":"30"}}'
later 1s
like "is told" "$(k describe node "$OTHER")" 'BranchENICoolDownPeriodUpdated.*Branch ENI cool down period has been updated to 30s'
run "delete" k delete pod db --grace-period=1
later 5s
is "its interface waits" "$(of Status)" in-use
like "cooling" "$("$SIM" ip pool "$NODE")" "$BRANCH +$IP +1 +cooling +default/db"
later 10s
like "and counts: the next pod is on the node without interface" "$(k get pods -l app=db --no-headers | grep -vc Running)" '^1$'
later 20s
refuse "half a minute after its pod it is gone" 'InvalidNetworkInterfaceID.NotFound' aws ec2 describe-network-interfaces --network-interface-ids "$BRANCH"
later 25s
is "the next pod has one" "$(until_is 9 k get deployment many -o 'jsonpath={.status.readyReplicas}')" 9
run "fewer" k scale deployment many --replicas=1
later 35s
is "branches" "$(until_is 1 branches)" 1

part "a group that does not exist"
run "a policy" k apply -f - <<<'
{"apiVersion":"vpcresources.k8s.aws/v1beta1","kind":"SecurityGroupPolicy","metadata":{"name":"wrong"},"spec":{"podSelector":{"matchLabels":{"app":"wrong"}},"securityGroups":{"groupIds":["sg-0123456789abcdef0"]}}}'
run "a pod" k run wrong --image=nginx --labels app=wrong
later 5s
like "is told why" "$(k describe pod wrong)" "BranchAllocationFailed.*failed to allocate branch ENI to pod: creating network interface, operation error EC2: CreateNetworkInterface.*api error InvalidGroup.NotFound: The security group 'sg-0123456789abcdef0' does not exist"
run "gone" k delete pod wrong --grace-period=1

part "a restart"
kill "$server"
wait "$server" 2>/dev/null
rm -f "$work/ready.json"
"$SIM" serve --state "$work/state.sqlite" --aws-port "${EKS_SIM_ENDPOINT##*:}" --api-port 0 --ready-file "$work/ready.json" >"$work/serve.log" 2>&1 &
server=$!
for _ in $(seq 100); do [ -s "$work/ready.json" ] && break; sleep 0.1; done
eks-sim kubeconfig demo --admin -o "$work/demo.kubeconfig"
later 5s
is "trunks" "$(trunks)" 2
POD=$(k get pods -l app=db -o 'jsonpath={.items[0].metadata.name}')
like "the pod's interface is known" "$("$SIM" ip pool "$NODE")" "used +default/$POD"
run "it ends" k delete deployment many
later 70s
is "no branch is left" "$(branches)" 0

part "enforcing modes"
guarded() {
  k apply -f - <<<"
{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"$1\",\"labels\":{\"app\":\"db\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",
\"readinessProbe\":{\"httpGet\":{\"port\":80}}}]}}"
}
run "a pod with a probe" guarded strict
later 20s
is "runs, and is not ready: its group lets nothing in" "$(k get pod strict --no-headers | awk '{print $2, $3}')" "0/1 Running"
like "the kubelet says why" "$(k describe pod strict)" 'Unhealthy.*Readiness probe failed: Get "http://[0-9.]+:80/": context deadline exceeded'
run "standard" k set env daemonset/aws-node -n kube-system POD_SECURITY_GROUP_ENFORCING_MODE=standard
run "rolls out" k rollout status daemonset/aws-node -n kube-system --timeout=60s
run "a pod from now on" guarded standard
later 20s
run "is ready" k wait --for=condition=Ready pod/standard --timeout=20s
is "the one before is as it was" "$(k get pod strict --no-headers | awk '{print $2}')" 0/1
run "gone" k delete pod strict standard --grace-period=1
later 35s

part "nodes that go"
run "a pod on the other node" k run last --image=nginx --labels app=db --overrides "{\"spec\":{\"nodeSelector\":{\"kubernetes.io/hostname\":\"$OTHER\"}}}"
later 15s
is "has a branch" "$(until_is 1 branches)" 1
run "delete-nodegroup" aws eks delete-nodegroup --cluster-name demo --nodegroup-name main
later 60s
run "wait nodegroup-deleted" aws eks wait nodegroup-deleted --cluster-name demo --nodegroup-name main
is "no interface of the controller is left" "$(until_is 0 eni 'Name=tag:eks:eni:owner,Values=eks-vpc-resource-controller' --query 'length(NetworkInterfaces)')" 0
is "no CNINode" "$(k get cninodes --no-headers 2>/dev/null | wc -l | tr -d ' ')" 0

finish
