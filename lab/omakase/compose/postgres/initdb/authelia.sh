#!/bin/sh
# Runs once, when the database is made: Authelia's own role and database.
set -eu
psql --username "$POSTGRES_USER" --set ON_ERROR_STOP=1 <<'SQL'
\getenv password AUTHELIA_DB_PASSWORD
CREATE ROLE authelia LOGIN PASSWORD :'password';
CREATE DATABASE authelia OWNER authelia;
SQL
