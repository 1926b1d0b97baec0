"""A preview of 1,000 servers, against the SDK's own cost with a do-nothing monitor."""

import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import measure

PROGRAM = Path(__file__).parent / "programs/many"
SERVERS = 1000
ROUNDS = 3


def report() -> None:
    """Runs both in turn and prints medians as a Markdown table."""
    floor, full = [], []
    for _ in range(ROUNDS):
        floor.append(_floor())
        full.append(_preview())
    rows = {"the SDK, a monitor that does nothing": floor, "`pulumi preview`": full}
    print(f"\n### Preview of {SERVERS} servers (median of {ROUNDS})\n")
    print("| | wall, s | CPU, s | peak memory, MiB |\n|---|---|---|---|")
    for title, costs in rows.items():
        wall, cpu, peak = (
            statistics.median(getattr(cost, name) for cost in costs)
            for name in ("wall", "cpu", "peak_mib")
        )
        print(f"| {title} | {wall:.1f} | {cpu:.1f} | {peak:.0f} |")
    ratios = [whole.wall / part.wall for whole, part in zip(full, floor, strict=True)]
    print(f"| ratio | {statistics.median(ratios):.2f} | | |")
    for title, costs in rows.items():
        parts = sorted(costs[-1].parts.items(), key=lambda part: -part[1])
        print(f"\n{title}, MiB: {', '.join(f'{name} {mib:.0f}' for name, mib in parts)}")


def _floor() -> measure.Cost:
    return measure.run(
        [sys.executable, "-m", "tests.benchmarks.do_nothing_monitor", PROGRAM],
        env=_environment(),
    )


def _preview() -> measure.Cost:
    with tempfile.TemporaryDirectory() as folder:
        project, state = Path(folder, "many"), Path(folder, "state")
        shutil.copytree(PROGRAM, project)
        state.mkdir()
        environment = _environment() | {
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_CONFIG_PASSPHRASE": "many",
            "OS_CLOUD": "cumulo-local",
        }
        cumulo = Path(sys.executable).with_name("cumulo")
        measure.run([cumulo, "stack", "init", "many"], cwd=project, env=environment)
        return measure.run([cumulo, "preview", "--stack", "many"], cwd=project, env=environment)


def _environment() -> dict[str, str]:
    return {**os.environ, "SERVERS": str(SERVERS)}
