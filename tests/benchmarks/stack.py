"""Life of the program in `stacks/`, against the same made by hand with openstacksdk."""

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import openstack

from tests.benchmarks import by_hand
from tests.e2e.project import Project
from tests.e2e.tenant import own_tenant

CLOUD = "cumulo-local"
ROUNDS = 3


def report() -> None:
    """Runs both in turn, in a project of their own, and prints medians as a Markdown table."""
    took: dict[str, list[float]] = defaultdict(list)
    with (
        openstack.connect(cloud=CLOUD) as cloud,
        tempfile.TemporaryDirectory() as folder,
        own_tenant(cloud, Path(folder)) as tenant,
    ):
        project = Project(Path(folder, "bench"), tenant.clouds_yaml)
        _round(project, tenant.connection, defaultdict(list))  # the image is cached after it
        for _ in range(ROUNDS):
            _round(project, tenant.connection, took)
    median = {title: statistics.median(times) for title, times in took.items()}
    print(f"\n### Life of a stack (median of {ROUNDS})\n")
    print("| step | seconds | by hand | ratio |\n|---|---|---|---|")
    for title, seconds in median.items():
        peer = median.get(f"{title} by hand")
        if title.endswith(" by hand"):
            continue
        compared = "| | |" if peer is None else f"| {peer:.1f} | {seconds / peer:.2f} |"
        print(f"| {title} | {seconds:.1f} {compared}")


def _round(
    project: Project, connection: openstack.connection.Connection, took: dict[str, list[float]]
) -> None:
    def timed(title: str, work: Callable[[], object]) -> None:
        began = time.monotonic()
        work()
        took[title].append(time.monotonic() - began)

    def pulumi(*words: str) -> Callable[[], object]:
        return lambda: project.run(*words, "--stack", project.stack).ok()

    made = by_hand.Made()

    def make() -> None:
        nonlocal made
        made = by_hand.up(connection)

    timed("up by hand", make)
    timed("destroy by hand", lambda: by_hand.destroy(connection, made))
    timed("preview, empty stack", pulumi("preview"))
    timed("up", pulumi("up", "--yes", "--skip-preview"))
    timed("preview, no change", pulumi("preview"))
    timed("up, no change", pulumi("up", "--yes", "--skip-preview"))
    timed("refresh", pulumi("refresh", "--yes", "--skip-preview"))
    timed("destroy", pulumi("destroy", "--yes", "--skip-preview"))
