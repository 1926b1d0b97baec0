"""How a node's containerd is told of a registry that answers in place of others.

It looks for what an image's name begins with among the folders of `/etc/containerd/certs.d`, at
each pull.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

from cumulo.infra.registry.arguments import PULL
from cumulo.infra.registry.arguments import Mirror as Endpoints

_AUTHORITY = "/etc/containerd/registry-ca.pem"


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """What nodes know of their registry.

    Attributes:
        ca: The authority by which it is known.
        mirrors: Where to ask, by what images' names begin with.
        password: The password of `pull`; empty where anyone may pull.
    """

    ca: str
    mirrors: Mapping[str, Endpoints]
    password: str = ""


def files(mirror: Mirror | None) -> dict[str, str]:
    """The files of a node, by path; none without a mirror."""
    if mirror is None:
        return {}
    return {
        _AUTHORITY: mirror.ca,
        **{
            f"/etc/containerd/certs.d/{name}/hosts.toml": hosts(endpoints, mirror.password)
            for name, endpoints in sorted(mirror.mirrors.items())
        },
    }


def hosts(where: Endpoints, password: str) -> str:
    """A `hosts.toml`: who is asked, one after the other, for the images of one registry.

    The upstream itself is asked last of all, unless another server is named in its place. Then
    that is the last of the registry's own: containerd takes no file without a host.
    """
    parts = []
    if not where["fallback"]:
        parts.append(f"server = {_text(where['endpoints'][-1])}\n{_settings()}")
        parts += _header("header", password)
    for url in where["endpoints"]:
        name = f"host.{_text(url)}"
        parts.append(f"[{name}]\n{_settings()}")
        parts += _header(f"{name}.header", password)
    return "\n".join(parts)


def _settings() -> str:
    # A path that is more than /v2 is not to be added to.
    return f'capabilities = ["pull", "resolve"]\nca = {_text(_AUTHORITY)}\noverride_path = true\n'


def _header(table: str, password: str) -> list[str]:
    if not password:
        return []
    login = base64.b64encode(f"{PULL}:{password}".encode()).decode()
    return [f"[{table}]\nAuthorization = {_text(f'Basic {login}')}\n"]


def _text(value: str) -> str:
    """A string of TOML, which for what is in here is one of JSON."""
    return json.dumps(value)
