"""Prometheus, Alertmanager and the exporter of a node's figures."""

from cumulo.images.containers import golang
from cumulo.images.containers.recipe import FILES, Commands, Recipe
from cumulo.images.oci import File, Folder

_PROJECT = "github.com/prometheus"
_COMMON = "github.com/prometheus/common/version"
_NOBODY = "65534:65534"


def _released(module_version: str) -> str:
    """Prometheus' version 3.16.0 is its Go module's 0.316.0."""
    _, minor, patch = module_version.split(".")
    return f"{int(minor) // 100}.{int(minor) % 100}.{patch}"


def _commands(
    module: str, main: str, version: str, *packages: str, tags: tuple[str, ...] = ()
) -> Commands:
    return Commands(
        module=module,
        paths={f"/usr/bin/{package.rpartition('/')[2]}": package for package in packages},
        main=main,
        variables={f"{_COMMON}.Version": version, f"{_COMMON}.Branch": "HEAD"},
        tags=("netgo", *tags),
    )


_MODULE = golang.version("prometheus", f"{_PROJECT}/prometheus")
_VERSION = _released(_MODULE)
_ALERTMANAGER = golang.version("alertmanager", f"{_PROJECT}/alertmanager")
_NODE_EXPORTER = golang.version("node-exporter", f"{_PROJECT}/node_exporter")

PROMETHEUS = Recipe(
    name="prometheus",
    reference=f"quay.io/prometheus/prometheus:v{_VERSION}",
    contents=f"Go module `{_PROJECT}/prometheus` {_MODULE}",
    differences=(
        (
            "Without the web pages, which are not in the Go module: the API, `/metrics` and "
            "`/-/ready` are there, and Grafana needs no more."
        ),
        (
            "Of what finds targets, it has Kubernetes, DNS, OpenStack, files, HTTP and addresses; "
            "other clouds' client libraries take more than half of the time to build it."
        ),
    ),
    commands=_commands(
        "prometheus",
        f"{_PROJECT}/prometheus",
        _VERSION,
        f"{_PROJECT}/prometheus/cmd/prometheus",
        f"{_PROJECT}/prometheus/cmd/promtool",
        # Prometheus' own words for leaving out all others.
        tags=("remove_all_sd", "enable_kubernetes_sd", "enable_dns_sd", "enable_openstack_sd"),
    ),
    files={
        "/etc/prometheus/prometheus.yml": File(FILES / "prometheus/prometheus.yml", 0o644),
        "/prometheus": Folder(0o775),
    },
    owned=("/etc/prometheus", "/prometheus"),
    user=_NOBODY,
    entrypoint=("/bin/prometheus",),
    command=("--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"),
    ports=(9090,),
    volumes=("/prometheus",),
    folder="/prometheus",
)

ALERTMANAGER = Recipe(
    name="alertmanager",
    reference=f"quay.io/prometheus/alertmanager:v{_ALERTMANAGER}",
    contents=f"Go module `{_PROJECT}/alertmanager`",
    differences=(
        "0.31.1 is the last version whose Go module has the web pages in it.",
        "The configuration that comes with it notifies nobody.",
    ),
    commands=_commands(
        "alertmanager",
        f"{_PROJECT}/alertmanager",
        _ALERTMANAGER,
        f"{_PROJECT}/alertmanager/cmd/alertmanager",
        f"{_PROJECT}/alertmanager/cmd/amtool",
    ),
    files={
        "/etc/alertmanager/alertmanager.yml": File(FILES / "alertmanager/alertmanager.yml", 0o644),
        "/alertmanager": Folder(0o775),
    },
    owned=("/etc/alertmanager", "/alertmanager"),
    user=_NOBODY,
    entrypoint=("/bin/alertmanager",),
    command=(
        "--config.file=/etc/alertmanager/alertmanager.yml",
        "--storage.path=/alertmanager",
    ),
    ports=(9093,),
    volumes=("/alertmanager",),
    folder="/alertmanager",
)

NODE_EXPORTER = Recipe(
    name="node-exporter",
    reference=f"quay.io/prometheus/node-exporter:v{_NODE_EXPORTER}",
    contents=f"Go module `{_PROJECT}/node_exporter`",
    commands=_commands(
        "node-exporter",
        f"{_PROJECT}/node_exporter",
        _NODE_EXPORTER,
        f"{_PROJECT}/node_exporter",
    ),
    user=_NOBODY,
    entrypoint=("/bin/node_exporter",),
    ports=(9100,),
)
