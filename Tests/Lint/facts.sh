#!/usr/bin/env bash
# Rebuilds the embedded tables: copies the extracted files from where they were made and checks that each is what the code expects.
# The extraction itself (from a running kube-apiserver 1.36.2, its Go types and the AWS service models) is described in each file's "source".
set -euo pipefail
cd "$(dirname "$0")/../.."
from=${1:?usage: make facts FACTS=directory with kubernetes/*.json, access-policies.json, eks-operations.json and instance-limits.json}
for file in schema resources columns bootstrap-rbac protobuf; do
  # protobuf.json is a bare table of messages and says no format.
  python3 -c 'import json,sys; assert json.load(open(sys.argv[1])).get("format", 1) == 1, sys.argv[1] + ": format"' \
    "$from/kubernetes/$file.json"
  cp "$from/kubernetes/$file.json" "Sources/CFacts/data/$file.json"
done
for file in access-policies eks-operations instance-limits; do
  python3 -m json.tool "$from/$file.json" >/dev/null
  cp "$from/$file.json" "Sources/CFacts/data/$file.json"
done
# Parameters and answers of the query services, from the models in the installed botocore.
python3 Tests/Lint/aws_model.py ec2 2016-11-15 Tests/Lint/ec2-operations.txt Sources/CFacts/data/ec2-operations.json \
  Fixtures/aws/ec2-answers.json
python3 Tests/Lint/aws_model.py autoscaling 2011-01-01 Tests/Lint/autoscaling-operations.txt \
  Sources/CFacts/data/autoscaling-operations.json Fixtures/aws/autoscaling-answers.json
git --no-pager diff --stat -- Sources/CFacts/data
