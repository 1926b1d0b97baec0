"""`python -m tests.benchmarks [NAME…]`: the figures of docs/benchmarks.md, as Markdown."""

import argparse

from tests.benchmarks import bring_up, cluster, large_preview, scale, stack

BENCHMARKS = {
    "stack": stack.report,
    "large-preview": large_preview.report,
    "cluster": cluster.report,
    "scale": scale.report,
    "bring-up": bring_up.report,
}


def main() -> None:
    """Runs the named benchmarks; by default those that leave the local cloud as it is."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"{', '.join(BENCHMARKS)}; bring-up throws the local cloud away, twice",
    )
    names = parser.parse_args().names or ["stack", "large-preview", "cluster", "scale"]
    for name in names:
        if name not in BENCHMARKS:
            parser.error(f"no benchmark is called {name!r}; there are {', '.join(BENCHMARKS)}")
    for name in names:
        BENCHMARKS[name]()


if __name__ == "__main__":
    main()
