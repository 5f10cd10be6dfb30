#!/usr/bin/env bash
# Managed node groups from the call to pods on their nodes, with the unmodified aws and kubectl: who a node is, what its role and mapping must
# be, sizes, labels, updates, ends.
#   nodes_walk.sh EKS_SIM_BINARY
SIM=$(readlink -f "${1:?the eks-sim binary}")
# shellcheck source=Tests/EndToEnd/lib.sh
source "$(dirname "$0")/lib.sh"
k() { kubectl --kubeconfig "$work/$1.kubeconfig" "${@:2}"; }
node_role() {
  role "$1" '{"Service":"ec2.amazonaws.com"}' >/dev/null
  for p in "${@:2}"; do aws iam attach-role-policy --role-name "$1" --policy-arn "arn:aws:iam::aws:policy/$p"; done
  printf 'arn:aws:iam::%s:role/%s' "$ACCOUNT" "$1"
}
SUBNETS=$(q ec2 describe-subnets --query 'Subnets[].SubnetId')
# shellcheck disable=SC2086 # several subnets
group() { aws eks create-nodegroup --cluster-name "$1" --nodegroup-name "$2" --node-role "$3" --subnets $SUBNETS "${@:4}" >/dev/null; }

cluster demo API_AND_CONFIG_MAP
eks-sim kubeconfig demo --admin -o "$work/demo.kubeconfig"
ROLE=$(node_role nodes AmazonEKSWorkerNodePolicy AmazonEKS_CNI_Policy AmazonEC2ContainerRegistryPullOnly)

part "a node group"
run "create" group demo main "$ROLE" --scaling-config minSize=1,maxSize=5,desiredSize=2 --instance-types m5.large --labels tier=web \
  --taints key=dedicated,value=web,effect=PREFER_NO_SCHEDULE
run "wait nodegroup-active" aws eks wait nodegroup-active --cluster-name demo --nodegroup-name main
is "two nodes are ready" "$(nodes demo)" 2Ready
NODE=$(k demo get nodes -o 'jsonpath={.items[0].metadata.name}')
I=$(k demo get node "$NODE" -o 'jsonpath={.spec.providerID}' | sed 's|.*/||')
is "one is the instance" "$(q ec2 describe-instances --instance-ids "$I" --query 'Reservations[0].Instances[0].PrivateDnsName')" "$NODE"
like "with the group's and EKS' labels" "$(k demo get node "$NODE" --show-labels)" 'eks.amazonaws.com/capacityType=ON_DEMAND.*eks.amazonaws.com/nodegroup=main.*tier=web'
like "taints" "$(k demo describe node "$NODE")" 'Taints: +dedicated=web:PreferNoSchedule'
is "pods that fit" "$(k demo get node "$NODE" -o 'jsonpath={.status.capacity.pods}')" 29
like "the kubelet's version" "$(k demo get node "$NODE" -o 'jsonpath={.status.nodeInfo.kubeletVersion}')" '^v1\.34\.[0-9]+-eks-'
is "zones are even" "$(k demo get nodes -L topology.kubernetes.io/zone --no-headers | awk '{print $NF}' | sort | uniq -c | awk '{print $1}' | sort -u)" 1
like "its entry" "$(aws eks describe-access-entry --cluster-name demo --principal-arn "$ROLE")" '"type": "EC2_LINUX"'
run "a pod" k demo run web --image=nginx
run "runs on one" k demo wait --for=condition=Ready pod/web --timeout=20s
like "lease" "$(k demo get leases -n kube-node-lease)" "$NODE"

