"""What an update that waited in vain tells of a server's console."""

from cumulo.infra.kubernetes import readiness

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
