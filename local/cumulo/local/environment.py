"""The environment in which plain `pulumi` works: with our toolchain, plugins and state.

What the user has decided stays: a backend, a login, a passphrase, plugins that are installed.
"""

import importlib.metadata
import json
import os
import re
import secrets
import socket
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cumulo.local import paths, versions

PROVIDERS = {
    name: f"pulumi_{name}" for name in ("keycloak", "kubernetes", "openstack", "random", "tls")
}
"""Our providers, and the package whose version each has."""

_TIME = re.compile(r"[.-](\d{16,20})\.")

KEPT_BACKUPS = 20
KEPT_UPDATES = 200


def environment(pulumi: Path) -> dict[str, str]:
    """The variables to set for Pulumi; writes what they point to where it is missing.

    Args:
        pulumi: The Pulumi CLI.
    """
    home = paths.data() / "pulumi"
    users = _users_home(home)
    _private(home)
    _plugins(home / "plugins", users / "plugins")
    variables = {
        "PATH": _path(pulumi.parent),
        "PULUMI_HOME": str(home),
        "CUMULO_PYTHON": sys.executable,
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # A checkout without `encryptionsalt` finds the one that the state was written with.
        "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
        # Pulumi writes a log for each command and by itself keeps them for long.
        "PULUMI_LOG_ROTATION_MAX_AGE_DAYS": "7",
        "PULUMI_LOG_ROTATION_MAX_TOTAL_MB": "50",
    }
    if "PULUMI_BACKEND_URL" not in os.environ:
        if _logged_in(users):
            # The login is the user's; it only has to be found from our home too.
            _link(home / "credentials.json", users / "credentials.json")
        else:
            (home / "credentials.json").unlink(missing_ok=True)
            state = paths.data() / "state"
            _private(state)
            variables["PULUMI_BACKEND_URL"] = f"file://{state}"
    if not _users_passphrase():
        variables["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(_passphrase(_own_passphrase()))
    return variables


def has_passphrase() -> bool:
    """Whether there is one yet; without, no salt and no secret of a stack can be of use."""
    return _users_passphrase() or _own_passphrase().exists()


def tidy(variables: Mapping[str, str]) -> list[str]:
    """Clears away what Pulumi leaves behind in a file backend; returns what is worth telling.

    Removes the locks of Pulumi processes that were killed on this machine, and old backups.
    """
    url = variables.get("PULUMI_BACKEND_URL", "")
    if not url.startswith("file://"):
        return []
    root = Path(unquote(urlsplit(url).path)) / ".pulumi"
    notices = list(_break_locks(root / "locks"))
    for name, kept in (("backups", KEPT_BACKUPS), ("history", KEPT_UPDATES)):
        _prune(root / name, kept)
    return notices


def _users_passphrase() -> bool:
    return bool({"PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"} & set(os.environ))


def _own_passphrase() -> Path:
    return paths.data() / "passphrase"


def _users_home(ours: Path) -> Path:
    given = os.environ.get("PULUMI_HOME")
    if given and Path(given) != ours:
        return Path(given)
    return Path.home() / ".pulumi"


def _path(tools: Path) -> str:
    parts = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([str(tools), *(part for part in parts if part != str(tools))])


def _private(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def _logged_in(home: Path) -> bool:
    try:
        credentials = json.loads((home / "credentials.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(credentials, dict) and bool(credentials.get("current"))


def _passphrase(file: Path) -> Path:
    if not file.exists():
        _private(file.parent)
        part = file.with_name(f".{file.name}.{os.getpid()}")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as written:
            written.write(secrets.token_urlsafe(32) + "\n")
            written.flush()
            os.fsync(written.fileno())
        try:
            # Unlike a rename, this keeps what another process has written in the meantime.
            os.link(part, file)
        except FileExistsError:
            pass
        finally:
            part.unlink()
    return file


def _plugins(ours: Path, users: Path) -> None:
    """Fills the plugin folder: with the user's plugins, and with ours where there is none."""
    installed = {folder.name for folder in users.iterdir()} if users.is_dir() else set()
    for name in installed:
        if (users / name).is_dir() and f"{name}.lock" not in installed:
            _mirror(ours / name, users / name)
    for name, package in PROVIDERS.items():
        version = importlib.metadata.version(package)
        folder = f"resource-{name}-v{version}"
        if folder not in installed:
            module = f"cumulo.providers.{name}"
            _script(ours / folder / f"pulumi-resource-{name}", module)
    host = f"language-python-v{versions.PULUMI}"
    _script(ours / host / "pulumi-language-python", "cumulo.local.language_host")


def _mirror(ours: Path, theirs: Path) -> None:
    # Pulumi passes over links to folders, but not over folders of links.
    names = {entry.name for entry in theirs.iterdir()}
    ours.mkdir(parents=True, exist_ok=True)
    for entry in ours.iterdir():
        if entry.name not in names and not entry.is_dir():
            entry.unlink()
    for name in names:
        _link(ours / name, theirs / name)


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    part = link.with_name(f".{link.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    part.symlink_to(target)
    part.replace(link)


def _script(file: Path, module: str) -> None:
    # Which Python it is depends on the checkout; this folder is for all of them.
    text = (
        "#!/bin/sh\n"
        "# Written by cumulo.\n"
        'exec "${CUMULO_PYTHON:?is not set; run pulumi as cumulo, or after '
        f'eval \\"\\$(cumulo env)\\"}}" -m {module} "$@"\n'
    )
    try:
        if file.read_text("utf-8") == text and os.access(file, os.X_OK):
            return
    except (OSError, ValueError):
        pass
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.write_text(text, "utf-8")
    part.chmod(0o755)
    part.replace(file)


def _break_locks(locks: Path) -> Iterable[str]:
    here = socket.gethostname()
    for file in locks.glob("**/*.json"):
        try:
            lock = json.loads(file.read_text("utf-8"))
            pid, host = int(lock["pid"]), lock["hostname"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if host == here and not _is_pulumi(pid):
            file.unlink(missing_ok=True)
            Path(f"{file}.attrs").unlink(missing_ok=True)
            stack = file.parent.relative_to(locks).as_posix().removeprefix("organization/")
            yield f"stack {stack} was locked by process {pid}, which is gone: unlocked it"


def _is_pulumi(pid: int) -> bool:
    """Whether there is a process with this id, unless it surely is not Pulumi."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        # After a restart of the machine, the id may be anybody's.
        return Path(f"/proc/{pid}/comm").read_text("utf-8").strip() == "pulumi"
    except OSError:
        return True


def _prune(root: Path, kept: int) -> None:
    """Keeps the newest of each stack. Each is several files with the same time in their names."""
    for folder, _, names in os.walk(root):
        by_time: dict[int, list[str]] = {}
        for name in names:
            time = _TIME.search(name)
            if time:
                by_time.setdefault(int(time[1]), []).append(name)
        for old in sorted(by_time)[:-kept]:
            for name in by_time[old]:
                Path(folder, name).unlink(missing_ok=True)
