"""What a container image is made of, said and not done: recipes are values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cumulo.images.oci import Entry

FILES = Path(__file__).parent / "files"
"""Scripts and settings that images take as they are, in a folder for each image."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class User:
    """Somebody whom Debian does not know, or would give another number.

    Attributes:
        name: The user's and their group's.
        uid: The user's number.
        gid: The group's number; 0 adds no group.
        home: The home directory; it is made, if something lies in it.
        shell: The login shell.
    """

    name: str
    uid: int
    gid: int
    home: str
    shell: str = "/usr/sbin/nologin"


@dataclass(frozen=True)
class Commands:
    """Commands of a Go module.

    Attributes:
        module: The folder in `go/` whose go.mod names everything they are made of.
        paths: Where the image has each, and the Go package that it is built from.
        main: The module whose version is the image's.
        variables: What the linker sets, such as the version that a command tells.
        tags: Go's build tags.
    """

    module: str
    paths: Mapping[str, str]
    main: str
    variables: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Artifact:
    """An archive (`.zip`) from a Maven repository, unpacked.

    Attributes:
        group: Maven's groupId.
        name: Maven's artifactId.
        version: The version.
        sha256: The checksum of the archive.
        into: Where the image has what is in the archive's one top folder.
    """

    group: str
    name: str
    version: str
    sha256: str
    into: str


@dataclass(frozen=True)
class Requirements:
    """Packages of the Python package index, for the image's own Python.

    Attributes:
        file: Pinned requirements with hashes, as `uv pip compile --generate-hashes` writes them.
    """

    file: Path


@dataclass(frozen=True)
class Recipe:
    """One container image.

    Attributes:
        name: What `cumulo images build` calls it.
        reference: The upstream image whose place it takes, with its tag.
        contents: What it is built from, in words, for the documentation.
        differences: How it differs from upstream's, a sentence each.
        users: Users that it adds to Debian's.
        packages: Packages of Debian, on top of those that every image has.
        before: A shell script in the root file system, before the packages are installed.
        after: One after that.
        commands: What is built from Go modules.
        artifacts: What comes from a Maven repository.
        requirements: What comes from the Python package index.
        files: Further files, by absolute path.
        owned: Paths that belong to the image's user, with all that is below them.
        writable: Paths that the user's group may write as well, as upstream's image has it.
        user: Who runs it, as numbers: `uid` or `uid:gid`.
        entrypoint: What runs.
        command: Its arguments, unless a pod names others.
        environment: Variables on top of PATH.
        ports: The TCP ports that it listens on.
        volumes: Folders whose content outlives the container.
        folder: The working directory.
        stop_signal: What ends it, if that is not SIGTERM.
    """

    name: str
    reference: str
    contents: str
    entrypoint: tuple[str, ...]
    user: str
    differences: tuple[str, ...] = ()
    users: tuple[User, ...] = ()
    packages: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    commands: Commands | None = None
    artifacts: tuple[Artifact, ...] = ()
    requirements: Requirements | None = None
    files: Mapping[str, Entry] = field(default_factory=dict)
    owned: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[int, ...] = ()
    volumes: tuple[str, ...] = ()
    folder: str = "/"
    stop_signal: str = ""

    @property
    def repository(self) -> str:
        """Where a registry that stands in for others has it: `quay.io/keycloak/keycloak`."""
        return self.reference.rpartition(":")[0]

    @property
    def tag(self) -> str:
        """The upstream image's tag."""
        return self.reference.rpartition(":")[2]

    @property
    def owner(self) -> tuple[int, int]:
        """The user's number and their group's."""
        uid, _, gid = self.user.partition(":")
        return int(uid), int(gid or uid)
