#!/usr/bin/env bash
# Where the addresses of pods come from on running nodes, with the unmodified aws and kubectl: custom networking with an ENIConfig a zone,
# and subnets that are found by their tags.
#   cni_walk.sh EKS_SIM_BINARY
SIM=$(readlink -f "${1:?the eks-sim binary}")
# shellcheck source=Tests/EndToEnd/lib.sh
source "$(dirname "$0")/lib.sh"
k() { kubectl --kubeconfig "$work/$1.kubeconfig" "${@:2}"; }
# until_is WANT COMMAND...: repeats until the output is as wanted; the world's time goes on meanwhile
until_is() {
  local want=$1 got=""
  shift
  for _ in $(seq 80); do
    got=$("$@" 2>/dev/null)
    [ "$got" = "$want" ] && break
    eks-sim clock advance 2s >/dev/null
    sleep 0.25
  done
  printf '%s' "$got"
}
nodes() { k "$1" get nodes --no-headers 2>/dev/null | awk '{print $2}' | sort | uniq -c | awk '{print $1 $2}' | paste -sd,; }
status() { q eks describe-nodegroup --cluster-name "$1" --nodegroup-name "$2" --query nodegroup.status; }
subnet() { q ec2 create-subnet --vpc-id "$1" --cidr-block "$2" --availability-zone "$AWS_REGION$3" --query Subnet.SubnetId "${@:4}"; }
# made NAME SUBNETS OPTIONS...: makes a cluster, waits for it, and gets a kubeconfig
made() {
  aws eks create-cluster --name "$1" --role-arn "arn:aws:iam::$ACCOUNT:role/eks-cluster" --resources-vpc-config "subnetIds=$2" \
    --access-config authenticationMode=API_AND_CONFIG_MAP "${@:3}" >/dev/null && aws eks wait cluster-active --name "$1" &&
    eks-sim kubeconfig "$1" --admin -o "$work/$1.kubeconfig"
}
# group CLUSTER NAME SUBNETS COUNT OPTIONS...
group() {
  # shellcheck disable=SC2086 # several subnets
  aws eks create-nodegroup --cluster-name "$1" --nodegroup-name "$2" --node-role "$ROLE" --subnets $3 --instance-types m5.large \
    --scaling-config "minSize=1,maxSize=5,desiredSize=$4" "${@:5}" >/dev/null
}
# deployed CLUSTER NAME COUNT: so many pods of a Deployment are ready
deployed() {
  k "$1" create deployment "$2" --image=nginx --replicas="$3" >/dev/null
  until_is "$3" k "$1" get deployment "$2" -o 'jsonpath={.status.readyReplicas}'
}
pods() { k "$1" get pods -l "app=$2" -o "jsonpath={range .items[*]}{.status.podIP}{\"\n\"}{end}"; }
# within ADDRESSES BLOCKS...: how many of the addresses lie in one of the blocks
within() { python3 -c 'import ipaddress as i,sys; n=[i.ip_network(b) for b in sys.argv[2:]]; print(sum(any(i.ip_address(a) in b for b in n) for a in sys.argv[1].split()))' "$@"; }
instance() { k "$1" get node "$2" -o 'jsonpath={.spec.providerID}' | sed 's|.*/||'; }
# interface INSTANCE DEVICE QUERY
interface() {
  q ec2 describe-network-interfaces --filters "Name=attachment.instance-id,Values=$1" "Name=attachment.device-index,Values=$2" \
    --query "NetworkInterfaces[0].$3"
}

role eks-cluster '{"Service":"eks.amazonaws.com"}' >/dev/null
ROLE=$(role nodes '{"Service":"ec2.amazonaws.com"}')
for p in AmazonEKSWorkerNodePolicy AmazonEKS_CNI_Policy AmazonEC2ContainerRegistryPullOnly; do
  aws iam attach-role-policy --role-name nodes --policy-arn "arn:aws:iam::aws:policy/$p"
done

