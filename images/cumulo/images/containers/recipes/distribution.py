"""CNCF distribution, the registry."""

from cumulo.images.containers import golang
from cumulo.images.containers.recipe import FILES, Commands, Recipe
from cumulo.images.oci import File, Folder

_MODULE = "github.com/distribution/distribution/v3"
_VERSION = golang.version("registry", _MODULE)

COMMANDS = Commands(
    module="registry",
    # Upstream's command with parts of ours, which the servers of registries need.
    paths={"/usr/bin/registry": "cumulo.local/images/registry"},
    main=_MODULE,
    variables={
        f"{_MODULE}/version.version": f"v{_VERSION}",
        f"{_MODULE}/version.mainpkg": _MODULE,
    },
)

DISTRIBUTION = Recipe(
    name="distribution",
    reference=f"docker.io/library/registry:{_VERSION}",
    contents="Go module `github.com/distribution/distribution/v3`",
    differences=(
        "Runs as user 65534, not as root; a volume at `/var/lib/registry` must be that user's.",
        "Deleting is enabled in the configuration that comes with it.",
        "The command also knows `auth: projects` and `collect`, by which `Registry` runs it.",
    ),
    commands=COMMANDS,
    files={
        "/etc/distribution/config.yml": File(FILES / "registry/config.yml", 0o644),
        "/var/lib/registry": Folder(0o755),
    },
    owned=("/var/lib/registry",),
    user="65534:65534",
    entrypoint=("registry",),
    command=("serve", "/etc/distribution/config.yml"),
    environment={"OTEL_TRACES_EXPORTER": "none"},
    ports=(5000,),
    volumes=("/var/lib/registry",),
)
