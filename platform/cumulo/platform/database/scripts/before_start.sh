#!/bin/sh
# Before the server starts: brings its data back where that is asked for, and never begins anew
# where there are backups.
set -eu
umask 077
mark=$(dirname "$PGDATA")/restored-to
there=$([ -s "$PGDATA/PG_VERSION" ] && echo yes || echo no)

if [ -n "${RESTORE_TO:-}" ] && [ "$RESTORE_TO" != "$(cat "$mark" 2>/dev/null || true)" ]; then
    echo "restoring to $RESTORE_TO"
    mkdir -p "$PGDATA"
    # No server runs where this does.
    rm -f "$PGDATA/postmaster.pid"
    if [ "$RESTORE_TO" = latest ]; then
        pgbackrest --stanza="$STANZA" --delta restore
    else
        pgbackrest --stanza="$STANZA" --delta --type=time --target="$RESTORE_TO" \
            --target-action=promote restore
    fi
    echo "$RESTORE_TO" >"$mark"
    exit 0
fi

if [ "$there" = no ] && [ -n "${PGBACKREST_CONFIG:-}" ]; then
    if pgbackrest --stanza="$STANZA" --output=json info | grep -q '"backup":\[{'; then
        echo "the volume is empty, and there are backups: set \`restore\` (\"latest\" for all of it)," \
            "or name another bucket" >&2
        exit 1
    fi
fi
