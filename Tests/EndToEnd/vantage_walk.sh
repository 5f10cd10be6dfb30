#!/usr/bin/env bash
# Endpoint access from vantage points, with the unmodified kubectl: who gets through in each setting of the endpoint, by which way, as whom,
# and what `why --path` says of it.
#   vantage_walk.sh EKS_SIM_BINARY
SIM=$(readlink -f "${1:?the eks-sim binary}")
# shellcheck source=Tests/EndToEnd/lib.sh
source "$(dirname "$0")/lib.sh"
# via VANTAGE COMMAND...: kubectl from a vantage point, with little patience
via() {
  local v=$1
  shift
  [ -s "$work/$v.kubeconfig" ] || eks-sim kubeconfig demo --admin --vantage "$v" -o "$work/$v.kubeconfig"
  kubectl --kubeconfig "$work/$v.kubeconfig" --request-timeout=1s "$@"
}
# update KEY=VALUE,...: changes the endpoint and waits
update() {
  local id
  id=$(q eks update-cluster-config --name demo --resources-vpc-config "$1" --query update.id)
  for _ in $(seq 50); do
    [ "$(q eks describe-update --name demo --update-id "$id" --query update.status)" = Successful ] && return
    sleep 0.2
  done
  echo "the update did not end"
}
timed_out='(Client.Timeout|deadline exceeded|timeout|timed out)'

VPC=$(q ec2 create-vpc --cidr-block 10.0.0.0/16 --query Vpc.VpcId)
aws ec2 modify-vpc-attribute --vpc-id "$VPC" --enable-dns-hostnames Value=true
subnet() { q ec2 create-subnet --vpc-id "$VPC" --cidr-block "$1" --availability-zone "$AWS_REGION$2" --query Subnet.SubnetId; }
PUB=$(subnet 10.0.0.0/24 a) PRIV=$(subnet 10.0.1.0/24 a) PRIV2=$(subnet 10.0.2.0/24 c) CUT=$(subnet 10.0.3.0/24 c)
aws ec2 modify-subnet-attribute --subnet-id "$PUB" --map-public-ip-on-launch
IGW=$(q ec2 create-internet-gateway --query InternetGateway.InternetGatewayId)
aws ec2 attach-internet-gateway --internet-gateway-id "$IGW" --vpc-id "$VPC"
read -r EIP NATIP <<<"$(q ec2 allocate-address --query '[AllocationId,PublicIp]')"
NAT=$(q ec2 create-nat-gateway --subnet-id "$PUB" --allocation-id "$EIP" --query NatGateway.NatGatewayId)
aws ec2 wait nat-gateway-available --nat-gateway-ids "$NAT"
table() {
  local rt
  rt=$(q ec2 create-route-table --vpc-id "$VPC" --query RouteTable.RouteTableId)
  aws ec2 create-route --route-table-id "$rt" --destination-cidr-block 0.0.0.0/0 "${@:2}" >/dev/null
  for s in $1; do aws ec2 associate-route-table --route-table-id "$rt" --subnet-id "$s" >/dev/null; done
}
table "$PUB" --gateway-id "$IGW"
table "$PRIV $PRIV2" --nat-gateway-id "$NAT"
role eks-cluster '{"Service":"eks.amazonaws.com"}' >/dev/null
aws eks create-cluster --name demo --role-arn "arn:aws:iam::$ACCOUNT:role/eks-cluster" --resources-vpc-config "subnetIds=$PRIV,$PRIV2" >/dev/null
aws eks wait cluster-active --name demo

part "vantage points"
run "an office" eks-sim vantage add office --internet 198.51.100.7
like "has a port of its own" "$OUT" 'demo  https://127.0.0.1:[0-9]+'
run "behind the NAT gateway" eks-sim vantage add worker --subnet "$PRIV"
run "in a public subnet" eks-sim vantage add edge --subnet "$PUB"
run "in a subnet without a way out" eks-sim vantage add cut --subnet "$CUT"
run "in a data center" eks-sim vantage add dc --peered 192.168.1.5
run "in another VPC" eks-sim vantage add stranger --subnet "$(q ec2 describe-subnets --filters Name=default-for-az,Values=true --query 'Subnets[0].SubnetId')"
run "listed" eks-sim vantage list -o json
is "six" "$(field '["vantages"].__len__()' <<<"$OUT")" 6
is "one of a subnet is a network interface there" "$(q ec2 describe-network-interfaces --filters "Name=description,Values=eks-sim vantage point worker" --query 'NetworkInterfaces[0].SubnetId')" "$PRIV"
refuse "the name is taken" 'there is a vantage point "office" already' eks-sim vantage add office --internet 198.51.100.8
refuse "a private address is nobody's on the internet" '10.0.0.1: want a public IP address' eks-sim vantage add x --internet 10.0.0.1
refuse "no such subnet" 'no account has subnet-0' eks-sim vantage add x --subnet subnet-0
refuse "no such instance" 'no account has i-0' eks-sim vantage add x --bastion i-0
refuse "two places" 'Name one place' eks-sim vantage add x --bastion i-0 --internet 198.51.100.7
refuse "no such vantage point" 'no vantage point "nobody"' eks-sim kubeconfig demo --vantage nobody