part "addresses of pods"
WEB=$(k demo get pod web -o 'jsonpath={.status.podIP}')
WEBNODE=$(k demo get pod web -o 'jsonpath={.spec.nodeName}')
WEBI=$(k demo get node "$WEBNODE" -o 'jsonpath={.spec.providerID}' | sed 's|.*/||')
is "a pod's is one of its instance's" "$(q ec2 describe-network-interfaces --filters "Name=addresses.private-ip-address,Values=$WEB" --query 'NetworkInterfaces[0].Attachment.InstanceId')" "$WEBI"
is "a warm interface has as many" "$(q ec2 describe-network-interfaces --filters "Name=attachment.instance-id,Values=$WEBI" --query 'NetworkInterfaces[].length(PrivateIpAddresses)' | tr '\t' '\n' | sort -u)" 10
like "with the agent's tags" "$(q ec2 describe-network-interfaces --filters "Name=attachment.instance-id,Values=$WEBI" --query 'NetworkInterfaces[].TagSet[].Key')" 'node.k8s.amazonaws.com/instance_id'
FREE() { q ec2 describe-subnets --query 'sum(Subnets[].AvailableIpAddressCount)' | cut -d. -f1; }
BEFORE=$(FREE)
k demo apply -f - >/dev/null <<J
{"apiVersion": "v1", "kind": "List", "items": [$(for n in $(seq 20); do printf '%s{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p%s","labels":{"app":"many"}},"spec":{"nodeName":"%s","containers":[{"name":"c","image":"x"}]}}' "$([ "$n" = 1 ] || echo ,)" "$n" "$WEBNODE"; done)]}
J
run "twenty pods" kubectl --kubeconfig "$work/demo.kubeconfig" wait --for=condition=Ready pod -l app=many --timeout=60s
is "have addresses of their own" "$(k demo get pods -l app=many -o 'jsonpath={.items[*].status.podIP}' | tr ' ' '\n' | sort -u | wc -l)" 20
like "which the subnet has less" "$((BEFORE - $(FREE)))" '^[1-9]'
is "a host's pod has its node's" "$(k demo run host --image=x --overrides='{"spec":{"hostNetwork":true}}' >/dev/null; k demo wait --for=condition=Ready pod/host --timeout=20s >/dev/null; k demo get pod host -o 'jsonpath={.status.podIP}')" "$(k demo get pod host -o 'jsonpath={.status.hostIP}')"
run "ip pool" eks-sim ip pool --cluster demo
like "says what each node holds" "$OUT" "$WEBNODE +m5.large +29 +"
run "of a node" eks-sim ip pool "$WEBNODE" --cluster demo
like "its interfaces" "$OUT" '^eni-[0-9a-f]+ +0 +subnet-'
like "its log" "$(eks-sim ip pool "$WEBNODE" --page ipamd.log)" '"msg":"Received AddNetwork for NS default'
like "its plugin's" "$(eks-sim ip pool "$WEBNODE" --page plugin.log)" '"msg":"Received add network response from ipamd for container [0-9a-f]{64} interface eth0: Success:true'
like "which its kubelet serves" "$(k demo get --raw "/api/v1/nodes/$WEBNODE/proxy/logs/aws-routed-eni/plugin.log")" 'Received CNI add request: .*K8S_POD_NAME=web;'
like "with the directory" "$(k demo get --raw "/api/v1/nodes/$WEBNODE/proxy/logs/")" 'href="aws-routed-eni/"'
like "its metrics" "$(eks-sim ip pool "$WEBNODE" --page metrics)" '^awscni_assigned_ip_addresses 2[0-9]'
like "its introspection" "$(eks-sim ip pool "$WEBNODE" --page v1/enis)" '"AssignedIPs":2[0-9]'
like "metrics of pools" "$(curl -s "$EKS_SIM_ENDPOINT/metrics")" "^eks_sim_pool_addresses.cluster=.demo.,node=.$WEBNODE.,state=.used.. 2[0-9]"
like "of subnets" "$(curl -s "$EKS_SIM_ENDPOINT/metrics")" '^eks_sim_subnet_available_addresses.cluster="demo",subnet="subnet-[0-9a-f]+",zone="[a-z0-9-]+". 4[0-9]{3}$'
like "of the NLB" "$(curl -s "$EKS_SIM_ENDPOINT/metrics")" '^eks_sim_nlb_target_healthy.cluster="demo",target="demo/apiserver-0".*1$'
like "of API servers" "$(curl -s "$EKS_SIM_ENDPOINT/metrics")" '^apiserver_request_total.cluster="demo",replica="demo/apiserver-[01]",code="201".*resource="pods".*verb="POST"'
# Each replica counts its own; which one answers depends on the connection.
like "of the one that answers" "$(k demo get --raw /metrics)" '^# TYPE apiserver_request_total counter'
run "ip subnets" eks-sim ip subnets
like "draws nodes, pods and what is warm" "$OUT" 'N node [0-9]+ +# used 2[0-9] +\+ warm [0-9]+'
like "as SVG" "$(eks-sim ip subnets -o svg)" '^<svg'
run "ip services" eks-sim ip services
like "whose each address is" "$OUT" '10\.100\.0\.1 +default/kubernetes'
refuse "no such node" 'no node "nobody" was added' eks-sim ip pool nobody
k demo delete pods -l app=many --grace-period=1 >/dev/null
run "a small node" group demo small "$ROLE" --scaling-config minSize=1,maxSize=1,desiredSize=1 --instance-types t3.micro
is "becomes active" "$(until_is ACTIVE status demo small)" ACTIVE
SMALL=$(k demo get nodes -l eks.amazonaws.com/nodegroup=small -o 'jsonpath={.items[0].metadata.name}')
is "has room for four pods" "$(k demo get node "$SMALL" -o 'jsonpath={.status.capacity.pods}')" 4
# Bound past the scheduler: more pods than the node has addresses for.
for n in 1 2 3 4; do
  k demo create -f - >/dev/null <<<"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"s$n\"},\"spec\":{\"nodeName\":\"$SMALL\",\"containers\":[{\"name\":\"c\",\"image\":\"x\"}]}}"
