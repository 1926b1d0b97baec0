"""The local cloud's entry in the user's clouds.yaml; all other entries stay as they are."""

import io
from pathlib import Path
from typing import Any

from cumulo.local import files, paths
from cumulo.local.errors import CumuloError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

ENTRY = "cumulo-local"


def clouds_yaml() -> Path:
    """The file in which OpenStack clients look for clouds."""
    return paths.config() / "openstack" / "clouds.yaml"


def of_server(root: Path) -> dict[str, Any]:
    """The administrator's entry that the role left on the server.

    Raises:
        CumuloError: There is none.
    """
    file = root / "root/clouds.yaml"
    try:
        clouds = YAML(typ="safe").load(file.read_text())["clouds"]
        entry: dict[str, Any] = next(iter(clouds.values()))
    except (FileNotFoundError, YAMLError, KeyError, TypeError, StopIteration):
        raise CumuloError(
            f"the server has no usable {file}", "run the role again: `cumulo local up`"
        ) from None
    return entry


def merge(entry: dict[str, Any], file: Path | None = None) -> bool:
    """Puts the local cloud's entry into clouds.yaml.

    Returns:
        Whether the file changed.
    """
    file = file or clouds_yaml()
    content = _load(file)
    if not isinstance(content.get("clouds"), dict):
        content["clouds"] = {}
    if content["clouds"].get(ENTRY) == entry and file.stat().st_mode & 0o077 == 0:
        return False
    content["clouds"][ENTRY] = entry
    return _save(file, content)


def remove(file: Path | None = None) -> None:
    """Takes the local cloud's entry out of clouds.yaml, and the file away if that was all."""
    file = file or clouds_yaml()
    if not file.exists():
        return
    content = _load(file)
    clouds = content.get("clouds")
    if not isinstance(clouds, dict) or ENTRY not in clouds:
        return
    del clouds[ENTRY]
    if clouds or len(content) > 1:
        _save(file, content)
    else:
        file.unlink()


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    return yaml


def _load(file: Path) -> Any:
    try:
        content = _yaml().load(file.read_text())
    except FileNotFoundError:
        content = None
    except YAMLError as error:
        raise CumuloError(f"{file} is not YAML: {error}", "mend or move it away") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise CumuloError(f"{file} is not a mapping", "mend or move it away")
    return content


def _save(file: Path, content: Any) -> bool:
    text = io.StringIO()
    _yaml().dump(content, text)
    return files.write(file, text.getvalue(), 0o600)
