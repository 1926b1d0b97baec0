#!/bin/bash
# Starts PostgreSQL, and before its first start makes a database as the variables say:
# POSTGRES_PASSWORD, POSTGRES_USER, POSTGRES_DB, POSTGRES_INITDB_ARGS (each also as …_FILE),
# POSTGRES_INITDB_WALDIR, POSTGRES_HOST_AUTH_METHOD, PGDATA; then /docker-entrypoint-initdb.d.
#
# Nothing is written but in PGDATA, the log's directory and the socket's. A first start that is cut
# off begins anew: the database is made in a directory of its own and moved when it is complete.
set -Eeuo pipefail
shopt -s nullglob dotglob

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Sets a variable from itself, from the file that NAME_FILE names, or to a default.
setting() {
    local name=$1 file=${1}_FILE
    if [ -n "${!name:-}" ] && [ -n "${!file:-}" ]; then
        fail "$name and $file are both set; set one of them"
    fi
    if [ -n "${!file:-}" ]; then
        [ -r "${!file}" ] || fail "$file: ${!file} cannot be read"
        printf -v "$name" '%s' "$(<"${!file}")"
    elif [ -z "${!name:-}" ]; then
        printf -v "$name" '%s' "${2:-}"
    fi
    export "${name?}"
    unset "$file"
}

run_sql() {
    psql --no-psqlrc --no-password --quiet --set=ON_ERROR_STOP=1 --host=/var/run/postgresql \
        --username="$POSTGRES_USER" "$@"
}

# Removes what is in a directory, but for what its file system keeps there.
empty() {
    local found
    for found in "$1"/*; do
        [ "${found##*/}" = lost+found ] || rm -rf "$found"
    done
}

# The server for scripts: only its socket's directory leads to it, by the port that psql asks for.
start_within() {
    local -a private=(-c "listen_addresses=" -c "unix_socket_directories=/var/run/postgresql"
        -c "port=${PGPORT:-5432}" -c "archive_mode=off")
    pg_ctl --pgdata="$PGDATA" --wait --timeout=300 --silent start \
        --options="$(printf '%q ' "$@" "${private[@]}")"
}

run_scripts() {
    local file
    for file in /docker-entrypoint-initdb.d/*; do
        case $file in
        *.sh)
            echo "running $file"
            # shellcheck disable=SC1090
            if [ -x "$file" ]; then "$file"; else . "$file"; fi
            ;;
        *.sql) echo "running $file" && run_sql --dbname="$POSTGRES_DB" --file="$file" ;;
        *.sql.gz) echo "running $file" && gunzip -c "$file" | run_sql --dbname="$POSTGRES_DB" ;;
        *) echo "leaving out $file: neither .sh, .sql nor .sql.gz" ;;
        esac
    done
}

make_database() {
    local found final=$PGDATA new=$PGDATA/.new method=${POSTGRES_HOST_AUTH_METHOD:-}
    local -a options
    setting POSTGRES_PASSWORD
    setting POSTGRES_USER postgres
    setting POSTGRES_DB "$POSTGRES_USER"
    setting POSTGRES_INITDB_ARGS
    if [ -z "$POSTGRES_PASSWORD" ] && [ "$method" != trust ]; then
        fail "there is no database in $PGDATA yet, and no password for it: set POSTGRES_PASSWORD, or POSTGRES_PASSWORD_FILE"
    fi
    # What a first start has left that was cut off. Without PG_VERSION no server has run on it.
    if [ -d "$new" ]; then
        echo "an earlier start was cut off: beginning anew"
        empty "$PGDATA"
        [ -z "${POSTGRES_INITDB_WALDIR:-}" ] || empty "$POSTGRES_INITDB_WALDIR"
    fi
    for found in "$PGDATA"/*; do
        [ "${found##*/}" = lost+found ] || fail "$PGDATA holds ${found##*/}, and no database"
    done
    mkdir "$new"
    export PGDATA=$new
    options=(--username="$POSTGRES_USER" --auth-local=peer --auth-host=scram-sha-256)
    # The scripts' way in; what is appended below decides for everybody else.
    [ "$POSTGRES_USER" = postgres ] || options+=(--auth-local=trust)
    [ -z "${POSTGRES_INITDB_WALDIR:-}" ] || options+=(--waldir="$POSTGRES_INITDB_WALDIR")
    # Words, as a shell would have them: the variable is a command line.
    eval "options+=($POSTGRES_INITDB_ARGS)"
    initdb --pgdata="$PGDATA" "${options[@]}" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD")
    method=${method:-$(postgres -D "$PGDATA" -C password_encryption)}
    printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"

    export PGPASSWORD=${PGPASSWORD:-$POSTGRES_PASSWORD}
    start_within "$@"
    if [ "$POSTGRES_DB" != postgres ]; then
        # A variable of psql's is quoted where a script reads it, and not where --command does.
        run_sql --dbname=postgres --set=name="$POSTGRES_DB" <<<'CREATE DATABASE :"name"'
    fi
    run_scripts
    pg_ctl --pgdata="$PGDATA" --mode=fast --wait --timeout=300 --silent stop
    unset PGPASSWORD

    export PGDATA=$final
    for found in "$new"/*; do
        [ "${found##*/}" = PG_VERSION ] || mv "$found" "$PGDATA/"
    done
    sync "$PGDATA"
    mv "$new/PG_VERSION" "$PGDATA/"
    rmdir "$new"
    echo "the database is made"
}

if [ "${1:-}" = "" ] || [ "${1:0:1}" = - ]; then
    set -- postgres "$@"
fi
if [ "$1" = postgres ]; then
    mkdir -p "$PGDATA" || fail "PGDATA: $PGDATA cannot be made by user $(id -u)"
    [ -w "$PGDATA" ] || fail "PGDATA: user $(id -u) may not write to $PGDATA"
    # A volume's own directory may be its group's.
    chmod 700 "$PGDATA" 2>/dev/null || true
    [ -s "$PGDATA/PG_VERSION" ] || make_database "${@:2}"
fi
exec "$@"
