"""Runs the machine's own tools, and turns their failure into an error that says what failed."""

import os
import subprocess
from collections.abc import Mapping

from cumulo.local.errors import CumuloError

_TAIL = 15


def run(
    *argv: str,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 120,
    remedy: str = "",
) -> str:
    """Runs a command to its end and returns its standard output.

    Args:
        *argv: The command and its arguments.
        stdin: Text for its standard input; without it, there is none.
        env: Variables on top of this process's own.
        timeout: Seconds after which it is killed and counts as failed.
        remedy: What the user can do where it fails.

    Raises:
        CumuloError: The command is missing, failed or took too long.
    """
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        raise CumuloError(f"the command `{argv[0]}` is missing", remedy) from None
    except subprocess.TimeoutExpired:
        raise CumuloError(f"`{_shown(argv)}` did not end within {timeout:.0f} s", remedy) from None
    if done.returncode:
        said = "\n  ".join((done.stderr or done.stdout).strip().splitlines()[-_TAIL:])
        raise CumuloError(f"`{_shown(argv)}` failed ({done.returncode}): {said}", remedy)
    return done.stdout


def succeeds(*argv: str, timeout: float = 30) -> bool:
    """Tells whether a command exits with 0; for questions whose answer may be no."""
    try:
        run(*argv, timeout=timeout)
    except CumuloError:
        return False
    return True


def _shown(argv: tuple[str, ...]) -> str:
    text = " ".join(argv)
    return text if len(text) < 200 else f"{text[:200]}…"
