"""PostgreSQL, with pgBackRest."""

from cumulo.images.containers.recipe import FILES, PATH, Recipe, User
from cumulo.images.oci import File, Folder

_MAJOR = "17"
_USER = 999

POSTGRES = Recipe(
    name="postgres",
    # Upstream's has no pgBackRest, so this is no stand-in for it; in all else it is the same.
    reference=f"cumulo.local/postgres:{_MAJOR}",
    contents="Debian's `postgresql-17`, which has the contributed extensions, and `pgbackrest`",
    differences=(
        "Has pgBackRest, which upstream's `docker.io/library/postgres` has not; hence its name.",
        (
            "Always runs as user 999, upstream's `postgres`; a volume at "
            "`/var/lib/postgresql/data` must be that user's, or its group's."
        ),
        (
            "The locale of new databases is C.UTF-8 and not en_US.UTF-8, unless "
            "`POSTGRES_INITDB_ARGS` names another: sorting is by code point, and does not change "
            "with the C library."
        ),
        "A first start that was cut off begins anew, instead of being taken for complete.",
        "Its minor version is the newest in Debian 13.",
    ),
    users=(User("postgres", _USER, _USER, "/var/lib/postgresql", "/bin/bash"),),
    packages=(f"postgresql-{_MAJOR}", "pgbackrest"),
    before="""
mkdir -p etc/postgresql-common
echo 'create_main_cluster = false' > etc/postgresql-common/createcluster.conf
""",
    after=f"""
# One key of all who have the image would be nobody's secret.
rm -f etc/ssl/private/ssl-cert-snakeoil.key etc/ssl/certs/ssl-cert-snakeoil.pem
find etc/ssl/certs -lname '*snakeoil*' -delete
sed -i "s/^#listen_addresses = 'localhost'/listen_addresses = '*'/" \\
    usr/share/postgresql/{_MAJOR}/postgresql.conf.sample
grep -q "^listen_addresses = '\\*'" usr/share/postgresql/{_MAJOR}/postgresql.conf.sample
rm -rf var/lib/postgresql/{_MAJOR} etc/postgresql/{_MAJOR}
""",
    files={
        "/usr/local/bin/docker-entrypoint.sh": File(FILES / "postgres/docker-entrypoint.sh"),
        "/docker-entrypoint-initdb.d": Folder(0o755),
        "/var/lib/postgresql": Folder(0o755),
        "/var/lib/postgresql/data": Folder(0o1777),
        "/run/postgresql": Folder(0o3777),
    },
    owned=("/var/lib/postgresql", "/run/postgresql"),
    user=f"{_USER}:{_USER}",
    entrypoint=("docker-entrypoint.sh",),
    command=("postgres",),
    environment={
        "PATH": f"{PATH}:/usr/lib/postgresql/{_MAJOR}/bin",
        "LANG": "C.UTF-8",
        "PG_MAJOR": _MAJOR,
        "PGDATA": "/var/lib/postgresql/data",
    },
    ports=(5432,),
    volumes=("/var/lib/postgresql/data",),
    # A fast shutdown: open transactions are given up, nothing that was committed is.
    stop_signal="SIGINT",
)
