#!/usr/bin/env bash
# The AWS side walked with the unmodified aws and kubectl: identity, IAM, clusters, tokens, access entries, sessions, updates, tags, and what
# services that are not simulated yet answer. One line a check; the last line counts; exit 1 when a check fails.
#   aws_walk.sh EKS_SIM_BINARY
SIM=$(readlink -f "${1:?the eks-sim binary}")
# shellcheck source=Tests/EndToEnd/lib.sh
source "$(dirname "$0")/lib.sh"
C=foo-eks-cluster
bootstrap_key=$AWS_ACCESS_KEY_ID bootstrap_secret=$AWS_SECRET_ACCESS_KEY
# as ANSWER COMMAND...: with the credentials of an assume-role answer
as() {
  local answer=$1
  shift
  env AWS_ACCESS_KEY_ID="$(field '["Credentials"]["AccessKeyId"]' <<<"$answer")" \
    AWS_SECRET_ACCESS_KEY="$(field '["Credentials"]["SecretAccessKey"]' <<<"$answer")" \
    AWS_SESSION_TOKEN="$(field '["Credentials"]["SessionToken"]' <<<"$answer")" "$@"
}

part "who am I"
run "sts get-caller-identity" q sts get-caller-identity --query '[Account,Arn,UserId]'
read -r ACCOUNT CALLER _ <<<"$OUT"
like "account is 12 digits" "$ACCOUNT" '^[0-9]{12}$'
is "caller is the bootstrap user" "$CALLER" "arn:aws:iam::$ACCOUNT:user/eks-sim"
refuse "unknown key, query protocol" 'InvalidClientTokenId.*The security token included in the request is invalid' \
  env AWS_ACCESS_KEY_ID=AKIAXXXXXXXXXXXXXXXX aws sts get-caller-identity
refuse "unknown key, REST-JSON" 'UnrecognizedClientException.*The security token included in the request is invalid' \
  env AWS_ACCESS_KEY_ID=AKIAXXXXXXXXXXXXXXXX aws eks list-clusters
refuse "wrong secret, query protocol" 'SignatureDoesNotMatch.*The request signature we calculated does not match' \
  env AWS_SECRET_ACCESS_KEY=wrong aws sts get-caller-identity
refuse "wrong secret, REST-JSON" 'InvalidSignatureException.*The request signature we calculated does not match' \
  env AWS_SECRET_ACCESS_KEY=wrong aws eks list-clusters

part "IAM"
run "create-user" aws iam create-user --user-name hiroki
refuse "create-user again" 'EntityAlreadyExists.*User with name hiroki already exists' aws iam create-user --user-name hiroki
refuse "no such user" 'NoSuchEntity.*The user with name nobody cannot be found' aws iam get-user --user-name nobody
run "create-access-key" q iam create-access-key --user-name hiroki --query 'AccessKey.[AccessKeyId,SecretAccessKey]'
read -r KEY SECRET <<<"$OUT"
hiroki() { env AWS_ACCESS_KEY_ID="$KEY" AWS_SECRET_ACCESS_KEY="$SECRET" "$@"; }
is "the key is the user's" "$(hiroki aws sts get-caller-identity --query Arn --output text)" "arn:aws:iam::$ACCOUNT:user/hiroki"
refuse "a user with a key cannot go" 'DeleteConflict.*must delete access keys first' aws iam delete-user --user-name hiroki
refuse "malformed trust policy" 'MalformedPolicyDocument' aws iam create-role --role-name x --assume-role-policy-document '{"Statement":'
R_CLUSTER=$(role "$C-cluster" '{"Service":"eks.amazonaws.com"}')
R_NODE=$(role "$C-node" '{"Service":"ec2.amazonaws.com"}')
R_DEV=$(role "$C-dev" "{\"AWS\":\"arn:aws:iam::$ACCOUNT:root\"}")
R_OLD=$(role "$C-configmap" "{\"AWS\":\"arn:aws:iam::$ACCOUNT:root\"}")
like "role arn" "$R_CLUSTER" ":role/$C-cluster$"
for policy in AmazonEKSClusterPolicy AmazonEKSVPCResourceController; do
  run "attach $policy" aws iam attach-role-policy --role-name "$C-cluster" --policy-arn "arn:aws:iam::aws:policy/$policy"
