"""Archives from a Maven repository, kept by their checksum."""

import hashlib
import os
import shutil
from pathlib import Path

import urllib3
from cumulo.images.containers.recipe import Artifact
from cumulo.local import files, paths, progress
from cumulo.local.command import run
from cumulo.local.errors import CumuloError

VARIABLE = "CUMULO_MAVEN_REPOSITORY"
"""Names the repository to ask; without it, Maven asks those that it is configured with."""

_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get"


def fetch(artifact: Artifact) -> Path:
    """The archive; fetched where the cache does not have it.

    Raises:
        CumuloError: Nobody says where from, the repository does not answer, or what it sent is not
            what the recipe means.
    """
    kept = paths.cache() / "maven" / f"{artifact.name}-{artifact.version}-{artifact.sha256}.zip"
    if kept.exists():
        return kept
    with files.lock(kept.with_name("lock"), "waiting for another fetch from a Maven repository"):
        if not kept.exists():
            with progress.step(f"fetching {_words(artifact)}"):
                _fetch(artifact, kept)
    return kept


def _fetch(artifact: Artifact, kept: Path) -> None:
    part = kept.with_name(f".{kept.name}.part")
    try:
        repository = os.environ.get(VARIABLE)
        if repository:
            _download(repository, artifact, part)
        else:
            _by_maven(artifact, part)
        with part.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
        if found != artifact.sha256:
            raise CumuloError(
                f"{_words(artifact)}: the repository sent a file with the sha256 {found}, and not "
                f"{artifact.sha256}",
                f"name a repository that has the original: {VARIABLE}=<URL>",
            )
        files.settle(part, kept)
    finally:
        part.unlink(missing_ok=True)


def _words(artifact: Artifact) -> str:
    return f"{artifact.group}:{artifact.name}:{artifact.version}"


def _download(repository: str, artifact: Artifact, target: Path) -> None:
    file = f"{artifact.name}-{artifact.version}.zip"
    place = f"{artifact.group.replace('.', '/')}/{artifact.name}/{artifact.version}/{file}"
    url = f"{repository.rstrip('/')}/{place}"
    timeout = urllib3.Timeout(connect=10, read=120)
    try:
        with (
            urllib3.PoolManager().request(
                "GET", url, preload_content=False, timeout=timeout, retries=3
            ) as answer,
            target.open("wb") as file_,
        ):
            if answer.status != 200:
                raise CumuloError(
                    f"{url} answers with {answer.status}", f"see whether {VARIABLE} is right"
                )
            shutil.copyfileobj(answer, file_)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise CumuloError(
            f"{url} cannot be fetched: {error}", f"see whether {VARIABLE} is right"
        ) from error


def _by_maven(artifact: Artifact, target: Path) -> None:
    """Asks Maven, which knows the mirrors and credentials of this machine."""
    if not shutil.which("mvn"):
        raise CumuloError(
            f"nothing says where to fetch {_words(artifact)} from",
            f"name a Maven repository: {VARIABLE}=<URL>; or install Maven: `apt-get install maven`",
        )
    store = target.with_name(f"{target.name}.repository")
    try:
        run(
            *("mvn", "--batch-mode", "--quiet", f"-Dmaven.repo.local={store}", _PLUGIN),
            *(f"-Dartifact={_words(artifact)}:zip", "-Dtransitive=false"),
            timeout=1800,
            remedy=f"see whether Maven's settings.xml is right, or set {VARIABLE}=<URL>",
        )
        next(store.rglob(f"{artifact.name}-{artifact.version}.zip")).replace(target)
    finally:
        shutil.rmtree(store, ignore_errors=True)
