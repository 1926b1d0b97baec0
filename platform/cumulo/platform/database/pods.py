"""What all pods of a database have in common."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from cumulo.platform.versions import POSTGRES

IMAGE = f"cumulo.local/postgres:{POSTGRES}"
USER = 999
"""The user of the image."""


def script(name: str) -> str:
    """The text of a script of ours."""
    return files("cumulo.platform.database").joinpath(f"scripts/{name}.sh").read_text()


def variables(
    values: Mapping[str, str], secret: str = "", keys: Mapping[str, str] = {}
) -> list[dict[str, Any]]:
    """A container's environment: values, and keys of a Secret by the variable's name."""
    return [
        *({"name": name, "value": value} for name, value in values.items()),
        *(
            {"name": name, "value_from": {"secret_key_ref": {"name": secret, "key": key}}}
            for name, key in keys.items()
        ),
    ]
