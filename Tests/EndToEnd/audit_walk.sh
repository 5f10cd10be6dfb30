#!/usr/bin/env bash
# The control plane's logs with the real aws and kubectl: audit_walk.sh BINARY
SIM=$(realpath "$1")
# shellcheck source=Tests/EndToEnd/lib.sh
source "$(dirname "$0")/lib.sh"
LG=/aws/eks/logged/cluster
# events PREFIX PATTERN [JMESPATH]: the messages of the streams with a prefix
events() { q logs filter-log-events --log-group-name "$LG" --log-stream-name-prefix "$1" --filter-pattern "$2" --query "${3:-events[].message}"; }
# audit PATTERN PYTHON: what an expression says of the last matching audit event e
audit() {
  aws logs filter-log-events --log-group-name "$LG" --log-stream-name-prefix kube-apiserver-audit --filter-pattern "$1" --output json |
    python3 -c 'import json,sys; e=json.loads(json.load(sys.stdin)["events"][-1]["message"]); print(eval(sys.argv[1]))' "$2"
}

part 'log types'
cluster logged API_AND_CONFIG_MAP
refuse 'no group without a log type' 'ResourceNotFoundException.*The specified log group does not exist' \
  aws logs describe-log-streams --log-group-name "$LG"
aws eks update-kubeconfig --name logged --alias admin --user-alias admin >/dev/null
run 'a request that nobody logs' kubectl get namespaces
update=$(q eks update-cluster-config --name logged --logging '{"clusterLogging":[{"types":["api","audit","authenticator"],"enabled":true}]}' --query update.id)
aws eks wait cluster-active --name logged
is 'the update is done' "$(q eks describe-update --name logged --update-id "$update" --query 'update.[type,status]')" $'LoggingUpdate\tSuccessful'
is 'the group is there' "$(q logs describe-log-groups --log-group-name-prefix /aws/eks/ --query 'logGroups[].logGroupName')" "$LG"
streams=$(q logs describe-log-streams --log-group-name "$LG" --query 'logStreams[].logStreamName' | tr '\t' '\n')
for component in kube-apiserver kube-apiserver-audit authenticator; do
  is "two streams of $component" "$(grep -cE "^$component-[0-9a-f]{32}$" <<<"$streams")" 2
done
like 'the API servers said that they started' "$(events kube-apiserver Version)" 'I[0-9]{4} [0-9:.]{15} +1 server.go:[0-9]+\] Version: v1\.'

part 'the audit log'
kubectl create deployment web --image nginx >/dev/null
kubectl create secret generic hidden --from-literal=password=hunter2 >/dev/null
kubectl delete deployment web >/dev/null
refuse 'eve may not' 'pods is forbidden' kubectl get pods --as eve
created='{ $.verb = "create" && $.objectRef.resource = "deployments" }'
is 'a create' "$(audit "$created" '(e["kind"], e["stage"], e["level"], e["objectRef"]["name"], e["responseStatus"]["code"])')" \
  "('Event', 'ResponseComplete', 'RequestResponse', 'web', 201)"
like 'by whom' "$(audit "$created" 'e["user"]["uid"], e["user"]["extra"]["arn"]')" "aws-iam-authenticator:$ACCOUNT:AIDA.*arn:aws:iam::$ACCOUNT:user/eks-sim"
like 'allowed by what' "$(audit "$created" 'e["annotations"]["authorization.k8s.io/reason"]')" \
  '^EKS Access Policy: allowed by ClusterRoleBinding "arn:aws:iam::[0-9]+:user/eks-sim\+arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy" of ClusterRole ".*" to User "AIDA'
is 'as it was sent' "$(audit "$created" 'e["requestObject"]["spec"]["strategy"]["type"], "uid" in e["requestObject"]["metadata"]')" "('RollingUpdate', False)"
is 'as it was stored' "$(audit "$created" '"uid" in e["responseObject"]["metadata"]')" True
is 'a delete' "$(audit '{ $.verb = "delete" }' 'e["requestObject"]["kind"], e["responseStatus"]["status"]')" "('DeleteOptions', 'Success')"
is 'a secret keeps its secret' "$(audit '{ $.objectRef.resource = "secrets" }' 'e["level"], "requestObject" in e, "responseObject" in e')" "('Metadata', False, False)"
is 'nowhere in the logs' "$(events kube-apiserver-audit hunter2)" ''
forbidden='{ ($.annotations["authorization.k8s.io/decision"] = "forbid") && ($.impersonatedUser.username = ev*) }'
is 'a refusal' "$(audit "$forbidden" 'e["impersonatedUser"]["username"], e["responseStatus"]["reason"]')" "('eve', 'Forbidden')"
is 'the id leads to the trace' "$(eks-sim why "$(audit "$forbidden" 'e["auditID"]')" -o json | field '["status"]')" 403

