#!/usr/bin/env bash
# A cluster's network walked with the unmodified aws: VPC, subnets, gateways, routes, endpoints, security groups, interfaces, a cluster's own
# interfaces in it, a managed node group over its Auto Scaling group, and all of it taken down in the order that AWS demands.
# One line a check; the last line counts; exit 1 when a check fails.
#   network_walk.sh EKS_SIM_BINARY
SIM=$(readlink -f "${1:?the eks-sim binary}")
# shellcheck source=Tests/EndToEnd/lib.sh
source "$(dirname "$0")/lib.sh"
C=foo
name() { printf 'ResourceType=%s,Tags=[{Key=Name,Value=%s}]' "$1" "$2"; }

part "the default network"
is "three default subnets" "$(q ec2 describe-subnets --filters Name=default-for-az,Values=true --query 'length(Subnets)')" 3
is "zones" "$(q ec2 describe-availability-zones --query 'length(AvailabilityZones)')" 3
like "regions" "$(q ec2 describe-regions --query 'Regions[].RegionName')" "$AWS_REGION"
is "another region has its own" "$(q ec2 describe-vpcs --region us-east-1 --query 'Vpcs[].CidrBlock')" 172.31.0.0/16

part "VPC and subnets"
run "create-vpc" q ec2 create-vpc --cidr-block 10.0.0.0/16 --tag-specifications "$(name vpc $C)" --query Vpc.VpcId
VPC=$OUT
run "wait vpc-available" aws ec2 wait vpc-available --vpc-ids "$VPC"
run "DNS host names" aws ec2 modify-vpc-attribute --vpc-id "$VPC" --enable-dns-hostnames Value=true
is "are on" "$(q ec2 describe-vpc-attribute --vpc-id "$VPC" --attribute enableDnsHostnames --query EnableDnsHostnames.Value)" True
refuse "dry run" 'DryRunOperation.*Request would have succeeded, but DryRun flag is set' aws ec2 create-vpc --cidr-block 10.0.0.0/16 --dry-run
refuse "too large" "InvalidVpc.Range.*The CIDR '10.0.0.0/8' is invalid" aws ec2 create-vpc --cidr-block 10.0.0.0/8
subnet() {
  q ec2 create-subnet --vpc-id "$VPC" --cidr-block "$1" --availability-zone "$AWS_REGION$2" --tag-specifications "$(name subnet "$3")" \
    --query Subnet.SubnetId
}
PUB=$(subnet 10.0.0.0/24 a public)
PRIV1=$(subnet 10.0.1.0/24 a private)
PRIV2=$(subnet 10.0.2.0/24 c private)
SMALL=$(subnet 10.0.3.0/28 a small)
run "wait subnet-available" aws ec2 wait subnet-available --subnet-ids "$PUB" "$PRIV1" "$PRIV2" "$SMALL"
is "free addresses" "$(q ec2 describe-subnets --subnet-ids "$SMALL" --query 'Subnets[0].AvailableIpAddressCount')" 11
refuse "overlap" "InvalidSubnet.Conflict.*conflicts with another subnet" subnet 10.0.2.128/25 a x
run "public addresses" aws ec2 modify-subnet-attribute --subnet-id "$PUB" --map-public-ip-on-launch
is "found by tag" "$(q ec2 describe-subnets --filters 'Name=tag:Name,Values=priv*' --query 'length(Subnets)')" 2

