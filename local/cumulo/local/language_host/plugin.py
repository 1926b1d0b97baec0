"""Runs one Pulumi plugin written in Python. Started by the language host, in its interpreter.

    python plugin.py FOLDER ARGUMENTS          runs FOLDER/__main__.py
    python plugin.py --package NAME ARGUMENTS  runs the components of the installed package NAME
    python plugin.py --policy ARGUMENTS        runs a policy pack

It imports nothing but the standard library, and ends with the host.
"""

import ctypes
import os
import runpy
import signal
import sys


def die_with_parent() -> None:
    """Has the kernel kill this process when the language host ends, however that happens."""
    death_signal = 1  # PR_SET_PDEATHSIG
    try:
        ctypes.CDLL(None).prctl(death_signal, signal.SIGKILL)
    except (AttributeError, OSError):
        return  # not Linux
    if os.getppid() == 1:
        os._exit(1)


def main() -> None:
    """Runs what the arguments say, as if Python had been started with it."""
    die_with_parent()
    # Our own folder must not be where the plugin's imports are looked for.
    sys.path.pop(0)
    what, *arguments = sys.argv[1:]
    if what == "--package":
        sys.argv = ["pulumi.run.plugin", *arguments]
        runpy.run_module("pulumi.run.plugin", run_name="__main__", alter_sys=True)
    elif what == "--policy":
        sys.argv = ["pulumi.policy", *arguments]
        runpy.run_module("pulumi.policy", run_name="__main__", alter_sys=True)
    else:
        sys.argv = [what, *arguments]
        runpy.run_path(what, run_name="__main__")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
