"""A small operator of widgets, as people write them with kopf: a ConfigMap for each, told of in the status, gone with the widget."""
import kopf
import kubernetes


def config_map(name, spec):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-stock"},
            "data": {"colour": spec["colour"], "count": str(spec["count"])}}


@kopf.on.startup()
def configure(settings, **_):
    settings.posting.level = 0
    kubernetes.config.load_kube_config()


@kopf.on.create("shop.example.com", "v1", "widgets")
def created(name, namespace, spec, patch, **_):
    child = config_map(name, spec)
    kopf.adopt(child)
    kubernetes.client.CoreV1Api().create_namespaced_config_map(namespace, child)
    patch.status["state"] = "stocked"
    patch.status["count"] = spec["count"]


@kopf.on.update("shop.example.com", "v1", "widgets", field="spec.count")
def counted(name, namespace, spec, new, patch, **_):
    kubernetes.client.CoreV1Api().patch_namespaced_config_map(f"{name}-stock", namespace, {"data": {"count": str(new)}})
    patch.status["count"] = new


@kopf.on.delete("shop.example.com", "v1", "widgets")
def deleted(name, namespace, **_):
    kubernetes.client.CoreV1Api().create_namespaced_config_map(
        namespace, {"metadata": {"name": f"{name}-farewell"}, "data": {"said": "goodbye"}})