part "gateways and routes"
IGW=$(q ec2 create-internet-gateway --query InternetGateway.InternetGatewayId)
run "attach" aws ec2 attach-internet-gateway --internet-gateway-id "$IGW" --vpc-id "$VPC"
EIP=$(q ec2 allocate-address --query AllocationId)
NAT=$(q ec2 create-nat-gateway --subnet-id "$PUB" --allocation-id "$EIP" --query NatGateway.NatGatewayId)
run "wait nat-gateway-available" aws ec2 wait nat-gateway-available --nat-gateway-ids "$NAT"
RTPUB=$(q ec2 create-route-table --vpc-id "$VPC" --query RouteTable.RouteTableId)
RTPRIV=$(q ec2 create-route-table --vpc-id "$VPC" --query RouteTable.RouteTableId)
run "route to the internet gateway" aws ec2 create-route --route-table-id "$RTPUB" --destination-cidr-block 0.0.0.0/0 --gateway-id "$IGW"
run "route to the NAT gateway" aws ec2 create-route --route-table-id "$RTPRIV" --destination-cidr-block 0.0.0.0/0 --nat-gateway-id "$NAT"
refuse "the same route again" 'RouteAlreadyExists' aws ec2 create-route --route-table-id "$RTPRIV" --destination-cidr-block 0.0.0.0/0 --nat-gateway-id "$NAT"
for pair in "$RTPUB $PUB" "$RTPRIV $PRIV1" "$RTPRIV $PRIV2"; do
  run "associate" aws ec2 associate-route-table --route-table-id "${pair% *}" --subnet-id "${pair#* }"
done
S3=$(q ec2 create-vpc-endpoint --vpc-id "$VPC" --service-name "com.amazonaws.$AWS_REGION.s3" --route-table-ids "$RTPRIV" --query VpcEndpoint.VpcEndpointId)
like "its route" "$(q ec2 describe-route-tables --route-table-ids "$RTPRIV" --query 'RouteTables[0].Routes[].DestinationPrefixListId')" '^pl-'
ECR=$(q ec2 create-vpc-endpoint --vpc-id "$VPC" --vpc-endpoint-type Interface --service-name "com.amazonaws.$AWS_REGION.ecr.api" \
  --subnet-ids "$PRIV1" "$PRIV2" --query VpcEndpoint.VpcEndpointId)
is "endpoint is there" "$(until_is available q ec2 describe-vpc-endpoints --vpc-endpoint-ids "$ECR" --query 'VpcEndpoints[0].State')" available
is "with an interface in each subnet" "$(q ec2 describe-network-interfaces --filters Name=interface-type,Values=vpc_endpoint --query 'length(NetworkInterfaces)')" 2

part "security groups"
SG=$(q ec2 create-security-group --group-name extra --description extra --vpc-id "$VPC" --query GroupId)
run "authorize" q ec2 authorize-security-group-ingress --group-id "$SG" --protocol tcp --port 443 --cidr 10.0.0.0/16 --query 'SecurityGroupRules[0].SecurityGroupRuleId'
RULE=$OUT
refuse "twice" 'InvalidPermission.Duplicate' aws ec2 authorize-security-group-ingress --group-id "$SG" --protocol tcp --port 443 --cidr 10.0.0.0/16
run "revoke by id" aws ec2 revoke-security-group-ingress --group-id "$SG" --security-group-rule-ids "$RULE"

part "interfaces"
ENI=$(q ec2 create-network-interface --subnet-id "$SMALL" --secondary-private-ip-address-count 2 --query NetworkInterface.NetworkInterfaceId)
is "addresses, lowest first" "$(q ec2 describe-network-interfaces --network-interface-ids "$ENI" --query 'NetworkInterfaces[0].PrivateIpAddresses[].PrivateIpAddress' | tr '\t' ' ')" "10.0.3.4 10.0.3.5 10.0.3.6"
is "the subnet has fewer" "$(q ec2 describe-subnets --subnet-ids "$SMALL" --query 'Subnets[0].AvailableIpAddressCount')" 8
refuse "no room" 'InsufficientFreeAddressesInSubnet.*does not have enough free addresses' \
  aws ec2 assign-private-ip-addresses --network-interface-id "$ENI" --secondary-private-ip-address-count 9
refuse "no room for a prefix" "InvalidParameterValue.*There aren't sufficient free Ipv4 addresses or prefixes" \
  aws ec2 assign-private-ip-addresses --network-interface-id "$ENI" --ipv4-prefix-count 1