done
refuse "attach an unknown policy" 'NoSuchEntity' aws iam attach-role-policy --role-name "$C-cluster" --policy-arn arn:aws:iam::aws:policy/None
for policy in AmazonEKSWorkerNodePolicy AmazonEKS_CNI_Policy AmazonEC2ContainerRegistryReadOnly AmazonEKSFargatePodExecutionRolePolicy \
  AmazonSSMManagedInstanceCore service-role/AmazonEBSCSIDriverPolicy ReadOnlyAccess; do
  run "$policy resolves" aws iam get-policy --policy-arn "arn:aws:iam::aws:policy/$policy"
done
is "attached policies" "$(q iam list-attached-role-policies --role-name "$C-cluster" --query 'length(AttachedPolicies)')" 2
refuse "a role with policies cannot go" 'DeleteConflict.*must detach all policies first' aws iam delete-role --role-name "$C-cluster"
run "create-instance-profile" aws iam create-instance-profile --instance-profile-name nodes
run "add-role-to-instance-profile" aws iam add-role-to-instance-profile --instance-profile-name nodes --role-name "$C-node"
is "its role" "$(q iam get-instance-profile --instance-profile-name nodes --query 'InstanceProfile.Roles[0].Arn')" "$R_NODE"
is "list-instance-profiles-for-role" "$(q iam list-instance-profiles-for-role --role-name "$C-node" --query 'InstanceProfiles[].InstanceProfileName')" nodes

part "callers' policies"
refuse "nothing by default" "AccessDeniedException.*User: arn:aws:iam::$ACCOUNT:user/hiroki is not authorized to perform: eks:ListClusters on resource: .* because no identity-based policy allows the eks:ListClusters action" \
  hiroki aws eks list-clusters
run "put-user-policy" aws iam put-user-policy --user-name hiroki --policy-name p --policy-document "$(allow 'eks:*')"
run "allowed" hiroki aws eks list-clusters
run "put a deny" aws iam put-user-policy --user-name hiroki --policy-name d --policy-document "$(allow 'eks:List*' '*' Deny)"
refuse "a deny wins" 'AccessDeniedException.*with an explicit deny in an identity-based policy' hiroki aws eks list-clusters
run "delete the deny" aws iam delete-user-policy --user-name hiroki --policy-name d
run "boundary" aws iam put-user-permissions-boundary --user-name hiroki --permissions-boundary arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy
refuse "the boundary limits" 'AccessDeniedException.*because no permissions boundary allows the eks:ListClusters action' hiroki aws eks list-clusters
run "no boundary" aws iam delete-user-permissions-boundary --user-name hiroki
refuse "query services say AccessDenied" 'AccessDenied\).*iam:ListUsers on resource: .*because no identity-based policy allows' hiroki aws iam list-users
refuse "EC2 says UnauthorizedOperation" 'UnauthorizedOperation.*You are not authorized to perform this operation' hiroki aws ec2 describe-vpcs

part "create-cluster: what is refused"
SUBNETS=$(q ec2 describe-subnets --query 'Subnets[].SubnetId' | tr '\t' ',')
S1=${SUBNETS%%,*}
VPC=$(q ec2 describe-subnets --query 'Subnets[0].VpcId')
create() { aws eks create-cluster --name "$C" --role-arn "$R_CLUSTER" "$@"; }
refuse "unknown version" 'InvalidParameterException.*unsupported Kubernetes version' create --kubernetes-version 1.7 --resources-vpc-config "subnetIds=$SUBNETS"
refuse "one subnet" 'InvalidParameterException.*Subnets specified must be in at least two different AZs' create --resources-vpc-config "subnetIds=$S1"
refuse "role that EKS may not assume" 'InvalidParameterException.*could not be assumed because it does not exist or the trusted entity is not correct' \
  aws eks create-cluster --name "$C" --role-arn "$R_DEV" --resources-vpc-config "subnetIds=$SUBNETS"
refuse "bad cluster name" 'InvalidParameterException' aws eks create-cluster --name bad.name --role-arn "$R_CLUSTER" --resources-vpc-config "subnetIds=$SUBNETS"
refuse "describe before create" "ResourceNotFoundException.*No cluster found for name: $C" aws eks describe-cluster --name "$C"
refuse "PassRole is needed" 'iam:PassRole' hiroki aws eks create-cluster --name "$C" --role-arn "$R_CLUSTER" --resources-vpc-config "subnetIds=$SUBNETS"

