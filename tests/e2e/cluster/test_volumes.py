"""Volumes of the default storage class."""

from typing import Any

import pytest
from cumulo.providers.kubernetes.cluster import Cluster
from cumulo.providers.kubernetes.objects import Kind

from tests.e2e.cluster.home import POD, Home, ready, wait
from tests.e2e.cluster.kubectl import Kubectl

pytestmark = pytest.mark.cluster

_CLAIM = Kind("", "v1", "PersistentVolumeClaim")
_VOLUME = Kind("", "v1", "PersistentVolume")
_EVENT = Kind("", "v1", "Event")
_FILE = "/data/kept"
_SELECTED = "volume.kubernetes.io/selected-node"
_PROVISIONER = "volume.kubernetes.io/storage-provisioner"


@pytest.fixture(autouse=True)
def local(cluster: Cluster) -> None:
    class_ = cluster.read(Kind("storage.k8s.io", "v1", "StorageClass"), "", "local")
    if class_ is None:
        pytest.skip("the cluster has no local volumes")


def claim(home: Home, name: str, **spec: Any) -> None:
    wanted = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        **spec,
    }
    home.apply("PersistentVolumeClaim", name, spec=wanted)


def pod(home: Home, name: str, **more: Any) -> Any:
    """A pod that has the volume of the claim `data`."""
    home.apply(
        "Pod",
        name,
        spec={
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {
                    "name": "c",
                    "image": home.image,
                    "args": ["pause"],
                    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                }
            ],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
            **more,
        },
    )
    return ready(home, name)


def do(kubectl: Kubectl, name: str, script: str) -> str:
    return kubectl.execute(name, "/bin/bash", "-c", script).strip()


@pytest.mark.parametrize(
    "user",
    [{}, {"runAsUser": 1234, "runAsGroup": 1234}, {"runAsUser": 1234, "fsGroup": 4321}],
    ids=["root", "somebody", "a-group"],
)
def test_a_volume_outlives_its_pod_and_ends_with_its_claim(
    home: Home, kubectl: Kubectl, user: dict[str, int]
) -> None:
    claim(home, "data")
    first = pod(home, "first", securityContext=user)
    do(kubectl, "first", f"echo hello > {_FILE}")
    bound = home.get(_CLAIM, "data")
    assert bound["status"]["phase"] == "Bound"
    assert bound["spec"]["storageClassName"] == "local"

    home.delete(POD, "first")
    wait("the first pod to go", lambda: home.get(POD, "first") is None)
    second = pod(home, "second", securityContext=user)
    assert do(kubectl, "second", f"cat {_FILE}") == "hello"
    assert second["spec"]["nodeName"] == first["spec"]["nodeName"]

    volume = bound["spec"]["volumeName"]
    where = home.cluster.read(_VOLUME, "", volume)
    assert where is not None
    home.delete(POD, "second")
    home.delete(_CLAIM, "data")
    wait("the volume to go", lambda: home.cluster.read(_VOLUME, "", volume) is None)
    assert is_gone(home, kubectl, first["spec"]["nodeName"], where["spec"]["local"]["path"])


def is_gone(home: Home, kubectl: Kubectl, node: str, path: str) -> bool:
    """Whether a node has no such folder any more."""
    home.apply(
        "Pod",
        "look",
        spec={
            "nodeName": node,
            "tolerations": [{"operator": "Exists"}],
            "containers": [
                {
                    "name": "c",
                    "image": home.image,
                    "args": ["pause"],
                    "volumeMounts": [{"name": "all", "mountPath": "/all"}],
                }
            ],
            "volumes": [{"name": "all", "hostPath": {"path": path.rpartition("/")[0]}}],
        },
    )
    ready(home, "look")
    return path.rpartition("/")[2] not in do(kubectl, "look", "ls /all").split()


def test_a_claim_waits_until_a_pod_has_a_node(home: Home) -> None:
    claim(home, "data")
    wait(
        "the claim to say what it waits for",
        lambda: [one for one in events(home, "data") if one["reason"] == "WaitForFirstConsumer"],
    )
    assert home.get(_CLAIM, "data")["status"]["phase"] == "Pending"


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"accessModes": ["ReadWriteMany"]}, "access mode ReadWriteMany is not possible"),
        ({"volumeMode": "Block"}, "does not support block volume"),
    ],
)
def test_what_a_folder_cannot_be_is_refused_with_the_reason(
    home: Home, spec: dict[str, Any], why: str
) -> None:
    claim(home, "data", **spec)
    use, path = ("volumeMounts", "mountPath")
    if "volumeMode" in spec:
        use, path = ("volumeDevices", "devicePath")
    home.apply(
        "Pod",
        "first",
        spec={
            "containers": [
                {"name": "c", "image": home.image, use: [{"name": "data", path: "/data"}]}
            ],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        },
    )
    wait(f"'{why}'", lambda: [one for one in events(home, "data") if why in one.get("message", "")])


def events(home: Home, name: str) -> list[Any]:
    return [
        one for one in home.cluster.all(_EVENT, home.name) if one["involvedObject"]["name"] == name
    ]


def test_a_claim_on_a_node_that_is_gone_is_given_another_one(home: Home) -> None:
    home.apply(
        "PersistentVolumeClaim",
        "data",
        metadata={
            "name": "data",
            "namespace": home.name,
            "annotations": {_SELECTED: "gone", _PROVISIONER: "cumulo.local/local-volumes"},
        },
        spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    )

    wait(
        "the claim to have no node",
        lambda: _SELECTED not in home.get(_CLAIM, "data")["metadata"]["annotations"],
    )


def test_a_volume_of_a_node_that_is_gone_goes_with_its_claim(home: Home) -> None:
    volume = f"{home.name}-gone"
    only = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["gone"]}
    home.cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {
                "name": volume,
                "annotations": {"pv.kubernetes.io/provisioned-by": "cumulo.local/local-volumes"},
            },
            "spec": {
                "storageClassName": "local",
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Delete",
                "claimRef": {"namespace": home.name, "name": "data"},
                "local": {"path": f"/var/lib/local-volumes/{volume}"},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [only]}]}},
            },
        },
        "cumulo-test",
    )
    claim(home, "data", volumeName=volume, storageClassName="local")
    wait("the claim to be bound", lambda: home.get(_CLAIM, "data")["status"]["phase"] == "Bound")

    home.delete(_CLAIM, "data")

    wait("the volume to go", lambda: home.cluster.read(_VOLUME, "", volume) is None)
