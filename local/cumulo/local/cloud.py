"""The local cloud: a real OpenStack on a server that is a machine within this machine.

    up      makes of it what is missing, from nothing to ready
    down    switches it off; its data stays
    status  what is up
    ssh     a command or a shell on the server
    logs    what its services say
    reset   leaves nothing

Every step looks at what is there and does the rest, so a run that was killed anywhere is continued
by the next one.
"""

import contextlib
import shlex
import subprocess
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from cumulo.local import (
    addresses,
    apt,
    cgroups,
    credentials,
    doctor,
    files,
    image,
    leftovers,
    machine,
    network,
    packages,
    paths,
    progress,
    readiness,
    resolver,
    role,
    rootfs,
    stack_state,
)
from cumulo.local.addresses import Addresses
from cumulo.local.apt import Archives
from cumulo.local.errors import CumuloError
from cumulo.local.readiness import Health
from cumulo.local.state import State, of_user

# On an idle machine the services need 25 s after a boot; a loaded one may need far longer.
_PATIENCE = 600.0
_IMAGES = "/var/cache/cumulo/images"


@dataclass(frozen=True)
class Status:
    """What is up.

    Attributes:
        ready: Whether the cloud is usable.
        exists: Whether there is a server at all.
        running: Whether the server is switched on.
        address: The server's address, where its APIs answer.
        floating_network: Where floating IPs come from.
        endpoints: By service, `up` or why it does not answer.
        hypervisor: The hypervisor's state.
        instances: How many instances there are, in all projects.
        memory_mib: What the server and its instances hold.
        problems: What is not as it must be.
        directory: Where the data is.
    """

    ready: bool
    exists: bool
    running: bool
    address: str
    floating_network: str
    endpoints: dict[str, str]
    hypervisor: str
    instances: int | None
    memory_mib: int | None
    problems: list[str]
    directory: str

    def as_dict(self) -> dict[str, Any]:
        """The same, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        if not self.exists:
            return "local cloud: not there (`cumulo local up` makes it)"
        if not self.running:
            return "local cloud: stopped (`cumulo local up` starts it)"
        lines = [
            f"local cloud: {'ready' if self.ready else 'not ready'}",
            f"  server       {self.address}",
            f"  floating IPs {self.floating_network}",
            f"  hypervisor   {self.hypervisor}",
            f"  instances    {'?' if self.instances is None else self.instances}",
            f"  memory       {'?' if self.memory_mib is None else self.memory_mib} MiB",
            *(f"  {name:<12} {state}" for name, state in self.endpoints.items()),
            *(f"  problem: {problem}" for problem in self.problems),
        ]
        return "\n".join(lines)


def up() -> None:
    """Brings the local cloud up, whatever there is of it.

    Raises:
        CumuloError: It cannot be, and why.
    """
    doctor.require_root()
    state = of_user()
    with _only_one(state):
        if _is_up(state):
            return
        _bring_up(state)


def down() -> None:
    """Switches the local cloud off in good order; its data stays."""
    doctor.require_root()
    state = of_user()
    if not state.directory.exists():
        progress.say("there is no local cloud")
        return
    with _only_one(state):
        if machine.find(state.root) is None:
            machine.sweep(state.root)
        else:
            with progress.step("stopping the local cloud"):
                machine.stop(state.root)
        network.down(state.forwarding)


def status() -> Status:
    """Tells what is up."""
    state = of_user()
    where = addresses.current(state.prefix)
    nspawn = machine.find(state.root)
    health = Health() if nspawn is None else _ask(state, where, nspawn)
    memory = cgroups.memory() if nspawn is not None else None
    problems = [*health.problems]
    if nspawn is not None and not network.in_place():
        problems.append("network: bridges or NAT are missing; `cumulo local up` mends them")
    if nspawn is not None and state.applied is None:
        problems.append("the OpenStack role has not run to its end")
    return Status(
        ready=health.ready and not problems,
        exists=state.root.exists(),
        running=nspawn is not None,
        address=where.server,
        floating_network=where.provider,
        endpoints={name: why or "up" for name, why in health.endpoints.items()},
        hypervisor=health.hypervisor,
        instances=health.instances,
        memory_mib=None if memory is None else memory >> 20,
        problems=problems,
        directory=str(state.directory),
    )


def ssh(command: Sequence[str] = ()) -> int:
    """Runs a command on the server, or a shell without one; returns its exit code."""
    state = of_user()
    where = addresses.current(state.prefix)
    _require_running(state)
    server = _server(state, where)
    # As with ssh itself, a single argument may be a whole line for the shell.
    remote = [command[0] if len(command) == 1 else shlex.join(command)] if command else []
    return subprocess.call(["ssh", *server.ssh(), f"root@{server.address}", *remote])


def logs(service: str | None = None, *, follow: bool = False, lines: int = 100) -> int:
    """Shows what the server says; returns the exit code.

    Args:
        service: `role` (the role's last run), `console` (the server's boot), or a service such as
            `nova`, whose log files are shown; the server's whole journal without it.
        follow: Whether to go on until interrupted.
        lines: How many lines to begin with.
    """
    state = of_user()
    tail = ["tail", f"--lines={lines}", *(["--follow=name", "--retry"] if follow else [])]
    local = {"role": state.role_log, "console": state.console}
    if service in local:
        return subprocess.call([*tail, str(local[service])])
    if service is not None and not all(c.isalnum() or c in "-_@." for c in service):
        raise CumuloError(f"{service!r} is not the name of a service", "such as nova or neutron")
    journal = ["journalctl", "--no-pager", f"--lines={lines}", *(["--follow"] if follow else [])]
    if service is None:
        return ssh(journal)
    # Debian's OpenStack services log to files, all else to the journal.
    script = (
        f"set -- /var/log/{service}/*.log; "
        f'if [ -e "$1" ]; then exec {shlex.join(tail)} "$@"; '
        f"else exec {shlex.join(journal)} --unit='{service}*'; fi"
    )
    return ssh(["sh", "-c", script])


def reset(*, cache: bool = False) -> None:
    """Removes the local cloud, and with it everything that stands on it.

    Args:
        cache: Whether to remove what was downloaded and built for it, too.
    """
    doctor.require_root()
    state = of_user()
    with progress.step("removing the local cloud"), _only_one(state):
        machine.kill(state.root)
        network.down(state.forwarding)
        for mount in files.mounts_below(state.directory):
            subprocess.run(["umount", "--lazy", str(mount)], check=False)
        credentials.remove()
        stack_state.remove(paths.data() / "state")
        if cache:
            for directory in ("debian", "images"):
                files.remove_tree(paths.cache() / directory)
        # The lock goes last: until then nobody else may begin.
        for entry in sorted(state.directory.iterdir(), key=lambda path: path == state.lock):
            files.remove_tree(entry)
        state.directory.rmdir()
    with contextlib.suppress(OSError):
        paths.data().rmdir()


def _is_up(state: State) -> bool:
    nspawn = machine.find(state.root)
    if nspawn is None or state.applied is None or not network.in_place():
        return False
    where = addresses.current(state.prefix)
    if state.applied != role.fingerprint(_told(where, apt.archives())):
        return False
    if not _ask(state, where, nspawn).ready:
        return False
    credentials.merge(credentials.of_server(state.root))
    return True


def _bring_up(state: State) -> None:
    where = addresses.current(state.prefix)
    packages.ensure()
    doctor.preflight(where, new=not state.root.exists())
    archives = apt.archives()
    if state.is_spoiled():
        progress.say("the machine stopped in the middle of the installation: starting it anew")
        machine.kill(state.root)
        files.remove_tree(state.root)
        (state.directory / "installing").unlink()
    # The server's secrets are nobody else's business.
    state.directory.chmod(0o700)
    files.write(state.prefix, where.prefix)
    network.up(where, state.forwarding)
    for directory in ("debian", "images"):
        rootfs.discard_partial(paths.cache() / directory)
    if not state.root.exists():
        (state.directory / "applied").unlink(missing_ok=True)
        rootfs.create(state.root, archives)
    told = _told(where, archives)
    fingerprint = role.fingerprint(told)
    rootfs.configure(state.root, where, archives, state.key)
    rootfs.set_name_servers(state.root, resolver.name_servers())
    off = machine.find(state.root) is None
    with progress.step("booting the server" if off else "reaching the server"):
        machine.boot(state.root, where, state.console)
    if state.applied != fingerprint:
        _apply(state, where, archives, told, fingerprint)
    with progress.step("waiting until every service is ready"):
        _wait(state, where, told)
    credentials.merge(credentials.of_server(state.root))


def _apply(
    state: State, where: Addresses, archives: Archives, told: dict[str, Any], fingerprint: str
) -> None:
    if state.begin_role():
        machine.end_sessions()
    picture = _in_background(lambda: _place_image(state, archives))
    rootfs.restore_packages(state.root)
    server = _server(state, where)
    with progress.step("installing OpenStack on the server"):
        try:
            role.run(server, told, state.role_log)
        except CumuloError:
            # On a slow machine the role may be there before its image.
            if picture.done() and picture.exception() is None:
                raise
            picture.result()
            role.run(server, told, state.role_log)
        finally:
            rootfs.keep_packages(state.root)
    picture.result()
    state.set_applied(fingerprint)


def _place_image(state: State, archives: Archives) -> None:
    built = image.build(archives)
    files.link_or_copy(built, state.root / _IMAGES.lstrip("/") / built.name)


def _wait(state: State, where: Addresses, told: dict[str, Any]) -> None:
    nspawn = _require_running(state)

    def ask() -> Health:
        return _ask(state, where, nspawn)

    def explain() -> str:
        return "see `cumulo local logs <service>`; `cumulo local up` tries again"

    try:
        readiness.wait(ask, _PATIENCE, explain)
    except CumuloError as error:
        progress.say(f"{error.message}; the role is run again to mend it")
        role.run(_server(state, where), told, state.role_log)
        readiness.wait(ask, _PATIENCE, explain)


def _ask(state: State, where: Addresses, nspawn: int) -> Health:
    try:
        entry = credentials.of_server(state.root)
        since = machine.started_at(nspawn)
    except (CumuloError, OSError) as error:
        return Health(problems=[str(error)])
    return readiness.check(where.server, entry, since)


def _told(where: Addresses, archives: Archives) -> dict[str, Any]:
    servers = resolver.name_servers()
    return role.variables(where, servers, f"{_IMAGES}/{image.path(archives).name}")


def _server(state: State, where: Addresses) -> role.Server:
    return role.Server(where.server, state.key, state.ansible)


def _require_running(state: State) -> int:
    nspawn = machine.find(state.root)
    if nspawn is None:
        raise CumuloError("the local cloud does not run", "start it: `cumulo local up`")
    return nspawn


@contextmanager
def _only_one(state: State) -> Iterator[None]:
    with files.lock(state.lock, "waiting for another `cumulo local` command to end"):
        # What a killed command left working. The connections that Ansible keeps are among it.
        leftovers.end(
            state.ansible,
            state.root.with_name("root.part"),
            paths.cache() / "images" / "image.part",
        )
        yield


def _in_background(work: Any) -> "Future[None]":
    # A daemon: whoever interrupts the command does not wait for it.
    future: Future[None] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to whoever asks for the result
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