refuse "the subnet is in use" 'DependencyViolation' aws ec2 delete-subnet --subnet-id "$SMALL"
run "delete" aws ec2 delete-network-interface --network-interface-id "$ENI"
run "the subnet goes" aws ec2 delete-subnet --subnet-id "$SMALL"

part "instances and launch templates"
AMI=$(q ec2 describe-images --owners amazon --filters 'Name=name,Values=al2023-ami-*-x86_64' --query 'Images[0].ImageId')
is "limits of a type" "$(q ec2 describe-instance-types --instance-types m5.large --query 'InstanceTypes[0].NetworkInfo.[MaximumNetworkInterfaces,Ipv4AddressesPerInterface]' | tr '\t' ' ')" "3 10"
run "create-launch-template" q ec2 create-launch-template --launch-template-name nodes --launch-template-data \
  '{"MetadataOptions":{"HttpTokens":"required"},"TagSpecifications":[{"ResourceType":"instance","Tags":[{"Key":"Name","Value":"node"}]}]}' \
  --query LaunchTemplate.LaunchTemplateId
LT=$OUT
run "run-instances" q ec2 run-instances --image-id "$AMI" --instance-type t3.medium --subnet-id "$PUB" --query 'Instances[0].InstanceId'
I=$OUT
run "wait instance-running" aws ec2 wait instance-running --instance-ids "$I"
like "public name" "$(q ec2 describe-instances --instance-ids "$I" --query 'Reservations[0].Instances[0].PublicDnsName')" '^ec2-[0-9-]+\.ap-northeast-1\.compute\.amazonaws\.com$'
run "terminate-instances" aws ec2 terminate-instances --instance-ids "$I"
run "wait instance-terminated" aws ec2 wait instance-terminated --instance-ids "$I"

part "a cluster in the network"
R_CLUSTER=$(role "$C-cluster" '{"Service":"eks.amazonaws.com"}')
R_NODE=$(role "$C-node" '{"Service":"ec2.amazonaws.com"}')
for policy in AmazonEKSWorkerNodePolicy AmazonEKS_CNI_Policy AmazonEC2ContainerRegistryReadOnly; do
  aws iam attach-role-policy --role-name "$C-node" --policy-arn "arn:aws:iam::aws:policy/$policy"
done
run "create-cluster" aws eks create-cluster --name "$C" --role-arn "$R_CLUSTER" --kubernetes-version 1.33 \
  --resources-vpc-config "subnetIds=$PRIV1,$PRIV2,securityGroupIds=$SG" --access-config authenticationMode=API_AND_CONFIG_MAP
run "wait cluster-active" aws eks wait cluster-active --name "$C"
CSG=$(q eks describe-cluster --name "$C" --query cluster.resourcesVpcConfig.clusterSecurityGroupId)
like "cluster security group" "$(q ec2 describe-security-groups --group-ids "$CSG" --query 'SecurityGroups[0].GroupName')" "^eks-cluster-sg-$C-[0-9]+$"
is "interfaces of the control plane" "$(q ec2 describe-network-interfaces --filters "Name=description,Values=Amazon EKS $C" --query 'length(NetworkInterfaces)')" 2
refuse "keep a subnet" 'DependencyViolation' aws ec2 delete-subnet --subnet-id "$PRIV1"
refuse "keep a security group" "DependencyViolation.*resource $SG has a dependent object" aws ec2 delete-security-group --group-id "$SG"

part "a managed node group"
group() { aws eks create-nodegroup --cluster-name "$C" --nodegroup-name g --subnets "$PRIV1" "$PRIV2" --node-role "$R_NODE" "$@"; }
refuse "desired above max" "InvalidParameterException.*desiredSize can't be greater than maxSize" group --scaling-config minSize=3,maxSize=4,desiredSize=5
refuse "a role that EC2 may not assume" 'InvalidParameterException.*Following required service principals \[ec2.amazonaws.com\] were not found' \
  aws eks create-nodegroup --cluster-name "$C" --nodegroup-name g --subnets "$PRIV1" --node-role "$R_CLUSTER"
