#!/usr/bin/env bash
# Where the addresses of pods come from on running nodes, with the unmodified aws and kubectl: custom networking with an ENIConfig a zone,
# subnets that are found by their tags, and clusters of IPv6.
#   cni_walk.sh EKS_SIM_BINARY
SIM=$(readlink -f "${1:?the eks-sim binary}")
# shellcheck source=Tests/EndToEnd/lib.sh
source "$(dirname "$0")/lib.sh"
k() { kubectl --kubeconfig "$work/$1.kubeconfig" "${@:2}"; }
# until_is WANT COMMAND...: as the other walks have it, but the world's time goes on meanwhile: 160 s at most, or signatures are too old
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
page() { eks-sim ip pool "$2" --cluster "$1" --page ipamd.log; }
wrote() { page "$1" "$2" | grep -Eq "$3" && echo yes; }
# says CLUSTER NODE REGEX: the log of a node's agent, once it says that
says() { until_is yes wrote "$@" >/dev/null; page "$1" "$2"; }
# again CLUSTER: agents start anew when their containers have failed long enough, or their pods are made anew
again() { k "$1" delete pods -n kube-system -l k8s-app=aws-node >/dev/null; }
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
like "their agents do not start" "$(says custom "$IN_A" 'Initialization failure')" 'Failed to attach any ENIs for custom networking'
like "because of what they miss" "$(page custom "$IN_A")" 'eniconfig: eniconfig is not available'
is "the node group waits" "$(status custom main)" CREATING
config() {
  k custom apply -f - >/dev/null <<J
{"apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig", "metadata": {"name": "$AWS_REGION$1"}, "spec": {"subnet": "$2", "securityGroups": ["$SG"]}}
J
}
run "an ENIConfig for one zone" config a "$PODS_A"
run "and agents that start again" again custom
is "make the nodes there ready" "$(until_is 1NotReady,1Ready nodes custom)" 1NotReady,1Ready
is "those of that zone" "$(k custom get node "$IN_A" --no-headers | awk '{print $2}')" Ready
run "one for the other" config c "$PODS_C"
run "and another start" again custom
is "all are ready" "$(until_is 2Ready nodes custom)" 2Ready
is "the node group is active" "$(until_is ACTIVE status custom main)" ACTIVE
like "kubectl lists them" "$(k custom get eniconfigs)" "${AWS_REGION}a .*"
is "their first interfaces serve no pods, as EKS knows" "$(k custom get nodes -o 'jsonpath={.items[*].status.capacity.pods}')" "20 20"
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

part "the plugin's own role"
ISSUER=$(q eks describe-cluster --name custom --query cluster.identity.oidc.issuer)
PROVIDER=$(q iam create-open-id-connect-provider --url "$ISSUER" --client-id-list sts.amazonaws.com --query OpenIDConnectProviderArn)
# trusting ACCOUNT: a trust policy for a service account of kube-system
trusting() {
  printf '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"%s"},"Condition":{"StringEquals":{"%s:sub":"system:serviceaccount:kube-system:%s"}}}]}' \
    "$PROVIDER" "${ISSUER#https://}" "$1"
}
CNI=$(q iam create-role --role-name cni --assume-role-policy-document "$(trusting other)" --query Role.Arn)
aws iam attach-role-policy --role-name cni --policy-arn arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy
aws iam detach-role-policy --role-name nodes --policy-arn arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy
run "the service account has a role" k custom annotate serviceaccount aws-node -n kube-system "eks.amazonaws.com/role-arn=$CNI"
run "a node whose role has no rights of the network" aws eks update-nodegroup-config --cluster-name custom --nodegroup-name main --scaling-config desiredSize=4
is "is not ready when the role trusts another account" "$(until_is 1NotReady,3Ready nodes custom)" 1NotReady,3Ready
LAST=$(k custom get nodes --no-headers | awk '$2 == "NotReady" {print $1}')
like "its agent says what STS says" "$(says custom "$LAST" 'Initialization failure')" \
  'failed to refresh cached credentials, failed to retrieve credentials, operation error STS: AssumeRoleWithWebIdentity, https response error StatusCode: 403, RequestID: [0-9a-f-]+, api error AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity'
