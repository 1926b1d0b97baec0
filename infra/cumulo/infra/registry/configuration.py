"""What the registry's server is told: plain functions of plain values, as cloud-init takes it.

One process serves what was pushed. For each upstream that is pulled through there is one more, on
a port of its own: distribution knows one upstream per process.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cumulo.infra.registry.arguments import IMAGES, OWN, PORT, PULL, Mirror

MAIN = "main"
"""What the process is called that serves what was pushed."""

_FOLDER = "/etc/registry"
_DOCKER_IO = "https://registry-1.docker.io"
_ALL = ["*"]


@dataclass(frozen=True, kw_only=True)
class Cache:
    """An upstream that is pulled through.

    Attributes:
        name: What its images' names begin with.
        port: Where the process listens.
        url: Where the upstream is.
        username: Who logs in to it; empty for nobody.
        password: The password of that.
    """

    name: str
    port: int
    url: str
    username: str = ""
    password: str = ""


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may do what.

    Attributes:
        projects: Each project, and whether it is private.
        upstreams: The names of upstreams, pulled through or not.
        passwords: The password of each project and of `images`; of `pull`, where it is needed.
    """

    projects: Mapping[str, bool]
    upstreams: Sequence[str]
    passwords: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Server:
    """All that a registry's server is told.

    Attributes:
        hostname: What its images are called by.
        access: Who may do what.
        caches: The upstreams that are pulled through.
        bucket: The object store's `endpoint`, `region`, `bucket`, `access_key` and `secret_key`;
            None for the server's own disk.
        certificate: What it shows clients, with its authority's.
        key: The certificate's key.
        secret: Signs the state of uploads, so that they outlive a process.
        daily_at: When garbage is collected.
        keep_tags: How many of the newest tags of a project's image stay; 0 for all.
        untagged: Whether images without a tag stay.
        cache_days: How long what was fetched stays.
        trusted: Further authorities that it believes.
    """

    hostname: str
    access: Access
    caches: Sequence[Cache]
    bucket: Mapping[str, str] | None
    certificate: str
    key: str
    secret: str
    daily_at: str
    keep_tags: int
    untagged: bool
    cache_days: int
    trusted: Sequence[str]


def user_data(server: Server) -> str:
    """Cloud-config, which is YAML, and so may be JSON."""
    files = {
        f"{_FOLDER}/tls.crt": server.certificate,
        f"{_FOLDER}/tls.key": server.key,
        f"{_FOLDER}/{MAIN}.json": json.dumps(main_access(server.access)),
        f"{_FOLDER}/{MAIN}.yml": json.dumps(_main(server)),
        f"{_FOLDER}/collect.env": f"COLLECT={' '.join(_collect(server))}\n",
    }
    for cache in server.caches:
        files[f"{_FOLDER}/{cache.name}.yml"] = json.dumps(_cache(server, cache))
    if server.caches:
        files[f"{_FOLDER}/cache.json"] = json.dumps(cache_access(server.access))
    units = [f"registry@{name}.service" for name in (MAIN, *(one.name for one in server.caches))]
    timer = "/etc/systemd/system/registry-collect.timer.d/when.conf"
    when = f"[Timer]\nOnCalendar=\nOnCalendar=*-*-* {server.daily_at}:00 UTC\n"
    trusted = {"ca_certs": {"trusted": list(server.trusted)}} if server.trusted else {}
    config = {
        **trusted,
        "write_files": [
            *(
                {"path": path, "owner": "root:registry", "permissions": "0640", "content": text}
                for path, text in files.items()
            ),
            {"path": timer, "content": when},
        ],
        "runcmd": [
            ["systemctl", "daemon-reload"],
            ["systemctl", "enable", *units, "registry-collect.timer"],
            ["systemctl", "start", "--no-block", *units, "registry-collect.timer"],
        ],
    }
    return "#cloud-config\n" + json.dumps(config)


def main_access(access: Access) -> dict[str, Any]:
    """The rules of what was pushed, as the command reads them."""
    mirrored = [OWN, *access.upstreams]
    public = [*mirrored, *(name for name, private in access.projects.items() if not private)]
    users: dict[str, Any] = {
        project: {"pull": sorted({*public, project}), "push": [project]}
        for project in access.projects
    }
    users[IMAGES] = {"pull": sorted(public), "push": sorted(mirrored), "list": True}
    return _rules(access, users, sorted(public))