part "create-cluster"
run "create" create --kubernetes-version 1.32 \
  --resources-vpc-config "subnetIds=$SUBNETS,endpointPublicAccess=true,endpointPrivateAccess=true,publicAccessCidrs=0.0.0.0/0" \
  --kubernetes-network-config "serviceIpv4Cidr=172.20.0.0/16,ipFamily=ipv4" \
  --access-config "authenticationMode=API_AND_CONFIG_MAP,bootstrapClusterCreatorAdminPermissions=true" \
  --logging '{"clusterLogging":[{"types":["api","audit","authenticator","controllerManager","scheduler"],"enabled":true}]}' \
  --upgrade-policy supportType=STANDARD --tags Env=tes --output json
is "status in the answer" "$(field '["cluster"]["status"]' <<<"$OUT")" CREATING
is "arn in the answer" "$(field '["cluster"]["arn"]' <<<"$OUT")" "arn:aws:eks:$AWS_REGION:$ACCOUNT:cluster/$C"
refuse "second create" "ResourceInUseException.*Cluster already exists with name: $C" create --resources-vpc-config "subnetIds=$SUBNETS"
run "wait cluster-active" aws eks wait cluster-active --name "$C"
run "describe" aws eks describe-cluster --name "$C" --output json
D=$OUT
c() { field "['cluster']$1" <<<"$D"; }
is "active" "$(c "['status']")" ACTIVE
is "version" "$(c "['version']")" 1.32
like "platform version" "$(c "['platformVersion']")" '^eks\.[0-9]+$'
like "endpoint" "$(c "['endpoint']")" '^https://'
like "CA is PEM" "$(c "['certificateAuthority']['data']" | base64 -d | head -1)" 'BEGIN CERTIFICATE'
like "oidc issuer" "$(c "['identity']['oidc']['issuer']")" '^https?://'
is "vpc" "$(c "['resourcesVpcConfig']['vpcId']")" "$VPC"
is "service cidr" "$(c "['kubernetesNetworkConfig']['serviceIpv4Cidr']")" 172.20.0.0/16
is "auth mode" "$(c "['accessConfig']['authenticationMode']")" API_AND_CONFIG_MAP
like "cluster security group" "$(q ec2 describe-security-groups --group-ids "$(c "['resourcesVpcConfig']['clusterSecurityGroupId']")" --query 'SecurityGroups[0].GroupName')" "^eks-cluster-sg-$C"
like "list-clusters" "$(q eks list-clusters --query clusters)" "(^|[[:space:]])$C([[:space:]]|$)"

part "update-kubeconfig, get-token"
run "update-kubeconfig" aws eks update-kubeconfig --name "$C"
like "context added" "$OUT" "Added new context .*cluster/$C"
run "get-token" aws eks get-token --cluster-name "$C" --output json
TOKEN=$(field '["status"]["token"]' <<<"$OUT")
like "token prefix" "$TOKEN" '^k8s-aws-v1\.[A-Za-z0-9_-]+$'
like "token expiry format" "$(field '["status"]["expirationTimestamp"]' <<<"$OUT")" '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$'
run "get ns" kubectl get ns -o name
like "kube-system exists" "$OUT" 'namespace/kube-system'
is "can do anything" "$(kubectl auth can-i '*' '*' --all-namespaces 2>/dev/null)" yes
like "username is the caller" "$(kubectl auth whoami -o 'jsonpath={.status.userInfo.username}')" "^arn:aws:iam::$ACCOUNT:user/eks-sim$"
is "first service address" "$(kubectl get svc kubernetes -n default -o 'jsonpath={.spec.clusterIP}')" 172.20.0.1
c "['certificateAuthority']['data']" | base64 -d >"$work/ca.crt"
bare() { KUBECONFIG=/dev/null kubectl --server "$(c "['endpoint']")" --certificate-authority "$work/ca.crt" --token "$1" get ns -o name; }
run "bare token works" bare "$TOKEN"
refuse "token for another cluster" 'Unauthorized|must be logged in' bare "$(q eks get-token --cluster-name other-cluster --query status.token)"

part "access entries"
like "creator's entry" "$(q eks list-access-entries --cluster-name "$C" --query accessEntries)" ":user/eks-sim"
like "policies on offer" "$(q eks list-access-policies --query 'accessPolicies[].name')" 'AmazonEKSClusterAdminPolicy'
run "node role's entry" aws eks create-access-entry --cluster-name "$C" --principal-arn "$R_NODE" --type EC2_LINUX
like "its username" "$(q eks describe-access-entry --cluster-name "$C" --principal-arn "$R_NODE" --query 'accessEntry.[type,username]')" 'EC2_LINUX.*system:node:\{\{EC2PrivateDNSName\}\}'
run "create-access-entry" aws eks create-access-entry --cluster-name "$C" --principal-arn "$R_DEV" --kubernetes-groups developers --output json
is "generated username" "$(field '["accessEntry"]["username"]' <<<"$OUT")" "arn:aws:sts::$ACCOUNT:assumed-role/$C-dev/{{SessionName}}"
refuse "same principal again" 'ResourceInUseException.*The specified access entry resource is already in use on this cluster' \
  aws eks create-access-entry --cluster-name "$C" --principal-arn "$R_DEV"
