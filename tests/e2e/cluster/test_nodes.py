"""The life of a cluster's nodes: they come, are replaced, and go, while something runs on them."""

import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster import ImageBuild
from tests.e2e.cluster.kubectl import AGNHOST, Kubectl, web
from tests.e2e.project import Changes, Finished, Project, compare
from tests.e2e.tenant import Tenant, own_tenant
from tests.waiting import soon

if TYPE_CHECKING:
    from openstack.connection import Connection

pytestmark = [pytest.mark.cloud, pytest.mark.cluster, pytest.mark.timeout(1800)]

FLAVOR = "m1.medium"


class Nodes:
    """A cluster that the tests of this file have to themselves, and change."""

    def __init__(self, project: Project, tenant: Tenant, image: str) -> None:
        self.project = project
        self.tenant = tenant
        self.image = image

    def run(
        self,
        command: str = "up",
        *options: str,
        control: int = 1,
        workers: int = 2,
        flavor: str = FLAVOR,
        **changes: Any,
    ) -> Finished:
        """Brings the cluster to this state, or tries to."""
        wanted = {
            "image": self.image,
            "control_plane": {"count": control, "flavor": FLAVOR},
            "pools": {"cpu": {"count": workers, "flavor": flavor}},
            **changes,
        }
        return self.project.run(
            *(command, "--stack", self.project.stack, *options),
            CUMULO_TEST_CLUSTER=json.dumps(wanted),
        )

    def up(self, **wanted: Any) -> Changes:
        """Brings the cluster to this state; what that changed."""
        before = self.project.resources()
        self.run("up", "--yes", "--skip-preview", **wanted).ok()
        return compare(before, self.project.resources())

    def refused(self, **wanted: Any) -> str:
        """What an update says that fails."""
        return self.run("up", "--yes", "--skip-preview", **wanted).refused()

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(self.project.kubeconfig(self.project.folder))

    def ready(self) -> set[str]:
        """The nodes that are Ready and take pods."""
        found = set()
        for node in self.kubectl.get("nodes"):
            conditions = {each["type"]: each["status"] for each in node["status"]["conditions"]}
            if conditions["Ready"] == "True" and not node["spec"].get("unschedulable"):
                found.add(node["metadata"]["name"])
        return found


@pytest.fixture(scope="module")
def nodes(
    cloud: "Connection",
    node_image_build: ImageBuild | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Nodes]:
    if node_image_build is None:
        pytest.skip("these tests need a cluster that they may change")
    image = node_image_build.upload()
    folder = tmp_path_factory.mktemp("nodes")
    with own_tenant(cloud, folder) as tenant:
        project = Project(folder / "nodes", tenant.clouds_yaml)
        (project.folder / "stacks/__main__.py").write_text(
            Path(__file__).with_name("program.py").read_text()
        )
        before = tenant.inventory()
        standing = Nodes(project, tenant, image)
        try:
            standing.up()
            yield standing
        finally:
            standing.run("destroy", "--yes", "--skip-preview").ok()
        assert tenant.inventory() == before


@pytest.fixture
def other_flavor(cloud: "Connection") -> Iterator[str]:
    """A flavor as large as the nodes' own."""
    compute: Any = cloud.compute
    flavor = compute.create_flavor(
        name=f"nodes-{secrets.token_hex(4)}", ram=2048, vcpus=2, disk=20, is_public=True
    )
    yield flavor.name
    compute.delete_flavor(flavor)


@contextmanager
def asked_all_the_time(kubectl: Kubectl) -> Iterator[Counter[str]]:
    """Has a pod ask the service `web` ten times a second; the answers, at the end."""
    answers: Counter[str] = Counter()
    script = (
        "while :; do curl -sS --max-time 5 -o /dev/null -w '%{http_code}\\n' --rate 10/s "
        "-H 'Connection: close' 'http://web/hostname?[1-20]'; done"
    )
    client = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "client"},
        "spec": {
            # Workers come and go.
            "nodeSelector": {"node-role.kubernetes.io/control-plane": ""},
            "tolerations": [{"operator": "Exists"}],
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "main", "image": AGNHOST, "command": ["sh", "-c", script]}],
        },
    }
    kubectl.apply(client)
    kubectl.ready("client")
    try:
        yield answers
        answers.update(kubectl.ok("logs", "client").splitlines())
    finally:
        kubectl.ok("delete", "pod", "client")


def budget(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": name}}},
    }


def test_an_update_ends_when_every_node_is_ready(nodes: Nodes) -> None:
    assert nodes.ready() == {"nodes-control-0", "nodes-cpu-0", "nodes-cpu-1"}


def test_a_second_update_waits_for_nothing(nodes: Nodes) -> None:
    said = nodes.run("up", "--yes", "--skip-preview", "--expect-no-changes").ok().text
    assert "waiting" not in said


def test_a_change_that_would_lose_the_cluster_is_refused_in_preview(nodes: Nodes) -> None:
    said = nodes.run("preview", api_server_arguments={"audit-log-maxage": "7"}).refused()
    assert "the only server of the control plane of 'nodes'" in said


def test_a_server_that_does_not_join_is_told_with_its_console(nodes: Nodes) -> None:
    said = nodes.refused(workers=3, ready_seconds=1)
    assert "nodes-cpu-2 did not join within 1 s" in said
    assert "nodes-cpu-2: " in said
    # The server is there, and joins while the next update waits.
    changes = nodes.up(workers=3)
    assert not changes.created | changes.replaced | changes.deleted
    assert "nodes-cpu-2" in nodes.ready()