part "public endpoint"
run "from the office" via office get --raw /api/v1/namespaces
run "through the NAT gateway" via worker get --raw /api/v1/namespaces
run "through the internet gateway" via edge get --raw /api/v1/namespaces
run "from another VPC" via stranger get --raw /api/v1/namespaces
refuse "without a way out" "$timed_out" via cut get --raw /api/v1/namespaces
refuse "from the data center, which has no way to the internet" "$timed_out" via dc get --raw /api/v1/namespaces
run "why" eks-sim why --path cut demo
like "the route" "$OUT" '✗ path +route: no default route to the internet'
run "who comes through the NAT gateway" eks-sim why --path worker demo
like "has its address" "$OUT" "source address: $NATIP"

part "publicAccessCidrs"
is "only the office" "$(update "publicAccessCidrs=198.51.100.0/24")" ""
run "the office" via office get --raw /api/v1/namespaces
refuse "not the NAT gateway" "$timed_out" via worker get --raw /api/v1/namespaces
run "the connection that was refused" eks-sim why --last
like "is explained" "$OUT" 'connection from vantage point worker'
run "why" eks-sim why --path worker demo -o json
like "its block is missing" "$OUT" "$NATIP is in none of 198.51.100.0/24"
FIX=$(field '["fix"]' <<<"$OUT")
like "with the fix" "$FIX" "publicAccessCidrs=198.51.100.0/24,$NATIP/32"
bash -c "$FIX" >/dev/null
for _ in $(seq 30); do via worker get --raw /api/v1/namespaces >/dev/null 2>&1 && break; sleep 0.2; done
run "pasted, lets it in" via worker get --raw /api/v1/namespaces

part "both endpoints"
is "private access too" "$(update "endpointPrivateAccess=true")" ""
run "the office by the public one" via office get --raw /api/v1/namespaces
refuse "the worker by the private one: its group is not let in" "$timed_out" via worker get --raw /api/v1/namespaces
run "why" eks-sim why --path worker demo -o json
like "the cluster security group" "$OUT" 'no rule lets 10.0.1.[0-9]+ reach 443'
bash -c "$(field '["fix"]' <<<"$OUT")" >/dev/null
run "pasted, lets it in" via worker get --raw /api/v1/namespaces
GROUP=$(q eks describe-cluster --name demo --query cluster.resourcesVpcConfig.clusterSecurityGroupId)
run "one in the cluster security group" eks-sim vantage add node --subnet "$CUT" --security-group "$GROUP"
run "needs no rule and no way out" via node get --raw /api/v1/namespaces
run "the audit log has the own address" via node auth whoami
like "by the private path" "$(eks-sim why --path node demo)" 'source address: 10.0.3.'

part "private endpoint"
is "public access off" "$(update "endpointPublicAccess=false")" ""
refuse "not from the office" "$timed_out" via office get --raw /api/v1/namespaces
like "its name leads nowhere from there" "$(eks-sim why --path office demo)" '✗ path +route: none to private addresses'
run "from the node" via node get --raw /api/v1/namespaces
refuse "the data center is not let in yet" "$timed_out" via dc get --raw /api/v1/namespaces
run "a rule" aws ec2 authorize-security-group-ingress --group-id "$GROUP" --protocol tcp --port 443 --cidr 192.168.0.0/16
run "the data center" via dc get --raw /api/v1/namespaces
like "nodes behind the NAT gateway reach every service" "$(eks-sim why --path node demo)" 'nodes +AWS services: every subnet has a route to the internet'