part "custom networking"
VPC=$(q ec2 create-vpc --cidr-block 10.0.0.0/16 --query Vpc.VpcId)
run "a second block of the VPC" aws ec2 associate-vpc-cidr-block --vpc-id "$VPC" --cidr-block 100.64.0.0/16
A=$(subnet "$VPC" 10.0.0.0/24 a) C=$(subnet "$VPC" 10.0.1.0/24 c)
PODS_A=$(subnet "$VPC" 100.64.0.0/20 a) PODS_C=$(subnet "$VPC" 100.64.16.0/20 c)
SG=$(q ec2 create-security-group --group-name pods --description pods --vpc-id "$VPC" --query GroupId)
run "a cluster" made custom "$A,$C"
run "set env" k custom set env daemonset aws-node -n kube-system AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG=true ENI_CONFIG_LABEL_DEF=topology.kubernetes.io/zone
run "nodes before there is an ENIConfig" group custom main "$A $C" 2
is "come" "$(until_is 2NotReady nodes custom)" 2NotReady
IN_A=$(k custom get nodes -l "topology.kubernetes.io/zone=${AWS_REGION}a" -o 'jsonpath={.items[0].metadata.name}')
IN_C=$(k custom get nodes -l "topology.kubernetes.io/zone=${AWS_REGION}c" -o 'jsonpath={.items[0].metadata.name}')
like "their agents do not start" "$(eks-sim ip pool "$IN_A" --cluster custom --page ipamd.log)" 'Failed to attach any ENIs for custom networking'
like "because of what they miss" "$(eks-sim ip pool "$IN_A" --cluster custom --page ipamd.log)" 'eniconfig: eniconfig is not available'
is "the node group waits" "$(status custom main)" CREATING
config() {
  k custom apply -f - >/dev/null <<J
{"apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig", "metadata": {"name": "$AWS_REGION$1"}, "spec": {"subnet": "$2", "securityGroups": ["$SG"]}}
J
}
run "an ENIConfig for one zone" config a "$PODS_A"
is "makes the nodes there ready" "$(until_is 1NotReady,1Ready nodes custom)" 1NotReady,1Ready
is "those of that zone" "$(k custom get node "$IN_A" --no-headers | awk '{print $2}')" Ready
run "one for the other" config c "$PODS_C"
is "all are ready" "$(until_is 2Ready nodes custom)" 2Ready
is "the node group is active" "$(until_is ACTIVE status custom main)" ACTIVE
like "kubectl lists them" "$(k custom get eniconfigs)" "${AWS_REGION}a .*"
is "twelve pods are ready" "$(deployed custom web 12)" 12
is "with addresses of the second block only" "$(within "$(pods custom web)" 100.64.0.0/20 100.64.16.0/20)" 12
ON_A=$(k custom get pods -l app=web --field-selector "spec.nodeName=$IN_A" -o 'jsonpath={.items[*].status.podIP}')
is "and of the node's zone" "$(within "$ON_A" 100.64.0.0/20)" "$(wc -w <<<"$ON_A" | tr -d ' ')"
I=$(instance custom "$IN_A")
is "the first interface keeps its one address" "$(interface "$I" 0 'length(PrivateIpAddresses)')" 1
is "the second is in the pods' subnet" "$(interface "$I" 1 SubnetId)" "$PODS_A"
is "in the ENIConfig's security group" "$(interface "$I" 1 'Groups[].GroupId')" "$SG"
is "a host's pod has its node's address" "$(k custom get pods -n kube-system -l k8s-app=kube-proxy --field-selector "spec.nodeName=$IN_A" -o 'jsonpath={.items[0].status.podIP}')" \
  "$(k custom get node "$IN_A" -o 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}')"
like "ip pool knows that the first serves no pods" "$(eks-sim ip pool "$IN_A" --cluster custom)" "^eni-[0-9a-f]+ +0 +$A +0 +0 +0"
like "the agent names the setting" "$(eks-sim ip pool "$IN_A" --cluster custom --page v1/ipamd-env-settings)" '"AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG":"?true'
is "and its ENIConfig" "$(eks-sim ip pool "$IN_A" --cluster custom --page v1/eni-configs)" "\"${AWS_REGION}a\""
like "ip subnets draws the pods where they are" "$(eks-sim ip subnets --cluster custom | grep -A30 "^$PODS_A")" '# used [0-9]+'
run "another node" aws eks update-nodegroup-config --cluster-name custom --nodegroup-name main --scaling-config desiredSize=3
is "is ready at once" "$(until_is 3Ready nodes custom)" 3Ready
NEW=$(k custom get nodes --sort-by=.metadata.creationTimestamp -o 'jsonpath={.items[2].metadata.name}')
run "an annotation names another ENIConfig" k custom annotate node "$NEW" "k8s.amazonaws.com/eniConfig=none"
is "which counts for interfaces to come" "$(eks-sim ip pool "$NEW" --cluster custom --page v1/eni-configs)" '"none"'
# One more than its first interface for pods has addresses: the next would be made by an ENIConfig that is not there.
for n in $(seq 10); do
  k custom run "c$n" --image=x --overrides="{\"spec\":{\"nodeName\":\"$NEW\"}}" >/dev/null
