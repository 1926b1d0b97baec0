#!/bin/sh
# Makes the repository ready, and the backup that every other one builds on.
set -eu
pgbackrest --stanza="$STANZA" stanza-create
if ! pgbackrest --stanza="$STANZA" --output=json info | grep -q '"backup":\[{'; then
    pgbackrest --stanza="$STANZA" --type=full backup
fi