like "why says what is missing" "$(eks-sim why --refused)" 'a statement for sub system:serviceaccount:kube-system:aws-node'
run "the right trust" aws iam update-assume-role-policy --role-name cni --policy-document "$(trusting aws-node)"
run "and another start" again custom
is "make it ready" "$(until_is 4Ready nodes custom)" 4Ready
like "its agent's pod has the role" "$(k custom get pods -n kube-system -l k8s-app=aws-node --field-selector "spec.nodeName=$LAST" -o 'jsonpath={.items[0].spec.containers[0].env}')" "AWS_ROLE_ARN.*$CNI"
aws iam attach-role-policy --role-name nodes --policy-arn arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy

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

part "a VPC of both families"
VPC6=$(q ec2 create-vpc --cidr-block 10.6.0.0/16 --amazon-provided-ipv6-cidr-block --query Vpc.VpcId)
BLOCK=$(q ec2 describe-vpcs --vpc-ids "$VPC6" --query 'Vpcs[0].Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock')
like "has a /56" "$BLOCK" '::/56$'
# sixty_four N: the N-th /64 of it
sixty_four() { python3 -c 'import ipaddress as i,sys; print(list(i.ip_network(sys.argv[1]).subnets(new_prefix=64))[int(sys.argv[2])])' "$BLOCK" "$1"; }
A6=$(subnet "$VPC6" 10.6.0.0/24 a --ipv6-cidr-block "$(sixty_four 0)")
C6=$(subnet "$VPC6" 10.6.1.0/24 c)
# shellcheck disable=SC2119 # options are for some
refuse "a cluster in a subnet without IPv6" "InvalidParameterException.*$C6.*do not have an IPv6 CIDR block" made six "$A6,$C6" --kubernetes-network-config ipFamily=ipv6
run "it gets a block" aws ec2 associate-subnet-cidr-block --subnet-id "$C6" --ipv6-cidr-block "$(sixty_four 1)"
refuse "a VPC without IPv6" "InvalidParameterException.*does not have an IPv6 CIDR block" made six "$A,$C" --kubernetes-network-config ipFamily=ipv6
refuse "a range of IPv4" "InvalidParameterException.*serviceIpv4Cidr cannot be specified" made six "$A6,$C6" --kubernetes-network-config ipFamily=ipv6,serviceIpv4Cidr=172.20.0.0/16

part "a cluster of IPv6"
run "create-cluster" made six "$A6,$C6" --kubernetes-network-config ipFamily=ipv6
six() { q eks describe-cluster --name six --query "cluster.$1"; }
is "family" "$(six kubernetesNetworkConfig.ipFamily)" ipv6
SERVICES=$(six kubernetesNetworkConfig.serviceIpv6Cidr)
like "EKS chose the range of its Services" "$SERVICES" '^fd[0-9a-f]{2}:[0-9a-f]+:[0-9a-f]+::/108$'
is "there is none of IPv4" "$(six kubernetesNetworkConfig.serviceIpv4Cidr)" None
is "the endpoint is open to both families" "$(six 'resourcesVpcConfig.publicAccessCidrs' | tr '\t' ' ')" "0.0.0.0/0 ::/0"
is "the control plane has IPv6" "$(q ec2 describe-network-interfaces --filters 'Name=description,Values=Amazon EKS six' --query 'NetworkInterfaces[].length(Ipv6Addresses)' | tr '\t' ' ')" "1 1"
is "the Service kubernetes" "$(k six get service kubernetes -o 'jsonpath={.spec.clusterIP} {.spec.ipFamilies[0]}')" "${SERVICES%/*}1 IPv6"
is "kube-dns" "$(k six get service kube-dns -n kube-system -o 'jsonpath={.spec.clusterIP}')" "${SERVICES%/*}a"
is "the slice of the API servers" "$(k six get endpointslices kubernetes -o 'jsonpath={.addressType}')" IPv6
PORT=$(six endpoint | sed 's|.*:||')
if grep -q '^0*1 ' /proc/net/if_inet6 2>/dev/null; then
  like "which are there by IPv6" "$(curl -sk "https://[::1]:$PORT/version")" '"gitVersion"|Unauthorized'