done
for _ in $(seq 60); do k demo get events 2>/dev/null | grep -q FailedCreatePodSandBox && break; sleep 0.25; done
like "a dry pool is told" "$(k demo get events)" 'FailedCreatePodSandBox.*failed to assign an IP address to container'
run "its end" aws eks delete-nodegroup --cluster-name demo --nodegroup-name small
is "is soon" "$(until_is "" status demo small)" ""
k demo delete pods --all --force --grace-period=0 >/dev/null 2>&1

part "sizes and labels"
run "three" aws eks update-nodegroup-config --cluster-name demo --nodegroup-name main --scaling-config desiredSize=3
is "are there" "$(until_is 3Ready nodes demo)" 3Ready
is "the update has ended" "$(until_is ACTIVE status demo main)" ACTIVE
run "one" aws eks update-nodegroup-config --cluster-name demo --nodegroup-name main --scaling-config desiredSize=1
is "is left" "$(until_is 1Ready nodes demo)" 1Ready
run "labels" aws eks update-nodegroup-config --cluster-name demo --nodegroup-name main --labels 'addOrUpdateLabels={tier=api,team=x},removeLabels=[]'
like "are on the node" "$(until_is api k demo get nodes -o 'jsonpath={.items[0].metadata.labels.tier}')" api
ONE=$(k demo get nodes -o 'jsonpath={.items[0].spec.providerID}' | sed 's|.*/||')
NAME=$(k demo get nodes -o 'jsonpath={.items[0].metadata.name}')
run "an instance that is ended" aws ec2 terminate-instances --instance-ids "$ONE"
until_is "" k demo get node "$NAME" -o name >/dev/null
is "another takes its place" "$(until_is 1Ready nodes demo)" 1Ready

