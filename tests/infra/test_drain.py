"""How nodes go. On a real cluster: tests/e2e/cluster/test_nodes.py."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi
import pytest
from cumulo.infra.kubernetes import api, operation
from cumulo.infra.kubernetes.drain import Drain, Rules

from tests.fake_cloud import FakeCloud
from tests.infra.fake_cluster import FakeCluster

RULES = Rules(
    cluster="k",
    control_plane=frozenset({"k-control-0"}),
    workers=frozenset({"k-cpu-0", "k-cpu-1", "k-cpu-2"}),
    at_once={"k-cpu": 1},
    drain_seconds=1,
    ready_seconds=1,
    replaceable=False,
)
OWNED = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "1", "controller": True}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    fake = FakeCluster()
    fake.node("k-control-0", taints=("node-role.kubernetes.io/control-plane",))
    for node in RULES.workers:
        fake.node(node)
    monkeypatch.setattr(api, "connect", fake.connect)
    monkeypatch.setattr(api, "PAUSE", 0.01)
    return fake


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    for level in ("info", "warn"):
        monkeypatch.setattr(pulumi.log, level, lambda text: lines.append(text))
    return lines


Remove = Callable[..., None]


@pytest.fixture
def remove(said: list[str]) -> Remove:
    """Lets nodes go, all at the same time, as the engine does."""

    def run(*nodes: str, rules: Rules = RULES, after: Callable[[], None] | None = None) -> None:
        async def go() -> None:
            drain = Drain(rules, pulumi.Output.secret("{}"))
            (hook,) = drain.workers.before_delete or []

            async def one(node: str) -> None:
                told: dict[str, Any] = {"name": node}
                args = pulumi.ResourceHookArgs("urn", "id", "n", "t", old_outputs=told)
                gone = hook(args)
                assert gone is not None
                await gone
                if after is not None:
                    after()

            await asyncio.gather(*map(one, nodes))

        def program() -> None:
            gone: pulumi.Output[None] = pulumi.Output.from_input(go())
            pulumi.export("gone", gone)

        FakeCloud().run(program)

    return run


def test_a_node_is_cordoned_emptied_and_forgotten(cluster: FakeCluster, remove: Remove) -> None:
    cluster.pod("web", "k-cpu-0")
    cluster.pod("elsewhere", "k-cpu-1")
    remove("k-cpu-0")
    assert cluster.asked == ["cordon k-cpu-0", "evict web", "delete k-cpu-0"]
    assert cluster.pods.keys() == {"elsewhere"}


def test_pods_that_end_with_their_node_are_left_alone(cluster: FakeCluster, remove: Remove) -> None:
    cluster.pod("daemon", "k-cpu-0", metadata={"ownerReferences": [OWNED]})
    cluster.pod("static", "k-cpu-0", metadata={"annotations": {"kubernetes.io/config.mirror": "x"}})
    cluster.pod("finished", "k-cpu-0", status={"phase": "Succeeded"})
    remove("k-cpu-0")
    assert cluster.asked == ["cordon k-cpu-0", "delete k-cpu-0"]


def test_a_budget_is_respected_and_named(cluster: FakeCluster, remove: Remove) -> None:
    cluster.pod("web", "k-cpu-0")
    budget = "The disruption budget web needs 2 healthy pods and has 2 currently"
    cluster.budgets["web"] = budget
    with pytest.raises(api.ClusterError, match="could not be drained within 1 s") as refused:
        remove("k-cpu-0")
    assert f"default/web: {budget}" in str(refused.value)
    assert "kubectl uncordon k-cpu-0" in str(refused.value)
    assert "k-cpu-0" in cluster.nodes
    del cluster.budgets["web"]
    remove("k-cpu-0")
    assert "k-cpu-0" not in cluster.nodes


def test_a_pod_that_does_not_end_is_named(cluster: FakeCluster, remove: Remove) -> None:
    cluster.pod("web", "k-cpu-0")
    cluster.slow_to_end.add("web")
    with pytest.raises(api.ClusterError, match="default/web: has been ending since"):
        remove("k-cpu-0")


def test_of_a_dead_node_nothing_has_to_end(cluster: FakeCluster, remove: Remove) -> None:
    cluster.node("k-cpu-0", ready=False)
    cluster.pod("web", "k-cpu-0")
    cluster.slow_to_end.add("web")
    remove("k-cpu-0")
    assert cluster.asked == ["cordon k-cpu-0", "evict web", "delete k-cpu-0"]


def test_a_node_waits_for_the_others_that_should_be_ready(
    cluster: FakeCluster, remove: Remove
) -> None:
    cluster.node("k-cpu-1", ready=False)
    del cluster.nodes["k-cpu-2"]
    with pytest.raises(api.ClusterError, match="k-cpu-0 was not drained, and stays") as refused:
        remove("k-cpu-0")
    assert "k-cpu-1: kubelet says so" in str(refused.value)
    assert "k-cpu-2: has not joined" in str(refused.value)
    assert cluster.asked == []


def test_nodes_go_one_by_one_each_when_the_one_before_it_is_back(
    cluster: FakeCluster, remove: Remove
) -> None:
    def back() -> None:
        (gone,) = RULES.workers - cluster.nodes.keys()
        cluster.asked.append(f"back {gone}")
        cluster.node(gone)

    remove("k-cpu-0", "k-cpu-1", "k-cpu-2", after=back)
    steps = [step.split() for step in cluster.asked]
    for number in range(0, 9, 3):
        assert [what for what, _ in steps[number : number + 3]] == ["cordon", "delete", "back"]
        assert len({node for _, node in steps[number : number + 3]}) == 1


def test_as_many_as_may_be_away_go_at_once(cluster: FakeCluster, remove: Remove) -> None:
    two = replace(RULES, at_once={"k-cpu": 2})
    with pytest.raises(api.ClusterError, match="was not drained, and stays"):
        remove("k-cpu-0", "k-cpu-1", "k-cpu-2", rules=two)
    assert len(cluster.nodes) == 2


def test_a_pool_that_becomes_smaller_does_not_wait_for_what_it_loses(
    cluster: FakeCluster, remove: Remove
) -> None:
    smaller = replace(RULES, workers=frozenset({"k-cpu-0"}))
    remove("k-cpu-1", "k-cpu-2", rules=smaller)
    assert cluster.nodes.keys() == {"k-control-0", "k-cpu-0"}


def test_the_last_node_that_pods_could_run_on_goes_undrained(
    cluster: FakeCluster, remove: Remove, said: list[str]
) -> None:
    del cluster.nodes["k-cpu-2"]
    cluster.nodes["k-cpu-1"]["spec"]["unschedulable"] = True
    cluster.pod("web", "k-cpu-0")
    cluster.budgets["web"] = "none may go"
    remove("k-cpu-0", rules=replace(RULES, workers=frozenset({"k-cpu-0"})))
    assert cluster.asked == ["cordon k-cpu-0", "delete k-cpu-0"]
    assert any("no other node could take its pods" in line for line in said)


def test_an_api_that_is_gone_holds_nothing_back(
    cluster: FakeCluster, remove: Remove, said: list[str]
) -> None:
    cluster.answers = False
    remove("k-cpu-0")
    assert any("k-cpu-0 goes without being drained: the API has not" in line for line in said)


def test_a_node_that_never_joined_goes(cluster: FakeCluster, remove: Remove) -> None:
    del cluster.nodes["k-cpu-0"]
    remove("k-cpu-0")
    assert cluster.asked == []


INSTANCE = "urn:pulumi:dev::p::x$openstack:compute/instance:Instance::k-cpu-0-instance"


@pytest.mark.parametrize(
    "arguments", [("--yes",), ("--target", "urn:pulumi:dev::p::x"), ("--exclude", INSTANCE)]
)
def test_a_destroy_of_a_cluster_drains_nothing(
    cluster: FakeCluster,
    remove: Remove,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
) -> None:
    monkeypatch.setattr(operation, "_pulumi", lambda: ("destroy", *arguments))
    remove("k-cpu-0")
    assert cluster.asked == []


@pytest.mark.parametrize("arguments", [("-t", INSTANCE), (f"--target={INSTANCE}", "--yes")])
def test_a_destroy_of_instances_drains_those_and_waits_for_none_of_them(
    cluster: FakeCluster,
    remove: Remove,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
) -> None:
    monkeypatch.setattr(operation, "_pulumi", lambda: ("destroy", *arguments))
    remove("k-cpu-0", "k-cpu-1")
    assert sorted(cluster.asked) == [
        f"{what} {node}" for what in ("cordon", "delete") for node in ("k-cpu-0", "k-cpu-1")
    ]


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (("up", "--yes"), "up"),
        (("--cwd", "x", "dn"), "destroy"),
        (("update",), "up"),
        (("stack", "ls"), ""),
    ],
)
def test_the_command_is_known_by_its_full_name(arguments: tuple[str, ...], command: str) -> None:
    assert operation.command(arguments) == command