fi
ENVIRONMENT=$(k six set env daemonset aws-node -n kube-system --list -c aws-node)
is "aws-node is of IPv6" "$(grep -E '^ENABLE_(IPv4|IPv6|PREFIX_DELEGATION)=' <<<"$ENVIRONMENT" | paste -sd' ')" "ENABLE_IPv4=false ENABLE_IPv6=true ENABLE_PREFIX_DELEGATION=true"
refuse "a Service of IPv4" 'IPv4.* not configured on this cluster' k six create -f - <<J
{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "four"}, "spec": {"ipFamilies": ["IPv4"], "ports": [{"port": 80}]}}
J

part "nodes of IPv6"
run "in subnets that give no IPv6 addresses" group six early "$A6 $C6" 2
is "a node group fails" "$(until_is CREATE_FAILED status six early)" CREATE_FAILED
like "because of that" "$(aws eks describe-nodegroup --cluster-name six --nodegroup-name early --query nodegroup.health)" 'Ec2SubnetMissingIpv6Assignment'
run "it is deleted" aws eks delete-nodegroup --cluster-name six --nodegroup-name early
is "and gone" "$(until_is "" status six early)" ""
for s in "$A6" "$C6"; do run "give addresses" aws ec2 modify-subnet-attribute --subnet-id "$s" --assign-ipv6-address-on-creation; done
run "a node group" group six main "$A6 $C6" 2
is "its agents try for a while to get a prefix" "$(until_is 2NotReady nodes six)" 2NotReady
is "becomes active" "$(until_is ACTIVE status six main)" ACTIVE
is "its nodes are ready" "$(until_is 2Ready nodes six)" 2Ready
N6=$(k six get nodes -l "topology.kubernetes.io/zone=${AWS_REGION}a" -o 'jsonpath={.items[0].metadata.name}')
I6=$(instance six "$N6")
OWN=$(q ec2 describe-instances --instance-ids "$I6" --query 'Reservations[0].Instances[0].Ipv6Address')
is "a node's only internal address is its IPv6 one" "$(k six get node "$N6" -o 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}')" "$OWN"
is "which its subnet gave" "$(within "$OWN" "$(sixty_four 0)")" 1
is "the kubelet was told of it" "$(k six get node "$N6" -o 'jsonpath={.metadata.annotations.alpha\.kubernetes\.io/provided-node-ip}')" "$OWN"
is "names are its host's only" "$(k six get node "$N6" -o 'jsonpath={.status.addresses[*].type}')" "InternalIP Hostname"
like "its name is of its IPv4 one" "$N6" '^ip-10-6-0-[0-9]+\.'
is "pods that fit" "$(k six get node "$N6" -o 'jsonpath={.status.capacity.pods}')" 110
is "a host's pod has the node's address" "$(k six get pods -n kube-system -l k8s-app=kube-proxy --field-selector "spec.nodeName=$N6" -o 'jsonpath={.items[0].status.podIPs[*].ip}')" "$OWN"
# AmazonEKS_CNI_Policy allows nothing of IPv6: the agent starts with an empty pool and does not try again by itself.
is "without rights for IPv6 the node has no prefix" "$(interface "$I6" 0 'length(Ipv6Prefixes || `[]`)')" 0
like "the agent says why" "$(eks-sim ip pool "$N6" --cluster six --page ipamd.log)" \
  "Error trying to set up ENI eni-[0-9a-f]+: You are not authorized to perform this operation. User: arn:aws:sts::$ACCOUNT:assumed-role/nodes/$I6 is not authorized to perform: ec2:AssignIpv6Addresses on resource: arn:aws:ec2:[a-z0-9-]+:$ACCOUNT:network-interface/eni-[0-9a-f]+ because no identity-based policy allows"
