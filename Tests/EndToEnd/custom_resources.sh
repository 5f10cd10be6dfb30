#!/usr/bin/env bash
# Custom resources with the real kubectl: define, explain, create, list, patch, scale, convert, refuse, delete.
#   custom_resources.sh EKS_SIM_BINARY
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
sim=$(readlink -f "${1:?the eks-sim binary}")
work=$(mktemp -d)
failed=0
export KUBECONFIG="$work/kubeconfig" KUBECACHEDIR="$work/cache"
"$sim" serve --state :memory: --aws-port 0 --api-port 0 --ready-file "$work/ready.json" >"$work/serve.log" 2>&1 &
server=$!
finish() {
  kill "$server" 2>/dev/null
  wait "$server" 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT
for _ in $(seq 100); do [ -s "$work/ready.json" ] && break; kill -0 "$server" 2>/dev/null || break; sleep 0.1; done
[ -s "$work/ready.json" ] || { cat "$work/serve.log"; echo "the simulator did not start"; exit 1; }
cp "$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["clusters"][0]["adminKubeconfig"])' "$work/ready.json")" "$KUBECONFIG"

bad() { failed=$((failed + 1)); printf 'FAILED: %s\n' "$*"; }
# check STATUS REGEX COMMAND…: the exit status is zero or not, and the output matches.
check() {
  local wanted=$1 regex=$2 out status
  shift 2
  printf '$ %s\n' "$*"
  out=$(eval "$*" 2>&1)
  status=$?
  printf '%s\n' "$out"
  if [ "$wanted" = ok ]; then [ $status = 0 ] || bad "exit $status"; else [ $status != 0 ] || bad "succeeded"; fi
  grep -Eq -- "$regex" <<<"$out" || bad "wanted /$regex/"
}
object() { printf 'apiVersion: shop.example.com/v1\nkind: Widget\nmetadata: {name: %s}\nspec: %s\n' "$1" "$2" >"$work/$1.yaml"; }

check ok 'widgets.shop.example.com created' kubectl apply -f "$here/operators/widgets.yaml"
check ok 'condition met' kubectl wait --for=condition=Established crd/widgets.shop.example.com --timeout=5s
check ok 'widgets +wd +shop.example.com/v1 +true +Widget' kubectl api-resources --api-group shop.example.com
check ok 'count.<integer>' kubectl explain widget.spec
check ok 'How many' kubectl explain wd.spec.count
check ok 'KIND: +Widget' kubectl explain widgets --api-version shop.example.com/v1beta1
object chair '{colour: red, count: 2}'
object table '{colour: blue}'
check ok 'chair created' kubectl apply -f "$work/chair.yaml"
check ok 'chair unchanged' kubectl apply -f "$work/chair.yaml"
check ok 'table created' kubectl create -f "$work/table.yaml"
check ok '^chair +red +2 ' kubectl get wd
check ok '^table +blue +1 ' kubectl get widgets.shop.example.com
check ok 'widget.shop.example.com/chair' kubectl get all
check ok '^widget.shop.example.com/table$' kubectl get wd --field-selector spec.colour=blue -o name
check ok 'chair patched' "kubectl patch wd chair --type merge -p '{\"spec\":{\"count\":3}}'"
check ok 'chair patched' "kubectl patch wd chair --type json -p '[{\"op\":\"replace\",\"path\":\"/spec/count\",\"value\":4}]'"
check ok '^4$' kubectl get wd chair -o "jsonpath='{.spec.count}{\"\\n\"}'"
check ok 'scaled' kubectl scale wd chair --replicas=7
check ok '^7$' kubectl get wd chair -o "jsonpath='{.spec.count}{\"\\n\"}'"
check ok 'chair patched' "kubectl patch wd chair --subresource status --type merge -p '{\"status\":{\"state\":\"sold\",\"more\":{\"x\":1}}}'"
check ok '^chair +red +7 +sold' kubectl get wd chair
check ok 'deprecated' kubectl get widgets.v1beta1.shop.example.com chair -o yaml
check ok '-  count: 7' kubectl diff -f "$work/chair.yaml" '||' true
check refused 'Unsupported value: "green": supported values: "red", "blue", "black"' \
  "kubectl patch wd chair --type merge -p '{\"spec\":{\"colour\":\"green\"}}'"
check refused 'a widget keeps its colour' "kubectl patch wd chair --type merge -p '{\"spec\":{\"colour\":\"blue\"}}'"
object stove '{colour: black, count: 6}'
check refused 'black widgets are rare' kubectl create -f "$work/stove.yaml"
object lamp '{colour: red, bulbs: 1}'
check refused 'unknown field "spec.bulbs"' kubectl create -f "$work/lamp.yaml"
check ok 'lamp created' kubectl create --validate=warn -f "$work/lamp.yaml"
check refused 'unsupported media type|is not supported|UnsupportedMediaType|unknown format' \
  "kubectl patch wd chair --type strategic -p '{\"spec\":{\"count\":1}}'"
check ok 'annotated' kubectl annotate wd --all season=autumn
check ok 'deleted' kubectl delete wd table
check refused 'is invalid: spec.versions\[0\].name|already exists' kubectl create -f "$here/operators/widgets.yaml"
check ok '"widgets.shop.example.com" deleted' kubectl delete -f "$here/operators/widgets.yaml"
check refused "the server doesn't have a resource type|not find the requested resource" kubectl get wd
check ok 'widgets.shop.example.com created' kubectl apply -f "$here/operators/widgets.yaml"
check ok 'No resources found' kubectl get wd
[ "$failed" = 0 ] && echo 'every check passed'
[ "$failed" = 0 ]