def cache_access(access: Access) -> dict[str, Any]:
    """The rules of what is pulled through, which nobody pushes."""
    users: dict[str, Any] = {name: {"pull": _ALL} for name in (*access.projects, IMAGES)}
    return _rules(access, users, _ALL)


def _rules(access: Access, users: dict[str, Any], public: list[str]) -> dict[str, Any]:
    anyone = "" if PULL not in access.passwords else PULL
    users[anyone] = {"pull": public}
    for name, password in access.passwords.items():
        users[name]["sha256"] = sha256(password.encode()).hexdigest()
    return {"users": users}


def mirrors(
    address: str, upstreams: Sequence[str], cache_ports: Mapping[str, int], hostname: str
) -> dict[str, Mirror]:
    """Where nodes ask, by what images' names begin with.

    What was pushed under an upstream's name comes first; so it can be replaced by a build of one's
    own, and a site without a way to upstreams differs in nothing else.
    """
    pushed = f"https://{address}:{PORT}/v2"
    found: dict[str, Mirror] = {
        hostname: {"endpoints": [pushed], "fallback": False},
        OWN: {"endpoints": [f"{pushed}/{OWN}"], "fallback": False},
    }
    for name in upstreams:
        port = cache_ports.get(name)
        through = [] if port is None else [f"https://{address}:{port}/v2"]
        found[name] = {
            "endpoints": [f"{pushed}/{name}", *through],
            "fallback": bool(through),
        }
    return found


def default_url(upstream: str) -> str:
    """Where an upstream is, by its name."""
    return _DOCKER_IO if upstream == "docker.io" else f"https://{upstream}"


def _main(server: Server) -> dict[str, Any]:
    config = _process(server, MAIN, PORT, f"{_FOLDER}/{MAIN}.json")
    config["storage"]["delete"] = {"enabled": True}
    config["storage"]["maintenance"] = {
        "uploadpurging": {"enabled": True, "age": "24h", "interval": "6h", "dryrun": False},
        "readonly": {"enabled": False},
    }
    return config


def _cache(server: Server, cache: Cache) -> dict[str, Any]:
    config = _process(server, cache.name, cache.port, f"{_FOLDER}/cache.json")
    config["storage"]["delete"] = {"enabled": True}
    config["proxy"] = {
        "remoteurl": cache.url,
        "username": cache.username,
        "password": cache.password,
        "ttl": f"{24 * server.cache_days}h",
    }
    return config


def _process(server: Server, name: str, port: int, rules: str) -> dict[str, Any]:
    return {
        "version": "0.1",
        "log": {"level": "info", "formatter": "json"},
        "storage": {
            **_store(server.bucket, name),
            "cache": {"blobdescriptor": "inmemory"},
            # Clients need to reach and to trust the registry alone.
            "redirect": {"disable": True},
        },
        "http": {
            "addr": f":{port}",
            "secret": server.secret,
            "draintimeout": "60s",
            "tls": {
                "certificate": f"{_FOLDER}/tls.crt",
                "key": f"{_FOLDER}/tls.key",
                "minimumtls": "tls1.2",
            },
        },
        "auth": {"projects": {"service": server.hostname, "path": rules}},
        "health": {"storagedriver": {"enabled": True, "interval": "30s", "threshold": 3}},
    }


def _store(bucket: Mapping[str, str] | None, name: str) -> dict[str, Any]:
    if bucket is None:
        return {"filesystem": {"rootdirectory": f"/var/lib/registry/{name}"}}
    return {
        "s3": {
            "regionendpoint": bucket["endpoint"],
            "region": bucket["region"],
            "bucket": bucket["bucket"],
            "accesskey": bucket["access_key"],
            "secretkey": bucket["secret_key"],
            "rootdirectory": f"/{name}",
            "forcepathstyle": True,
            "secure": bucket["endpoint"].startswith("https://"),
        }
    }


def _collect(server: Server) -> list[str]:
    kept = [] if server.untagged else ["--untagged"]
    if not server.keep_tags:
        return kept
    projects = [f"--project={name}" for name in sorted(server.access.projects)]
    return [f"--keep-tags={server.keep_tags}", *projects, *kept]