until_is yes bash -c "kubectl --kubeconfig '$work/six.kubeconfig' get events -n kube-system | grep -q 'failed to assign an IP address' && echo yes" >/dev/null
like "DNS has no addresses" "$(k six get events -n kube-system)" 'FailedCreatePodSandBox.*failed to assign an IP address to container'
cat >"$work/ipv6.json" <<J
{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": ["ec2:AssignIpv6Addresses", "ec2:DescribeInstances", "ec2:DescribeTags", "ec2:DescribeNetworkInterfaces", "ec2:DescribeInstanceTypes", "ec2:DescribeSubnets"], "Resource": "*"},
  {"Effect": "Allow", "Action": ["ec2:CreateTags"], "Resource": ["arn:aws:ec2:*:*:network-interface/*"]}]}
J
run "the policy that the plugin asks for" aws iam put-role-policy --role-name nodes --policy-name AmazonEKS_CNI_IPv6_Policy --policy-document "file://$work/ipv6.json"
run "agents that start again" k six rollout restart daemonset aws-node -n kube-system
is "serve: DNS runs" "$(until_is 2 k six get deployment coredns -n kube-system -o 'jsonpath={.status.readyReplicas}')" 2
aws iam detach-role-policy --role-name nodes --policy-arn arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy
run "another node, with that policy alone" aws eks update-nodegroup-config --cluster-name six --nodegroup-name main --scaling-config desiredSize=3
is "is ready" "$(until_is 3Ready nodes six)" 3Ready
aws iam delete-role-policy --role-name nodes --policy-name AmazonEKS_CNI_IPv6_Policy
run "and one with neither" aws eks update-nodegroup-config --cluster-name six --nodegroup-name main --scaling-config desiredSize=4
is "is not" "$(until_is 1NotReady,3Ready nodes six)" 1NotReady,3Ready
DRY=$(k six get nodes --no-headers | awk '$2 == "NotReady" {print $1}')
like "its agent knows no interface" "$(says six "$DRY" 'failed to retrieve')" \
  'ipamd init: failed to retrieve attached ENIs info: UnauthorizedOperation: You are not authorized.*ec2:DescribeNetworkInterfaces'
aws iam put-role-policy --role-name nodes --policy-name AmazonEKS_CNI_IPv6_Policy --policy-document "file://$work/ipv6.json"
run "the policy, and another pod for the agent" k six delete pods -n kube-system -l k8s-app=aws-node --field-selector "spec.nodeName=$DRY"
is "let it become ready" "$(until_is 4Ready nodes six)" 4Ready

