#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What people rely on in the official image's entry point: MARIADB_{ROOT_PASSWORD,DATABASE,USER,PASSWORD}, each also as
# a file (…_FILE), root from everywhere, no names looked up, never run as root.
set -euo pipefail

fail() {
  echo "Error: $*" >&2
  exit 1
}

# value_of NAME: MARIADB_NAME, or the content of the file that MARIADB_NAME_FILE names.
value_of() {
  local name=MARIADB_$1 file="MARIADB_$1_FILE"
  [[ -z ${!name:-} || -z ${!file:-} ]] || fail "both $name and $file are set (but are exclusive)"
  if [[ -n ${!file:-} ]]; then cat "${!file}"; else printf %s "${!name:-}"; fi
}

# quoted TEXT: as SQL writes it.
quoted() {
  local text=${1//\\/\\\\}
  printf "'%s'" "${text//\'/\'\'}"
}

accounts() {
  local root user database password
  root=$(quoted "$(value_of ROOT_PASSWORD)") user=$(value_of USER) database=$(value_of DATABASE)
  password=$(quoted "$(value_of PASSWORD)")
  # Those of the host's own name, and nobody's
  echo "DELETE FROM mysql.global_priv WHERE Host <> 'localhost' OR User NOT IN ('root', 'mariadb.sys');"
  echo "FLUSH PRIVILEGES;"
  echo "ALTER USER root@localhost IDENTIFIED BY $root;"
  echo "CREATE USER root@'%' IDENTIFIED BY $root;"
  echo "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;"
  [[ -z $database ]] || echo "CREATE DATABASE \`$database\`;"
  [[ -z $user ]] || echo "CREATE USER $(quoted "$user")@'%' IDENTIFIED BY $password;"
  [[ -z $user || -z $database ]] || echo "GRANT ALL ON \`$database\`.* TO $(quoted "$user")@'%';"
}

initialise() {
  [[ -n $(value_of ROOT_PASSWORD) ]] || fail \
    "Database is uninitialized and password option is not specified. You need to specify MARIADB_ROOT_PASSWORD"
  # Bootstrapping, it listens nowhere: nobody connects to a half-made database.
  mariadb-install-db --datadir=/var/lib/mysql --auth-root-authentication-method=normal --skip-test-db \
    --skip-name-resolve >/dev/null
  accounts | mariadbd --bootstrap --datadir=/var/lib/mysql
  echo "MariaDB init process done. Ready for start up."
}

[[ ${1:-} != -* ]] || set -- mariadbd "$@"
if [[ ${1:-} == mariadbd ]]; then
  if [[ $(id -u) == 0 ]]; then
    find /var/lib/mysql /run/mysqld ! -user mysql -exec chown mysql:mysql '{}' +
    exec setpriv --reuid=mysql --regid=mysql --init-groups "$0" "$@"
  fi
  [[ -d /var/lib/mysql/mysql ]] || initialise
  set -- mariadbd --skip-name-resolve "${@:2}"
fi
exec "$@"
