"""What is installed in an interpreter, and which Pulumi plugins that asks for.

The host imports this for its own interpreter; for any other it runs this file in it, which prints
the same as JSON. So it needs only the standard library, and little of that: Pulumi waits for it
at the start of every preview.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

# These have no plugin and do not say so.
_WITHOUT_PLUGIN = {"pulumi-policy", "pulumi-esc-sdk"}

_VERSION = re.compile(
    r"(?P<release>\d+(?:\.\d+)*)"
    r"(?:(?P<phase>a|b|rc)(?P<phase_number>\d*))?"
    r"(?:\.post(?P<post>\d*))?"
    r"(?:\.dev(?P<dev>\d*))?"
)


class Installed(TypedDict):
    """A package: its name in lower case with dashes, its version, and whether others need it."""

    name: str
    version: str
    required: bool


class Dependency(TypedDict):
    """A plugin that a package asks for."""

    name: str
    version: str
    server: str
    parameterization: dict[str, Any] | None
    extension: dict[str, Any] | None


class Found(TypedDict):
    """What `find` finds."""

    installed: list[Installed]
    plugins: list[Dependency]


def normalized(name: str) -> str:
    """A package name as package indexes compare them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def plugin_version(version: str) -> str | None:
    """A plugin's version from its package's; none where that cannot be known."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return None
    numbers = match["release"].split(".")
    result = ".".join(numbers + ["0"] * (3 - len(numbers)))
    if match["phase"]:
        phase = {"a": "alpha", "b": "beta", "rc": "rc"}[match["phase"]]
        result += f"-{phase}.{match['phase_number']}"
    build = ""
    if match["post"] is not None:
        build += f"post{match['post']}"
    if match["dev"] is not None:
        build += f"dev{match['dev']}"
    return f"{result}+{build}" if build else result


def find() -> Found:
    """Lists the packages of this interpreter and the plugins that they ask for."""
    import importlib.metadata

    distributions: dict[str, Any] = {}
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            distributions.setdefault(normalized(name), distribution)
    required = set(_requirements(distributions.values()))
    installed: list[Installed] = [
        {"name": name, "version": distribution.version, "required": name in required}
        for name, distribution in sorted(distributions.items())
    ]
    return {"installed": installed, "plugins": find_plugins()}


def find_plugins() -> list[Dependency]:
    """Only the plugins: asks neither packages nor the import system unless it must."""
    seen: dict[str, tuple[str, str]] = {}
    for entry in sys.path:
        try:
            names = [folder.name for folder in Path(entry).iterdir()]
        except OSError:
            continue
        for folder in names:
            # NAME-VERSION.dist-info, where a dash in the name is an underscore.
            stem, dot, kind = folder.rpartition(".")
            name, dash, version = stem.partition("-")
            if dot and dash and kind == "dist-info":
                # The first one on the path is the one that is imported.
                seen.setdefault(normalized(name), (version, entry))
    return list(_plugins(seen))


def _requirements(distributions: Any) -> Iterator[str]:
    for distribution in distributions:
        for requirement in distribution.requires or ():
            if "extra ==" not in requirement:
                match = re.match(r"[A-Za-z0-9._-]+", requirement)
                if match:
                    yield normalized(match[0])


def _plugins(found: dict[str, tuple[str, str]]) -> Iterator[Dependency]:
    for name, (package_version, entry) in sorted(found.items()):
        if name in _WITHOUT_PLUGIN:
            continue
        declared = _declaration(name, entry)
        if declared is None:
            if not name.startswith("pulumi-"):
                continue
            declared = {"resource": True}
        if not declared.get("resource"):
            continue
        version = declared.get("version") or plugin_version(package_version)
        if version is None:
            continue
        yield {
            "name": declared.get("name") or name.removeprefix("pulumi-"),
            "version": version if version.startswith("v") else f"v{version}",
            "server": declared.get("server") or "",
            "parameterization": declared.get("parameterization"),
            "extension": declared.get("extensionParameterization"),
        }


def _declaration(name: str, entry: str) -> dict[str, Any] | None:
    """The pulumi-plugin.json of a package, if it has one."""
    module = name.replace("-", "_")
    # Where almost every package is; one that is installed for editing is elsewhere.
    folders = [Path(entry, module)]
    if not folders[0].is_dir() and name.startswith("pulumi-"):
        import importlib.util

        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError):
            spec = None
        folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]
    for folder in folders:
        try:
            declared = json.loads((folder / "pulumi-plugin.json").read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            continue
        return declared if isinstance(declared, dict) else None
    return None


if __name__ == "__main__":
    json.dump(find(), sys.stdout)