part "roles that lack something"
aws iam detach-role-policy --role-name nodes --policy-arn arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy
run "without the network policy" aws eks update-nodegroup-config --cluster-name demo --nodegroup-name main --scaling-config desiredSize=2
is "a node is not ready" "$(until_is 1NotReady,1Ready nodes demo)" 1NotReady,1Ready
like "says why" "$(k demo describe nodes)" 'cni plugin not initialized'
DRY=$(k demo get nodes --no-headers | awk '$2 == "NotReady" {print $1}')
k demo create -f - >/dev/null <<<"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"early\"},\"spec\":{\"nodeName\":\"$DRY\",\"containers\":[{\"name\":\"c\",\"image\":\"x\"}]}}"
for _ in $(seq 20); do k demo get events 2>/dev/null | grep -q '127.0.0.1:50051' && break; sleep 0.25; done
like "a pod put there gets no address" "$(k demo get events)" 'FailedCreatePodSandBox.*dial tcp 127.0.0.1:50051: connect: connection refused'
AGENT=$(k demo get pods -n kube-system -l k8s-app=aws-node --field-selector "spec.nodeName=$DRY" -o name)
ready() { k demo get -n kube-system "$AGENT" --no-headers | awk '{print $2, $3}'; }
is "its agent's pod is not ready" "$(until_is '1/2 Running' ready)" '1/2 Running'
asked() { k demo get events -n kube-system | grep -q 'Readiness probe failed' && echo yes; }
until_is yes asked >/dev/null
like "the kubelet asks it in vain" "$(k demo get events -n kube-system)" 'Readiness probe failed: \{"level":"info".*timeout: failed to connect service \\":50051\\" within 5s'
like "it waits for the agent" "$(k demo logs -n kube-system "$AGENT" -c aws-node | tail -1)" 'level=info msg="Checking for IPAM connectivity... "'
aws iam attach-role-policy --role-name nodes --policy-arn arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy
run "the policy, and another pod for the agent" k demo delete -n kube-system "$AGENT"
is "let it become ready" "$(until_is 2Ready nodes demo)" 2Ready
BARE=$(node_role bare)
run "without any policy" group demo bare "$BARE" --scaling-config minSize=1,maxSize=1,desiredSize=1
sleep 2
is "its node does not come" "$(nodes demo)" 2Ready
is "and the group waits for it" "$(status demo bare)" CREATING
aws eks delete-access-entry --cluster-name demo --principal-arn "$ROLE"
run "without an entry" aws eks update-nodegroup-config --cluster-name demo --nodegroup-name main --scaling-config desiredSize=3
sleep 2
is "a new node does not get in" "$(nodes demo)" 2Ready
aws eks create-access-entry --cluster-name demo --principal-arn "$ROLE" --type EC2_LINUX >/dev/null
is "with one again, it does" "$(until_is 3Ready nodes demo)" 3Ready

part "a mapping that is taken away"
aws eks delete-access-entry --cluster-name demo --principal-arn "$ROLE"
run "the API servers forget the tokens of the nodes, and then the leases run out" eks-sim clock advance 180s
is "they are not ready" "$(until_is 3NotReady nodes demo)" 3NotReady
like "nobody knows how they are" "$(k demo describe nodes)" 'Ready +Unknown .*NodeStatusUnknown +Kubelet stopped posting node status.'
like "they are marked" "$(k demo get nodes -o 'jsonpath={.items[0].spec.taints}')" 'node.kubernetes.io/unreachable'
aws eks create-access-entry --cluster-name demo --principal-arn "$ROLE" --type EC2_LINUX >/dev/null
is "with an entry again, they are" "$(until_is 3Ready nodes demo)" 3Ready
is "without the marks" "$(until_is "dedicated dedicated dedicated" k demo get nodes -o 'jsonpath={.items[*].spec.taints[*].key}')" "dedicated dedicated dedicated"

part "an instance that is stopped"
aws iam create-instance-profile --instance-profile-name own >/dev/null
aws iam add-role-to-instance-profile --instance-profile-name own --role-name nodes
AMI=$(q ec2 describe-images --owners amazon --filters 'Name=name,Values=al2023-ami-*-x86_64' --query 'Images[0].ImageId')
I=$(q ec2 run-instances --image-id "$AMI" --instance-type m5.large --iam-instance-profile Name=own --query 'Instances[0].InstanceId' \
  --tag-specifications 'ResourceType=instance,Tags=[{Key=kubernetes.io/cluster/demo,Value=owned}]')