done
running() { k custom get pods -l run --no-headers 2>/dev/null | grep -c Running; }
is "nine pods have addresses" "$(until_is 9 running)" 9
like "the tenth has none" "$(k custom get events)" 'FailedCreatePodSandBox.*failed to assign an IP address to container'
run "without the annotation" k custom annotate node "$NEW" k8s.amazonaws.com/eniConfig-
is "it has" "$(until_is 10 running)" 10

part "subnets by their tags"
B=$(subnet "$VPC" 10.0.10.0/26 a) D=$(subnet "$VPC" 10.0.11.0/26 c)
run "a cluster" made tags "$B,$D"
MORE=$(subnet "$VPC" 10.0.16.0/22 a) MOST=$(subnet "$VPC" 10.0.32.0/20 a) OTHER=$(subnet "$VPC" 10.0.64.0/19 a)
run "tags" aws ec2 create-tags --resources "$MORE" "$MOST" --tags Key=kubernetes.io/role/cni,Value=1
run "a tag for another cluster" aws ec2 create-tags --resources "$OTHER" \
  --tags Key=kubernetes.io/role/cni,Value=1 Key=cni.networking.k8s.aws/cluster/other,Value=1
run "a node" group tags main "$B" 1
is "is ready" "$(until_is 1Ready nodes tags)" 1Ready
N=$(k tags get nodes -o 'jsonpath={.items[0].metadata.name}')
I=$(instance tags "$N")
is "nine pods are ready" "$(deployed tags web 9)" 9
is "a new interface is where most addresses are free" "$(until_is "$MOST" interface "$I" 1 SubnetId)" "$MOST"
is "in the groups of the first" "$(interface "$I" 1 'Groups[].GroupId')" "$(interface "$I" 0 'Groups[].GroupId')"
is "some pods are there" "$(within "$(pods tags web)" 10.0.32.0/20 10.0.10.0/26)" 9
run "the node's own subnet is for no pods" aws ec2 create-tags --resources "$D" --tags Key=kubernetes.io/role/cni,Value=0
run "a tagged subnet in its zone" aws ec2 create-tags --resources "$(subnet "$VPC" 10.0.96.0/20 c)" --tags Key=kubernetes.io/role/cni,Value=1
run "a node there" group tags excluded "$D" 1
is "is ready" "$(until_is 2Ready nodes tags)" 2Ready
N=$(k tags get nodes -l eks.amazonaws.com/nodegroup=excluded -o 'jsonpath={.items[0].metadata.name}')
k tags create deployment far --image=nginx --replicas=5 --dry-run=client -o json |
  python3 -c 'import json,sys; d=json.load(sys.stdin); d["spec"]["template"]["spec"]["nodeSelector"]={"eks.amazonaws.com/nodegroup":"excluded"}; print(json.dumps(d))' |
  k tags apply -f - >/dev/null
is "five pods on it" "$(until_is 5 k tags get deployment far -o 'jsonpath={.status.readyReplicas}')" 5
is "are in the tagged subnet" "$(within "$(pods tags far)" 10.0.96.0/20)" 5
is "its first interface has only its own address" "$(interface "$(instance tags "$N")" 0 'length(PrivateIpAddresses)')" 1
like "which the agent says" "$(eks-sim ip pool "$N" --cluster tags --page ipamd.log)" 'Marking ENI eni-[0-9a-f]+ as excluded from pod IP allocation'
run "without discovery" k tags set env daemonset aws-node -n kube-system ENABLE_SUBNET_DISCOVERY=false
run "another node" aws eks update-nodegroup-config --cluster-name tags --nodegroup-name main --scaling-config desiredSize=2
is "is ready" "$(until_is 3Ready nodes tags)" 3Ready
k tags scale deployment web --replicas=20 >/dev/null
is "twenty pods" "$(until_is 20 k tags get deployment web -o 'jsonpath={.status.readyReplicas}')" 20
N=$(k tags get nodes -l eks.amazonaws.com/nodegroup=main --sort-by=.metadata.creationTimestamp -o 'jsonpath={.items[1].metadata.name}')
is "its new interface is in its own subnet" "$(until_is "$B" interface "$(instance tags "$N")" 1 SubnetId)" "$B"

finish