run "create-nodegroup" group --scaling-config minSize=2,maxSize=5,desiredSize=3 --launch-template "id=$LT" --instance-types m5.large --labels a=b
refuse "once more" "ResourceInUseException.*NodeGroup already exists with name g and cluster name $C" group
run "wait nodegroup-active" aws eks wait nodegroup-active --cluster-name "$C" --nodegroup-name g
g() { q eks describe-nodegroup --cluster-name "$C" --nodegroup-name g --query "nodegroup.$1"; }
ASG=$(g 'resources.autoScalingGroups[0].name')
like "release" "$(g releaseVersion)" '^1\.33\.[0-9]+-[0-9]{8}$'
asg() { q autoscaling describe-auto-scaling-groups --auto-scaling-group-names "$ASG" --query "AutoScalingGroups[0].$1"; }
is "members" "$(asg 'length(Instances)')" 3
nodes() { q ec2 describe-instances --filters Name=tag:eks:nodegroup-name,Values=g Name=instance-state-name,Values=running --query "Reservations[].Instances[].$1"; }
is "in both zones" "$(nodes Placement.AvailabilityZone | tr '\t' '\n' | sort -u | wc -l | tr -d ' ')" 2
is "in the cluster security group" "$(nodes 'SecurityGroups[].GroupId' | tr '\t' '\n' | sort -u)" "$CSG"
is "with the template's tags" "$(nodes 'Tags[?Key==`Name`].Value[]' | tr '\t' '\n' | sort -u)" node
like "the node role's entry" "$(q eks list-access-entries --cluster-name "$C" --query accessEntries)" "role/$C-node"
# updated ID: how an update of the node group ended
# Old nodes go one after the other, each a minute after its last pod.
updated() {
  for _ in $(seq 40); do
    [ "$(q eks describe-update --name "$C" --nodegroup-name g --update-id "$1" --query update.status)" = InProgress ] || break
    "$SIM" clock advance 15s >/dev/null
  done
  q eks describe-update --name "$C" --nodegroup-name g --update-id "$1" --query update.status
}
refuse "min above desired" "InvalidParameterException.*Minimum capacity 4 can't be greater than desired size 3" \
  aws eks update-nodegroup-config --cluster-name "$C" --nodegroup-name g --scaling-config minSize=4
run "update-nodegroup-config" q eks update-nodegroup-config --cluster-name "$C" --nodegroup-name g --scaling-config minSize=1,maxSize=6,desiredSize=2 --query update.id
is "ends" "$(updated "$OUT")" Successful
is "the scaling group follows" "$(asg '[MinSize,MaxSize,DesiredCapacity]' | tr '\t' ' ')" "1 6 2"
run "cluster version" q eks update-cluster-version --name "$C" --kubernetes-version 1.34 --query update.id
is "ends" "$(until_is Successful q eks describe-update --name "$C" --update-id "$OUT" --query update.status)" Successful
OLD=$(nodes InstanceId)
run "update-nodegroup-version" q eks update-nodegroup-version --cluster-name "$C" --nodegroup-name g --query update.id
is "ends" "$(updated "$OUT")" Successful
is "version" "$(g version)" 1.34
is "the size is as before" "$(asg '[MaxSize,DesiredCapacity]' | tr '\t' ' ')" "6 2"
is "other nodes" "$(comm -12 <(tr '\t' '\n' <<<"$OLD" | sort) <(nodes InstanceId | tr '\t' '\n' | sort) | wc -l | tr -d ' ')" 0
VICTIM=$(nodes InstanceId | cut -f1)
run "a node is terminated" aws ec2 terminate-instances --instance-ids "$VICTIM"
run "wait" aws ec2 wait instance-terminated --instance-ids "$VICTIM"
is "and replaced" "$(until_is 2 bash -c "$(declare -f q nodes); nodes InstanceId | wc -w | tr -d ' '")" 2