refuse "no such principal" 'InvalidParameterException.*The specified principalArn is invalid: invalid principal' \
  aws eks create-access-entry --cluster-name "$C" --principal-arn "arn:aws:iam::$ACCOUNT:role/none"
refuse "reserved group" 'InvalidParameterException.*cannot start with system:' \
  aws eks update-access-entry --cluster-name "$C" --principal-arn "$R_DEV" --kubernetes-groups system:masters
policy() { aws eks associate-access-policy --cluster-name "$C" --principal-arn "$R_DEV" --policy-arn "arn:aws:eks::aws:cluster-access-policy/$1" --access-scope "$2"; }
refuse "unknown policy" 'ResourceNotFoundException|InvalidParameterException' policy NoSuchPolicy type=cluster
run "associate-access-policy" policy AmazonEKSEditPolicy type=namespace,namespaces=app
like "listed" "$(q eks list-associated-access-policies --cluster-name "$C" --principal-arn "$R_DEV" --query 'associatedAccessPolicies[].policyArn')" 'AmazonEKSEditPolicy'
is "found by policy" "$(q eks list-access-entries --cluster-name "$C" --associated-policy-arn arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy --query accessEntries)" "$R_DEV"

part "sts assume-role"
run "assume the developer role" aws sts assume-role --role-arn "$R_DEV" --role-session-name hiroki --output json
DEV=$OUT
is "assumed identity" "$(as "$DEV" aws sts get-caller-identity --query Arn --output text)" "arn:aws:sts::$ACCOUNT:assumed-role/$C-dev/hiroki"
refuse "role that does not exist" "AccessDenied.*User: $CALLER is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::$ACCOUNT:role/$C-nobody" \
  aws sts assume-role --role-arn "arn:aws:iam::$ACCOUNT:role/$C-nobody" --role-session-name xx
refuse "role that trusts only a service" 'AccessDenied.*sts:AssumeRole on resource' aws sts assume-role --role-arn "$R_NODE" --role-session-name xx
run "the role may assume another" aws iam put-role-policy --role-name "$C-dev" --policy-name p --policy-document "$(allow 'sts:AssumeRole')"
refuse "an hour when chaining" 'ValidationError.*exceeds the 1 hour session limit for roles assumed by role chaining' \
  as "$DEV" aws sts assume-role --role-arn "$R_OLD" --role-session-name xx --duration-seconds 3601
refuse "session tags need their own permission" 'AccessDenied.*sts:TagSession on resource' \
  aws sts assume-role --role-arn "$R_DEV" --role-session-name xx --tags Key=team,Value=a
run "an external id" aws iam update-assume-role-policy --role-name "$C-configmap" --policy-document \
  "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"AWS\":\"arn:aws:iam::$ACCOUNT:root\"},\"Condition\":{\"StringEquals\":{\"sts:ExternalId\":\"42\"}}}]}"
refuse "is missing" 'AccessDenied' aws sts assume-role --role-arn "$R_OLD" --role-session-name legacy
run "is given" aws sts assume-role --role-arn "$R_OLD" --role-session-name legacy --external-id 42 --output json
OLD=$OUT

part "kubectl as the developer"
kubectl create namespace app >/dev/null 2>&1
yes_no() { is "$1" "$(as "$DEV" kubectl auth can-i "${@:3}" 2>/dev/null)" "$2"; }
yes_no "edit in its namespace" yes create deployments.apps -n app
yes_no "not in another" no create deployments.apps -n kube-system
yes_no "not cluster wide" no get nodes
is "session name in the username" "$(as "$DEV" kubectl auth whoami -o 'jsonpath={.status.userInfo.username}')" "arn:aws:sts::$ACCOUNT:assumed-role/$C-dev/hiroki"
kubectl create clusterrole node-reader --verb=get,list --resource=nodes >/dev/null
kubectl create clusterrolebinding node-reader --clusterrole=node-reader --group=developers >/dev/null
yes_no "RBAC through the entry's group" yes get nodes
refuse "unmapped role is not let in" 'Unauthorized|must be logged in' as "$OLD" kubectl get nodes
kubectl apply -f - >/dev/null <<YAML
apiVersion: v1
kind: ConfigMap
metadata:
  name: aws-auth
  namespace: kube-system
