#!/bin/sh
# A role and its database, as they should be; run again, it changes nothing but the password.
set -eu
until pg_isready --quiet; do
    echo "waiting for $PGHOST"
    sleep 1
done
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 \
    --set=name="$CONSUMER" --set=password="$PASSWORD" --set=connections="$CONNECTIONS" <<'SQL'
SELECT format('CREATE ROLE %I', :'name')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
ALTER ROLE :"name" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE
    CONNECTION LIMIT :connections PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'name')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
ALTER DATABASE :"name" OWNER TO :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
echo "$CONSUMER can log in"