part "network ACLs"
ACL=$(q ec2 create-network-acl --vpc-id "$VPC" --query NetworkAcl.NetworkAclId)
rule() { aws ec2 create-network-acl-entry --network-acl-id "$ACL" --rule-number "$1" --protocol "$2" --rule-action "$3" --cidr-block "$4" "${@:5}"; }
ASSOC=$(q ec2 describe-network-acls --filters "Name=association.subnet-id,Values=$CUT" --query "NetworkAcls[0].Associations[?SubnetId=='$CUT'].NetworkAclAssociationId")
run "one that lets nothing pass, before the node's subnet" aws ec2 replace-network-acl-association --association-id "$ASSOC" --network-acl-id "$ACL"
refuse "the node" "$timed_out" via node get --raw /api/v1/namespaces
run "why" eks-sim why --path node demo -o json
like "its last rule" "$OUT" "$ACL of $CUT: outbound rule \\* denies TCP to 443 to 10.0.[12].[0-9]+"
bash -c "$(field '["fix"]' <<<"$OUT")"
refuse "the call gets out, its answers do not come in" "$timed_out" via node get --raw /api/v1/namespaces
run "why" eks-sim why --path node demo -o json
like "the other direction" "$OUT" "$ACL of $CUT: inbound rule \\* denies answers to 32768-60999 from 10.0"
bash -c "$(field '["fix"]' <<<"$OUT")"
run "both opened" via node get --raw /api/v1/namespaces
like "the rules are named" "$(eks-sim why --path node demo)" "✓ path +network ACL: $ACL"
run "a lower number denies" rule 10 tcp deny 10.0.0.0/16 --egress --port-range From=443,To=443
refuse "the node again" "$timed_out" via node get --raw /api/v1/namespaces
run "the connection that was refused" eks-sim why --last
like "is explained by the rule" "$(tr -s ' \n' ' ' <<<"$OUT")" 'outbound rule 10 denies TCP to 443'
run "without it" aws ec2 delete-network-acl-entry --network-acl-id "$ACL" --rule-number 10 --egress
run "the node" via node get --raw /api/v1/namespaces
MAIN=$(q ec2 describe-network-acls --filters "Name=association.subnet-id,Values=$PRIV" --query 'NetworkAcls[0].NetworkAclId')
run "answers to the data center are denied where the interfaces are" aws ec2 create-network-acl-entry --network-acl-id "$MAIN" --rule-number 50 --protocol tcp --rule-action deny --cidr-block 192.168.0.0/16 --egress --port-range From=1024,To=65535
refuse "the data center" "$timed_out" via dc get --raw /api/v1/namespaces
like "why" "$(eks-sim why --path dc demo | tr -s ' \n' ' ')" 'outbound rule 50 denies answers to 32768-60999 to 192.168.1.5'
run "without it" aws ec2 delete-network-acl-entry --network-acl-id "$MAIN" --rule-number 50 --egress
run "the data center" via dc get --raw /api/v1/namespaces

part "VPC endpoints that nodes lack"
aws ec2 delete-nat-gateway --nat-gateway-id "$NAT" >/dev/null
aws ec2 wait nat-gateway-deleted --nat-gateway-ids "$NAT"
run "without the NAT gateway" eks-sim why --path node demo
is "fifteen services" "$(grep -c 'nodes  com.amazonaws' <<<"$OUT")" 15
like "what fails" "$(tr -s ' \n' ' ' <<<"$OUT")" 'ecr.dkr.* no image of ECR is pulled: manifests come from there'
WORD=ecr.api
ADVICE=$(eks-sim why --path node demo -o json | python3 -c 'import json,sys; print(next(s["fix"] for s in json.load(sys.stdin)["steps"] if s["check"].endswith(".'$WORD'")))')
run "the advice, pasted" bash -c "$ADVICE"
for _ in $(seq 30); do eks-sim why --path node demo | grep -q 'ecr.api: through vpce-' && break; sleep 0.2; done
like "serves" "$(eks-sim why --path node demo)" 'ecr.api: through vpce-'

part "a bastion"
AMI=$(q ec2 describe-images --owners amazon --filters 'Name=name,Values=al2023-ami-*-x86_64' --query 'Images[0].ImageId')
I=$(q ec2 run-instances --image-id "$AMI" --instance-type t3.micro --subnet-id "$PUB" --security-group-ids "$GROUP" --query 'Instances[0].InstanceId')
run "its first interface" eks-sim vantage add jump --bastion "$I"
run "reaches the private endpoint" via jump get --raw /api/v1/namespaces
run "removed" eks-sim vantage remove jump
refuse "its port is closed" 'refused' via jump get --raw /api/v1/namespaces
run "the worker's" eks-sim vantage remove worker
is "its interface is gone" "$(q ec2 describe-network-interfaces --filters "Name=description,Values=eks-sim vantage point worker" --query 'length(NetworkInterfaces)')" 0

part "after a restart"
PORT=$(eks-sim vantage list -o json | field '["vantages"][0]["endpoints"]["demo"]')
kill "$server"; wait "$server" 2>/dev/null
rm -f "$work/ready.json"
"$SIM" serve --state "$work/state.sqlite" --aws-port "${EKS_SIM_ENDPOINT##*:}" --api-port 0 --ready-file "$work/ready.json" >"$work/serve.log" 2>&1 &
server=$!
for _ in $(seq 100); do [ -s "$work/ready.json" ] && break; sleep 0.1; done
is "the ports are the same" "$(eks-sim vantage list -o json | field '["vantages"][0]["endpoints"]["demo"]')" "$PORT"
run "and lead there" via node get --raw /api/v1/namespaces

finish