def test_a_node_that_goes_is_drained_or_stays(nodes: Nodes) -> None:
    nodes.up(workers=3)
    kubectl = nodes.kubectl
    near = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["nodes-cpu-2"]}
    preferred = {"weight": 100, "preference": {"matchExpressions": [near]}}
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preferred]}}
    kubectl.apply(*web("held", replicas=1, affinity=affinity), budget("held"))
    kubectl.rolled_out("deployment/held")
    (pod,) = kubectl.get("pods", "--selector=app=held")
    assert pod["spec"]["nodeName"] == "nodes-cpu-2"

    # Longer than a pod may take to end, for what else runs there.
    said = nodes.refused(workers=2, drain_seconds=45)
    assert "nodes-cpu-2 could not be drained within 45 s, and stays, cordoned" in said
    assert f"default/{pod['metadata']['name']}: The disruption budget held needs 1" in said
    assert (
        kubectl.get("pods", "--selector=app=held")[0]["metadata"]["name"]
        == (pod["metadata"]["name"])
    )
    kubectl.ok("delete", "poddisruptionbudget", "held")

    changes = nodes.up(workers=2)
    assert changes.deleted == {"Port nodes-cpu-2-port", "Instance nodes-cpu-2-instance"}
    assert not changes.created | changes.replaced
    kubectl.rolled_out("deployment/held")
    assert nodes.ready() == {"nodes-control-0", "nodes-cpu-0", "nodes-cpu-1"}
    kubectl.ok("delete", "deployment,service", "held")


def test_one_more_node_touches_nothing_else(nodes: Nodes) -> None:
    before = nodes.project.resources()
    said = nodes.run("up", "--yes", "--skip-preview", workers=3).ok().text
    changes = compare(before, nodes.project.resources())
    assert changes.created == {"Port nodes-cpu-2-port", "Instance nodes-cpu-2-instance"}
    counted = [line.split() for line in said.rpartition("Resources:")[2].splitlines()]
    assert {words[-1] for words in counted if words and words[0] != "Duration:"} == {
        "created",
        "unchanged",
    }
    assert "nodes-cpu-2" in nodes.ready()
    nodes.up(workers=2)


def test_nodes_are_replaced_without_a_failed_request(nodes: Nodes, other_flavor: str) -> None:
    kubectl = nodes.kubectl
    kubectl.apply(*web("web"), budget("web"))
    kubectl.rolled_out("deployment/web")
    with asked_all_the_time(kubectl) as answers:
        changes = nodes.up(flavor=other_flavor)
    assert changes.replaced == {"Instance nodes-cpu-0-instance", "Instance nodes-cpu-1-instance"}
    assert answers.keys() == {"200"}, answers
    assert answers["200"] > 100
    kubectl.ok("delete", "deployment,service,poddisruptionbudget", "web")
    # The other flavor goes with this test.
    nodes.up()


class Writer:
    """Writes all the time, and knows what was acknowledged."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.acknowledged: list[str] = []

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _write(self) -> None:
        number = 0
        while not self._ended.is_set():
            number += 1
            name = f"written-{number}"
            arguments = ("create", "configmap", name, "--request-timeout=5s")
            if self._kubectl.run(*arguments).returncode == 0:
                self.acknowledged.append(name)

    def goes_on(self, seconds: float) -> None:
        """Fails the test unless something more is acknowledged in time."""
        so_far = len(self.acknowledged)
        assert soon(lambda: len(self.acknowledged) > so_far + 2, within=seconds)

    def lost(self) -> set[str]:
        """What was acknowledged and is not there."""
        there = {item["metadata"]["name"] for item in self._kubectl.get("configmaps")}
        return set(self.acknowledged) - there


def test_three_servers_survive_the_loss_of_any_one(nodes: Nodes) -> None:
    before = nodes.ready()
    nodes.up(control=3)
    assert nodes.ready() == before | {"nodes-control-1", "nodes-control-2"}
    compute: Any = nodes.tenant.connection.compute
    with Writer(nodes.kubectl) as writer:
        writer.goes_on(60)
        for number in range(3):
            server = compute.find_server(f"nodes-control-{number}", ignore_missing=False)
            compute.stop_server(server)
            compute.wait_for_server(server, status="SHUTOFF", wait=120)
            writer.goes_on(120)
            compute.start_server(server)
            # Ready is also what is not known better yet.
            time.sleep(10)
            assert soon(lambda: len(nodes.ready()) == 5, within=300)
            writer.goes_on(60)
    assert writer.lost() == set()


def test_three_servers_are_replaced_one_by_one(nodes: Nodes) -> None:
    with Writer(nodes.kubectl) as writer:
        changes = nodes.up(control=3, api_server_arguments={"audit-log-maxage": "7"})
        writer.goes_on(60)
    assert changes.replaced == {f"Instance nodes-control-{number}-instance" for number in range(3)}
    assert len(nodes.ready()) == 5
    assert writer.lost() == set()


def test_a_server_that_was_lost_comes_back(nodes: Nodes) -> None:
    wanted: dict[str, Any] = {"control": 3, "api_server_arguments": {"audit-log-maxage": "7"}}
    compute: Any = nodes.tenant.connection.compute
    server = compute.find_server("nodes-control-0", ignore_missing=False)
    compute.delete_server(server)
    compute.wait_for_delete(server, wait=120)
    nodes.run("refresh", "--yes", "--skip-preview", **wanted).ok()
    nodes.up(**wanted)
    assert len(nodes.ready()) == 5