part "taken down"
refuse "the cluster has a node group" 'ResourceInUseException.*Cluster has nodegroups attached' aws eks delete-cluster --name "$C"
run "delete-nodegroup" aws eks delete-nodegroup --cluster-name "$C" --nodegroup-name g
run "its nodes are emptied" "$SIM" clock advance 30s
run "wait nodegroup-deleted" aws eks wait nodegroup-deleted --cluster-name "$C" --nodegroup-name g
is "its scaling group is gone" "$(q autoscaling describe-auto-scaling-groups --query 'length(AutoScalingGroups)')" 0
run "delete-cluster" aws eks delete-cluster --name "$C"
run "wait cluster-deleted" aws eks wait cluster-deleted --name "$C"
run "endpoints" aws ec2 delete-vpc-endpoints --vpc-endpoint-ids "$S3" "$ECR"
is "are gone" "$(until_is 0 q ec2 describe-vpc-endpoints --query 'length(VpcEndpoints)')" 0
refuse "the gateway has mapped addresses behind it" 'DependencyViolation.*mapped public address' \
  aws ec2 detach-internet-gateway --internet-gateway-id "$IGW" --vpc-id "$VPC"
run "NAT gateway" aws ec2 delete-nat-gateway --nat-gateway-id "$NAT"
run "wait nat-gateway-deleted" aws ec2 wait nat-gateway-deleted --nat-gateway-ids "$NAT"
run "Elastic IP" aws ec2 release-address --allocation-id "$EIP"
refuse "the VPC is in use" "DependencyViolation.*The vpc '$VPC' has dependencies and cannot be deleted" aws ec2 delete-vpc --vpc-id "$VPC"
for s in $PUB $PRIV1 $PRIV2; do run "subnet" aws ec2 delete-subnet --subnet-id "$s"; done
for t in $RTPUB $RTPRIV; do run "route table" aws ec2 delete-route-table --route-table-id "$t"; done
run "detach" aws ec2 detach-internet-gateway --internet-gateway-id "$IGW" --vpc-id "$VPC"
run "internet gateway" aws ec2 delete-internet-gateway --internet-gateway-id "$IGW"
run "security group" aws ec2 delete-security-group --group-id "$SG"
run "launch template" aws ec2 delete-launch-template --launch-template-id "$LT"
run "VPC" aws ec2 delete-vpc --vpc-id "$VPC"

part "a plan, without a simulator"
plan() { env -u EKS_SIM_ENDPOINT eks-sim ip plan --instance m5.large --nodes 3 --pods-per-node 20 "$@"; }
run "of three nodes" plan --warm-ip-target 2 --subnet /24
like "all pods run" "$OUT" '^20 +130 s +60 +0 '
run "in a subnet that is too small" plan --subnet /26 --compare WARM_IP_TARGET=2 --compare ENABLE_PREFIX_DELEGATION=true
like "the first pod without an address" "$OUT" '^manifest: pod 10 of node 3 gets no address: EC2 refuses: InsufficientFreeAddressesInSubnet'
like "a setting's cost" "$OUT" '^WARM_IP_TARGET=2 +53 +59 +0 +0 +6 '
run "as JSON" plan --subnet /26 --compare WARM_IP_TARGET=2 -o json
is "one plan for each setting" "$(field '["plans"].__len__()' <<<"$OUT")" 2
run "as SVG" plan --subnet /26 -o svg
like "which is a chart" "$OUT" '^<svg .*viewBox'
refuse "a setting that the agent does not have" 'WARM_IPS: the agent has no such setting; it has .*WARM_IP_TARGET' plan --compare WARM_IPS=2

finish
