#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What people rely on in the official image's entry point: POSTGRES_{USER,PASSWORD,DB,INITDB_ARGS}, each also as a
# file (…_FILE), POSTGRES_HOST_AUTH_METHOD, PGDATA, scripts of /docker-entrypoint-initdb.d run once, never as root.
set -euo pipefail

fail() {
  echo "Error: $*" >&2
  exit 1
}

# from_file NAME [DEFAULT]: NAME, or the content of the file that NAME_FILE names, or the default; exported.
from_file() {
  local name=$1 file="${1}_FILE" value=${2:-}
  [[ -z ${!name:-} || -z ${!file:-} ]] || fail "both $name and $file are set (but are exclusive)"
  if [[ -n ${!name:-} ]]; then
    value=${!name}
  elif [[ -n ${!file:-} ]]; then
    value=$(<"${!file}")
  fi
  export "$name=$value"
  unset "$file"
}

prepare_folders() {
  mkdir -p "$PGDATA" /var/run/postgresql
  chmod 0700 "$PGDATA"
  chmod 3777 /var/run/postgresql
  find "$PGDATA" ! -user postgres -exec chown postgres '{}' +
  find /var/run/postgresql ! -user postgres -exec chown postgres '{}' +
}

make_cluster() {
  # shellcheck disable=SC2086 # the arguments of POSTGRES_INITDB_ARGS are words
  initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") ${POSTGRES_INITDB_ARGS:-}
  printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
}

# Used by scripts as well, under the name that they know.
docker_process_sql() {
  psql -v ON_ERROR_STOP=1 --no-password --no-psqlrc --username "$POSTGRES_USER" --dbname "${POSTGRES_DB}" "$@"
}

make_database() {
  [[ $POSTGRES_DB != postgres ]] || return 0
  POSTGRES_DB=postgres docker_process_sql --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
}

run_scripts() {
  local script
  for script in /docker-entrypoint-initdb.d/*; do
    echo "$0: $script"
    case $script in
      *.sh) if [[ -x $script ]]; then "$script"; else
        # shellcheck disable=SC1090 # as the official image does
        . "$script"
      fi ;;
      *.sql) docker_process_sql -f "$script" ;;
      *.sql.gz) gunzip -c "$script" | docker_process_sql ;;
      *.sql.xz) xzcat "$script" | docker_process_sql ;;
      *.sql.zst) zstd -dc "$script" | docker_process_sql ;;
      *) echo "$0: ignoring $script" ;;
    esac
  done
}

initialise() {
  [[ -n $POSTGRES_PASSWORD || ${POSTGRES_HOST_AUTH_METHOD:-} == trust ]] || fail \
    "Database is uninitialized and superuser password is not specified. Set POSTGRES_PASSWORD to a non-empty value."
  make_cluster
  export PGPASSWORD=$POSTGRES_PASSWORD
  # Only the socket: nobody connects to a half-made database.
  pg_ctl --wait --silent --options="-c listen_addresses=''" start
  make_database
  shopt -s nullglob
  run_scripts
  pg_ctl --wait --mode=fast --silent stop
  unset PGPASSWORD
  echo "PostgreSQL init process complete; ready for start up."
}

[[ ${1:-} != -* ]] || set -- postgres "$@"
if [[ ${1:-} == postgres ]]; then
  if [[ $(id -u) == 0 ]]; then
    prepare_folders
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
  fi
  if [[ ! -s $PGDATA/PG_VERSION ]]; then
    mkdir -p "$PGDATA"
    from_file POSTGRES_PASSWORD
    from_file POSTGRES_USER postgres
    from_file POSTGRES_DB "$POSTGRES_USER"
    from_file POSTGRES_INITDB_ARGS
    initialise
  else
    echo "PostgreSQL Database directory appears to contain a database; Skipping initialization"
  fi
fi
exec "$@"