OWN=$(q ec2 describe-instances --instance-ids "$I" --query 'Reservations[0].Instances[0].PrivateDnsName')
is "one of one's own joins" "$(until_is 4Ready nodes demo)" 4Ready
node_uid=$(k demo get node "$OWN" -o 'jsonpath={.metadata.uid}')
k demo create -f - >/dev/null <<<"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"steady\"},\"spec\":{\"nodeName\":\"$OWN\",\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"}]}}"
run "a pod on it" k demo wait --for=condition=Ready pod/steady --timeout=20s
run "stop" aws ec2 stop-instances --instance-ids "$I"
run "wait instance-stopped" aws ec2 wait instance-stopped --instance-ids "$I"
run "its lease runs out" eks-sim clock advance 60s
is "its Node stays, and is not ready" "$(until_is 1NotReady,3Ready nodes demo)" 1NotReady,3Ready
like "the cloud says that it is off" "$(k demo get node "$OWN" -o 'jsonpath={.spec.taints}')" 'node.cloudprovider.kubernetes.io/shutdown'
is "its pod is not ready" "$(k demo get pod steady -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" False
run "start" aws ec2 start-instances --instance-ids "$I"
is "it is ready again" "$(until_is 4Ready nodes demo)" 4Ready
is "the same Node" "$(k demo get node "$OWN" -o 'jsonpath={.metadata.uid}')" "$node_uid"
run "its pod" k demo wait --for=condition=Ready pod/steady --timeout=20s
is "was started again" "$(k demo get pod steady -o 'jsonpath={.status.containerStatuses[0].restartCount}')" 1
run "reboot" aws ec2 reboot-instances --instance-ids "$I"
is "starts it once more" "$(until_is 2 k demo get pod steady -o 'jsonpath={.status.containerStatuses[0].restartCount}')" 2
run "its end" aws ec2 terminate-instances --instance-ids "$I"
is "takes its Node away" "$(until_is 3Ready nodes demo)" 3Ready

part "sizes on a schedule"
ASG=$(q eks describe-nodegroup --cluster-name demo --nodegroup-name main --query 'nodegroup.resources.autoScalingGroups[0].name')
run "a recurring action" aws autoscaling put-scheduled-update-group-action --auto-scaling-group-name "$ASG" --scheduled-action-name morning \
  --recurrence "0 9 * * 1-5" --time-zone Asia/Tokyo --desired-capacity 2
like "its next time" "$(q autoscaling describe-scheduled-actions --auto-scaling-group-name "$ASG" --query 'ScheduledUpdateGroupActions[0].[StartTime,Recurrence,TimeZone]')" \
  '^20[0-9-]+T00:00:00Z.0 9 \* \* 1-5.Asia/Tokyo$'
refuse "six fields" 'Given recurrence string:0 0 9 \* \* 1-5 is invalid' aws autoscaling put-scheduled-update-group-action \
  --auto-scaling-group-name "$ASG" --scheduled-action-name bad --recurrence "0 0 9 * * 1-5" --desired-capacity 1
run "each minute" aws autoscaling put-scheduled-update-group-action --auto-scaling-group-name "$ASG" --scheduled-action-name morning \
  --recurrence "* * * * *" --time-zone UTC --desired-capacity 4
run "a minute" eks-sim clock advance 60s
is "makes four of them" "$(until_is 4Ready nodes demo)" 4Ready
run "no longer" aws autoscaling delete-scheduled-action --auto-scaling-group-name "$ASG" --scheduled-action-name morning
run "three" aws autoscaling set-desired-capacity --auto-scaling-group-name "$ASG" --desired-capacity 3
is "are left" "$(until_is 3Ready nodes demo)" 3Ready

part "mode CONFIG_MAP"
cluster old CONFIG_MAP
eks-sim kubeconfig old --admin -o "$work/old.kubeconfig"
run "create" group old main "$ROLE" --scaling-config minSize=1,maxSize=1,desiredSize=1
is "becomes active" "$(until_is ACTIVE status old main)" ACTIVE
is "a node" "$(nodes old)" 1Ready
like "let in by a line that EKS wrote" "$(k old get configmap aws-auth -n kube-system -o yaml)" 'username: system:node:\{\{EC2PrivateDNSName\}\}'

part "after a restart"
kill "$server"; wait "$server" 2>/dev/null
rm -f "$work/ready.json"
"$SIM" serve --state "$work/state.sqlite" --aws-port "${EKS_SIM_ENDPOINT##*:}" --api-port 0 --ready-file "$work/ready.json" >"$work/serve.log" 2>&1 &
server=$!
for _ in $(seq 100); do [ -s "$work/ready.json" ] && break; sleep 0.1; done
is "the nodes are ready" "$(until_is 3Ready nodes demo)" 3Ready

part "the end"
run "delete" aws eks delete-nodegroup --cluster-name demo --nodegroup-name main
run "its nodes are emptied" eks-sim clock advance 30s
is "is gone" "$(until_is "" status demo main)" ""
is "no node is left" "$(until_is "" nodes demo)" ""

finish