part "pods and Services of IPv6"
is "forty pods are ready" "$(deployed six web 40)" 40
PREFIX=$(interface "$I6" 0 'Ipv6Prefixes[0].Ipv6Prefix')
like "a node has one prefix" "$(interface "$I6" 0 'Ipv6Prefixes[].Ipv6Prefix')" '^[0-9a-f:]+::?/80$'
ON=$(k six get pods -l app=web --field-selector "spec.nodeName=$N6" -o 'jsonpath={.items[*].status.podIP}')
is "its pods are of it" "$(within "$ON" "$PREFIX")" "$(wc -w <<<"$ON" | tr -d ' ')"
is "one address each" "$(k six get pods -l app=web -o 'jsonpath={range .items[*]}{.status.podIPs[*].ip}{"\n"}{end}' | sort -u | grep -c '^[0-9a-f:]*$')" 40
is "the first pod has the lowest" "$(k six get pods -A --field-selector "spec.nodeName=$N6" -o 'jsonpath={range .items[*]}{.status.podIP}{"\n"}{end}' | grep -c "^${PREFIX%/80}\$")" 1
is "the node has no further interface" "$(q ec2 describe-network-interfaces --filters "Name=attachment.instance-id,Values=$I6" --query 'length(NetworkInterfaces)')" 1
run "expose" k six expose deployment web --port 80
like "a Service of IPv6" "$(k six get service web -o 'jsonpath={.spec.clusterIP} {.spec.ipFamilies[0]} {.spec.ipFamilyPolicy}')" "^${SERVICES%/*}[0-9a-f:]+ IPv6 SingleStack$"
is "its slices" "$(until_is 'IPv6 40' bash -c "kubectl --kubeconfig '$work/six.kubeconfig' get endpointslices -l kubernetes.io/service-name=web -o json | python3 -c 'import json,sys; d=json.load(sys.stdin)[\"items\"]; print(d[0][\"addressType\"], sum(len(s[\"endpoints\"]) for s in d))'")" 'IPv6 40'
is "its endpoints" "$(k six get endpoints web -o 'jsonpath={.subsets[0].addresses[*].ip}' 2>/dev/null | wc -w | tr -d ' ')" 40
like "kubectl shows them" "$(k six get pods -o wide -l app=web --no-headers | head -1)" ' [0-9a-f]+:[0-9a-f:]+ +ip-10-6'
like "ip pool" "$(eks-sim ip pool --cluster six)" "$N6 +m5.large +110 +281474976710656 +[0-9]+"
like "of a node" "$(eks-sim ip pool "$N6" --cluster six)" "^eni-[0-9a-f]+ +0 +$A6 +281474976710656 +[0-9]+ +1 +primary +$PREFIX"
like "its log" "$(eks-sim ip pool "$N6" --cluster six --page ipamd.log)" "Assign IP ${PREFIX%/80}"
like "its introspection" "$(eks-sim ip pool "$N6" --cluster six --page v1/enis)" "\"IPv6Cidrs\":\{\"$PREFIX\""
like "ip subnets draws prefixes" "$(eks-sim ip subnets --cluster six)" "$A6 .*::/64 +6553[0-9] of 65536 prefixes of /80 free"
like "with nodes and pods" "$(eks-sim ip subnets --cluster six | grep -A2 "::/64")" 'N##?·'
like "ip services" "$(eks-sim ip services --cluster six)" "^${SERVICES%/*}a +kube-system/kube-dns"
run "as SVG" eks-sim ip subnets --cluster six -o svg
run "a node that is no instance" eks-sim node add six
LONE=$(eks-sim node list six | awk '/eks-sim/ {print $1}' | head -1)
[ -n "$LONE" ] || LONE=$(k six get nodes -o wide --no-headers | awk '$6 ~ /^fd00/ {print $1}')
like "has an address that looks alike" "$(k six get node "$LONE" -o 'jsonpath={.status.addresses[0].address}')" '^fd00:'
k six run lone --image=x --overrides="{\"spec\":{\"nodeName\":\"$LONE\"}}" >/dev/null
run "and its pods run" k six wait --for=condition=Ready pod/lone --timeout=20s
like "with such addresses" "$(k six get pod lone -o 'jsonpath={.status.podIP}')" '^fd00:6440::'

part "after a restart"
BEFORE=$(pods six web | sort)
kill "$server"; wait "$server" 2>/dev/null
rm -f "$work/ready.json"
# A standing clock goes on where the world's time was, which the walk has put forward.
"$SIM" serve --clock virtual --state "$work/state.sqlite" --aws-port "${EKS_SIM_ENDPOINT##*:}" --api-port 0 --ready-file "$work/ready.json" >"$work/serve.log" 2>&1 &
server=$!
for _ in $(seq 100); do [ -s "$work/ready.json" ] && break; sleep 0.1; done
is "the pods are ready" "$(until_is 40 k six get deployment web -o 'jsonpath={.status.readyReplicas}')" 40
is "with the same addresses" "$(pods six web | sort)" "$BEFORE"
is "and the same prefix" "$(interface "$I6" 0 'Ipv6Prefixes[].Ipv6Prefix')" "$PREFIX"
k six scale deployment web --replicas=60 >/dev/null
is "more pods come" "$(until_is 60 k six get deployment web -o 'jsonpath={.status.readyReplicas}')" 60
is "to addresses of their own" "$(pods six web | sort -u | wc -l | tr -d ' ')" 60

finish
