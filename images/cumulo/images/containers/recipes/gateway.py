"""The gateway: Apache httpd with mod_auth_openidc."""

from cumulo.images.containers.recipe import Recipe
from cumulo.images.oci import Folder

_USER = 65532

GATEWAY = Recipe(
    name="gateway",
    reference="cumulo.local/gateway:1",
    contents="Debian's `apache2` and `libapache2-mod-auth-openidc`",
    differences=(
        (
            "An image of our own. It reads `/etc/cumulo/gateway/httpd.conf` and writes in "
            "`/run/gateway` alone; of Debian's configuration nothing is read."
        ),
    ),
    packages=("apache2", "libapache2-mod-auth-openidc"),
    after="""
# What Debian configures is another server's.
rm -rf etc/apache2 var/www etc/ssl/private/ssl-cert-snakeoil.key
""",
    files={
        "/etc/cumulo/gateway": Folder(0o755),
        "/run/gateway": Folder(0o700),
    },
    owned=("/run/gateway",),
    user=f"{_USER}:{_USER}",
    entrypoint=("apache2", "-D", "FOREGROUND", "-f", "/etc/cumulo/gateway/httpd.conf"),
    ports=(8080, 8081, 8443),
    # Answers what it has begun to.
    stop_signal="SIGWINCH",
)
