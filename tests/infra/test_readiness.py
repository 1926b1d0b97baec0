"""What an update that waited in vain tells of a server's console."""

from typing import Any

from cumulo.infra.kubernetes import readiness
from lightkube.models.core_v1 import NodeStatus, NodeSystemInfo
from lightkube.resources.core_v1 import Node

BOOT = [f"[{number}] Started something" for number in range(40)]


def told(*lines: str) -> list[str]:
    return readiness.phase("\n".join([*BOOT, *lines])).splitlines()


def test_the_phase_that_failed_is_named_with_the_end_of_its_log() -> None:
    first, *rest = told(
        "kubernetes-join: making the cluster",
        "kubernetes-join: failed (1); the last of it:",
        "error: the port is taken",
    )
    assert first == "'making the cluster' failed (1)"
    assert rest[-1].strip() == "error: the port is taken"
    assert len(rest) == 25


def test_a_server_that_is_not_done_says_how_far_it_came() -> None:
    assert told("kubernetes-join: waiting for the API at 10.0.0.9")[0] == (
        "it came to 'waiting for the API at 10.0.0.9'"
    )


def test_a_failure_that_is_tried_again_is_still_the_news() -> None:
    failed = ("kubernetes-join: making the cluster", "kubernetes-join: failed (1); the last of it:")
    assert told(*failed, failed[0])[0] == "'making the cluster' failed (1)"
    assert told(*failed, failed[0], "kubernetes-join: done")[0] == "it came to 'done'"


def test_a_server_whose_cloud_init_did_not_get_there_shows_its_boot() -> None:
    first, *rest = told()
    assert "has not begun" in first
    assert rest[-1].strip() == BOOT[-1]


def test_the_first_phase_may_fail() -> None:
    assert told("kubernetes-join: failed (2); the last of it:")[0] == "its start failed (2)"


def node(instance: str) -> Node:
    versions = ("containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "kubeletVersion")
    rest = ("architecture", "bootID", "machineID", "operatingSystem", "osImage")
    info: Any = dict.fromkeys((*versions, *rest), "")
    return Node(status=NodeStatus(nodeInfo=NodeSystemInfo(**info, systemUUID=instance)))


def test_what_a_lost_server_left_behind_is_not_taken_for_its_successor() -> None:
    servers = {"k-0": "00aa-11", "k-1": "00bb-22"}
    assert readiness.absent(servers, {"k-0": node("00AA-11")}) == {"k-1": "has not joined"}
    assert readiness.absent(servers, {"k-0": node("00aa11"), "k-1": node("00cc-33")}) == {
        "k-1": "is still its predecessor, which is gone"
    }
    assert readiness.absent(servers, {"k-0": node("00aa-11"), "k-1": node("00bb-22")}) == {}


def test_where_hypervisors_do_not_tell_a_name_is_enough() -> None:
    assert readiness.absent({"k-0": "00aa-11"}, {"k-0": node("host")}) == {}
