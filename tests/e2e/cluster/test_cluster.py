"""What a user tries first on a new cluster."""

import socket
import subprocess
import threading
import time
from collections import Counter
from functools import partial
from typing import Any

import pytest

from tests.cluster import StandingCluster
from tests.e2e.cluster.kubectl import Kubectl, pod, web
from tests.e2e.project import COMMAND, get
from tests.waiting import soon

pytestmark = [pytest.mark.cloud, pytest.mark.cluster]


def _ready(node: dict[str, Any]) -> bool:
    conditions = {each["type"]: each["status"] for each in node["status"]["conditions"]}
    return conditions.get("Ready") == "True"


def _pods(kubectl: Kubectl, app: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = kubectl.get("pods", f"--selector=app={app}")
    return found


def test_every_node_that_was_declared_is_ready(standing: StandingCluster) -> None:
    nodes = Kubectl(standing.kubeconfig).get("nodes")

    wanted = {"kubernetes-control-0"} | {
        f"kubernetes-{name}-{number}"
        for name, pool in standing.project.kubernetes["pools"].items()
        for number in range(pool["count"])
    }
    assert {node["metadata"]["name"] for node in nodes} == wanted
    assert all(_ready(node) for node in nodes)
    pools = {
        node["metadata"]["name"]: node["metadata"]["labels"].get("cumulo.dev/pool")
        for node in nodes
    }
    assert pools["kubernetes-cpu-0"] == "cpu"


def test_a_second_up_would_change_nothing(standing: StandingCluster) -> None:
    stack = standing.project.stack
    standing.project.run("preview", "--expect-no-changes", "--diff", "--stack", stack).ok()


def test_pods_reach_each_other_by_address_service_and_name_across_nodes(kubectl: Kubectl) -> None:
    kubectl.apply(*web("web", replicas=4), pod("client"))
    kubectl.rolled_out("deployment/web")
    kubectl.ready("client")

    pods = _pods(kubectl, "web")
    assert len({each["spec"]["nodeName"] for each in pods}) >= 2
    for each in pods:
        url = f"http://{each['status']['podIP']}:8080/hostname"
        name = kubectl.execute("client", "curl", "-sS", "--max-time", "10", url)
        assert name == each["metadata"]["name"]

    address = kubectl.get("service", "web")["spec"]["clusterIP"]
    names = {each["metadata"]["name"] for each in pods}
    for where in (address, "web", f"web.{kubectl.namespace}.svc.cluster.local"):
        url = f"http://{where}/hostname"
        # Nodes learn of a service a moment after it is made.
        assert soon(partial(kubectl.fetch, "client", url), within=60)
        seen: set[str] = set()
        for _ in range(20):
            seen.add(kubectl.execute("client", "curl", "-sS", "--max-time", "10", url))
        assert seen <= names
        assert len(seen) > 1, f"{where} leads to one pod only"


def test_logs_exec_and_port_forward(kubectl: Kubectl) -> None:
    kubectl.apply(*web("web", replicas=1))
    kubectl.rolled_out("deployment/web")
    (one,) = _pods(kubectl, "web")
    name = one["metadata"]["name"]

    assert kubectl.execute(name, "hostname").strip() == name
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    forward = subprocess.Popen(
        kubectl.command("port-forward", f"pod/{name}", f"{port}:8080"), stdout=subprocess.DEVNULL
    )
    try:
        assert soon(lambda: get(f"http://127.0.0.1:{port}/hostname"), within=20) == name
    finally:
        forward.terminate()
        forward.wait(10)
    assert "GET /hostname" in kubectl.ok("logs", name)


def test_a_rolling_update_answers_every_request_and_can_be_undone(kubectl: Kubectl) -> None:
    kubectl.apply(*web("web", replicas=2), pod("client"))
    kubectl.rolled_out("deployment/web")
    kubectl.ready("client")
    ask = (
        "for ((i = 0; i < 150; i++)); do "
        "curl -s -m 3 -o /dev/null -w '%{http_code} %{errormsg}\\n' http://web/hostname; "
        "sleep 0.1; done"
    )
    answers: list[str] = []
    load = threading.Thread(
        target=lambda: answers.extend(
            kubectl.execute("client", "bash", "-c", ask, seconds=600).splitlines()
        )
    )
    load.start()
    time.sleep(1)

    kubectl.ok("set", "env", "deployment/web", "VERSION=2")
    kubectl.rolled_out("deployment/web")
    load.join()

    assert Counter(map(str.strip, answers)) == {"200": 150}
    (first, *_) = _pods(kubectl, "web")
    assert {"name": "VERSION", "value": "2"} in first["spec"]["containers"][0]["env"]
    kubectl.ok("rollout", "undo", "deployment/web")
    kubectl.rolled_out("deployment/web")
    template = kubectl.get("deployment", "web")["spec"]["template"]["spec"]
    assert "env" not in template["containers"][0]


def test_what_takes_more_memory_than_its_limit_is_killed_for_it(kubectl: Kubectl) -> None:
    hungry = pod("hungry", restartPolicy="Never")
    hungry["spec"]["containers"][0] |= {
        "command": ["/bin/bash", "-c"],
        "args": ["x=x; while true; do x=$x$x; done"],
        "resources": {"limits": {"memory": "64Mi"}},
    }
    kubectl.apply(hungry)

    def end() -> Any:
        (state,) = kubectl.get("pod", "hungry")["status"].get("containerStatuses") or [{}]
        return state.get("state", {}).get("terminated")

    ended = soon(end)
    assert ended["reason"] == "OOMKilled"


def test_a_deleted_pod_and_a_killed_process_come_back(kubectl: Kubectl) -> None:
    kubectl.apply(*web("web", replicas=1))
    kubectl.rolled_out("deployment/web")
    (one,) = _pods(kubectl, "web")
    name = one["metadata"]["name"]

    kubectl.run("exec", name, "--", "sh", "-c", "kill -9 1; kill 1")
    assert soon(lambda: _pods(kubectl, "web")[0]["status"]["containerStatuses"][0]["restartCount"])
    kubectl.ok("delete", "pod", name, "--grace-period=0", "--force")
    kubectl.rolled_out("deployment/web")
    assert name not in {each["metadata"]["name"] for each in _pods(kubectl, "web")}


def test_a_killed_kubelet_comes_back(kubectl: Kubectl) -> None:
    node = "kubernetes-cpu-0"
    kill = (
        'for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" = kubelet ] && '
        "{ echo ${p#/proc/}; [ $1 = look ] || kill -9 ${p#/proc/}; }; done; true"
    )
    killer = pod("killer", nodeName=node, hostPID=True)
    killer["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    kubectl.apply(killer)
    kubectl.ready("killer")
    before = kubectl.execute("killer", "sh", "-c", kill, "sh", "look").split()

    # Whoever kills kubelet loses the connection that goes through it.
    kubectl.run("exec", "killer", "--", "sh", "-c", kill, "sh", "kill")

    def again() -> list[str]:
        run = kubectl.run("exec", "killer", "--", "sh", "-c", kill, "sh", "look")
        return [] if run.returncode else run.stdout.split()

    after = soon(again)
    assert len(before) == len(after) == 1
    assert before != after
    assert soon(lambda: _ready(kubectl.get("node", node)))


def test_no_pod_reads_what_its_node_was_told(kubectl: Kubectl) -> None:
    own = pod("own")
    shared = pod("shared", hostNetwork=True, securityContext={"runAsUser": 1000})
    kubectl.apply(own, shared)
    kubectl.apply(*web("web", replicas=1))
    kubectl.rolled_out("deployment/web")
    address = _pods(kubectl, "web")[0]["status"]["podIP"]
    for name in ("own", "shared"):
        kubectl.ready(name)
        # Others do answer it.
        assert soon(partial(kubectl.fetch, name, f"http://{address}:8080/hostname"), within=60)
        for what in ("user_data", "meta_data.json"):
            url = f"http://169.254.169.254/openstack/latest/{what}"
            assert kubectl.fetch(name, url, seconds=3) is None


def test_nobody_but_those_named_reaches_the_api(standing: StandingCluster) -> None:
    def answers() -> bool:
        run = Kubectl(standing.kubeconfig).run("get", "--raw", "/readyz", "--request-timeout=5s")
        return run.returncode == 0

    assert answers()
    try:
        standing.project.up(kubernetes={"api_clients": ["198.51.100.0/24"]})
        assert not answers()
    finally:
        standing.project.up()
    assert soon(answers)


def test_no_node_has_an_address_outside(standing: StandingCluster) -> None:
    connection = standing.tenant.connection
    addresses = list(connection.network.ips(project_id=connection.current_project_id))
    balancers = list(
        connection.load_balancer.load_balancers(project_id=connection.current_project_id)
    )
    assert {address.port_id for address in addresses} == {each.vip_port_id for each in balancers}


def test_a_deleted_server_takes_its_node_along_and_joins_by_itself_when_made_anew(
    standing: StandingCluster,
) -> None:
    compute: Any = standing.tenant.connection.compute
    lost = compute.find_server("kubernetes-cpu-1", ignore_missing=False)
    compute.delete_server(lost)
    compute.wait_for_delete(lost, wait=120)
    node = Kubectl(standing.kubeconfig)
    gone = soon(lambda: node.run("get", "node", lost.name).returncode, within=240)
    assert gone, f"node {lost.name} outlives its server"

    stack = standing.project.stack
    standing.project.run("refresh", "--yes", "--skip-preview", "--stack", stack).ok()
    changes = standing.project.up()

    # To the state it is a new one: the refresh has forgotten the old.
    assert changes.created == {"Instance kubernetes-cpu-1-instance"}
    made = compute.find_server("kubernetes-cpu-1", ignore_missing=False)
    assert made.id != lost.id
    assert soon(lambda: _ready(node.get("node", "kubernetes-cpu-1")))


def test_the_command_is_let_into_the_cluster(standing: StandingCluster) -> None:
    project = standing.project
    shown = subprocess.run(
        [COMMAND, "kubectl", "--stack", project.stack, "get", "nodes", "--output", "name"],
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
    )

    assert shown.returncode == 0, shown.stderr
    assert "node/kubernetes-control-0" in shown.stdout.split()
