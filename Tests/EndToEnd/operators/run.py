"""run.py EKS_SIM_BINARY: a kopf operator, kr8s and the Python client against one simulator. Exit 0 when all behave as on Kubernetes."""
import os, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import kr8s, yaml
from kr8s.objects import new_class, ConfigMap
import kubernetes
from simulator import Simulator

here = os.path.dirname(os.path.abspath(__file__))
failures = []


def expect(what, condition, shown=""):
    print(("ok    " if condition else "FAILED") + f" {what} {'' if condition else shown}", flush=True)
    if not condition:
        failures.append(what)


def until(what, probe, seconds=60):
    """Polls a probe until it answers something true."""
    end = time.monotonic() + seconds
    value = last = None
    while time.monotonic() < end and not value:
        try:
            value = probe()
        except Exception as error:
            value, last = None, error
        if not value:
            time.sleep(0.1)
    expect(what, value, f"not within {seconds} s: {last}")
    return value


def refused(what, words, action):
    try:
        action()
        expect(what, False, "it was accepted")
    except kubernetes.client.ApiException as error:
        expect(what, words in error.body, error.body)


def walk(kubeconfig):
    kubernetes.config.load_kube_config(kubeconfig)
    extensions = kubernetes.client.ApiextensionsV1Api()
    objects = kubernetes.client.CustomObjectsApi()
    core = kubernetes.client.CoreV1Api()
    with open(os.path.join(here, "widgets.yaml")) as file:
        definition = yaml.safe_load(file)
    extensions.create_custom_resource_definition(definition)
    stored = extensions.read_custom_resource_definition(definition["metadata"]["name"])
    conditions = {condition.type: condition.status for condition in stored.status.conditions}
    expect("the definition is established at once", conditions == {"NamesAccepted": "True", "Established": "True"}, conditions)

    environment = dict(os.environ, KUBECONFIG=kubeconfig)
    log = tempfile.TemporaryFile()
    operator = subprocess.Popen(
        [sys.executable, "-m", "kopf", "run", "--standalone", "--namespace", "default", os.path.join(here, "widget_operator.py")],
        env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        api = kr8s.api(kubeconfig=kubeconfig)
        Widget = new_class(kind="Widget", version="shop.example.com/v1", namespaced=True)
        widget = Widget({"metadata": {"name": "chair", "namespace": "default"}, "spec": {"colour": "red"}}, api=api)
        widget.create()
        expect("defaults are there", widget.spec.count == 1, widget.spec)
        until("the operator stocks it", lambda: core.read_namespaced_config_map("chair-stock", "default").data == {"colour": "red", "count": "1"})

        def fetched():
            return objects.get_namespaced_custom_object("shop.example.com", "v1", "default", "widgets", "chair")

        until("the status says so", lambda: fetched()["status"]["state"] == "stocked")
        expect("kopf holds it by a finalizer", fetched()["metadata"].get("finalizers"), fetched()["metadata"])
        expect("only the spec counts a generation", fetched()["metadata"]["generation"] == 1, fetched()["metadata"])
        widget.refresh()
        widget.patch({"spec": {"count": 4}})
        until("a change reaches the operator", lambda: core.read_namespaced_config_map("chair-stock", "default").data["count"] == "4")
        scale = objects.get_namespaced_custom_object_scale("shop.example.com", "v1", "default", "widgets", "chair")
        expect("the scale subresource", scale["spec"]["replicas"] == 4, scale)

        def patch(spec):
            return objects.patch_namespaced_custom_object("shop.example.com", "v1", "default", "widgets", "chair", {"spec": spec})

        refused("a wrong value", "spec.count: Invalid value: 101: spec.count in body should be less than or equal to 100", lambda: patch({"count": 101}))
        refused("a rule about the change", "spec.colour: Invalid value: a widget keeps its colour", lambda: patch({"colour": "blue"}))
        found = list(api.get("widgets.shop.example.com", namespace="default", field_selector="spec.colour=red"))
        expect("a selectable field", [item.name for item in found] == ["chair"], found)
        beta = objects.get_namespaced_custom_object("shop.example.com", "v1beta1", "default", "widgets", "chair")
        expect("the other version", beta["apiVersion"] == "shop.example.com/v1beta1" and beta["spec"]["count"] == 4, beta)
        widget.delete()
        until("the operator says farewell", lambda: core.read_namespaced_config_map("chair-farewell", "default").data)
        until("the widget is gone", lambda: not objects.list_namespaced_custom_object("shop.example.com", "v1", "default", "widgets")["items"])
        until("and what it owned", lambda: "chair-stock" not in [item.metadata.name for item in core.list_namespaced_config_map("default").items])
        expect("the operator still runs", operator.poll() is None)
    finally:
        operator.terminate()
        try:
            operator.wait(timeout=30)
        except subprocess.TimeoutExpired:
            operator.kill()
    if failures:
        log.seek(0)
        print(log.read().decode(errors="replace"))
    extensions.delete_custom_resource_definition(definition["metadata"]["name"])
    until("the definition goes", lambda: definition["metadata"]["name"] not in [item.metadata.name for item in extensions.list_custom_resource_definition().items])


simulator = Simulator(sys.argv[1])
try:
    walk(simulator.cluster["adminKubeconfig"])
finally:
    simulator.stop()
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
