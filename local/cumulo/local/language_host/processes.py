"""Children of the language host: each leads a process group, and ends with the host."""

import contextlib
import os
import select
import signal
import subprocess
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

_PROGRAM = str(Path(__file__).with_name("program.py"))

GRACE_SECONDS = 5.0
"""How long an interrupted program may clean up, as with the official host."""


class Children:
    """The processes that run now. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()

    def start(
        self,
        command: Sequence[str],
        *,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
        output: int | None = None,
    ) -> subprocess.Popen[bytes]:
        """Starts a command as the leader of a process group of its own.

        Args:
            command: The program and its arguments.
            cwd: Its working directory, if not ours.
            env: Its environment, if not ours.
            stdin: What it reads, as in subprocess.
            output: `subprocess.PIPE` to read what it writes; otherwise it writes where we do.
        """
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=stdin,
            stdout=output,
            stderr=output,
            process_group=0,
        )
        with self._lock:
            self._running.add(process)
        return process

    def start_program(
        self, executable: str, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Starts a process in a Python interpreter that waits for a program to run."""
        return self.start([executable, _PROGRAM], env=env, stdin=subprocess.PIPE)

    def wait(self, process: subprocess.Popen[bytes]) -> int:
        """Waits for a process; returns its exit code, negative for a signal."""
        try:
            return process.wait()
        finally:
            with self._lock:
                self._running.discard(process)

    def interrupt(self) -> None:
        """Interrupts all, and kills those that are still there after the grace period."""
        for process in self._snapshot():
            end(process, signal.SIGINT)
            timer = threading.Timer(GRACE_SECONDS, end, (process, signal.SIGKILL))
            timer.daemon = True
            timer.start()

    def kill(self) -> None:
        """Kills all with everything in their groups, now."""
        for process in self._snapshot():
            end(process, signal.SIGKILL)

    def _snapshot(self) -> list[subprocess.Popen[bytes]]:
        with self._lock:
            return list(self._running)


def end(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Sends a signal to the group of a process that has not been waited for yet."""
    # Once it was waited for, its number may belong to somebody else.
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)


def keeps_debug_logs(pid: int) -> bool:
    """Whether the Pulumi command with this process id was asked to show debug logs."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"--debug" in arguments or b"-d" in arguments


def has_had_children(pid: int) -> bool:
    """Whether a process has waited for a child that took a noticeable time."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    except OSError:
        return True
    user_and_system = fields[13:15]
    return any(int(ticks) > 1 for ticks in user_and_system)


def wait_for_end(pid: int, signals: Iterable[signal.Signals]) -> None:
    """Returns when the process that started us has ended, or we are told to end."""
    told, tell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    # The kernel may give a signal to any thread, and only this makes the main one see it.
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    for number in signals:
        signal.signal(number, lambda *_: None)
    try:
        waiting = [told, os.pidfd_open(pid)]
        seconds = None
    except (AttributeError, OSError):
        waiting = [told]
        seconds = 0.5
    while os.getppid() == pid:
        if select.select(waiting, [], [], seconds)[0]:
            return
