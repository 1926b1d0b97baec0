"""Keycloak."""

from cumulo.images.containers.recipe import Artifact, Recipe, User
from cumulo.images.oci import Folder

_VERSION = "26.7.3"
_HOME = "/opt/keycloak"

KEYCLOAK = Recipe(
    name="keycloak",
    reference=f"quay.io/keycloak/keycloak:{_VERSION}",
    contents="Maven's `org.keycloak:keycloak-quarkus-dist`, Debian's `openjdk-21-jre-headless`",
    differences=("Debian and its OpenJDK 21 in place of Red Hat's.",),
    users=(User("keycloak", 1000, 0, _HOME),),
    # Java puts links to its manuals there.
    before="mkdir -p usr/share/man/man1",
    packages=("openjdk-21-jre-headless",),
    artifacts=(
        Artifact(
            group="org.keycloak",
            name="keycloak-quarkus-dist",
            version=_VERSION,
            sha256="27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f",
            into=_HOME,
        ),
    ),
    files={f"{_HOME}/data": Folder(0o775)},
    owned=(_HOME,),
    writable=(_HOME,),
    user="1000:0",
    entrypoint=(f"{_HOME}/bin/kc.sh",),
    environment={"LANG": "C.UTF-8", "KC_RUN_IN_CONTAINER": "true"},
    ports=(8080, 8443, 9000),
)