data:
  mapRoles: |
    - rolearn: $R_OLD
      username: hiroki-it:{{SessionName}}
      groups:
        - developers
YAML
is "mapped username" "$(as "$OLD" kubectl auth whoami -o 'jsonpath={.status.userInfo.username}')" "hiroki-it:legacy"

part "update-cluster-config"
update() { aws eks update-cluster-config --name "$C" "$@" --query update.id --output text; }
# finished ID: how an update ended
finished() {
  local state=InProgress
  for _ in $(seq 60); do
    state=$(q eks describe-update --name "$C" --update-id "$1" --query update.status)
    [ "$state" = InProgress ] || break
    sleep 0.2
  done
  printf '%s' "$state"
}
refuse "no change of logging" 'InvalidParameterException.*No changes needed for the logging config provided' \
  update --logging '{"clusterLogging":[{"types":["api"],"enabled":true}]}'
refuse "no change of endpoint" 'InvalidParameterException.*Cluster is already at the desired configuration' update --resources-vpc-config endpointPublicAccess=true
refuse "two kinds at once" 'InvalidParameterException.*Only one type of update can be allowed' \
  update --resources-vpc-config endpointPublicAccess=false --logging '{"clusterLogging":[{"types":["api"],"enabled":false}]}'
run "fewer logs" update --logging '{"clusterLogging":[{"types":["scheduler"],"enabled":false}]}'
is "logging update finishes" "$(finished "$OUT")" Successful
run "close the private endpoint" update --resources-vpc-config endpointPublicAccess=true,endpointPrivateAccess=false
is "endpoint update finishes" "$(finished "$OUT")" Successful
refuse "back to CONFIG_MAP" 'InvalidParameterException.*Unsupported authentication mode update from API_AND_CONFIG_MAP to CONFIG_MAP' \
  update --access-config authenticationMode=CONFIG_MAP
is "list-updates" "$(q eks list-updates --name "$C" --query 'length(updateIds)')" 2

part "update-cluster-version"
version() { aws eks update-cluster-version --name "$C" --kubernetes-version "$1" --query update.id --output text; }
refuse "two minors at once" 'InvalidParameterException.*Unsupported Kubernetes minor version update from 1.32 to 1.34' version 1.34
refuse "same version" 'InvalidParameterException.*Unsupported Kubernetes minor version update from 1.32 to 1.32' version 1.32
run "one minor up" version 1.33
is "version update finishes" "$(finished "$OUT")" Successful
is "new version" "$(q eks describe-cluster --name "$C" --query cluster.version)" 1.33
like "the API server's too" "$(kubectl get --raw /version)" '"minor": ?"33'

part "tags"
ARN=$(c "['arn']")
run "tag-resource" aws eks tag-resource --resource-arn "$ARN" --tags team=platform
is "list-tags" "$(q eks list-tags-for-resource --resource-arn "$ARN" --query 'tags.[Env,team]' | tr '\t' ' ')" "tes platform"
run "untag-resource" aws eks untag-resource --resource-arn "$ARN" --tag-keys team
is "untagged" "$(q eks list-tags-for-resource --resource-arn "$ARN" --query 'tags.team')" None
refuse "no such resource" 'NotFoundException' aws eks list-tags-for-resource --resource-arn "$ARN-none"

part "delete"
run "deletion protection" update --deletion-protection
is "is on" "$(finished "$OUT")" Successful
refuse "protected" 'InvalidRequestException.*deletion protection' aws eks delete-cluster --name "$C"
run "off" update --no-deletion-protection
is "is off" "$(finished "$OUT")" Successful
run "delete-cluster" q eks delete-cluster --name "$C" --query cluster.status
is "deleting" "$OUT" DELETING
run "wait cluster-deleted" aws eks wait cluster-deleted --name "$C"
refuse "gone" "ResourceNotFoundException.*No cluster found for name: $C" aws eks describe-cluster --name "$C"
refuse "a role in an instance profile cannot go" 'DeleteConflict.*must remove roles from instance profile first' aws iam delete-role --role-name "$C-node"

part "the account at the end"
is "the bootstrap key was never changed" "$AWS_ACCESS_KEY_ID/$AWS_SECRET_ACCESS_KEY" "$bootstrap_key/$bootstrap_secret"
kill -0 "$server" && good "the simulator runs"

finish
