"""From nothing to the first answer of the service, by phase, with and without the cache."""

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import measure

CHECKOUT = Path(__file__).parents[2]
STEP = re.compile(r"^\[ *(?P<at>[\d.]+) s\] (?P<title>.*): done in (?P<took>[\d.]+) s$")
PULUMI = re.compile(r"^Duration: (?:(?P<minutes>\d+)m)?(?P<seconds>\d+)s$")
ANSWER = re.compile(r"^(?P<name>\S+) +\S+ +answers after (?P<took>[\d.]+) s$")


@dataclass(frozen=True)
class Phase:
    """One step that reported its own duration, in seconds."""

    title: str
    took: float


def phases(output: str) -> list[Phase]:
    """The steps that a run reported, in the order in which they ended."""
    return [phase for line in output.splitlines() if (phase := _phase(line))]


def _phase(line: str) -> Phase | None:
    if match := STEP.match(line):
        return Phase(match["title"], float(match["took"]))
    if match := PULUMI.match(line):
        return Phase("pulumi up", 60 * int(match["minutes"] or 0) + int(match["seconds"]))
    if match := ANSWER.match(line):
        return Phase(f"{match['name']} answers", float(match["took"]))
    return None


def bring_up(*, cold: bool) -> tuple[measure.Cost, list[Phase]]:
    """Throws the local cloud away and runs `make up`; cold means with an empty cache.

    The resources on the cloud and their Pulumi state are lost.
    """
    environment = dict(os.environ)
    with tempfile.TemporaryDirectory(dir=Path.home()) as empty:
        if cold:
            environment |= {
                "XDG_CACHE_HOME": empty,
                "UV_CACHE_DIR": f"{empty}/uv",
                "GOCACHE": f"{empty}/go-build",
                "GOMODCACHE": f"{empty}/go-mod",
                "GOFLAGS": " ".join([environment.get("GOFLAGS", ""), "-modcacherw"]).strip(),
            }
        measure.run(["make", "reset"], cwd=CHECKOUT, env=environment)
        cost = measure.run(["make", "up"], cwd=CHECKOUT, env=environment)
    return cost, phases(cost.output)


def report() -> None:
    """Prints both runs as Markdown tables."""
    for cold in (True, False):
        cost, steps = bring_up(cold=cold)
        print(f"\n### From nothing to the first answer, {'empty' if cold else 'warm'} cache\n")
        print("| phase | seconds |\n|---|---|")
        for step in steps:
            print(f"| {step.title} | {step.took:.1f} |")
        print(f"| **all**, wall | {cost.wall:.0f} |\n| **all**, CPU | {cost.cpu:.0f} |")