part 'the authenticator'
like 'granted' "$(events authenticator '"access granted"')" \
  "time=\"[0-9TZ:-]+\" level=info msg=\"access granted\" arn=\"arn:aws:iam::$ACCOUNT:user/eks-sim\" client=\"[^\"]+\" groups=\"\[\]\" method=POST path=/authenticate stsendpoint=[^ ]+ uid=\"aws-iam-authenticator:$ACCOUNT:AIDA[A-Z0-9]+\" username=\"arn:aws:iam::$ACCOUNT:user/eks-sim\""
role nobody "{\"AWS\":\"arn:aws:iam::$ACCOUNT:root\"}" >/dev/null
aws eks update-kubeconfig --name logged --alias nobody --user-alias nobody --role-arn "arn:aws:iam::$ACCOUNT:role/nobody" >/dev/null
refuse 'nobody is let in' 'must be logged in' kubectl --context nobody get pods
like 'denied' "$(events authenticator '"access denied"')" \
  "level=warning msg=\"access denied\" arn=\"arn:aws:iam::$ACCOUNT:role/nobody\" client=\"[^\"]+\" error=\"identity is not mapped\" method=POST"
is 'nobody in the audit log' "$(audit '{ $.responseStatus.code = 401 }' 'e["stage"], e["user"], e["responseStatus"]["reason"]')" "('ResponseStarted', {}, 'Unauthorized')"

part 'the Logs API'
like 'one of several terms' "$(events authenticator '?granted ?denied' 'length(events)')" '^[1-9]'
# Version 1 of the command line has no tail.
if aws logs tail help >/dev/null 2>&1; then
  like 'tail' "$(aws logs tail "$LG" --since 1h --log-stream-name-prefix authenticator --filter-pattern '?granted ?denied' 2>&1)" 'authenticator-[0-9a-f]{32} time='
fi
first=$(q logs filter-log-events --log-group-name "$LG" --limit 1 --no-paginate --query 'length(events)')
is 'a page of one' "$first" 1
all=$(q logs filter-log-events --log-group-name "$LG" --query 'length(events)')
paged=$(aws logs filter-log-events --log-group-name "$LG" --page-size 3 --query 'events[].eventId' --output json | python3 -c 'import json,sys; i=json.load(sys.stdin); print(len(i) if len(set(i)) == len(i) else "twice")')
like 'pages lead through all events, each once' "$((paged >= all))" 1
stream=$(grep -m1 '^authenticator' <<<"$streams")
run 'one stream' q logs get-log-events --log-group-name "$LG" --log-stream-name "$stream" --start-from-head --limit 1
refuse 'a pattern that is none' 'InvalidParameterException.*Invalid filter pattern' events kube '{ $.a }'
refuse 'a term that wants quotes' "InvalidParameterException.*Invalid character\(s\) in term 'a:b'" events kube a:b
run 'retention' aws logs put-retention-policy --log-group-name "$LG" --retention-in-days 7
is 'is kept' "$(q logs describe-log-groups --log-group-name-prefix "$LG" --query 'logGroups[].retentionInDays')" 7
refuse 'but not for two days' 'InvalidParameterException.*Invalid retention value' aws logs put-retention-policy --log-group-name "$LG" --retention-in-days 2
run 'a group of our own' aws logs create-log-group --log-group-name mine --tags a=b
refuse 'not twice' 'ResourceAlreadyExistsException.*The specified log group already exists' aws logs create-log-group --log-group-name mine
is 'its tags' "$(q logs list-tags-for-resource --resource-arn "arn:aws:logs:$AWS_REGION:$ACCOUNT:log-group:mine" --query tags.a)" b
aws logs create-log-stream --log-group-name mine --log-stream-name s
run 'an event' aws logs put-log-events --log-group-name mine --log-stream-name s --log-events "timestamp=$(date +%s)000,message=hello"
is 'is read' "$(q logs get-log-events --log-group-name mine --log-stream-name s --query 'events[].message')" hello
run 'the end of it' aws logs delete-log-group --log-group-name mine
refuse 'what is not simulated' 'UnknownOperationException' aws logs describe-metric-filters

part 'switched off'
aws eks update-cluster-config --name logged --logging '{"clusterLogging":[{"types":["audit"],"enabled":false}]}' >/dev/null
aws eks wait cluster-active --name logged
kubectl --context admin create configmap unseen >/dev/null
is 'nothing more is audited' "$(events kube-apiserver-audit '{ $.objectRef.name = "unseen" }')" ''
finish && echo 'every step behaved as stated'
